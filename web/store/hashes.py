"""Hashes secrets that are too random to be guessed."""

import hashlib


def hash_of(secret: str) -> str:
    """Return the hash of a secret with high entropy."""
    return hashlib.sha256(secret.encode()).hexdigest()
