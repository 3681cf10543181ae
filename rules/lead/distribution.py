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
from models.lead import (
    OPEN_OFFERS,
    DeadlineKind,
    Distribution,
    DistributionStatus,
    Failure,
    Lead,
    Phase,
    Round,
)
from models.offer_decisions import LeadOffered, NobodyAvailable, OfferDeclined, OfferEnded, RepSought
from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgAnswer,
    Outcome,
    RejectedCandidate,
    RejectionReason,
    RingStarted,
)
from rules.lead.failures import UNANSWERED, failure_of
from rules.lead.offer_windows import move_window
from rules.lead.transition import Transition
from rules.queues.queue_eligibility import ORPHANED
from rules.queues.rule_book import GroupTerms

TRANSFERS_PAUSED: Final = "transfers_paused"
ALL_RINGING: Final = "all_agents_ringing"
_DELAYED: Final = {TRANSFERS_PAUSED: DistributionStatus.PAUSED, ALL_RINGING: DistributionStatus.IN_LINE}
"""reason -> the stage of a lead that the org answers again by itself, and that no queue takes until then."""
_AWAITING_REP: Final = frozenset(
    {
        DistributionStatus.REQUESTED,
        DistributionStatus.PAUSED,
        DistributionStatus.IN_LINE,
        DistributionStatus.WAITING,
    }
)


def request_rep(
    transition: Transition,
    group_id: str,
    why: str,
    tried: tuple[str, ...] = (),
    *,
    campaign: str | None = None,
    waits: bool = False,
) -> None:
    """Request a rep from a group, other than those tried in this round (R8). `campaign`: as in `Distribution`.

    `waits`: the lead was asked for before in vain. It stays in its queues or an exception until a rep is found (M5).
    """
    epoch = transition.next_epoch()
    stage = DistributionStatus.WAITING if waits else DistributionStatus.REQUESTED
    distribution = Distribution(group_id=group_id, epoch=epoch, stage=stage, tried=tried, campaign=campaign)
    transition.update(
        open_distribution=distribution, failed=transition.lead.failed if waits else None, round=None
    )
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
        transition.end_distribution(why)
        why = f"{why} through campaign {campaign.campaign_id}"
        request_rep(transition, group.group_id, why, tried, campaign=facts.campaign or "")


def orphan(transition: Transition, rep_id: str, why: str) -> None:
    """Take a lead from an owner who has left (X2). Its promised call stays."""
    transition.remove_owner("orphaned", why)
    transition.update(failed=Failure(ORPHANED, (RejectedCandidate(rep_id, RejectionReason.INACTIVE, why),)))


def offered_to(lead: Lead, rep_id: str) -> bool:
    """Say whether a rep has an open offer of the lead."""
    distribution = lead.open_distribution
    return distribution is not None and distribution.stage in OPEN_OFFERS and rep_id in distribution.reps


def expire_offer(transition: Transition) -> None:
    """End an offer that has expired. The time of the log decides, even if the timer is late (R3, S4, S5)."""
    distribution = transition.lead.open_distribution
    if (
        distribution is None
        or distribution.stage not in OPEN_OFFERS
        or distribution.until is None
        or distribution.until > transition.at
    ):
        return
    _end_offer(
        transition, distribution, Outcome.TIMEOUT, distribution.reps, f"nobody acted by {distribution.until}"
    )
    if distribution.stage is DistributionStatus.OFFERED:
        (rep_id,) = distribution.reps
        why = f"{rep_id} did not act in time"
        request_rep(
            transition,
            distribution.group_id,
            why,
            (*distribution.tried, rep_id),
            campaign=distribution.campaign,
        )
    else:
        _fail_distribution(
            transition,
            distribution,
            tuple(
                RejectedCandidate(rep_id, RejectionReason.TRIED, "did not answer in time")
                for rep_id in distribution.reps
            ),
        )


def decline_offer(transition: Transition, rep_id: str) -> None:
    """Decline an offer for a rep. A ring continues with the other reps (R7, S1).

    If no rep remains, an offer to one rep passes to the next rep, and a ring has failed.
    """
    distribution = _open_distribution(transition)
    why = f"{rep_id} declined"
    remaining = tuple(other for other in distribution.reps if other != rep_id)
    if remaining:
        transition.update(
            open_distribution=replace(distribution, reps=remaining, tried=(*distribution.tried, rep_id))
        )
        transition.emit(
            OfferDeclined(
                rep_id=rep_id,
                epoch=distribution.epoch,
                why=why,
                remaining=remaining,
                group_id=distribution.group_id,
            )
        )
        return
    _end_offer(transition, distribution, Outcome.DECLINED, distribution.reps, why)
    if distribution.stage is DistributionStatus.OFFERED:
        request_rep(
            transition,
            distribution.group_id,
            why,
            (*distribution.tried, rep_id),
            campaign=distribution.campaign,
        )
    else:
        declined = (*distribution.tried, rep_id)
        _fail_distribution(
            transition,
            distribution,
            tuple(
                RejectedCandidate(declined_rep, RejectionReason.TRIED, "declined")
                for declined_rep in declined
            ),
        )


