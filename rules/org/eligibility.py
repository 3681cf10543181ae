"""Decides whether a rep may have a lead now, and gives the reason if not (R9)."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from models.lead import Lead
from models.offers import RejectedCandidate, RejectionReason
from models.org_rows import OrgLead, OrgRep
from models.roster import AVAILABLE, PAUSED
from rules.calendar.schedule import away_until
from rules.org.directory import GroupPlan, RepPlan
from rules.org.transition import OrgTransition

NOT_ACTIVE: Final = frozenset({RejectionReason.UNKNOWN, RejectionReason.INACTIVE})
"""Reasons of members who are no reps any more. All reps were tried if every other member was (E1)."""


class Refusal(msgspec.Struct, frozen=True):
    """The reason of a refusal.

    `passing`: the reason may pass without a change of rules. `until`: when it ends by time alone.
    """

    reason: RejectionReason
    why: str
    passing: bool = False
    until: datetime | None = None

    def of(self, rep_id: str | None) -> RejectedCandidate:
        """Return the refusal in the form that decisions record."""
        return RejectedCandidate(rep_id, self.reason, self.why)


_UNKNOWN: Final = Refusal(RejectionReason.UNKNOWN, "not in the directory")
_INACTIVE: Final = Refusal(RejectionReason.INACTIVE, "inactive")
_REP_LEFT: Final = Refusal(RejectionReason.INACTIVE, "inactive: has left")
_TRIED: Final = Refusal(RejectionReason.TRIED, "already tried in this round")
_PAUSED: Final = Refusal(RejectionReason.ABSENT, "has paused")
_HAD_LAST: Final = Refusal(RejectionReason.ABSENT, "has paused after its last lead")
_LAST_IS_OUT: Final = Refusal(
    RejectionReason.ABSENT, "its last lead before a pause is offered to it", passing=True
)
_AWAY: Final = Refusal(RejectionReason.ABSENT, "absent until further notice", passing=True)


class Eligibility:
    """Checks each candidate of one group for one lead.

    `rings`: the lead rings, so the rep's phone must be free (S4). A New Lead button needs no phone (M9).
    """

    __slots__ = ("group", "lead", "rings", "row", "transition", "tried")

    def __init__(
        self, transition: OrgTransition, group: GroupPlan, row: OrgLead, lead: Lead, *, rings: bool
    ) -> None:
        self.transition = transition
        self.group = group
        self.row = row
        self.lead = lead
        self.rings = rings
        self.tried = row.tried

    def refusal(self, rep_id: str) -> Refusal | None:
        """Return why this rep may not have this lead now; None if it may.

        Lasting reasons are checked before passing ones.
        """
        plan = self.transition.directory.rep(rep_id)
        if plan is None:
            return _UNKNOWN
        row = self.transition.rep(rep_id)
        return (
            departure_refusal(plan, row)
            or self.unsuitable(plan)
            or unavailable(self.transition, plan, row, rings=self.rings)
        )

    def unsuitable(self, plan: RepPlan) -> Refusal | None:
        """Return why a rep may not have this lead as it is: tried, licence, the rep's own filter; None if it may."""
        if plan.rep_id in self.tried:
            return _TRIED
        states, state = plan.licensed_states, self.lead.facts.state
        if states is not None and state not in states:
            return Refusal(
                RejectionReason.LICENCE, f"not licensed in {state or 'the state, which is unknown'}"
            )
        if plan.filter is not None:
            meets, until = plan.filter.test(self.lead, self.transition.at)
            if not meets:
                why = plan.filter.explain(self.lead, self.transition.at).why
                return Refusal(
                    RejectionReason.OWN_FILTER,
                    f"its own filter: {why}",
                    passing=until is not None,
                    until=until,
                )
        return None


def group_refusal(transition: OrgTransition, group: GroupPlan, lead: Lead) -> Refusal | None:
    """Return the refusal by a group's filter; None if the filter accepts the lead."""
    if group.filter is None:
        return None
    meets, until = group.filter.test(lead, transition.at)
    if meets:
        return None
    why = group.filter.explain(lead, transition.at).why
    return Refusal(
        RejectionReason.GROUP_FILTER, f"the filter of {group.group_id}: {why}", until is not None, until
    )


def departure_refusal(plan: RepPlan, row: OrgRep) -> Refusal | None:
    """Return the refusal of a rep who is inactive or has left; None for any other."""
    if not plan.active:
        return _INACTIVE
    return _REP_LEFT if row.left else None


def unavailable(transition: OrgTransition, plan: RepPlan, row: OrgRep, *, rings: bool) -> Refusal | None:
    """Return why a rep may have no lead at all now; None if it may.

    All these reasons may pass by themselves, except a pause that the rep chose, a cap of zero and a week without hours.
    """
    at = transition.at
    if plan.availability != AVAILABLE and (refusal := _paused(plan, row)) is not None:
        return refusal
    if row.away and (row.away_until is None or at < row.away_until):
        return (
            _AWAY
            if row.away_until is None
            else _until(RejectionReason.ABSENT, "absent until", row.away_until, plan)
        )
    if plan.absences and (until := away_until(plan.absences, at)) is not None:
        return _until(RejectionReason.ABSENT, "absent until", until, plan)
    works, until = transition.calendar_cache.hours(plan, at)
    if not works:
        if until is None:
            return Refusal(RejectionReason.HOURS, "has no working hours")
        return _until(RejectionReason.HOURS, "outside its hours until", until, plan)
    if plan.max_open is not None and row.open_leads >= plan.max_open:
        why = f"cap of open leads: {row.open_leads} of {plan.max_open}"
        return Refusal(RejectionReason.OPEN_CAP, why, passing=plan.max_open > 0)
    if plan.max_per_day is not None:
        day, ends = transition.calendar_cache.day(plan.time_zone, at)
        today = row.today if row.day is not None and row.day >= day else 0
        if today >= plan.max_per_day:
            why = f"daily cap: {today} of {plan.max_per_day} on {day}"
            return Refusal(
                RejectionReason.DAILY_CAP, why, plan.max_per_day > 0, ends if plan.max_per_day else None
            )
    if rings and row.ring is not None:
        return Refusal(RejectionReason.RINGING, "another lead rings with it", passing=True)
    return None


def _paused(plan: RepPlan, row: OrgRep) -> Refusal | None:
    if plan.availability == PAUSED:
        return _PAUSED
    if row.had_last:
        return _HAD_LAST
    return _LAST_IS_OUT if row.offered else None


def _until(reason: RejectionReason, phrase: str, until: datetime, plan: RepPlan) -> Refusal:
    end_text = until.astimezone(ZoneInfo(plan.time_zone)).isoformat(sep=" ", timespec="minutes")
    return Refusal(reason, f"{phrase} {end_text}", passing=True, until=until)
