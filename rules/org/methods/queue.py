"""Queue: nobody is given a lead; reps claim it."""

from typing import Final

from rules.org.choice import Choice, Method
from rules.org.eligibility import Eligibility


def choose(_ask: Eligibility) -> Choice:
    """Return nobody."""
    return Choice((), ())


QUEUE: Final = Method("queue", choose, takes=False)
