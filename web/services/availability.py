"""Reads and sets whether a rep is offered leads: available, one last lead, or paused. The rep or a manager sets it.

The org's machine decides what follows from the choice (R9). Whether the last lead was had is read from the CRM
database, for people to see.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import Field
from sqlalchemy import Connection

from models.moments import instant
from models.roster import AVAILABLE, LAST_LEAD, PAUSED
from rules.queues.rule_book import OrgRules
from sink import day_reports
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.crm_query import ask
from web.services.notify_choice import publish_rep

Choice = Literal["available", "last_lead", "paused"]
WORDS: Final[dict[str, str]] = {
    AVAILABLE: "Available",
    LAST_LEAD: "One last lead",
    PAUSED: "Paused",
}
"""The choices in the order in which they are shown, with their labels."""


class Availability(Model):
    """A rep's choice. `at`: when it was made; null: never. `had_last`: the rep had its last lead, so it is paused."""

    availability: Choice = AVAILABLE
    at: datetime | None = None
    had_last: bool = Field(default=False, description="Only with `last_lead`")


def chosen_availability(rules: OrgRules, rep_id: str) -> Availability:
    """Return what a rep chose, as published, without whether the last lead was had."""
    published = rules.objects.get(("rep", rep_id))
    value = (published.value if published else None) or {}
    at = value.get("availability_at")
    return Availability(availability=value.get("availability", AVAILABLE), at=instant(at))


def with_last(choice: Availability, last_at: datetime | None) -> Availability:
    """Return a choice with whether the last lead was had. `last_at`: when the rep last got a lead."""
    had = (
        choice.availability == LAST_LEAD
        and last_at is not None
        and (choice.at is None or last_at > choice.at)
    )
    return choice.model_copy(update={"had_last": had})


async def availability(parts: Services, org: str, rep_id: str) -> Availability:
    """Return a rep's choice."""
    return (await availabilities(parts, parts.directory.org(org), [rep_id]))[rep_id]


async def availabilities(parts: Services, rules: OrgRules, rep_ids: Sequence[str]) -> dict[str, Availability]:
    """Return rep -> choice. The database is asked only for reps who chose one last lead."""
    choices = {rep_id: chosen_availability(rules, rep_id) for rep_id in rep_ids}
    last_lead_reps = [rep_id for rep_id, choice in choices.items() if choice.availability == LAST_LEAD]
    if not last_lead_reps:
        return choices
    last = await ask(parts, lambda connection: last_leads(connection, rules.org, last_lead_reps))
    return {rep_id: with_last(choice, last.get(rep_id)) for rep_id, choice in choices.items()}


def last_leads(connection: Connection, org: str, rep_ids: Sequence[str]) -> Mapping[str, datetime]:
    """Return when each of these reps last got a lead. A rep who never got one is missing."""
    return day_reports.last_assigned(connection, org, rep_ids) if rep_ids else {}


async def choose(parts: Services, person: Person, rep_id: str, choice: Choice) -> Availability:
    """Publish a rep's choice. All else that is published of the rep stays. Raises 404 without such a rep, and 412."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")

    def change(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "availability": choice, "availability_at": at}

    await publish_rep(parts, person.as_actor, rep_id, change)
    return await availability(parts, person.org, rep_id)


def paused_words(choice: Availability) -> str | None:
    """Return why a rep gets no offers by its own choice; None if it gets them."""
    if choice.availability == PAUSED:
        return "paused"
    return "paused after the last lead" if choice.had_last else None
