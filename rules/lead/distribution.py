"""Distributes a lead through its group: request, offer, next offer, until a rep has it or nobody may (R3, S1).

The org decides whose turn it is (`rules.org`). The lead's own log decides whether an offer is open, expires or is
taken, so an offer has exactly one end, however many reps act on it. Each request has an epoch; an event that names
another epoch changes nothing (X3).
"""

from typing import Final

from msgspec.structs import replace

from models.decisions import AnswerIgnored
from models.directory import Campaign
from models.facts import Facts
from models.lead import OPEN_OFFERS, DeadlineKind, Failure, Lead, Phase, RepSearch, Round, Search
from models.offer_decisions import LeadOffered, NobodyAvailable, OfferDeclined, OfferEnded, RepSought
from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgAnswer,
    Outcome,
    Rejected,
    RingStarted,
    Why,
)
from rules.lead.failures import UNANSWERED, failure_of
from rules.lead.offer_windows import move_window
from rules.lead.transition import Transition
from rules.queues.queue_eligibility import ORPHANED
from rules.queues.rule_book import GroupTerms

TRANSFERS_PAUSED: Final = "transfers_paused"
ALL_RINGING: Final = "all_agents_ringing"
_DELAYED: Final = {TRANSFERS_PAUSED: RepSearch.PAUSED, ALL_RINGING: RepSearch.IN_LINE}
"""reason -> the stage of a lead that the org answers again by itself, and that no queue takes until then."""
_AWAITING_REP: Final = frozenset({RepSearch.ASKED, RepSearch.PAUSED, RepSearch.IN_LINE, RepSearch.WAITING})


def request_rep(
    transition: Transition,
    group_id: str,
    why: str,
    tried: tuple[str, ...] = (),
    *,
    campaign: str | None = None,
    waits: bool = False,
) -> None:
    """Request a rep from a group, other than those tried in this round (R8). `campaign`: as in `Search`.

    `waits`: the lead was asked for before in vain. It stays in its queues or an exception until a rep is found (M5).
    """
    epoch = transition.next_epoch()
    stage = RepSearch.WAITING if waits else RepSearch.ASKED
    search = Search(group_id=group_id, epoch=epoch, stage=stage, tried=tried, campaign=campaign)
    transition.update(search=search, failed=transition.lead.failed if waits else None, round=None)
    transition.emit(RepSought(group_id=group_id, epoch=epoch, why=why, tried=tried))


def note_campaign(transition: Transition, facts: Facts) -> tuple[Campaign | None, GroupTerms | None]:
    """Record the campaign's description and its group's method (E2), and return campaign and group."""
    campaign, group = transition.rules.route(facts)
    if campaign is not None:
        method = group.method if group else None
        transition.update(distribution=method, description=campaign.description or None)
    return campaign, group


def ask_group(transition: Transition, facts: Facts, why: str, tried: tuple[str, ...] = ()) -> None:
    """Request a rep from the group of a campaign, if it has one that distributes. `facts`: name the campaign."""
    campaign, group = note_campaign(transition, facts)
    if campaign is not None and group is not None and group.takes:
        transition.end_search(why)
        why = f"{why} through campaign {campaign.campaign_id}"
        request_rep(transition, group.group_id, why, tried, campaign=facts.campaign or "")


def orphan(transition: Transition, rep_id: str, why: str) -> None:
    """Take a lead from an owner who has left (X2). Its promised call stays."""
    transition.remove_owner("orphaned", why)
    transition.update(failed=Failure(ORPHANED, (Rejected(rep_id, Why.INACTIVE, why),)))


def offered_to(lead: Lead, rep_id: str) -> bool:
    """Say whether a rep has an open offer of the lead."""
    search = lead.search
    return search is not None and search.stage in OPEN_OFFERS and rep_id in search.reps


