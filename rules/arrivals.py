"""What an arrival makes of a lead: a new one, the same once more, or another inquiry of a person who is known (R6).

Which of these, the org has decided (`rules.org.arrivals`); here the lead takes it in. What does not exceed the highest
place the lead has heard from its org is a repeat, and changes nothing.
"""

from datetime import datetime

from msgspec.structs import replace

from models.decisions import (
    AnswerIgnored,
    ArrivalRepeated,
    InquiryAdded,
    LeadAccepted,
    MergedInto,
    SuppressionRecorded,
)
from models.events import ArrivalMerged, LeadArrived, SuppressionChanged
from models.facts import ITS_ARRIVAL, Facts, completed
from models.lead import Failure, Lead, Phase
from models.offers import Rejected, Why
from models.persons import Inquiry
from rules.book import OrgRules
from rules.seeking import seek
from rules.standing import ORPHANED
from rules.turn import Turn

_AT_REST = frozenset({Phase.QUEUED, Phase.EXCEPTION, Phase.IGNORED, Phase.CLOSED})
"""Where a lead without an owner is distributed again; elsewhere somebody has it in hand."""


def begin(event: LeadArrived, at: datetime, rules: OrgRules) -> Turn:
    """Make a lead of an arrival, and send it on its way."""
    lead = Lead(
        lead_id=event.lead_id,
        facts=event.facts,
        phase=Phase.QUEUED,
        arrived_at=at,
        updated_at=at,
        placed=event.place,
    )
    turn = Turn(lead=lead, at=at, rules=rules, began=None)
    turn.say(LeadAccepted())
    _bar(turn, event.barred)
    _distribute(turn, event.facts, "it arrived", "it arrived assigned (R5)")
    return turn


def again(turn: Turn, event: LeadArrived) -> AnswerIgnored | None:
    """Take a resend, which at most completes the lead, or another inquiry; say so if it was told before."""
    if stale := _stale(turn, event.place, "lead_arrived"):
        return stale
    inquiry = event.inquiry
    if inquiry is not None and not inquiry.again:
        _inquire(turn, event, inquiry)
        return None
    filled = _complete(turn, event.facts, ITS_ARRIVAL if inquiry is not None else frozenset())
    _bar(turn, event.barred)
    if turn.lead is not turn.began:
        turn.become(placed=event.place)
    turn.say(ArrivalRepeated(filled=filled))
    return None


def merged(lead: Lead | None, event: ArrivalMerged) -> MergedInto | AnswerIgnored:
    """Say where an arrival went that is no lead of its own; one that became a lead after all stays it."""
    if lead is not None:
        return AnswerIgnored(answer="arrival_merged", epoch=0, why="it is a lead of its own")
    return MergedInto(into=event.into, why=event.why)


def suppress(turn: Turn, event: SuppressionChanged) -> AnswerIgnored | None:
    """X6: take note that a handle of the lead is on the do-not-contact list, or not any more."""
    if stale := _stale(turn, event.place, "suppression_changed"):
        return stale
    known = turn.lead.suppressed
    if event.reason is None and event.handle in known:
        left = {handle: reason for handle, reason in known.items() if handle != event.handle}
        turn.become(suppressed=left)
        why = "it was taken off the do-not-contact list"
        turn.say(SuppressionRecorded(handle=event.handle, reason=None, why=why))
    elif event.reason is not None:
        _bar(turn, {event.handle: event.reason})
    if turn.lead is turn.began:
        return AnswerIgnored(answer="suppression_changed", epoch=0, why="the lead has it so already")
    turn.become(placed=event.place)
    return None


def _stale(turn: Turn, place: int, what: str) -> AnswerIgnored | None:
    if not 0 <= place <= turn.lead.placed:
        return None
    why = f"place {place} was told before; it is {turn.lead.placed} now"
    return AnswerIgnored(answer=what, epoch=0, why=why)


