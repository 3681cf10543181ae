"""Shows who would get a lead now and why nobody else would. The engine's own code decides on the current state (X5).

Nothing is written. The lead's and its org's code get the events that would happen, and their decisions are shown.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from application.journal_snapshot import current_org_partition, journal_now, partition_of_key
from models.decisions import InquiryAdded
from models.events import LeadArrived, OrgAnswered
from models.facts import Facts
from models.lead import Lead, LeadRow, Phase
from models.offer_decisions import RepSought
from models.offers import NoRepAvailable, OfferMade, RingStarted
from models.org_decisions import OrgStep, explain_rejected
from models.org_events import PersonArrived
from models.org_rows import OrgLead, OrgLeadStatus
from rules.inbound.intake import accept_arrival, accept_as
from rules.lead.distribution import request_rep
from rules.lead.lead_partition import LeadPartition
from rules.lead.settlement import EXPLAINED_QUEUES, settle
from rules.lead.transition import Transition
from rules.org.allocate import method_of
from rules.org.capacity import release_lead
from rules.org.eligibility import Eligibility
from rules.org.machine import SLICE
from rules.org.org_partition import OrgPartition
from rules.org.transition import OrgTransition
from rules.outbound.lead_org_messages import to_leads, to_org
from rules.queues.rule_book import OrgRules, RuleBook
from streams.settings import Settings

_CAUSE = "route"
_LATER = "may have it, and comes later"


class RoutePreview(msgspec.Struct, frozen=True, kw_only=True):
    """Where a lead would go at `at`, or at the org's own time if that is later.

    `was`: phase and owner of a known lead now. `phase`: the phase it would have. `why`: the reason of the offer, or
    why there is none. `until`: the offer's end; without an offer, when time alone may bring one. `passed`: the reps
    that do not get it and the queues that do not take it, and why. `later`: the reps that come after those it is
    offered to. `inquiry`: what happens to a known person's lead if this is another inquiry of it (R6).
    """

    lead_id: str
    name: str
    at: datetime
    was: dict[str, str | None] | None
    campaign: str | None
    group: str | None
    method: str | None
    offered_to: tuple[str, ...]
    until: datetime | None
    why: str
    passed: tuple[dict[str, Any], ...]
    later: tuple[dict[str, Any], ...]
    queues: tuple[dict[str, Any], ...]
    phase: str
    inquiry: str | None = None


async def route_message(
    settings: Settings, value: bytes, at: datetime, org: str | None = None
) -> RoutePreview:
    """Route an arrival message; `org` where it names none. Raises `Refused` as intake would, `RetryableError`."""
    sent = _with_org(value, org)
    org_id = accept_arrival(sent, {}, arrived_at=at).org
    org_partition = await current_org_partition(settings, org_id)
    event = accept_as(org_partition.directory(org_id).settings, sent, {}, arrived_at=at)
    placed = placement(event, at, org_partition)
    journal = await journal_now(settings, partitions={0, partition_of_key(placed.lead_id, settings)})
    return arrival(placed, at, journal.rule_book, org_partition, journal.leads.get(placed.lead_id))


async def route_lead(settings: Settings, lead_id: str, at: datetime) -> RoutePreview | None:
    """Route a known lead as if it had no owner and asked its group again. None where there is no such lead."""
    journal = await journal_now(settings, partitions={0, partition_of_key(lead_id, settings)})
    lead = journal.leads.get(lead_id)
    if lead is None:
        return None
    return distributed_again(
        lead, at, journal.rule_book, await current_org_partition(settings, lead.facts.org)
    )


def placement(event: PersonArrived, at: datetime, org_partition: OrgPartition) -> LeadArrived:
    """Return which lead an arrival belongs to, as its org decides (R6)."""
    head = org_partition.decide(event, off=org_partition.highest + 1, at=max(at, org_partition.at)).records[
        0
    ][1]
    if not isinstance(head, OrgStep):
        raise TypeError("a step's first record is its head")
    return next(news for news in to_leads(head) if isinstance(news, LeadArrived))


def arrival(
    event: LeadArrived,
    at: datetime,
    rule_book: RuleBook,
    org_partition: OrgPartition,
    former: Lead | None = None,
) -> RoutePreview:
    """Route an arrival. `former`: its lead, if it exists; the arrival is then a resend or another inquiry (R6)."""
    at = max(at, org_partition.at)
    inquired = event.inquiry is not None and not event.inquiry.again
    before = LeadRow(off=0, seq=1, lead=former, at=at, cause=_CAUSE) if inquired and former else None
    row = _decide_event(before, event, at, rule_book)
    if row.lead is None:
        raise TypeError("what arrives is a lead")
    added = next((decision for decision in row.decisions if isinstance(decision, InquiryAdded)), None)
    if added is None:
        return _route(row.lead, at, rule_book, org_partition, former)
    moves = added.rep_id is None and row.lead.open_distribution is not None and former is not None
    if not moves or former is None or row.lead.open_distribution == former.open_distribution:
        return _stays_after_inquiry(row.lead, added, at, rule_book, former)
    return replace(_route(row.lead, at, rule_book, org_partition, former, event.facts), inquiry=added.why)


def distributed_again(
    lead: Lead, at: datetime, rule_book: RuleBook, org_partition: OrgPartition
) -> RoutePreview:
    """Route a lead as if nobody had it and it asked its group again. Reps tried in this round are left out (R8)."""
    at = max(at, org_partition.at)
    rules = rule_book.org(lead.facts.org)
    free_lead = replace(
        lead,
        phase=Phase.QUEUED,
        owner=None,
        how=None,
        via=None,
        assigned_at=None,
        owned_epoch=0,
        lock=None,
        open_distribution=None,
        failed=None,
        open_exception=None,
        deadlines=(),
    )
    transition = Transition(lead=free_lead, at=at, rules=rules, before_event=None)
    _, group = rules.route(lead.facts)
    if group is not None and group.takes:
        request_rep(
            transition,
            group.group_id,
            "it asks its group again",
            lead.open_distribution.tried if lead.open_distribution else (),
        )
    settle(transition)
    return _route(transition.lead, at, rule_book, org_partition, lead)


def _route(
    lead: Lead,
    at: datetime,
    rule_book: RuleBook,
    org_partition: OrgPartition,
    former: Lead | None,
    facts: Facts | None = None,
) -> RoutePreview:
    """Return where a lead goes. `facts`: an arrival's, if its campaign is used instead of the lead's."""
    rules = rule_book.org(lead.facts.org)
    campaign, group = rules.route(facts or lead.facts)
    fields: dict[str, Any] = {
        "lead_id": lead.lead_id,
        "name": lead.facts.prospect_name,
        "at": at,
        "was": {"phase": former.phase, "owner": former.owner} if former else None,
        "campaign": campaign.campaign_id if campaign else None,
        "group": group.group_id if group else None,
        "method": group.method if group else None,
        "offered_to": (),
        "until": None,
        "passed": (),
        "later": (),
    }
    if lead.owner is not None:
        fields |= {
            "offered_to": (lead.owner,),
            "method": lead.how,
            "why": f"it arrives assigned to {lead.owner} (R5)",
        }
    elif lead.open_distribution is not None:
        lead, found_by_org = _ask_org(lead, at, rule_book, org_partition)
        fields |= found_by_org
    else:
        fields |= {
            "why": _why_no_group_is_asked(rules, lead.facts),
            "passed": _queues_without_the_lead(rules, lead, at),
        }
    queues = tuple(
        {"queue_id": queue_id, "why": rules.explain(lead, queue_id, at)}
        for queue_id in sorted(lead.placements)
    )
    return RoutePreview(**fields, queues=queues, phase=lead.phase)


def _stays_after_inquiry(
    lead: Lead, added: InquiryAdded, at: datetime, rule_book: RuleBook, former: Lead | None
) -> RoutePreview:
    """Return that another inquiry leaves the lead in place or gives it an owner without asking its org (R6)."""
    rules = rule_book.org(lead.facts.org)
    return RoutePreview(
        lead_id=lead.lead_id,
        name=lead.facts.prospect_name,
        at=at,
        was={"phase": former.phase, "owner": former.owner} if former else None,
        campaign=added.campaign,
        group=lead.open_distribution.group_id if lead.open_distribution else None,
        method=lead.how if lead.owner else lead.distribution,
        offered_to=(lead.owner,)
        if lead.owner
        else lead.open_distribution.reps
        if lead.open_distribution
        else (),
        until=lead.open_distribution.until if lead.open_distribution else None,
        why=added.why,
        passed=() if lead.owner else _queues_without_the_lead(rules, lead, at),
        later=(),
        queues=tuple(
            {"queue_id": queue_id, "why": rules.explain(lead, queue_id, at)}
            for queue_id in sorted(lead.placements)
        ),
        phase=lead.phase,
        inquiry=added.why,
    )


def _ask_org(
    lead: Lead, at: datetime, rule_book: RuleBook, org_partition: OrgPartition
) -> tuple[Lead, dict[str, Any]]:
    """Send the lead's request to its org, and the answer to the lead. Return the lead and what was said."""
    distribution, org = lead.open_distribution, lead.facts.org
    if distribution is None:
        raise TypeError(f"{lead.lead_id} does not ask for a rep")
    hold = org_partition.state(org).leads.get(lead.lead_id)
    epoch = max(lead.epoch, hold.epoch + 1 if hold else 0)  # its current hold would be released
    lead = replace(lead, epoch=epoch, open_distribution=replace(distribution, epoch=epoch))
    sought = RepSought(group_id=distribution.group_id, epoch=epoch, why=_CAUSE, tried=distribution.tried)
    row = LeadRow(off=0, seq=1, lead=lead, at=at, cause=_CAUSE, decisions=(sought,))
    (request,) = to_org(row)
    head = org_partition.decide(request, off=org_partition.highest + 1, at=at).records[0][1]
    if not isinstance(head, OrgStep):
        raise TypeError("a step's first record is its head")
    message = next(
        message
        for message in to_leads(head)
        if isinstance(message, OrgAnswered)
        and message.lead_id == lead.lead_id
        and message.answer.epoch == epoch
    )
    after = _decide_event(row, message, at, rule_book).lead
    answer = message.answer
    found_by_org: dict[str, Any] = {}
    reps: tuple[str, ...] = ()
    match answer:
        case OfferMade(rep_id=rep_id):
            reps = (rep_id,)
            found_by_org = {"until": answer.due, "method": answer.method, "why": answer.why}
        case RingStarted():
            reps = answer.reps
            found_by_org = {"until": answer.due, "method": answer.method, "why": answer.why}
        case NoRepAvailable():
            waits = "; it waits, and is offered once somebody may have it" if answer.waits else ""
            found_by_org = {"until": answer.until, "why": f"{answer.reason}{waits}"}
        case _:
            raise TypeError(f"a request is not answered with {answer}")
    rejected = answer.explanation if isinstance(answer, NoRepAvailable) else answer.passed
    named_reps = {*reps, *(candidate.rep_id for candidate in rejected)}
    found_by_org |= {
        "offered_to": reps,
        "passed": explain_rejected(rejected),
        "later": _later(lead, at, org_partition, named_reps) if reps else (),
    }
    return after or lead, found_by_org


