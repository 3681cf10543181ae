"""Describes the moves that the lead page offers: who may do each one now, and what it will do (M1, E3)."""

import msgspec

from models.facts import Facts
from models.lead import OWNED_PHASES, Phase
from rules.queues.rule_book import OrgRules
from web.auth import Person
from web.services.joined_leads import Choice, JoinedLeads
from web.services.lead_visibility import VisibleLead
from web.services.names import Names
from web.services.possible_owners import may_reassign


class OfferedMove(msgspec.Struct, frozen=True, kw_only=True):
    """One move. `effect`: what it will do, in a sentence. `to`: it gives the lead to a rep.

    `why`: it needs a reason. `done`: the message afterwards, where `{to}` is the chosen rep. `choices`: what the person
    chooses from, under `legend`; the action's field `field` gets the id.
    """

    type: str
    label: str
    title: str
    effect: str
    done: str
    to: bool = False
    why: bool = True
    field: str | None = None
    legend: str | None = None
    choices: tuple[Choice, ...] = ()


def moves_offered(
    person: Person, rules: OrgRules, visible: VisibleLead, joined: JoinedLeads, *, view_only: bool
) -> list[OfferedMove]:
    """Return the moves that this person may make of this lead now. The engine makes the final decision.

    A merged lead has none: its moves are made at the lead that counts (K5).
    """
    if joined.merged:
        return []
    row, names = visible.row, Names(rules)
    phase, owner = row["phase"], row["owner"]
    is_closed, is_owned = phase == Phase.CLOSED, owner is not None and phase in OWNED_PHASES
    _, group = rules.route(msgspec.convert(row["facts"], Facts))
    group_id = group.group_id if group is not None and group.takes else None
    offered: list[OfferedMove] = []
    if is_owned and may_reassign(person, rules, owner) and (person.oversees or not view_only):
        offered.append(_reassign(names.rep(owner), is_own=owner == person.rep_id))
    if not person.oversees:
        return offered
    if owner is None and not is_closed:
        offered.append(_assign())
    if is_owned:
        offered.append(_unassign(names.rep(owner), names.group(group_id) if group_id else None))
    if group_id is not None and not is_closed:
        offered.append(_redistribute(names.group(group_id), names.rep(owner) if owner else None))
    if is_closed:
        keeps = owner is not None and not rules.has_left(owner)
        offered.append(_reopen(names.rep(owner) if keeps else None))
    if joined.others:
        offered.append(_merge(joined.others))
    if joined.inquiries:
        offered.append(_split(joined.inquiries))
    return offered


def _assign() -> OfferedMove:
    return OfferedMove(
        type="assign",
        label="Assign …",
        title="Assign this lead",
        effect="Nobody owns the lead. The rep you choose owns it from then on, and is told.",
        done="Assigned to {to}.",
        to=True,
        why=False,
    )


def _reassign(owner: str, *, is_own: bool) -> OfferedMove:
    state_text = "You have the lead." if is_own else f"{owner} has the lead."
    who_is_notified = "and is told" if is_own else "and both are told"
    effect = f"{state_text} The rep you choose owns it from then on, {who_is_notified}. A promised call goes with it."
    return OfferedMove(
        type="reassign",
        label="Reassign …",
        title="Give this lead to another rep",
        effect=effect,
        done="{to} has the lead now.",
        to=True,
    )


def _unassign(owner: str, group: str | None) -> OfferedMove:
    then = (
        f"The group {group} is asked for another rep."
        if group
        else "It goes back to its queues, or to the exceptions if no queue takes it."
    )
    return OfferedMove(
        type="unassign",
        label="Give back …",
        title=f"Take this lead back from {owner}",
        effect=f"{owner} no longer has the lead, and is told. {then}",
        done=f"{owner} no longer has the lead.",
    )


def _redistribute(group: str, owner: str | None) -> OfferedMove:
    loses = f" {owner} loses it, is told, and may get it again in turn." if owner else ""
    return OfferedMove(
        type="redistribute",
        label="Distribute again …",
        title="Distribute this lead again",
        effect=f"The group {group} is asked from the beginning; reps who were tried before are tried again.{loses}",
        done=f"The group {group} is asked again.",
    )


def _merge(others: tuple[Choice, ...]) -> OfferedMove:
    return OfferedMove(
        type="merge",
        label="Merge …",
        title="Merge this lead into another one",
        effect=(
            "This lead closes and becomes an inquiry of the lead you choose, which keeps its owner. "
            "Both owners are told. You can undo it at that lead."
        ),
        done="This lead is merged.",
        field="into_lead_id",
        legend="The lead of the same person",
        choices=others,
    )


def _split(inquiries: tuple[Choice, ...]) -> OfferedMove:
    return OfferedMove(
        type="split",
        label="Split …",
        title="Take an inquiry out of this lead",
        effect=(
            "The inquiry you choose is a lead of its own again, and what only it had filled leaves this lead. "
            "A lead that was merged is what it was before. The owners are told."
        ),
        done="The inquiry is a lead of its own.",
        field="inquiry_id",
        legend="The inquiry of another person",
        choices=inquiries,
    )


def _reopen(owner: str | None) -> OfferedMove:
    then = f"It is {owner}'s again." if owner else "It has no active owner, so it is distributed again."
    return OfferedMove(
        type="reopen",
        label="Reopen …",
        title="Reopen this closed lead",
        effect=f"The lead can be worked again. {then}",
        done="The lead is open again.",
    )
