"""Creates a lead that a person enters. It is checked like an arriving lead, then sent like a vendor's lead (S6, R5)."""

import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field, ValidationError

from application.importing.import_rows import encode
from models.errors import InvalidInput, Problem, Refused
from models.inbound import Arrival
from rules.inbound.intake import accept_arrival
from web.api.actions import Key, action_id
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, forbidden
from web.schemas import Model
from web.services.bulk_actions import until_stored

router = APIRouter(prefix="/api/v1", tags=["leads"], responses=DOCUMENTED)

VENDOR: Final = "console"
"""The vendor of every lead that a person enters."""
_Text = Annotated[str | None, Field(default=None, max_length=500)]


class NewLead(Model):
    """A prospect, with values as people write them: "(401) 419-4247", "Rhode Island", "$310,000".

    `assigned_to`: the first owner (R5). A lead that a rep enters belongs to that rep. Without it, a lead that a manager
    enters is distributed by its campaign.
    """

    first_name: _Text
    last_name: _Text
    email: _Text
    phone: _Text
    phone_extension: _Text
    state: _Text
    zip: _Text
    loan_purpose: _Text
    loan_amount: float | str | None = Field(default=None)
    credit_score: int | str | None = Field(default=None)
    property_type: _Text
    campaign: _Text
    silenced: bool | None = None
    consent: bool | None = None
    assigned_to: _Text


class CreatedLead(Model):
    """The lead that was sent. `there`: whether the lists already show it; otherwise they will show it soon."""

    lead_id: str
    there: bool


@router.post("/leads", status_code=HTTPStatus.CREATED)
async def create(
    response: Response,
    person: Annotated[Person, Depends(Access("leads:act"))],
    parts: PartsOf,
    body: NewLead,
    key: Key = None,
) -> CreatedLead:
    """Create a lead. The status is 201 if the lists already show it, 202 if it is still being processed.

    The same `Idempotency-Key` gives the same lead. A message that intake could not read is rejected before it is sent,
    each field with its reason. If the person is known, the lead becomes another inquiry of the existing lead (R6), and
    no new lead is created.
    """
    message = {name: value for name, value in body.model_dump().items() if value not in (None, "")}
    message |= {"vendor": VENDOR, "org": person.org, "assigned_to": _owner(parts, person, body.assigned_to)}
    lead_id = checked(message, str(uuid.UUID(action_id(person, key))))
    await parts.engine_client.arrive(message)
    is_stored = await until_stored(parts.crm, {lead_id: 0})
    if not is_stored:
        response.status_code = HTTPStatus.ACCEPTED
    return CreatedLead(lead_id=lead_id, there=is_stored)


def _owner(parts: Services, person: Person, assignee: str | None) -> str | None:
    if not person.oversees:
        if assignee and assignee != person.rep_id:
            raise forbidden("assigned_to: a rep's new lead belongs to that rep")
        return person.rep_id
    rules = parts.directory.org(person.org)
    if assignee and rules.role(assignee) is None:
        reason = f"the org has no active rep {assignee}"
        raise InvalidInput((Problem(path="assigned_to", field="assigned_to", reason=reason),))
    return assignee or None


def checked(message: dict[str, Any], external_id: str) -> str:
    """Add the external id to the message and return its lead id. Raises `InvalidInput` with each field and reason."""
    problems = []
    try:
        Arrival.model_validate(message)
    except ValidationError as error:
        problems = [
            _problem(str(detail["loc"][0]), detail["msg"].removeprefix("Value error, "))
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    now = datetime.now(UTC)
    try:
        accept_arrival(
            encode(message), {}, arrived_at=now
        )  # without the id, so that a phone, an email or a name is required
    except Refused as error:
        field = "last_name" if error.field == "external_id" else error.field
        reason = (
            "is needed, unless there is a phone or an email" if error.field == "external_id" else error.reason
        )
        if all(problem.field != field for problem in problems):
            problems.append(_problem(field, reason))
    if problems:
        raise InvalidInput(tuple(problems))
    message["external_id"] = external_id
    return accept_arrival(encode(message), {}, arrived_at=now).lead_id


def _problem(field: str, reason: str) -> Problem:
    return Problem(path=field, field=field, reason=reason)
