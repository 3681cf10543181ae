"""Sends chat messages by apprise to the addresses that the operator gives (N3)."""
