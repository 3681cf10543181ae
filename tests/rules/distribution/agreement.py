"""Checks that leads and their org know the same of each other in a test."""

from collections.abc import Mapping
from typing import Final

from models.lead import DistributionStatus, Lead, LeadRow, Phase
from models.org_rows import OrgLeadStatus
from rules.lead.waiting import is_to_be_asked
from rules.org.org_partition import OrgPartition
from rules.org.state import OrgState
from rules.org.stuck_waiting import stuck_waiting
from rules.queues.rule_book import OrgRules

_STANDS: Final = {
    DistributionStatus.OFFERED: OrgLeadStatus.OFFERED,
    DistributionStatus.RINGING: OrgLeadStatus.RINGING,
    DistributionStatus.PAUSED: OrgLeadStatus.WAITING,
    DistributionStatus.IN_LINE: OrgLeadStatus.WAITING,
    DistributionStatus.WAITING: OrgLeadStatus.WAITING,
}
"""The state of a lead's distribution -> its stage in the org."""


def check_agreement(orgs: OrgPartition, org: OrgState, rows: Mapping[str, LeadRow], rules: OrgRules) -> None:
    """Check that leads and org know the same, which they do when all messages are delivered (X7).

    No lead waits although a rep may have it (M5).
    """
    expected = {}
    assert not list(stuck_waiting(orgs)), "a waiting lead is offered once a rep may have it (M5)"
    assert not [name for name, row in rows.items() if row.lead and is_to_be_asked(row.lead, rules)]
    for name, row in rows.items():
        if row.lead is not None and (stand := expected_in_org(row.lead)) is not None:
            expected[name] = stand
    actual = {
        name: (row.stage, row.epoch, tuple(sorted(hold.rep_id for hold in row.holds)))
        for name, row in org.leads.items()
    }
    assert actual == expected, "the org knows of each lead what the lead knows (X7)"
    assert not any(rep.places for rep in org.reps.values()), "each reserved place was used or returned (M6)"
    leads = {name: row.lead for name, row in rows.items() if row.lead is not None}
    counted = {name: lead.inquiries for name, lead in leads.items() if lead.merged is None}
    assert org.persons.arrivals() == counted, "each arrival is exactly one lead's (R6)"
    for name in rows:
        if (lead_id := org.persons.lead_of(name)) is not None:
            assert counting_lead(rows, name) == lead_id, "ids lead to the lead that counts (K5)"


def counting_lead(rows: Mapping[str, LeadRow], name: str) -> str:
    """Return the lead that counts for an id, as the leads say themselves."""
    for _ in rows:
        row = rows[name]
        merged = row.lead.merged if row.lead else None
        into = merged.into if merged else row.merged_into
        if into is None:
            return name
        name = into
    raise AssertionError("the ids go in a circle")


def expected_in_org(lead: Lead) -> tuple[OrgLeadStatus, int, tuple[str, ...]] | None:
    """Return how the org must hold a lead: stage, epoch, and whose capacity it takes; None if not at all."""
    if lead.phase is Phase.CLOSED:
        return None
    if lead.owner is not None:
        return OrgLeadStatus.HELD, lead.owned_epoch, (lead.owner,)
    if lead.open_distribution is None:
        return None
    assert lead.open_distribution.stage is not DistributionStatus.REQUESTED, "a lead that asks is answered"
    return (
        _STANDS[lead.open_distribution.stage],
        lead.open_distribution.epoch,
        tuple(sorted(lead.open_distribution.reps)),
    )
