"""Checks that leads and their orgs agree, and that no lead is missing (X7, R9).

Only leads at rest are compared. Where one side has a message that the other has not read yet, they may differ for a
moment.
"""

from typing import Final

from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts, OrgLeadState
from models.lead import OWNED_PHASES, DistributionStatus, Lead, Phase
from models.org_rows import OrgLeadStatus

STAGES: Final = {
    DistributionStatus.OFFERED: OrgLeadStatus.OFFERED,
    DistributionStatus.RINGING: OrgLeadStatus.RINGING,
    DistributionStatus.PAUSED: OrgLeadStatus.WAITING,
    DistributionStatus.IN_LINE: OrgLeadStatus.WAITING,
    DistributionStatus.WAITING: OrgLeadStatus.WAITING,
}
"""The stage of a lead's distribution -> the stage that its org must have for it."""

CONSERVED: Final = {
    Phase.OWNED: "owned",
    Phase.WORKING: "owned",
    Phase.QUEUED: "queued",
    Phase.LOCKED: "queued",
    Phase.OFFERED: "offered",
    Phase.EXCEPTION: "exceptions",
    Phase.IGNORED: "ignored",
    Phase.CLOSED: "closed",
}
"""Phase -> its category in X7. A lead that a rep has open counts in the category from which it was opened."""
SHOWN: Final = 5


def check_orgs(journal_facts: JournalFacts, findings: Findings) -> None:
    """Compare each lead with its org's row, and each row with its lead."""
    unmatched = dict(journal_facts.org_leads)
    for lead_id, facts in journal_facts.leads.items():
        org = facts.lead.facts.org
        stored = unmatched.pop((org, lead_id), None)
        distribution = facts.lead.open_distribution
        if distribution is not None and distribution.stage is DistributionStatus.REQUESTED:
            findings.suspect(
                "org_silent", lead_id, org=org, group=distribution.group_id, epoch=distribution.epoch
            )
            continue
        expected = org_lead_of(facts.lead)
        if expected == stored:
            continue
        code = "org_missing" if stored is None else "org_unasked" if expected is None else "org_differs"
        findings.suspect(code, lead_id, org=org, org_lead=[_shown(stored), _shown(expected)])
    for (org, lead_id), org_lead in unmatched.items():
        findings.suspect("org_unasked", lead_id, org=org, org_lead=[_shown(org_lead), None])


def org_lead_of(lead: Lead) -> OrgLeadState | None:
    """Return what a lead's org must know of it. None for a lead that takes no capacity and does not wait."""
    if lead.owner is not None and lead.phase in OWNED_PHASES:
        return OrgLeadState(OrgLeadStatus.HELD, lead.owned_epoch, frozenset({lead.owner}))
    distribution = lead.open_distribution
    if distribution is None or distribution.stage not in STAGES:
        return None
    return OrgLeadState(STAGES[distribution.stage], distribution.epoch, frozenset(distribution.reps))


def check_conservation(journal_facts: JournalFacts, findings: Findings) -> None:
    """Check X7: leads in = owned + queued + offered + exceptions + ignored + closed, each lead in one of them.

    A lead that was merged into another one came in too, and is closed (K5).
    """
    sums: dict[str, int] = {}
    lead_ids = set(journal_facts.leads)
    for lead_id in lead_ids:
        kind = CONSERVED[journal_facts.leads[lead_id].lead.phase]
        sums[kind] = sums.get(kind, 0) + 1
    if sum(sums.values()) != len(journal_facts.arrived) or journal_facts.arrived != lead_ids:
        findings.add(
            "leads_do_not_add_up",
            "",
            leads_in=len(journal_facts.arrived),
            leads=sums,
            missing=sorted(journal_facts.arrived - lead_ids)[:SHOWN],
            unannounced=sorted(lead_ids - journal_facts.arrived)[:SHOWN],
        )


def check_persons(journal_facts: JournalFacts, findings: Findings) -> None:
    """Check R6: each arrival that an org placed belongs to one lead, as itself or as an inquiry, and is counted."""
    unmatched = dict(journal_facts.inquiries)
    for lead_id, facts in journal_facts.leads.items():
        if facts.lead.merged is not None:
            continue  # its arrivals count for the lead that it was merged into (K5)
        counted = unmatched.pop((facts.lead.facts.org, lead_id), None)
        if facts.lead.org_log_offset >= 0 and counted != facts.lead.inquiries:
            findings.suspect("inquiries_differ", lead_id, org_lead=[counted, facts.lead.inquiries])
    for (org, lead_id), counted in unmatched.items():
        findings.suspect("inquiries_differ", lead_id, org=org, org_lead=[counted, None])


def _shown(org_lead: OrgLeadState | None) -> list[object] | None:
    return None if org_lead is None else [str(org_lead.stage), org_lead.epoch, sorted(org_lead.reps)]
