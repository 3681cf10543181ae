"""Serves the page on which a manager uploads a file of leads (V1, V4)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from application.importing.mapping import FIELDS
from models.field_names import FULL_NAME
from web.auth import MANAGERS, Access, PartsOf, Person
from web.pages.page_context import data, render
from web.services.field_labels import field_label

router = APIRouter(include_in_schema=False)


@router.get("/uploads")
async def uploads(
    request: Request, person: Annotated[Person, Depends(Access("leads:act", MANAGERS))], parts: PartsOf
) -> Response:
    """Show the form. The page reads the file by the API."""
    rules = parts.directory.org(person.org)
    campaigns = sorted(rules.campaigns.values(), key=lambda campaign: campaign.name or campaign.campaign_id)
    labels = {name: field_label(name) for name in (FULL_NAME, *FIELDS) if name != "org"}
    return render(
        request,
        person,
        "uploads.html",
        campaigns=campaigns,
        vendors=sorted({campaign.vendor for campaign in campaigns if campaign.vendor}),
        upload_data=data({"fields": labels}),
    )
