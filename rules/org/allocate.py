"""A lead that asks is offered to somebody, or told why not; one that waits is offered when somebody has room.

Capacity is taken with the offer, in the same step, so no cap is exceeded however many ask at once (R9).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import Final

import msgspec

from models.lead import Lead
from models.offers import NoRepAvailable, OfferMade, Rejected, RingStarted, Why
from models.org import OrgLead, Stage
from models.org_decisions import StillWaiting
from rules.calendar.schedule import window_end
from rules.org.capacity import take
from rules.org.choice import Choice, Method
from rules.org.directory import GroupPlan
from rules.org.eligibility import BUSY, Ask, Refusal, busy, gone, group_refusal
from rules.org.methods import METHODS
from rules.org.methods.roster import ROSTER
from rules.org.methods.round_robin import ROUND_ROBIN
from rules.org.transition import OrgTransition

PAUSED: Final = "transfers_paused"
NOBODY: Final = "no_available_agents"
EXPLAINED: Final = 1_000
"""An answer names so many candidates at most, and counts the others, so that a record stays small."""


class _Obstacle(msgspec.Struct, frozen=True):
    """Why a group takes nobody at all."""

    refusal: Refusal
    reason: str = NOBODY


def method_of(draft: OrgTransition, group: GroupPlan) -> Method | None:
    """Return how a group distributes; with the org's round robin off, by its roster (R1)."""
    method = METHODS.get(group.method)
    return ROSTER if method is ROUND_ROBIN and not draft.directory.settings.round_robin else method


def request(draft: OrgTransition, row: OrgLead) -> None:
    """Answer a lead that asks: an offer, a ring, or nobody and why. `row`: as asked, not yet in the draft."""
    obstacle, choice = _ask(draft, row)
    if choice is not None and choice.reps:
        _give(draft, row, choice)
    else:
        _answer(draft, row, obstacle, choice)


def retry(draft: OrgTransition, row: OrgLead) -> None:
    """Look again at a lead that waits, and give it to somebody who may have it now.

    One that a pause held back is answered anew once the pause is over: it is hidden no longer, and where all were
    tried it is an exception (R4, R8).
    """
    obstacle, choice = _ask(draft, row)
    if choice is not None and choice.reps:
        _give(draft, row, choice)
        return
    if row.paused and (obstacle is None or obstacle.reason != PAUSED):
        _answer(draft, row, obstacle, choice)
        return
    refused = [refusal for _, refusal in choice.refused] if choice else []
    _, until = _passes([*refused, obstacle.refusal] if obstacle else refused)
    draft.put_lead(msgspec.structs.replace(row, wake=until))
    draft.emit(StillWaiting(lead_id=row.lead_id, epoch=row.epoch, until=until))
    draft.spend()


def _answer(draft: OrgTransition, row: OrgLead, obstacle: _Obstacle | None, choice: Choice | None) -> None:
    """Tell a lead that nobody may have it now and why; it keeps its place if that may pass, or takes one."""
    refused = [refusal for _, refusal in choice.refused] if choice else []
    if obstacle is not None:
        refused.append(obstacle.refusal)
    waits, until = _passes(refused)
    reason, explanation = _reason(refused), _explanation(choice)
    if obstacle is not None:
        reason, explanation = obstacle.reason, (obstacle.refusal.of(None),)
    if waits:
        number = row.number
        if not number:
            group = draft.group(row.group_id or "")
            number = draft.change_group(group.group_id, waits=group.waits + 1).waits
        draft.put_lead(msgspec.structs.replace(row, number=number, wake=until, paused=reason == PAUSED))
    elif row.number:
        draft.forget_lead(row)
    draft.spend(len(explanation))
    draft.emit(
        NoRepAvailable(
            lead_id=row.lead_id,
            epoch=row.epoch,
            group_id=row.group_id or "",
            reason=reason,
            explanation=explanation,
            waits=waits,
            until=until,
        )
    )


def refill(draft: OrgTransition, rep_id: str, group_ids: tuple[str, ...] | None = None) -> None:
    """Offer leads that wait, of some groups or all, while a rep has room for them.

    A lead that the rep could take goes to whoever's turn it is. Where the event's budget is spent, or time alone keeps
    a lead and the rep apart, the rep is woken for the rest.
    """
    if group_ids is None:
        group_ids = draft.directory.groups_of.get(rep_id, ())
    until: list[datetime] = []
    takeable = (
        _takeable(draft, rep_id, group_id, until) for group_id in group_ids if draft.state.waiting(group_id)
    )
    for row, ask in merge(*takeable, key=lambda one: one[0].since):
        refusal = ask.refusal(rep_id)
        if refusal is not None:
            _note(until, refusal)
        elif draft.budget <= 0:
            until.append(draft.at)
            break
        else:
            retry(draft, row)
    wake = draft.rep(rep_id).wake
    if until and (wake is None or min(until) < wake):
        draft.change_rep(rep_id, wake=min(until))


def _takeable(
    draft: OrgTransition, rep_id: str, group_id: str, until: list[datetime]
) -> Iterator[tuple[OrgLead, Ask]]:
    """Return the leads that wait for a group and that a rep might take, as long as it has room.

    `until` collects when what is in the way passes by time alone.
    """
    plan, group = draft.directory.rep(rep_id), draft.directory.groups.get(group_id)
    method = method_of(draft, group) if group else None
    if plan is None or group is None or method is None or rep_id not in group.places:
        return
    for row in draft.waiting(group_id, plan.licensed_states):
        held = draft.rep(rep_id)
        refusal = gone(plan, held) or busy(draft, plan, held, rings=method.rings)
        if refusal is not None:
            _note(until, refusal)
            return
        if row.lead is None:
            continue
        obstacle = _obstacle(draft, group, row, row.lead)
        if obstacle is None:
            yield row, Ask(draft, group, row, row.lead, rings=method.rings)
        else:
            _note(until, obstacle.refusal)


