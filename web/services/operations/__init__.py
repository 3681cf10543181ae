"""Provides the numbers of operations: sampled lags, counts, and dead letters. Each process has one of each."""
