"""Serves My Leads: a rep's own leads, or all leads of the org for managers (S6), and assigning by hand (D6)."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from sink.lists.listings import LEAD_COLUMNS, LEADS
from web.auth import Access, PartsOf, Person
from web.pages.page_context import data, render
from web.services.list_params import described_columns
from web.services.outcome_labels import org_outcomes
from web.services.possible_owners import ALL_MOVES, OWNERS_MOVES, may_move_leads
from web.services.rule_fields import org_fields

router = APIRouter(include_in_schema=False)

COLUMNS: Final = "my-leads-columns"
"""The preference that holds the person's columns, in order: `{"columns": [...]}`."""


@router.get("/my-leads")
async def my_leads(
    request: Request, person: Annotated[Person, Depends(Access("leads:read"))], parts: PartsOf
) -> Response:
    """Show the list. The address has its filters, and the person's preference has its columns."""
    chosen = await asyncio.to_thread(parts.preferences.get, person.org, person.rep_id, COLUMNS)
    names = chosen.get("columns")
    columns = [name for name in names if name in LEADS.by_name] if isinstance(names, list) else []
    rules = parts.directory.org(person.org)
    shown = {
        "api": "/api/v1/leads",
        "oversees": person.oversees,
        "columns": described_columns(LEADS),
        "visible": columns or LEAD_COLUMNS,
        "usual": LEAD_COLUMNS,
        "preference": COLUMNS,
        "sort": LEADS.sort,
        "outcomes": org_outcomes(rules),
        "campaigns": [
            [campaign.campaign_id, campaign.name or campaign.campaign_id]
            for campaign in rules.campaigns.values()
        ],
    }
    fields = data(org_fields(rules, derived=True)) if person.oversees else ""
    moves = ALL_MOVES if person.oversees else OWNERS_MOVES if may_move_leads(person, rules) else ()
    return render(request, person, "my_leads.html", list_data=data(shown), fields=fields, moves=moves)
