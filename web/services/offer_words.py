"""Writes what a rep sees of an offer besides the lead's facts: the campaign's name and the reason (R3, S1)."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import Field
from sqlalchemy import Connection, select

from models.public import MINE
from rules.queues.rule_book import OrgRules
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.crm_query import ask
from web.services.names import Names
from web.services.visible_queues import queue_leads_from

MAX_OFFERS: Final = 50
"""The most offers that one answer describes. They stand at the top of a rep's own queue."""
COMPETING: Final = frozenset({"ring_all", "distribute_all"})
"""The methods that offer a lead to several reps, who see only its name (S1, S5)."""
REASONS: Final[Mapping[str, str]] = {
    "round_robin": "It is your turn in the group {group}.",
    "roster": "You are next on the roster of the group {group}.",
    "ring_all": "It rings for everybody in the group {group}.",
    "distribute_all": "It is offered to everybody in the group {group}.",
}
"""Method of a group -> why a rep is offered a lead."""


class OfferWords(Model):
    """What is said of one offer."""

    campaign: str | None = Field(
        description="The campaign's name; null without one, for offers to several reps (S1), and for a moment until "
        "the database has the lead"
    )
    reason: str = Field(description="Why the lead is offered to the caller")


async def offer_words(parts: Services, person: Person) -> dict[str, OfferWords]:
    """Return lead -> words, for the offers that a person has now."""
    page, _ = await queue_leads_from(parts, person, MINE, start=0, limit=MAX_OFFERS)
    offers = {row.lead_id: row.columns for row in page.rows if row.columns.get("offer")}
    alone = [lead_id for lead_id, columns in offers.items() if columns.get("method") not in COMPETING]
    campaigns = (
        await ask(parts, lambda connection: _campaigns(connection, person.org, alone)) if alone else {}
    )
    rules = parts.directory.org(person.org)
    return {lead_id: words_of(rules, columns, campaigns.get(lead_id)) for lead_id, columns in offers.items()}


def words_of(rules: OrgRules, columns: Mapping[str, Any], campaign_id: str | None) -> OfferWords:
    """Return the words of an offer in a rep's own queue."""
    campaign = rules.campaigns.get(campaign_id or "")
    reason = REASONS.get(columns.get("method") or "", "It is offered through the group {group}.")
    return OfferWords(
        campaign=(campaign.name if campaign else "") or campaign_id,
        reason=reason.format(group=Names(rules).group(columns.get("group_id") or "")),
    )


def _campaigns(connection: Connection, org: str, lead_ids: Collection[str]) -> dict[str, str | None]:
    query = select(LeadTable.lead_id, LeadTable.campaign).where(
        LeadTable.org == org, LeadTable.lead_id.in_(lead_ids)
    )
    return {row.lead_id: row.campaign for row in connection.execute(query)}