def expire_offer(transition: Transition) -> None:
    """End an offer that has expired. The time of the log decides, even if the timer is late (R3, S4, S5)."""
    search = transition.lead.search
    if (
        search is None
        or search.stage not in OPEN_OFFERS
        or search.until is None
        or search.until > transition.at
    ):
        return
    _end_offer(transition, search, Outcome.TIMEOUT, search.reps, f"nobody acted by {search.until}")
    if search.stage is RepSearch.OFFERED:
        (rep_id,) = search.reps
        why = f"{rep_id} did not act in time"
        request_rep(transition, search.group_id, why, (*search.tried, rep_id), campaign=search.campaign)
    else:
        _fail_search(
            transition,
            search,
            tuple(Rejected(rep_id, Why.TRIED, "did not answer in time") for rep_id in search.reps),
        )


def decline_offer(transition: Transition, rep_id: str) -> None:
    """Decline an offer for a rep. A ring continues with the other reps (R7, S1).

    If no rep remains, an offer to one rep passes to the next rep, and a ring has failed.
    """
    search = _open_search(transition)
    why = f"{rep_id} declined"
    remaining = tuple(other for other in search.reps if other != rep_id)
    if remaining:
        transition.update(search=replace(search, reps=remaining, tried=(*search.tried, rep_id)))
        transition.emit(
            OfferDeclined(
                rep_id=rep_id, epoch=search.epoch, why=why, remaining=remaining, group_id=search.group_id
            )
        )
        return
    _end_offer(transition, search, Outcome.DECLINED, search.reps, why)
    if search.stage is RepSearch.OFFERED:
        request_rep(transition, search.group_id, why, (*search.tried, rep_id), campaign=search.campaign)
    else:
        declined = (*search.tried, rep_id)
        _fail_search(transition, search, tuple(Rejected(one, Why.TRIED, "declined") for one in declined))


def accept_offer(transition: Transition, rep_id: str, why: str) -> None:
    """Make a rep with an open offer the owner. The first to act wins (R3, S1, S5)."""
    search = _open_search(transition)
    transition.assign_owner(rep_id, search.method or "round_robin", f"group/{search.group_id}", why)


def apply_answer(transition: Transition, answer: OrgAnswer) -> AnswerIgnored | None:
    """Apply an answer of the org, or return why it is too late (X3)."""
    match answer:
        case OfferMade() | RingStarted():
            return _apply_offer(transition, answer)
        case NoRepAvailable():
            return _apply_no_rep(transition, answer)
        case OfferVoided():
            return _apply_voided_offer(transition, answer)
        case LeadOrphaned():
            return _apply_orphaned(transition, answer)


def _apply_offer(transition: Transition, answer: OfferMade | RingStarted) -> AnswerIgnored | None:
    search = transition.lead.search
    if search is None or search.epoch != answer.epoch or search.stage not in _AWAITING_REP:
        return _too_late(transition, answer)
    rings = isinstance(answer, RingStarted)
    reps = answer.reps if isinstance(answer, RingStarted) else (answer.rep_id,)
    for_good = isinstance(answer, OfferMade) and answer.window_seconds is None
    transition.update(
        search=replace(
            search,
            stage=RepSearch.RINGING if rings else RepSearch.OFFERED,
            method=answer.method,
            reps=reps,
            until=answer.due,
            window_seconds=answer.window_seconds if isinstance(answer, OfferMade) else None,
        ),
        failed=None,
    )
    transition.set_deadline(DeadlineKind.OFFER, answer.due)
    transition.emit(
        LeadOffered(
            group_id=answer.group_id,
            epoch=answer.epoch,
            method=answer.method,
            reps=reps,
            why=answer.why,
            until=answer.due,
            passed=answer.passed,
        )
    )
    if for_good:
        accept_offer(transition, reps[0], answer.why)
    else:
        move_window(transition)  # the org may not have known yet what its group published
    return None


