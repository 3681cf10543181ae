"""Writes the sentences that tell people of moved leads (M1, M4): who moved what, from whom, to whom."""

from typing import Final

import msgspec

from rules.outbound.notifications import MOVED

TAKEN_BY_CLAIM: Final = frozenset({"claim", "claim_now"})
"""The ways in which another rep takes an owned lead by a claim from a queue. Its former owner is told (M4)."""
MANAGER_MOVES: Final = frozenset({"reassigned", "manual"})
"""The ways in which another person gives a rep a lead. The new owner is told (M1, E3)."""
NOTICED: Final = MANAGER_MOVES | MOVED | TAKEN_BY_CLAIM
"""The ways in which a lead changes hands so that a person is told of it on the pages."""


class MovedLeads(msgspec.Struct, frozen=True, kw_only=True):
    """Leads that changed hands in the same way, as one of the people concerned is told of them.

    `leads`: the lead's name, or their number in words. `is_single`: it is a single lead. `to_you`: they are the
    reader's now; otherwise they were the reader's. `by`, `former`, `owner`: names; None where nobody is known.
    `via`: how it was claimed, in words.
    """

    leads: str
    is_single: bool
    to_you: bool
    how: str
    by: str | None = None
    former: str | None = None
    owner: str | None = None
    via: str | None = None


def moved_text(moved: MovedLeads) -> str:
    """Return the sentence, without the reason."""
    leads, by = moved.leads, moved.by or "Somebody"
    verb_was, belongs = ("was", "the lead") if moved.is_single else ("were", "the leads")
    if moved.to_you:
        former_text = f", which {verb_was} {moved.former}'s" if moved.former else ""
        verb = "gave you" if moved.how == "reassigned" else "assigned you"
        return f"{by} {verb} {leads}{former_text}."
    match moved.how:
        case "reassigned":
            return f"{by} moved {leads} from you to {moved.owner or 'another rep'}."
        case "unassigned":
            return f"{by} took {leads} back from you."
        case "redistributed":
            return f"{by} distributed {leads} again; you no longer have {belongs}."
        case _:
            via = f", {moved.via}" if moved.via else ""
            return f"{moved.owner or 'Another rep'} claimed {leads}, which {verb_was} yours{via}."
