"""Allocates leads to reps by their group's method.

A request is answered with an offer or a reason. A lead that nobody may have waits (M5); `refill` and `review` try it
again.

Capacity is taken in the same step as the offer, so no cap is exceeded, however many leads request a rep at once (R9).
"""

from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

import msgspec

from models.lead import Lead
from models.offers import NoRepAvailable, OfferMade, RejectedCandidate, RejectionReason, RingStarted
from models.org_decisions import LeadStillWaiting
from models.org_rows import OrgLead, OrgLeadStatus
from rules.calendar.schedule import window_end
from rules.org.capacity import take_capacity
from rules.org.choice import Choice, Method
from rules.org.directory import GroupPlan
from rules.org.eligibility import NOT_ACTIVE, Eligibility, Refusal, group_refusal
from rules.org.methods import METHODS
from rules.org.methods.roster import ROSTER
from rules.org.methods.round_robin import ROUND_ROBIN
from rules.org.transition import OrgTransition
from rules.org.turn_order import resting_after

PAUSED: Final = "transfers_paused"
ALL_RINGING: Final = "all_agents_ringing"
"""The reason of a lead that waits for its turn to ring, because all who may have it are on a ring (M9)."""
NO_AVAILABLE_AGENTS: Final = "no_available_agents"
MAX_EXPLAINED: Final = 1_000
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
        _answer_nobody(transition, row, _NobodyReasons.of(obstacle, choice), lines_up=True)


def may_be_offered(transition: OrgTransition, row: OrgLead) -> bool:
    """Say whether a rep may have a waiting lead now. Nothing changes."""
    _, choice = _choose(transition, row)
    return choice is not None and bool(choice.reps)


def retry(transition: OrgTransition, row: OrgLead, why: str, *, renews: bool = True) -> None:
    """Try a waiting lead again, and offer it to a rep who may have it now (M5).

    `why`: what changed. A lead that a pause delayed gets a new answer after the pause: it is no longer hidden from the
    queues, and if all reps were tried it becomes an exception (R4, R8). With `renews`, other leads get a new answer too
    if the reasons are no longer those that they were told. A lead that waits for its turn to ring gets one when its
    ring time is over, and not before (M9).
    """
    obstacle, choice = _choose(transition, row)
    if choice is not None and choice.reps:
        _offer(transition, row, choice, f"asked again: {why}; ")
        return
    reasons = _NobodyReasons.of(obstacle, choice)
    in_line = row.line_until is not None and transition.at < row.line_until
    delayed = row.paused and reasons.reason != PAUSED
    ended = row.line_until is not None and not in_line
    if delayed or ended or (renews and not in_line and row.reported != reasons.checksum):
        _answer_nobody(transition, row, reasons, lines_up=delayed)
        return
    until = _earliest(reasons.until, row.line_until)
    waiting = msgspec.structs.replace(row, wake=until, parked=not reasons.passing and not in_line)
    if waiting != transition.lead(row.lead_id):
        transition.put_lead(waiting)
    transition.emit(LeadStillWaiting(lead_id=row.lead_id, epoch=row.epoch, until=until))
    transition.spend_budget()


class _NobodyReasons(msgspec.Struct, frozen=True):
    """The reasons why nobody may have a lead now.

    `passing`: time or capacity may end one of them. `until`: the first instant at which time alone may. `checksum`:
    changes if the reasons do; the words of a reason, which may contain a time, do not count. `rings`: a rep would have
    the lead but for another ring.
    """

    reason: str
    explanation: tuple[RejectedCandidate, ...]
    passing: bool
    until: datetime | None
    checksum: int
    rings: bool = False

    @classmethod
    def of(cls, obstacle: _GroupObstacle | None, choice: Choice | None) -> "_NobodyReasons":
        """Collect the reasons of a failed choice."""
        refused = [refusal for _, refusal in choice.refused] if choice else []
        reason, explanation = _reason(refused), _explanation(choice)
        if obstacle is not None:
            refused.append(obstacle.refusal)
            reason, explanation = obstacle.reason, (obstacle.refusal.of(None),)
        passing, until = _may_pass(refused)
        reasons = ",".join(f"{candidate.rep_id}={candidate.reason}" for candidate in explanation)
        rings = any(refusal.reason is RejectionReason.RINGING for refusal in refused)
        return cls(reason, explanation, passing, until, crc32(f"{reason}:{reasons}".encode()), rings)