def accept_offer(transition: Transition, rep_id: str, why: str) -> None:
    """Make a rep with an open offer the owner. The first to act wins (R3, S1, S5)."""
    distribution = _open_distribution(transition)
    transition.assign_owner(
        rep_id, distribution.method or "round_robin", f"group/{distribution.group_id}", why
    )


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
    distribution = transition.lead.open_distribution
    if distribution is None or distribution.epoch != answer.epoch or distribution.stage not in _AWAITING_REP:
        return _too_late(transition, answer)
    rings = isinstance(answer, RingStarted)
    reps = answer.reps if isinstance(answer, RingStarted) else (answer.rep_id,)
    for_good = isinstance(answer, OfferMade) and answer.window_seconds is None
    transition.update(
        open_distribution=replace(
            distribution,
            stage=DistributionStatus.RINGING if rings else DistributionStatus.OFFERED,
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
    distribution = transition.lead.open_distribution
    stage = _DELAYED.get(answer.reason) if answer.waits else None
    asking_stages = _AWAITING_REP if stage is None else _AWAITING_REP - {stage, DistributionStatus.WAITING}
    if distribution is None or distribution.epoch != answer.epoch or distribution.stage not in asking_stages:
        return _too_late(transition, answer)
    if stage is not None:
        transition.update(open_distribution=replace(distribution, stage=stage))
    else:
        failure = failure_of(transition.lead, answer)
        if distribution.stage is DistributionStatus.WAITING and failure == transition.lead.failed:
            return _too_late(transition, answer)
        round_kept = None if answer.waits else Round(distribution.campaign, distribution.tried)
        waiting = replace(distribution, stage=DistributionStatus.WAITING) if answer.waits else None
        transition.update(open_distribution=waiting, round=round_kept, failed=failure)
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
    distribution = transition.lead.open_distribution
    if (
        distribution is None
        or distribution.epoch != answer.epoch
        or not offered_to(transition.lead, answer.rep_id)
    ):
        return _too_late(transition, answer)
    remaining = tuple(rep_id for rep_id in distribution.reps if rep_id != answer.rep_id)
    if remaining:
        transition.update(open_distribution=replace(distribution, reps=remaining))
        transition.emit(
            OfferDeclined(
                rep_id=answer.rep_id,
                epoch=distribution.epoch,
                why=answer.why,
                remaining=remaining,
                decided_by_org=True,
                group_id=distribution.group_id,
            )
        )
        return None
    _end_offer(transition, distribution, Outcome.VOIDED, distribution.reps, answer.why)
    why = f"its offer was voided: {answer.why}"
    request_rep(transition, distribution.group_id, why, distribution.tried, campaign=distribution.campaign)
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
    transition: Transition, distribution: Distribution, outcome: Outcome, reps: tuple[str, ...], why: str
) -> None:
    transition.set_deadline(DeadlineKind.OFFER, None)
    transition.update(open_distribution=None)
    transition.emit(
        OfferEnded(
            group_id=distribution.group_id,
            epoch=distribution.epoch,
            outcome=outcome,
            why=why,
            reps=reps,
            method=distribution.method,
        )
    )


def _fail_distribution(
    transition: Transition, distribution: Distribution, explanation: tuple[RejectedCandidate, ...]
) -> None:
    """Record that a ring failed (S4, S5). The group's other reps are asked once one of them may have the lead (M5)."""
    transition.update(
        failed=Failure(UNANSWERED.get(distribution.method or "", "no_agents_answered"), explanation)
    )
    tried = (
        *distribution.tried,
        *(rep_id for rep_id in distribution.reps if rep_id not in distribution.tried),
    )
    why = "nobody answered: other reps of the group are asked once they may have it"
    request_rep(transition, distribution.group_id, why, tried, campaign=distribution.campaign, waits=True)


def _open_distribution(transition: Transition) -> Distribution:
    distribution = transition.lead.open_distribution
    if distribution is None:
        raise TypeError(f"{transition.lead.lead_id} is offered to nobody")
    return distribution


def _too_late(transition: Transition, answer: OrgAnswer) -> AnswerIgnored:
    distribution = transition.lead.open_distribution
    now = (
        f"{distribution.stage} under epoch {distribution.epoch}"
        if distribution
        else f"it is {transition.lead.phase}"
    )
    return AnswerIgnored(answer=str(answer.__struct_config__.tag), epoch=answer.epoch, why=now)
