"""Erases persons, and lists the receipts (docs/erasure.md). An admin must be signed in and prove who they are.

Kafka's logs lose what they still have by retention. Only the command `firstclaim erase --now` deletes it at once,
because the console may not delete records of the logs.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import Connection, select

from application.erasure.erase import erase
from application.erasure.request import PersonToErase as Erasable
from application.erasure.request import leads_in, preview_erasure, read_person
from models.audit import AuditDifference
from sink.tables import LeadTable
from streams.erasure_key import own_key
from web.auth import ADMINS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.schemas import Model
from web.services.crm_query import ask
from web.services.erasures import newest_receipts

router = APIRouter(prefix="/api/v1/erasures", tags=["erasures"], responses=DOCUMENTED)
Reads = Annotated[Person, Depends(Access("erasures:read", ADMINS))]
Looks = Annotated[Person, Depends(Access("erasures:write", ADMINS))]
Erases = Annotated[Person, Depends(Access("erasures:write", ADMINS, proved=True))]


class Named(Model):
    """A person, named by a lead's id, a mail address or a phone number."""

    person: str = Field(min_length=1, max_length=300)


class Erasure(Named):
    """A person to erase. `leads`: how many leads the preview named. `confirm`: the word `erase`."""

    leads: int = Field(ge=0)
    confirm: Literal["erase"]


class ErasableLead(Model):
    """A lead that would be erased."""

    lead_id: str
    name: str
    phase: str
    owner: str | None
    arrived_at: datetime | None


class ErasurePreview(Model):
    """What would be erased. `says`: the engine's words, for example why a person cannot be told apart."""

    says: str
    leads: list[ErasableLead]


class ErasureShown(Model):
    """A receipt, as in the topic `erasures`. It has no personal data. `left_until`: topic -> when retention is over."""

    receipt_id: str
    by: str
    at: datetime
    named_by: str
    leads: list[str]
    places: dict[str, int]
    left_until: dict[str, datetime]


@router.get("")
async def receipts(person: Reads, parts: PartsOf) -> list[ErasureShown]:
    """List the org's newest receipts, newest first."""
    return [
        ErasureShown.model_validate(receipt) for receipt in await newest_receipts(parts.settings, person.org)
    ]


@router.post("/preview")
async def preview(person: Looks, parts: PartsOf, body: Named) -> ErasurePreview:
    """Say which leads would be erased. Nothing is."""
    why, leads = await _description_of(parts, person, _read(body.person))
    rows = {row.lead_id: row for row in await ask(parts, lambda crm: _rows(crm, person.org, leads))}
    reps = parts.directory.org(person.org).reps
    shown = []
    for lead_id in leads:
        row = rows.get(lead_id)
        owner = None if row is None else reps.get(row.owner or "")
        shown.append(
            ErasableLead(
                lead_id=lead_id,
                name="" if row is None else " ".join(filter(None, (row.first_name, row.last_name))),
                phase="" if row is None else row.phase,
                owner=None if row is None else (owner and owner.name) or row.owner,
                arrived_at=None if row is None else row.arrived_at,
            )
        )
    return ErasurePreview(says=why, leads=shown)


@router.post("", status_code=HTTPStatus.CREATED)
async def erase_person(person: Erases, parts: PartsOf, body: Erasure) -> ErasureShown:
    """Erase a person everywhere but in the past of Kafka's logs, which retention removes. Repeating it does no harm.

    Answers 409 if there are more or fewer leads than the preview named, and 503 if a part of the system is away or
    slow: then erase again.
    """
    erasable = _read(body.person)
    with parts.erasing.one(person.org):
        _, leads = await _description_of(parts, person, erasable)
        if len(leads) != body.leads:
            detail = (
                f"leads: the person has {len(leads)} leads now, not {body.leads}: look at the preview again"
            )
            raise HttpProblem(HTTPStatus.CONFLICT, "changed", detail)
        by = [AuditDifference("named_by", None, erasable.kind), AuditDifference("leads", None, list(leads))]
        async with parts.audit.act(person.as_actor, "erased", "persons", by) as entry:
            outcome = await erase(
                parts.settings,
                person.org,
                person.rep_id,
                [erasable],
                console_database_url=parts.web.console_database_url,
            )
            if outcome.refused:
                raise HttpProblem(HTTPStatus.CONFLICT, "not-erased", outcome.refused[0])
            (receipt,) = outcome.receipts
            entry.add("receipts", [receipt.receipt_id])
    return ErasureShown.model_validate(receipt)


def _read(text: str) -> Erasable:
    try:
        return read_person(text)
    except ValueError as error:
        detail = f"person: is no lead id, mail address or phone number: {error}"
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail) from error


async def _description_of(parts: Services, person: Person, erasable: Erasable) -> tuple[str, tuple[str, ...]]:
    """Return the engine's words about a person, and the ids of the person's leads."""
    key = own_key(parts.settings)
    answer = await preview_erasure(parts.engine_client, key, person.org, person.rep_id, erasable)
    why = answer.why or ""
    if answer.result != "done":
        raise forbidden(why)
    return why.partition(": ")[0], leads_in(why)


def _rows(crm: Connection, org: str, leads: tuple[str, ...]) -> list[Any]:
    lead = LeadTable
    columns = (lead.lead_id, lead.first_name, lead.last_name, lead.phase, lead.owner, lead.arrived_at)
    return list(crm.execute(select(*columns).where(lead.org == org, lead.lead_id.in_(leads))))