def _decide_event(
    before: LeadRow | None, event: LeadArrived | OrgAnswered, at: datetime, rule_book: RuleBook
) -> LeadRow:
    """Decide an event in a partition that has only this lead and these rules. Nothing is written."""
    leads, key = LeadPartition(0, rule_book=rule_book), event.lead_id.encode()
    if before is not None:
        leads.apply(key, before)
    outcome = leads.decide(key, event, off=1, at=at)
    if outcome is None or not isinstance(outcome.row, LeadRow):
        raise TypeError(f"{event.lead_id} has no row after its event")
    if outcome.failure is not None:
        raise outcome.failure
    return outcome.row


def _later(
    lead: Lead, at: datetime, org_partition: OrgPartition, named_reps: set[str | None]
) -> tuple[dict[str, Any], ...]:
    """Return the group's members that were not checked, and what would be said of each."""
    org, distribution = lead.facts.org, lead.open_distribution
    group = org_partition.directory(org).groups.get(distribution.group_id) if distribution else None
    if distribution is None or group is None:
        return ()
    transition = OrgTransition(org_partition.state(org), org_partition.directory(org), at, SLICE)
    if hold := transition.lead(lead.lead_id):
        release_lead(transition, hold, "the lead asks its group again")
    method = method_of(transition, group)
    row = OrgLead(
        lead_id=lead.lead_id,
        epoch=lead.epoch,
        stage=OrgLeadStatus.WAITING,
        since=at,
        tried=distribution.tried,
    )
    eligibility = Eligibility(transition, group, row, lead, rings=method is not None and method.rings)
    rows = []
    for rep_id in transition.line(group):
        if rep_id not in named_reps:
            refusal = eligibility.refusal(rep_id)
            rows.append({"rep_id": rep_id, "why": refusal.why if refusal else _LATER})
    return tuple(rows)


