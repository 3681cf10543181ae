"""Sends Web Push: the keys, the browsers of each rep, the encrypted messages, and the push services (N3)."""
