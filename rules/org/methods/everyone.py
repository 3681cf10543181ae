"""Offers the lead at once to all reps who may have it: by a ring, one at a time, or by a button (S1, S4, S5, M9)."""

from typing import Final

from rules.org.choice import Choice, Method, Refused
from rules.org.eligibility import Eligibility


def choose(eligibility: Eligibility) -> Choice:
    """Return all eligible reps in roster order."""
    refused: list[Refused] = []
    reps: list[str] = []
    for rep_id in eligibility.group.positions:
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            reps.append(rep_id)
        else:
            refused.append((rep_id, refusal))
    return Choice(
        tuple(reps), tuple(refused), f"{len(reps)} of {len(eligibility.group.positions)} may have it"
    )


RING_ALL: Final = Method("ring_all", choose, rings=True, exclusive=True)
DISTRIBUTE_ALL: Final = Method("distribute_all", choose, rings=True)
