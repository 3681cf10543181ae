"""How secrets that cannot be guessed are kept."""

import hashlib


def hashed(secret: str) -> str:
    """Return how a secret of high entropy is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