def _note(until: list[datetime], refusal: Refusal) -> None:
    if refusal.until is not None:
        until.append(refusal.until)


def wake_group(draft: OrgTransition, group_id: str) -> None:
    """Look again at the leads of a group whose time has come, the longest waiting first."""
    due = [row for row in draft.waiting(group_id) if row.wake is not None and row.wake <= draft.at]
    for row in due:
        if draft.budget <= 0:
            break  # each of them is woken by its own event
        retry(draft, row)


def _ask(draft: OrgTransition, row: OrgLead) -> tuple[_Obstacle | None, Choice | None]:
    group = draft.directory.groups.get(row.group_id or "")
    if group is None:
        return _Obstacle(Refusal(Why.GROUP, f"there is no group {row.group_id}")), None
    if row.lead is None:
        raise TypeError("a lead that asks says what it is")
    obstacle = _obstacle(draft, group, row, row.lead)
    method = method_of(draft, group)
    if obstacle is not None or method is None:
        return obstacle, None
    return None, method.choose(Ask(draft, group, row, row.lead, rings=method.rings))


def _obstacle(draft: OrgTransition, group: GroupPlan, row: OrgLead, lead: Lead) -> _Obstacle | None:
    """Say why a group takes nobody at all for a lead, in one reason for all."""
    method = method_of(draft, group)
    if method is None or not method.takes:
        return _Obstacle(
            Refusal(Why.GROUP, f"{group.group_id} distributes to nobody: it is a {group.method}")
        )
    if not group.places:
        return _Obstacle(Refusal(Why.GROUP, f"nobody is on the roster of {group.group_id}"))
    if row.tried:
        paused, until = draft.memo.pause(group, draft.at)
        if paused:
            shown = until.isoformat(sep=" ", timespec="minutes") if until else "further notice"
            refusal = Refusal(Why.PAUSED, f"transfers pause until {shown}", until is not None, until)
            return _Obstacle(refusal, PAUSED if refusal.passing else NOBODY)
    filtered = group_refusal(draft, group, lead)
    return None if filtered is None else _Obstacle(filtered)


def _give(draft: OrgTransition, row: OrgLead, choice: Choice) -> None:
    """Take capacity of everybody the lead goes to, and say so."""
    group = draft.directory.groups[row.group_id or ""]
    method = method_of(draft, group)
    if method is None:
        raise TypeError(f"{group.group_id} has no method")
    turn = choice.pick is not None
    if choice.pick is not None:
        draft.change_group(group.group_id, turns=choice.pick.turns, lags=dict(choice.pick.lags))
        draft.change_turn(group.group_id, choice.pick.rep_id, choice.pick.turn)
    holds = tuple(take(draft, rep_id, row.lead_id, rings=method.rings, turn=turn) for rep_id in choice.reps)
    draft.put_lead(
        OrgLead(
            lead_id=row.lead_id,
            epoch=row.epoch,
            stage=Stage.RINGING if method.rings else Stage.OFFERED,
            since=draft.at,
            group_id=group.group_id,
            method=method.name,
            holds=holds,
        )
    )
    passed = _explanation(choice)
    draft.spend(len(passed))
    if method.rings:
        draft.emit(
            RingStarted(
                lead_id=row.lead_id,
                epoch=row.epoch,
                group_id=group.group_id,
                reps=choice.reps,
                method=method.name,
                ring_seconds=group.ring_seconds,
                due=draft.at + timedelta(seconds=group.ring_seconds),
                why=choice.why,
                passed=passed,
            )
        )
        return
    seconds = None if method.name != group.method else group.claim_window_seconds
    draft.emit(
        OfferMade(
            lead_id=row.lead_id,
            epoch=row.epoch,
            group_id=group.group_id,
            rep_id=choice.reps[0],
            method=method.name,
            window_seconds=seconds,
            due=_due(draft, group, seconds),
            why=choice.why,
            passed=passed,
        )
    )


def _due(draft: OrgTransition, group: GroupPlan, seconds: int | None) -> datetime | None:
    """Return when a window that begins now ends (R4)."""
    if seconds is None:
        return None
    paused, changes = draft.memo.pause(group, draft.at)
    ends = draft.at + timedelta(seconds=seconds)
    if not paused and (changes is None or ends <= changes):
        return ends
    return window_end(draft.at, seconds, group.pause, group.time_zone)


def _passes(refused: list[Refusal]) -> tuple[bool, datetime | None]:
    """Say whether any reason may pass by itself, and the first instant at which one does by time alone."""
    passing = [refusal for refusal in refused if refusal.passing]
    return bool(passing), min((each.until for each in passing if each.until is not None), default=None)


def _reason(refused: list[Refusal]) -> str:
    reasons = {refusal.reason for refusal in refused}
    return "all_agents_tried" if Why.TRIED in reasons and not reasons & BUSY else NOBODY


def _explanation(choice: Choice | None) -> tuple[Rejected, ...]:
    refused = choice.refused if choice else ()
    named = [refusal.of(rep_id) for rep_id, refusal in refused[:EXPLAINED]]
    others: dict[Why, int] = {}
    for _, refusal in refused[EXPLAINED:]:
        others[refusal.reason] = others.get(refusal.reason, 0) + 1
    return (*named, *(Rejected(None, reason, f"{n} more: {reason}") for reason, n in sorted(others.items())))
