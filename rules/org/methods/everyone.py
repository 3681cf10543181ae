"""Rings at once all reps who may have the lead, each with at most one ringing lead (S1, S4, S5)."""

from typing import Final

from rules.org.choice import Choice, Method, Refused
from rules.org.eligibility import Eligibility


def choose(eligibility: Eligibility) -> Choice:
    """Return all eligible reps in roster order."""
    refused: list[Refused] = []
    reps: list[str] = []
    for rep_id in eligibility.group.places:
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            reps.append(rep_id)
        else:
            refused.append((rep_id, refusal))
    return Choice(tuple(reps), tuple(refused), f"{len(reps)} of {len(eligibility.group.places)} may have it")


RING_ALL: Final = Method("ring_all", choose, rings=True)
DISTRIBUTE_ALL: Final = Method("distribute_all", choose, rings=True)
