"""What a lead and its org tell each other: the records of either journal name the events of the other's log.

The same record always gives the same events, so whoever carries them may repeat itself. An org knows a repeat by the
record's number (`OrgStep.mark`), a lead by the epoch its answer names.
"""

from typing import Final

from msgspec.structs import replace

from models.decisions import LeadClosed, OfferDeclined, OfferEnded, OwnerChanged, RepSought
from models.events import OrgAnswered
from models.lead import Lead, LeadRow
from models.offers import LeadOrphaned, NoRepAvailable, OfferMade, OfferVoided, Outcome, RingStarted
from models.org import LeadClosed as OrgLeadClosed
from models.org import LeadTaken, OfferSettled, OrgEvent, RepRequested
from models.org_decisions import OrgStep

ANSWERS: Final = (OfferMade, RingStarted, NoRepAvailable, OfferVoided, LeadOrphaned)


def to_org(row: LeadRow) -> list[OrgEvent]:
    """Return what a lead's row tells its org, in order: what it asks, how its offers end, who has it."""
    lead = row.lead
    if lead is None:
        return []
    told: list[OrgEvent] = []
    owned = any(isinstance(decision, OwnerChanged) for decision in row.decisions)
    common = {"cause": row.cause, "org": lead.facts.org, "lead_id": lead.lead_id}
    for decision in row.decisions:
        match decision:
            case RepSought():
                told.append(
                    RepRequested(
                        **common,
                        epoch=decision.epoch,
                        group_id=decision.group_id,
                        lead=_asking(lead),
                        tried=decision.tried,
                    )
                )
            case OfferEnded() if not owned:  # an owner settles every offer
                told.append(OfferSettled(**common, epoch=decision.epoch, outcome=decision.outcome))
            case OfferDeclined() if not decision.told_by_org:
                told.append(
                    OfferSettled(
                        **common, epoch=decision.epoch, outcome=Outcome.DECLINED, rep_id=decision.rep_id
                    )
                )
            case _:
                pass
    if owned and lead.owner is not None:
        told.append(LeadTaken(**common, epoch=lead.taken, rep_id=lead.owner))
    if lead.owner is not None and any(isinstance(decision, LeadClosed) for decision in row.decisions):
        told.append(OrgLeadClosed(**common, epoch=lead.epoch))
    return told


def to_leads(step: OrgStep) -> list[OrgAnswered]:
    """Return what an org's step tells leads, in order."""
    return [
        OrgAnswered(lead_id=decision.lead_id, cause=f"org/{step.org}/{step.off}/{n}", answer=decision)
        for n, decision in enumerate(step.decisions)
        if isinstance(decision, ANSWERS)
    ]


def _asking(lead: Lead) -> Lead:
    """Return a lead as filters and licences need it."""
    return replace(lead, places={}, deadlines=(), search=None, failed=None, trouble=None)