def _why_no_group_is_asked(rules: OrgRules, facts: Facts) -> str:
    """Return why a lead asks no group for a rep."""
    campaign, group = rules.route(facts)
    if campaign is None:
        sentence = f"campaign {facts.campaign} is not published" if facts.campaign else "it names no campaign"
        return f"{sentence}, and there is no default one"
    if group is not None:
        return f"group {group.group_id} leaves its leads to the queues"
    if campaign.group_id:
        return f"campaign {campaign.campaign_id} names group {campaign.group_id}, which is not published"
    return f"campaign {campaign.campaign_id} has no group"


def _queues_without_the_lead(rules: OrgRules, lead: Lead, at: datetime) -> tuple[dict[str, Any], ...]:
    """Return queues that do not take a lead, and why; at most `EXPLAINED_QUEUES`."""
    others = [queue_id for queue_id in sorted(rules.queues) if queue_id not in lead.placements]
    return tuple(
        {"queue_id": queue_id, "why": rules.explain(lead, queue_id, at)}
        for queue_id in others[:EXPLAINED_QUEUES]
    )


def _with_org(value: bytes, org: str | None) -> bytes:
    """Return a message with the given org, if it does not name one itself."""
    if org is None:
        return value
    try:
        sent = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value  # intake reports what is wrong with it
    if not isinstance(sent, dict) or sent.get("org") or "specversion" in sent:
        return value
    return msgspec.json.encode({**sent, "org": org})
