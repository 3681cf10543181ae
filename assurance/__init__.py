"""Checks the system's guarantees: verify, load, chaos, storms, sample leads and the demo."""
