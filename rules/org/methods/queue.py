"""Implements the method `queue`, which offers leads to nobody. Reps claim them from queues."""

from typing import Final

from rules.org.choice import Choice, Method
from rules.org.eligibility import Eligibility


def choose(_ask: Eligibility) -> Choice:
    """Return nobody."""
    return Choice((), ())


QUEUE: Final = Method("queue", choose, takes=False)
