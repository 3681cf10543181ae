"""Queue: nobody is given a lead; reps claim it."""

from typing import Final

from rules.org.choice import Choice, Method
from rules.org.eligibility import Ask


def choose(_ask: Ask) -> Choice:
    """Return nobody."""
    return Choice((), ())


QUEUE: Final = Method("queue", choose, takes=False)
