"""Operations: sampled lags, counted numbers, and followed dead letters. Each process has one of each."""
