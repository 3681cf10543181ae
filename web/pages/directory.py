"""Serves the directory: reps, groups, campaigns and settings. Admins edit them, managers see them (R1, R4, R9, X2)."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from models.geography import STATE_CODES
from web.auth import ADMINS, MANAGERS, Access, PartsOf, Person
from web.errors import not_found
from web.pages.page_context import data, render
from web.services.directory_objects import accounts_of, all_objects
from web.services.directory_tables import publications, rep_rows, teams
from web.services.first_steps import first_steps
from web.services.look_alike_objects import look_alikes
from web.services.outcome_labels import org_outcomes
from web.services.rule_fields import org_fields

router = APIRouter(include_in_schema=False)
Writes = Annotated[Person, Depends(Access("directory:write", ADMINS))]
Reads = Annotated[Person, Depends(Access("directory:read", MANAGERS))]

SECTIONS: Final = {
    "reps": ("rep", "Reps", "rep"),
    "groups": ("group", "Groups", "group"),
    "campaigns": ("campaign", "Campaigns", "campaign"),
    "settings": ("settings", "Settings", "settings"),
}
"""Part of the address -> kind, heading, and the word for one object."""

TABS: Final = {name: heading for name, (_, heading, _) in SECTIONS.items()} | {"teams": "Teams"}
"""Part of the address -> label of its tab."""


def tabs_of(person: Person) -> dict[str, str]:
    """Return the tabs that a person sees: only admins import."""
    return TABS | ({"import": "Import a file"} if person.role in ADMINS else {})


@router.get("/directory")
async def first(_: Reads) -> Response:
    """Redirect to the reps."""
    return RedirectResponse("/directory/reps", 303)


@router.get("/directory/teams")
async def teams_page(request: Request, person: Reads, parts: PartsOf) -> Response:
    """Show the teams: they are not published by themselves, but named by reps and views."""
    shown = teams(parts.directory.org(person.org))
    return render(request, person, "directory_teams.html", section="teams", tabs=tabs_of(person), teams=shown)


@router.get("/directory/import")
async def import_page(request: Request, person: Writes) -> Response:
    """Show the form of a directory file. The page reads and publishes the file by the API."""
    return render(request, person, "directory_import.html", section="import", tabs=tabs_of(person))


@router.get("/directory/{section}")
@router.get("/directory/{section}/{object_id:path}")
async def directory(
    request: Request, person: Reads, parts: PartsOf, section: str, object_id: str | None = None
) -> Response:
    """Show the objects of a section, and one of them to view or change."""
    if section not in SECTIONS:
        raise not_found(f"part {section} of the directory")
    kind, heading, noun = SECTIONS[section]
    everything, accounts = all_objects(parts, person), await accounts_of(parts, person)
    rules = parts.directory.org(person.org)
    listed: dict[str, Any] = {}
    if object_id is None and kind != "settings":
        listed = {"published": await publications(parts, person, kind)}
        listed["reps"] = await rep_rows(parts, person) if kind == "rep" else {}
    values = {key: published.value for key, published in rules.objects.items() if published.value is not None}
    shown = {
        "listed": listed,
        "twins": [look_alike.text for look_alike in look_alikes(values, kind)] if kind != "settings" else [],
        "kind": kind,
        "section": section,
        "id": "settings" if kind == "settings" else object_id,
        "objects": [published_object.model_dump(mode="json") for published_object in everything.objects],
        "may_write": person.role in ADMINS,
        "states": sorted(STATE_CODES),
        "outcomes": org_outcomes(rules),
        "emails": {account.rep_id: account.email for account in accounts},
        "second_factors": [account.rep_id for account in accounts if account.has_second_factor],
    }
    return render(
        request,
        person,
        "directory.html",
        section=section,
        tabs=tabs_of(person),
        heading=heading,
        noun=noun,
        may_write=person.role in ADMINS,
        steps=await first_steps(parts, person) if object_id is None else [],
        directory_data=data(shown),
        fields_data=data(org_fields(rules, derived=True)),
    )