def _inquire(turn: Turn, event: LeadArrived, inquiry: Inquiry) -> None:
    """Add an inquiry: an active owner keeps the lead and is told; without one it is distributed again (R6)."""
    turn.expire()
    facts, owner = event.facts, turn.lead.owner
    active = owner is not None and not turn.rules.has_left(owner)
    reopened = turn.lead.phase is Phase.CLOSED
    filled = _complete(turn, facts, ITS_ARRIVAL)
    if facts.silenced and not turn.lead.facts.silenced:
        turn.become(facts=replace(turn.lead.facts, silenced=True))  # whoever asked for silence is not called
        filled = (*filled, "silenced")
    turn.become(inquiries=turn.lead.inquiries + 1, placed=event.place)
    turn.say(
        InquiryAdded(
            inquiry_id=inquiry.inquiry_id,
            vendor=facts.vendor,
            campaign=facts.campaign,
            external_id=facts.external_id,
            rep_id=owner if active else None,
            why=f"{inquiry.why}; {_outcome(turn, owner if active else None)}",
            reopened=reopened,
            filled=filled,
        )
    )
    _bar(turn, event.barred)
    if not active:
        _place_anew(turn, facts, owner)
    elif reopened:
        turn.become(phase=Phase.OWNED, taken=turn.next_epoch())


def _outcome(turn: Turn, active: str | None) -> str:
    lead = turn.lead
    if active is not None:
        return f"{active} keeps it" if lead.phase is not Phase.CLOSED else f"it is {active}'s again"
    if lead.owner is not None:
        return f"{lead.owner} has left, so it is distributed again"
    if lead.phase in _AT_REST:
        return "nobody owns it, so it is distributed again"
    if lead.lock is not None:
        return f"{lead.lock.rep_id} has it open"
    return "it is being distributed already"


def _place_anew(turn: Turn, facts: Facts, owner: str | None) -> None:
    """Distribute a lead by its new inquiry, unless somebody has it in hand; the round begins anew (R8)."""
    if owner is not None:
        why = f"{owner} has left"
        turn.disown("orphaned", why)
        turn.become(failed=Failure(ORPHANED, (Rejected(owner, Why.INACTIVE, why),)))
    elif turn.lead.phase not in _AT_REST:
        return
    if turn.lead.phase in (Phase.IGNORED, Phase.CLOSED):
        turn.become(phase=Phase.QUEUED)
    _distribute(turn, facts, "it inquired once more", "its new inquiry arrived assigned (R5, R6)")


def _distribute(turn: Turn, facts: Facts, why: str, assigned: str) -> None:
    """Give a lead to the rep its arrival names, or else ask its campaign's group for one."""
    rules, rep_id = turn.rules, facts.assigned_to
    campaign, group = rules.route(facts)
    if campaign is not None:
        distribution = group.method if group else None
        turn.become(distribution=distribution, description=campaign.description or None)
    if rep_id and (not rules.reps or rules.role(rep_id)):
        turn.own(rep_id, "pre_assigned", f"vendor/{facts.vendor}", assigned)
    elif campaign is not None and group is not None and group.takes:
        turn.stop_seeking(why)
        seek(turn, group.group_id, f"{why} through campaign {campaign.campaign_id}")


def _complete(turn: Turn, sent: Facts, without: frozenset[str]) -> tuple[str, ...]:
    """Fill what the lead lacks, and return the names of it."""
    known = turn.lead.facts
    facts = completed(known, sent, without=without)
    filled = tuple(name for name in facts.__struct_fields__ if getattr(facts, name) != getattr(known, name))
    if filled:
        turn.become(facts=facts)
    return filled


def _bar(turn: Turn, barred: dict[str, str]) -> None:
    """X6: keep what of a lead is on the do-not-contact list."""
    news = {handle: why for handle, why in barred.items() if turn.lead.suppressed.get(handle) != why}
    if not news:
        return
    turn.become(suppressed={**turn.lead.suppressed, **news})
    for handle, reason in news.items():
        why = f"it is on the do-not-contact list: {reason}"
        turn.say(SuppressionRecorded(handle=handle, reason=reason, why=why))
