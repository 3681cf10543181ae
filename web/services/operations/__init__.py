"""How the system does: lags sampled once for a process, numbers counted once for all, dead letters followed."""
