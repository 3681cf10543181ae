"""Gives a lead to the first eligible rep of the roster (R1)."""

from typing import Final

from rules.org.choice import Choice, Method, Refused
from rules.org.eligibility import Eligibility


def choose(eligibility: Eligibility) -> Choice:
    """Return the first eligible rep of the roster."""
    refused: list[Refused] = []
    for rep_id, position in eligibility.group.positions.items():
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            return Choice((rep_id,), tuple(refused), f"number {position + 1} of the roster")
        refused.append((rep_id, refusal))
    return Choice((), tuple(refused))


ROSTER: Final = Method("roster", choose)
