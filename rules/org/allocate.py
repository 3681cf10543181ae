"""Allocates leads to reps.

A request is answered with an offer or a reason. Waiting leads are offered when a rep has capacity.

Capacity is taken in the same step as the offer, so no cap is exceeded, however many leads request a rep at once (R9).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import Final

import msgspec

from models.lead import Lead
from models.offers import NoRepAvailable, OfferMade, Rejected, RingStarted, Why
from models.org import OrgLead, Stage
from models.org_decisions import LeadStillWaiting
from rules.calendar.schedule import window_end
from rules.org.capacity import take_capacity
from rules.org.choice import Choice, Method
from rules.org.directory import GroupPlan
from rules.org.eligibility import GONE, Eligibility, Refusal, departed, group_refusal, unavailable
from rules.org.methods import METHODS
from rules.org.methods.roster import ROSTER
from rules.org.methods.round_robin import ROUND_ROBIN
from rules.org.transition import OrgTransition

PAUSED: Final = "transfers_paused"
NO_AVAILABLE_AGENTS: Final = "no_available_agents"
MOST_EXPLAINED: Final = 1_000
"""The maximum number of candidates that an answer names. The others are only counted, so that a record stays small."""


class _GroupObstacle(msgspec.Struct, frozen=True):
    """The reason why a group gives leads to nobody at all."""

    refusal: Refusal
    reason: str = NO_AVAILABLE_AGENTS


def method_of(transition: OrgTransition, group: GroupPlan) -> Method | None:
    """Return a group's method. If the org's round robin is off, the roster method replaces it (R1)."""
    method = METHODS.get(group.method)
    return ROSTER if method is ROUND_ROBIN and not transition.directory.settings.round_robin else method


def request(transition: OrgTransition, row: OrgLead) -> None:
    """Answer a request with an offer, a ring, or the reasons why no rep is available.

    `row`: the request, not yet in the transition.
    """
    obstacle, choice = _choose(transition, row)
    if choice is not None and choice.reps:
        _offer(transition, row, choice)
    else:
        _answer_nobody(transition, row, obstacle, choice)


def retry(transition: OrgTransition, row: OrgLead) -> None:
    """Try a waiting lead again, and offer it to a rep who may have it now.

    A lead that a pause delayed gets a new answer after the pause: it is no longer hidden from the queues, and if all
    reps were tried it becomes an exception (R4, R8).
    """
    obstacle, choice = _choose(transition, row)
    if choice is not None and choice.reps:
        _offer(transition, row, choice)
        return
    if row.paused and (obstacle is None or obstacle.reason != PAUSED):
        _answer_nobody(transition, row, obstacle, choice)
        return
    refused = [refusal for _, refusal in choice.refused] if choice else []
    _, until = _may_pass([*refused, obstacle.refusal] if obstacle else refused)
    transition.put_lead(msgspec.structs.replace(row, wake=until))
    transition.emit(LeadStillWaiting(lead_id=row.lead_id, epoch=row.epoch, until=until))
    transition.spend_budget()


def _answer_nobody(
    transition: OrgTransition, row: OrgLead, obstacle: _GroupObstacle | None, choice: Choice | None
) -> None:
    """Answer that nobody may have the lead now, and why. If a reason may pass, the lead waits in its place."""
    refused = [refusal for _, refusal in choice.refused] if choice else []
    if obstacle is not None:
        refused.append(obstacle.refusal)
    waits, until = _may_pass(refused)
    reason, explanation = _reason(refused), _explanation(choice)
    if obstacle is not None:
        reason, explanation = obstacle.reason, (obstacle.refusal.of(None),)
    if waits:
        number = row.number
        if not number:
            group = transition.group(row.group_id or "")
            number = transition.change_group(group.group_id, waits=group.waits + 1).waits
        transition.put_lead(msgspec.structs.replace(row, number=number, wake=until, paused=reason == PAUSED))
    elif row.number:
        transition.forget_lead(row)
    transition.spend_budget(len(explanation))
    transition.emit(
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


def refill(transition: OrgTransition, rep_id: str, group_ids: tuple[str, ...] | None = None) -> None:
    """Offer waiting leads of some groups, or all, while a rep has capacity for them.

    A lead that the rep could take goes to the rep whose turn it is. If the event's budget is spent, or if a reason that
    keeps the rep from a lead ends by time alone, the rep's row gets a wake time to continue.
    """
    if group_ids is None:
        group_ids = transition.directory.groups_of.get(rep_id, ())
    until: list[datetime] = []
    takeable = (
        _waiting_leads_for(transition, rep_id, group_id, until)
        for group_id in group_ids
        if transition.state.waiting(group_id)
    )
    for row, eligibility in merge(*takeable, key=lambda one: one[0].since):
        refusal = eligibility.refusal(rep_id)
        if refusal is not None:
            _collect_until(until, refusal)
        elif transition.budget <= 0:
            until.append(transition.at)
            break
        else:
            retry(transition, row)
    wake = transition.rep(rep_id).wake
    if until and (wake is None or min(until) < wake):
        transition.change_rep(rep_id, wake=min(until))


def _waiting_leads_for(
    transition: OrgTransition, rep_id: str, group_id: str, until: list[datetime]
) -> Iterator[tuple[OrgLead, Eligibility]]:
    """Yield the leads that wait for a group and that a rep might take, as long as the rep has capacity.

    `until` collects the instants at which obstacles end by time alone.
    """
    plan, group = transition.directory.rep(rep_id), transition.directory.groups.get(group_id)
    method = method_of(transition, group) if group else None
    if plan is None or group is None or method is None or rep_id not in group.places:
        return
    for row in transition.waiting(group_id, plan.licensed_states):
        held = transition.rep(rep_id)
        refusal = departed(plan, held) or unavailable(transition, plan, held, rings=method.rings)
        if refusal is not None:
            _collect_until(until, refusal)
            return
        if row.lead is None:
            continue
        obstacle = _obstacle(transition, group, row, row.lead)
        if obstacle is None:
            yield row, Eligibility(transition, group, row, row.lead, rings=method.rings)
        else:
            _collect_until(until, obstacle.refusal)


def _collect_until(until: list[datetime], refusal: Refusal) -> None:
    if refusal.until is not None:
        until.append(refusal.until)


def wake_group(transition: OrgTransition, group_id: str) -> None:
    """Try the waiting leads of a group whose wake time was reached, the longest waiting first."""
    due = [row for row in transition.waiting(group_id) if row.wake is not None and row.wake <= transition.at]
    for row in due:
        if transition.budget <= 0:
            break  # each remaining lead is woken by its own event
        retry(transition, row)


def _choose(transition: OrgTransition, row: OrgLead) -> tuple[_GroupObstacle | None, Choice | None]:
    group = transition.directory.groups.get(row.group_id or "")
    if group is None:
        return _GroupObstacle(Refusal(Why.GROUP, f"there is no group {row.group_id}")), None
    if row.lead is None:
        raise TypeError("a lead that asks says what it is")
    obstacle = _obstacle(transition, group, row, row.lead)
    method = method_of(transition, group)
    if obstacle is not None or method is None:
        return obstacle, None
    return None, method.choose(Eligibility(transition, group, row, row.lead, rings=method.rings))


def _obstacle(transition: OrgTransition, group: GroupPlan, row: OrgLead, lead: Lead) -> _GroupObstacle | None:
    """Return the one reason why a group can give a lead to nobody at all; None if it can."""
    method = method_of(transition, group)
    if method is None or not method.takes:
        return _GroupObstacle(
            Refusal(Why.GROUP, f"{group.group_id} distributes to nobody: it is a {group.method}")
        )
    if not group.places:
        return _GroupObstacle(Refusal(Why.GROUP, f"nobody is on the roster of {group.group_id}"))
    if row.tried:
        paused, until = transition.calendar_cache.pause(group, transition.at)
        if paused:
            shown = until.isoformat(sep=" ", timespec="minutes") if until else "further notice"
            refusal = Refusal(Why.PAUSED, f"transfers pause until {shown}", until is not None, until)
            return _GroupObstacle(refusal, PAUSED if refusal.passing else NO_AVAILABLE_AGENTS)
    filtered = group_refusal(transition, group, lead)
    return None if filtered is None else _GroupObstacle(filtered)


def _offer(transition: OrgTransition, row: OrgLead, choice: Choice) -> None:
    """Offer the lead to the chosen reps and take their capacity."""
    group = transition.directory.groups[row.group_id or ""]
    method = method_of(transition, group)
    if method is None:
        raise TypeError(f"{group.group_id} has no method")
    turn = choice.pick is not None
    if choice.pick is not None:
        transition.change_group(group.group_id, turns=choice.pick.turns, lags=dict(choice.pick.lags))
        transition.change_turn(group.group_id, choice.pick.rep_id, choice.pick.turn)
    holds = tuple(
        take_capacity(transition, rep_id, row.lead_id, rings=method.rings, turn=turn)
        for rep_id in choice.reps
    )
    transition.put_lead(
        OrgLead(
            lead_id=row.lead_id,
            epoch=row.epoch,
            stage=Stage.RINGING if method.rings else Stage.OFFERED,
            since=transition.at,
            group_id=group.group_id,
            method=method.name,
            holds=holds,
        )
    )
    passed = _explanation(choice)
    transition.spend_budget(len(passed))
    if method.rings:
        transition.emit(
            RingStarted(
                lead_id=row.lead_id,
                epoch=row.epoch,
                group_id=group.group_id,
                reps=choice.reps,
                method=method.name,
                ring_seconds=group.ring_seconds,
                due=transition.at + timedelta(seconds=group.ring_seconds),
                why=choice.why,
                passed=passed,
            )
        )
        return
    seconds = None if method.name != group.method else group.claim_window_seconds
    transition.emit(
        OfferMade(
            lead_id=row.lead_id,
            epoch=row.epoch,
            group_id=group.group_id,
            rep_id=choice.reps[0],
            method=method.name,
            window_seconds=seconds,
            due=_due(transition, group, seconds),
            why=choice.why,
            passed=passed,
        )
    )


def _due(transition: OrgTransition, group: GroupPlan, seconds: int | None) -> datetime | None:
    """Return when a claim window that begins now ends (R4); None without a window."""
    if seconds is None:
        return None
    paused, changes = transition.calendar_cache.pause(group, transition.at)
    ends = transition.at + timedelta(seconds=seconds)
    if not paused and (changes is None or ends <= changes):
        return ends
    return window_end(transition.at, seconds, group.pause, group.time_zone)


def _may_pass(refused: list[Refusal]) -> tuple[bool, datetime | None]:
    """Say whether any reason may pass by itself, and the first instant at which time alone ends one."""
    passing = [refusal for refusal in refused if refusal.passing]
    return bool(passing), min((each.until for each in passing if each.until is not None), default=None)


def _reason(refused: list[Refusal]) -> str:
    reasons = {refusal.reason for refusal in refused}
    return "all_agents_tried" if reasons - GONE == {Why.TRIED} else NO_AVAILABLE_AGENTS


def _explanation(choice: Choice | None) -> tuple[Rejected, ...]:
    refused = choice.refused if choice else ()
    named = [refusal.of(rep_id) for rep_id, refusal in refused[:MOST_EXPLAINED]]
    others: dict[Why, int] = {}
    for _, refusal in refused[MOST_EXPLAINED:]:
        others[refusal.reason] = others.get(refusal.reason, 0) + 1
    return (*named, *(Rejected(None, reason, f"{n} more: {reason}") for reason, n in sorted(others.items())))
