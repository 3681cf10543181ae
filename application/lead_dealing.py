"""Deals leads to reps: evenly over the leads that change hands, if wanted only to reps with a licence (D6, M1, M6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from models.lead import Phase
from rules.queues.rule_book import OrgRules

MOVES: Final = frozenset({"reassign", "unassign", "redistribute", "reopen"})
"""The actions that move a lead which somebody has, or had (M1)."""


class OwnerAndPhase(msgspec.Struct, frozen=True):
    """What decides whether an action can change a lead: its owner, whether it is closed, and its state."""

    owner: str | None = None
    closed: bool = False
    state: str | None = None

    def changes(self, action: str) -> bool:
        """Say whether an action can be expected to change the lead. Any lead may get consent (M8).

        Any other action than a move needs a free lead.
        """
        match action:
            case "reassign" | "unassign":
                return self.owner is not None and not self.closed
            case "reopen":
                return self.closed
            case "redistribute":
                return not self.closed
            case "consent":
                return True
            case _:
                return self.owner is None and not self.closed


class DealtLeads(msgspec.Struct, frozen=True):
    """Each lead with the rep who is to get it, in the order of the leads; and the leads that no rep may have."""

    pairs: tuple[tuple[str, str], ...]
    unlicensed: tuple[str, ...] = ()


def owner_and_phase_of(owner: str | None, phase: str, state: str | None) -> OwnerAndPhase:
    """Return a lead's standing. A closed lead may still name an owner."""
    return OwnerAndPhase(owner, phase == Phase.CLOSED, state)


def deal_evenly(
    leads: Sequence[str], reps: Sequence[str], changing: Collection[str] | None = None
) -> DealtLeads:
    """Deal leads to reps in turn.

    The reps' counts of `changing` leads differ by at most one; without it, their counts of all leads. The others are
    dealt too, so that their actions are answered.
    """
    first = leads if changing is None else [lead for lead in leads if lead in changing]
    others = () if changing is None else [lead for lead in leads if lead not in changing]
    rep_of = {lead: reps[index % len(reps)] for index, lead in enumerate((*first, *others))}
    return DealtLeads(tuple((lead, rep_of[lead]) for lead in leads))


def deal_by_licence(
    leads: Sequence[str],
    licences: Mapping[str, frozenset[str] | None],
    owners_and_phases: Mapping[str, OwnerAndPhase],
    action: str,
) -> DealtLeads:
    """Deal each lead to the rep with the fewest leads so far among those with a licence in the lead's state.

    `licences`: rep -> states; None if the rep's licences are not tracked. Leads that few reps may have are dealt first,
    so that the counts are as even as the licences allow. A lead that would not change hands is not counted.
    """
    licensed_reps = {lead: _licensed(licences, owners_and_phases.get(lead)) for lead in leads}
    counts = dict.fromkeys(licences, 0)
    rep_of: dict[str, str] = {}
    for lead in sorted(leads, key=lambda lead: len(licensed_reps[lead])):
        if not licensed_reps[lead]:
            continue
        rep_of[lead] = min(licensed_reps[lead], key=counts.__getitem__)
        owner_and_phase = owners_and_phases.get(lead)
        counts[rep_of[lead]] += owner_and_phase is not None and owner_and_phase.changes(action)
    pairs = tuple((lead, rep_of[lead]) for lead in leads if lead in rep_of)
    return DealtLeads(pairs, tuple(lead for lead in leads if lead not in rep_of))


def licences_of(rules: OrgRules, reps: Iterable[str]) -> dict[str, frozenset[str] | None]:
    """Return the published licences of reps. None: the rep's licences are not tracked (R9)."""
    licences: dict[str, frozenset[str] | None] = {}
    for rep_id in reps:
        published = rules.objects.get(("rep", rep_id))
        states: Any = (published.value or {}).get("licensed_states") if published else None
        licences[rep_id] = None if states is None else frozenset(states)
    return licences


def _licensed(
    licences: Mapping[str, frozenset[str] | None], owner_and_phase: OwnerAndPhase | None
) -> tuple[str, ...]:
    state = owner_and_phase.state if owner_and_phase else None
    return tuple(rep_id for rep_id, states in licences.items() if states is None or state in states)
