"""Checks the waiting leads of a group again after a publication that may help them (M5).

A publication that cannot help a waiting lead starts no review. A review looks only at leads in states that the change
is about, and tries a lead only if a rep whose terms changed may have it now or later. One event does a part; the
group's row keeps the rest, and is woken at once to continue, so a restart loses nothing.
"""

from typing import Final

from msgspec.structs import replace

from models.org_rows import OrgLead, Review
from models.roster import AVAILABLE, PAUSED, Group, RepTerms
from rules.org.allocate import method_of, retry
from rules.org.directory import GroupPlan, RepPlan
from rules.org.eligibility import Eligibility
from rules.org.transition import OrgTransition

MAX_REPS: Final = 20
"""How many reps one review checks by name. If more changed meanwhile, it tries every lead of the group."""
MAX_STATES: Final = 5
"""How many newly licensed states a reason names."""


def rep_change(before: RepPlan | None, after: RepPlan) -> tuple[str, tuple[str | None, ...] | None] | None:
    """Say what a rep's publication changed that may help a waiting lead, and for which states; None if nothing did.

    States None: for all. `before` None: the rep is new.
    """
    old = before.terms if before is not None and before.active else None
    new = after.terms
    if new is None or old is None:
        return f"{after.rep_id} may have leads now", None
    changes: list[str] = []
    states: tuple[str | None, ...] | None = ()
    gained = _licences_gained(old, new)
    if gained is None or gained:
        places = "everywhere" if gained is None else ", ".join(gained[:MAX_STATES])
        changes.append(f"is now licensed in {places}" if gained else "is now licensed everywhere")
        states = gained
    if old.filter != new.filter:
        changes.append("has another filter")
        states = None
    if _availability(old) != _availability(new):
        changes.append("has other hours, absences or caps")
        states = None
    if choice_of(before) != choice_of(after) and new.availability != PAUSED:
        changes.append("may have leads again after its pause")
        states = None
    return (f"{after.rep_id} {' and '.join(changes)}", states) if changes else None


def choice_of(plan: RepPlan | None) -> tuple[str, str | None]:
    """Return whether a rep chose to have leads, and when it chose so."""
    terms = plan.terms if plan is not None else None
    return (AVAILABLE, None) if terms is None else (terms.availability, terms.availability_at)


def _licences_gained(old: RepTerms, new: RepTerms) -> tuple[str, ...] | None:
    """Return the states that a rep may have leads of now and could not before; None for all states."""
    if old.licensed_states is None:
        return ()
    return None if new.licensed_states is None else tuple(sorted(new.licensed_states - old.licensed_states))


def _availability(terms: RepTerms) -> tuple[object, ...]:
    return (terms.hours, terms.absences, terms.max_open, terms.max_per_day, terms.time_zone)


def group_change(before: GroupPlan | None, after: GroupPlan) -> tuple[str, tuple[str, ...]] | None:
    """Say what a group's publication changed that may help a waiting lead, and the reps it is about.

    No reps: it is about all. None: nothing changed that may help.
    """
    old, new = before.published if before is not None else None, after.published
    if old is None or new is None:
        return f"group {after.group_id} was published", ()
    if _terms(old) != _terms(new):
        return f"the method, filter or pause of {after.group_id} changed", ()
    joined = tuple(rep_id for rep_id in after.positions if before is None or rep_id not in before.positions)
    if not joined:
        return None
    if len(joined) > MAX_REPS or not (before and before.positions):
        return f"{len(joined)} reps joined {after.group_id}", ()
    return f"{', '.join(joined)} joined {after.group_id}", joined


def _terms(group: Group) -> tuple[object, ...]:
    return (group.method, group.filter, group.pause, group.time_zone)


def start_review(
    transition: OrgTransition,
    group_id: str,
    why: str,
    *,
    reps: tuple[str, ...] = (),
    states: tuple[str | None, ...] | None = None,
    renews: bool = True,
) -> None:
    """Start a review of the leads that wait for a group. A review that runs is joined with it and begins again."""
    if not transition.state.waiting(group_id):
        return
    group = transition.group(group_id)
    running = group.review
    if running is not None:
        joined_reps = tuple(sorted({*running.reps, *reps}))
        reps = joined_reps if running.reps and reps and len(joined_reps) <= MAX_REPS else ()
        former_states = running.states
        states = (
            None
            if former_states is None or states is None
            else tuple(dict.fromkeys((*former_states, *states)))
        )
        why = (
            why if why == running.why else f"{why}, and before it {running.why.split(', and before it ')[0]}"
        )
        renews = renews or running.renews
    review = Review(after=0, end=group.waits, why=why, reps=reps, states=states, renews=renews)
    transition.change_group(group_id, review=review)
    transition.reviewed.add(group_id)


def continue_reviews(transition: OrgTransition) -> None:
    """Do a part of each review that this event started or goes on with. The group is woken at once for the rest."""
    for group_id in sorted(transition.reviewed):
        review = transition.group(group_id).review
        if review is not None:
            _continue(transition, group_id, review)


def _continue(transition: OrgTransition, group_id: str, review: Review) -> None:
    after = review.after
    for row in transition.waiting(group_id, review.states, after=review.after, parked=True):
        if row.number > review.end:
            break
        if transition.budget <= 0 or transition.looks <= 0:
            transition.change_group(group_id, review=replace(review, after=after), wake=transition.at)
            return
        transition.looks -= 1
        after = row.number
        if _may_help(transition, review, row):
            retry(transition, row, review.why, renews=review.renews)
    transition.change_group(group_id, review=None, wake=None)


def _may_help(transition: OrgTransition, review: Review, row: OrgLead) -> bool:
    """Say whether a rep of the review may have a waiting lead now, or once time passes or capacity is free."""
    group = transition.directory.groups.get(row.group_id or "")
    method = method_of(transition, group) if group else None
    if not review.reps or group is None or method is None or row.lead is None:
        return True
    eligibility = Eligibility(transition, group, row, row.lead, rings=method.exclusive)
    refusals = [eligibility.refusal(rep_id) for rep_id in review.reps if rep_id in group.positions]
    if review.renews:
        return any(refusal is None or refusal.passing for refusal in refusals)
    return None in refusals
