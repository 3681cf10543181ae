"""Operations: sampled lags, counted numbers, and followed dead letters, one of each for a process."""