def _answer_nobody(
    transition: OrgTransition, row: OrgLead, nobody: _NobodyReasons, *, lines_up: bool
) -> None:
    """Answer that nobody may have the lead now, and why. The lead waits in its position (M5).

    `lines_up`: if a rep would have the lead but for another ring, it waits for its turn, as long as it would ring (M9).
    """
    group_plan = transition.directory.groups.get(row.group_id or "")
    line_until = None
    if lines_up and nobody.rings and group_plan is not None:
        line_until = transition.at + timedelta(seconds=group_plan.ring_seconds)
    until = _earliest(nobody.until, line_until)
    number = row.number
    if not number:
        group = transition.group(row.group_id or "")
        number = transition.change_group(group.group_id, waits=group.waits + 1).waits
    transition.put_lead(
        msgspec.structs.replace(
            row,
            number=number,
            wake=until,
            paused=nobody.reason == PAUSED,
            parked=not nobody.passing,
            reported=nobody.checksum,
            line_until=line_until,
        )
    )
    transition.spend_budget(len(nobody.explanation))
    transition.emit(
        NoRepAvailable(
            lead_id=row.lead_id,
            epoch=row.epoch,
            group_id=row.group_id or "",
            reason=nobody.reason if line_until is None else ALL_RINGING,
            explanation=nobody.explanation,
            waits=True,
            until=until,
        )
    )


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _choose(transition: OrgTransition, row: OrgLead) -> tuple[_GroupObstacle | None, Choice | None]:
    group = transition.directory.groups.get(row.group_id or "")
    if group is None:
        return _GroupObstacle(Refusal(RejectionReason.GROUP, f"there is no group {row.group_id}")), None
    if row.lead is None:
        raise TypeError("a lead that asks says what it is")
    obstacle = group_obstacle(transition, group, row, row.lead)
    method = method_of(transition, group)
    if obstacle is not None or method is None:
        return obstacle, None
    return None, method.choose(Eligibility(transition, group, row, row.lead, rings=method.exclusive))


def group_obstacle(
    transition: OrgTransition, group: GroupPlan, row: OrgLead, lead: Lead
) -> _GroupObstacle | None:
    """Return the one reason why a group can give a lead to nobody at all; None if it can."""
    method = method_of(transition, group)
    if method is None or not method.takes:
        return _GroupObstacle(
            Refusal(RejectionReason.GROUP, f"{group.group_id} distributes to nobody: it is a {group.method}")
        )
    if not group.positions:
        return _GroupObstacle(Refusal(RejectionReason.GROUP, f"nobody is on the roster of {group.group_id}"))
    if row.tried:
        paused, until = transition.calendar_cache.pause(group, transition.at)
        if paused:
            end_text = until.isoformat(sep=" ", timespec="minutes") if until else "further notice"
            refusal = Refusal(
                RejectionReason.PAUSED, f"transfers pause until {end_text}", until is not None, until
            )
            return _GroupObstacle(refusal, PAUSED if refusal.passing else NO_AVAILABLE_AGENTS)
    filtered = group_refusal(transition, group, lead)
    return None if filtered is None else _GroupObstacle(filtered)


def _offer(transition: OrgTransition, row: OrgLead, choice: Choice, again: str = "") -> None:
    """Offer the lead to the chosen reps and take their capacity. `again`: why a waiting lead was asked for again."""
    group = transition.directory.groups[row.group_id or ""]
    method = method_of(transition, group)
    if method is None:
        raise TypeError(f"{group.group_id} has no method")
    turn = choice.pick is not None
    if choice.pick is not None:
        rests = resting_after(choice.pick, transition.group(group.group_id).resting)
        transition.change_group(
            group.group_id, turns=choice.pick.turns, lags=dict(choice.pick.lags), resting=rests
        )
        transition.change_turn(group.group_id, choice.pick.rep_id, choice.pick.turn)
    holds = tuple(
        take_capacity(transition, rep_id, row.lead_id, rings=method.exclusive, turn=turn)
        for rep_id in choice.reps
    )
    transition.put_lead(
        OrgLead(
            lead_id=row.lead_id,
            epoch=row.epoch,
            stage=OrgLeadStatus.RINGING if method.rings else OrgLeadStatus.OFFERED,
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
                why=again + choice.why,
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
            why=again + choice.why,
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
    return bool(passing), min(
        (refusal.until for refusal in passing if refusal.until is not None), default=None
    )


def _reason(refused: list[Refusal]) -> str:
    reasons = {refusal.reason for refusal in refused}
    return "all_agents_tried" if reasons - NOT_ACTIVE == {RejectionReason.TRIED} else NO_AVAILABLE_AGENTS


def _explanation(choice: Choice | None) -> tuple[RejectedCandidate, ...]:
    refused = choice.refused if choice else ()
    explained = [refusal.of(rep_id) for rep_id, refusal in refused[:MAX_EXPLAINED]]
    others: dict[RejectionReason, int] = {}
    for _, refusal in refused[MAX_EXPLAINED:]:
        others[refusal.reason] = others.get(refusal.reason, 0) + 1
    return (
        *explained,
        *(RejectedCandidate(None, reason, f"{n} more: {reason}") for reason, n in sorted(others.items())),
    )
