"""Clients as vendors, reps and CRMs are: they know the public topics and the board, and nothing else of us."""

from console.load.client import Asked, Client
from console.load.history import History
from console.load.people import People
from console.load.storms import race, storm

__all__ = ["Asked", "Client", "History", "People", "race", "storm"]
