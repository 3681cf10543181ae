"""Checks that the CRM's tables `inquiry` and `lead_alias` agree with the journal (K4, K5)."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from assurance.verify.findings import Findings
from models.decisions import InquiryAdded
from models.lead import LeadRow
from models.merging_decisions import InquirySplit
from sink.rows import replace_nul
from sink.tables import InquiryTable, LeadAliasTable

INQUIRY: Final = (
    InquiryTable.inquiry_id,
    InquiryTable.lead_id,
    InquiryTable.org,
    InquiryTable.vendor,
    InquiryTable.campaign,
    InquiryTable.at,
    InquiryTable.facts,
)
ALIAS: Final = (LeadAliasTable.alias_id, LeadAliasTable.lead_id)


class RecordedInquiry(msgspec.Struct, frozen=True, gc=False):
    """One inquiry as its lead's record has it. `facts`: the hash of its facts."""

    org: str
    vendor: str
    campaign: str | None
    at: datetime
    facts: int


class JoinedIds(msgspec.Struct):
    """What the journal says of ids that belong to other leads.

    `inquiries`: (inquiry id, lead id) -> the inquiry, for those that the lead still has. `aliases`: id -> its lead.
    """

    inquiries: dict[tuple[str, str], RecordedInquiry] = {}
    aliases: dict[str, str] = {}


def note_inquiries(joined: JoinedIds, lead_id: str, row: LeadRow) -> None:
    """Remember which inquiries a journal record adds and takes out, and to which lead its own id belongs."""
    lead = row.lead
    merged = lead.merged.into if lead is not None and lead.merged is not None else None
    into = merged or row.merged_into
    if into is None:
        joined.aliases.pop(lead_id, None)
    else:
        joined.aliases[lead_id] = into
    if lead is None:
        return
    for decision in row.decisions:
        if isinstance(decision, InquiryAdded):
            facts = {} if decision.facts is None else msgspec.to_builtins(decision.facts)
            org, vendor, campaign = lead.facts.org, decision.vendor, decision.campaign
            joined.inquiries[decision.inquiry_id, lead_id] = RecordedInquiry(
                org, replace_nul(vendor), replace_nul(campaign), row.at, _hash(replace_nul(facts))
            )
        elif isinstance(decision, InquirySplit):
            joined.inquiries.pop((decision.inquiry_id, lead_id), None)


def check_inquiries(
    rows: Iterable[Any],
    joined: JoinedIds,
    findings: Findings,
    *,
    cut: datetime,
    erased: Collection[str] = (),
) -> int:
    """Compare the rows of `inquiry` with the journal. Return how many there are.

    `cut`: the journal may lack inquiries from before this time, and they are not reported as unasked. `erased`: leads
    whose inquiries have no facts in the table any more.
    """
    unmatched, count = dict(joined.inquiries), 0
    for inquiry_id, lead_id, *stored, facts in rows:
        count += 1
        expected = unmatched.pop((inquiry_id, lead_id), None)
        if expected is None:
            if stored[-1] > cut:
                findings.suspect("crm_unasked", lead_id, table="inquiry", inquiry=inquiry_id)
            continue
        expected_values = (expected.org, expected.vendor, expected.campaign, expected.at)
        same = facts == {} if lead_id in erased else _hash(facts) == expected.facts
        if tuple(stored) != expected_values or not same:
            findings.suspect("crm_differs", lead_id, table="inquiry", inquiry=inquiry_id)
    for inquiry_id, lead_id in sorted(unmatched):
        findings.suspect("crm_missing", lead_id, table="inquiry", inquiry=inquiry_id)
    return count


def check_aliases(rows: Iterable[Any], joined: JoinedIds, findings: Findings) -> int:
    """Compare the rows of `lead_alias` with the newest records. Return how many there are."""
    unmatched, count = dict(joined.aliases), 0
    for alias_id, lead_id in rows:
        count += 1
        expected = unmatched.pop(alias_id, None)
        if expected is None:
            findings.suspect("crm_unasked", alias_id, table="lead_alias", lead=lead_id)
        elif expected != lead_id:
            findings.suspect("crm_differs", alias_id, table="lead_alias", lead=lead_id, expected=expected)
    for alias_id in sorted(unmatched):
        findings.suspect("crm_missing", alias_id, table="lead_alias", lead=unmatched[alias_id])
    return count


def _hash(facts: Any) -> int:
    return hash(msgspec.json.encode(facts, order="deterministic"))
