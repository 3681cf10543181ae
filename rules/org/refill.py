"""Offers waiting leads when a rep may have leads again, or when a group's wake time is reached (R9, M5)."""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge

from models.org_rows import OrgLead, OrgRep
from rules.org.allocate import group_obstacle, method_of, retry
from rules.org.eligibility import Eligibility, Refusal, departure_refusal, unavailable
from rules.org.review import start_review
from rules.org.transition import OrgTransition


def refill_all(transition: OrgTransition) -> None:
    """Offer waiting leads to all reps who gained capacity or became available by this event.

    A rep who could have had a lead before the event gained nothing: the leads that wait do so for other reasons.
    """
    gained = {rep_id for rep_id in transition.freed if not _was_available(transition, rep_id)}
    for rep_id in sorted(gained | transition.available.keys()):
        refill(transition, rep_id, transition.available.get(rep_id, f"{rep_id} has room for a lead again"))


def refill(transition: OrgTransition, rep_id: str, why: str, *, parked: bool = False) -> None:
    """Offer the waiting leads of all groups of a rep, the longest waiting first, while the rep has capacity for them.

    A lead that the rep could take goes to the rep whose turn it is. If the event's budget is spent, or if a reason that
    keeps the rep from a lead ends by time alone, the rep's row gets a wake time to continue. If the event has looked at
    as many leads as it may, a review of the rep's groups continues. `parked`: also leads that neither time nor capacity
    can help.
    """
    group_ids = [
        group_id
        for group_id in transition.directory.groups_of.get(rep_id, ())
        if transition.state.waiting(group_id)
    ]
    until: list[datetime] = []
    takeable = (
        _waiting_leads_for(transition, rep_id, group_id, until, parked=parked) for group_id in group_ids
    )
    for row, eligibility in merge(*takeable, key=lambda pair: pair[0].since):
        refusal = eligibility.refusal(rep_id)
        transition.looks -= 1
        if refusal is not None:
            _collect_until(until, refusal)
        elif transition.budget <= 0:
            until.append(transition.at)
            break
        else:
            retry(transition, row, why)
        if transition.looks <= 0:
            for group_id in group_ids:
                start_review(transition, group_id, why, reps=(rep_id,), renews=False)
            break
    wake = transition.rep(rep_id).wake
    if until and (wake is None or min(until) < wake):
        transition.change_rep(rep_id, wake=min(until))


def _was_available(transition: OrgTransition, rep_id: str) -> bool:
    """Say whether a rep could have had leads, also by a ring, before this event."""
    plan = transition.directory.rep(rep_id)
    row = transition.state.reps.get(rep_id) or OrgRep(rep_id=rep_id)
    return (
        plan is not None
        and departure_refusal(plan, row) is None
        and unavailable(transition, plan, row, rings=True) is None
    )


def _waiting_leads_for(
    transition: OrgTransition, rep_id: str, group_id: str, until: list[datetime], *, parked: bool
) -> Iterator[tuple[OrgLead, Eligibility]]:
    """Yield the leads that wait for a group and that a rep might take, as long as the rep has capacity.

    `until` collects the instants at which obstacles end by time alone.
    """
    plan, group = transition.directory.rep(rep_id), transition.directory.groups.get(group_id)
    method = method_of(transition, group) if group else None
    if plan is None or group is None or method is None or rep_id not in group.positions:
        return
    for row in transition.waiting(group_id, plan.licensed_states, parked=parked):
        rep_row = transition.rep(rep_id)
        refusal = departure_refusal(plan, rep_row) or unavailable(
            transition, plan, rep_row, rings=method.exclusive
        )
        if refusal is not None:
            _collect_until(until, refusal)
            return
        if row.lead is None:
            continue
        obstacle = group_obstacle(transition, group, row, row.lead)
        if obstacle is None:
            yield row, Eligibility(transition, group, row, row.lead, rings=method.exclusive)
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
        retry(transition, row, "a reason that kept its reps from it has ended")