def _apply_no_rep(transition: Transition, answer: NoRepAvailable) -> AnswerIgnored | None:
    """Let the lead wait. A lead that a pause delays is answered again after the pause (R4).

    A lead that waits for its turn to ring is answered again when its ring time is over (M9). A lead that waits already
    is told when the reasons have changed (M5). Answers of earlier versions may say that the lead does not wait.
    """
    search = transition.lead.search
    stage = _DELAYED.get(answer.reason) if answer.waits else None
    asks = _AWAITING_REP if stage is None else _AWAITING_REP - {stage, RepSearch.WAITING}
    if search is None or search.epoch != answer.epoch or search.stage not in asks:
        return _too_late(transition, answer)
    if stage is not None:
        transition.update(search=replace(search, stage=stage))
    else:
        failure = failure_of(transition.lead, answer)
        if search.stage is RepSearch.WAITING and failure == transition.lead.failed:
            return _too_late(transition, answer)
        kept = None if answer.waits else Round(search.campaign, search.tried)
        waiting = replace(search, stage=RepSearch.WAITING) if answer.waits else None
        transition.update(search=waiting, round=kept, failed=failure)
    transition.emit(
        NobodyAvailable(
            group_id=answer.group_id,
            epoch=answer.epoch,
            reason=answer.reason,
            explanation=answer.explanation,
            waits=answer.waits,
            until=answer.until,
        )
    )
    return None


def _apply_voided_offer(transition: Transition, answer: OfferVoided) -> AnswerIgnored | None:
    """Withdraw an offer from a rep who is no longer allowed to have it. It does not count as the rep's turn (R7)."""
    search = transition.lead.search
    if search is None or search.epoch != answer.epoch or not offered_to(transition.lead, answer.rep_id):
        return _too_late(transition, answer)
    remaining = tuple(rep_id for rep_id in search.reps if rep_id != answer.rep_id)
    if remaining:
        transition.update(search=replace(search, reps=remaining))
        transition.emit(
            OfferDeclined(
                rep_id=answer.rep_id,
                epoch=search.epoch,
                why=answer.why,
                remaining=remaining,
                told_by_org=True,
                group_id=search.group_id,
            )
        )
        return None
    _end_offer(transition, search, Outcome.VOIDED, search.reps, answer.why)
    why = f"its offer was voided: {answer.why}"
    request_rep(transition, search.group_id, why, search.tried, campaign=search.campaign)
    return None


def _apply_orphaned(transition: Transition, answer: LeadOrphaned) -> AnswerIgnored | None:
    """Remove an owner who has left (X2). Rules or a manager decide who is next. The lead's callback stays.

    A lead that its owner closed in the meantime stays closed under that owner.
    """
    lead = transition.lead
    if lead.phase is Phase.CLOSED or lead.owner != answer.rep_id or lead.owned_epoch != answer.epoch:
        return _too_late(transition, answer)
    orphan(transition, answer.rep_id, answer.why)
    return None


def _end_offer(
    transition: Transition, search: Search, outcome: Outcome, reps: tuple[str, ...], why: str
) -> None:
    transition.set_deadline(DeadlineKind.OFFER, None)
    transition.update(search=None)
    transition.emit(
        OfferEnded(
            group_id=search.group_id,
            epoch=search.epoch,
            outcome=outcome,
            why=why,
            reps=reps,
            method=search.method,
        )
    )


def _fail_search(transition: Transition, search: Search, explanation: tuple[Rejected, ...]) -> None:
    """Record that a ring failed (S4, S5). The group's other reps are asked once one of them may have the lead (M5)."""
    transition.update(failed=Failure(UNANSWERED.get(search.method or "", "no_agents_answered"), explanation))
    tried = (*search.tried, *(rep_id for rep_id in search.reps if rep_id not in search.tried))
    why = "nobody answered: other reps of the group are asked once they may have it"
    request_rep(transition, search.group_id, why, tried, campaign=search.campaign, waits=True)


def _open_search(transition: Transition) -> Search:
    search = transition.lead.search
    if search is None:
        raise TypeError(f"{transition.lead.lead_id} is offered to nobody")
    return search


def _too_late(transition: Transition, answer: OrgAnswer) -> AnswerIgnored:
    search = transition.lead.search
    now = f"{search.stage} under epoch {search.epoch}" if search else f"it is {transition.lead.phase}"
    return AnswerIgnored(answer=str(answer.__struct_config__.tag), epoch=answer.epoch, why=now)
