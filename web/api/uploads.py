"""Managers upload files of leads: see what the columns become, mend it, see what would happen, and send (V1, V4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.responses import StreamingResponse

from application.audit.entry import AuditedAct
from models.audit import AuditDifference
from models.errors import InvalidInput
from models.errors import Problem as FieldProblem
from web.auth import MANAGERS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.uploads import Upload, UploadTrial, send
from web.store.vendor_keys import vendor_of

router = APIRouter(prefix="/api/v1/uploads", tags=["vendors"], responses=DOCUMENTED)
Uploads = Annotated[Person, Depends(Access("leads:act", MANAGERS))]
LINES: Final = "application/x-ndjson"
MAX_CHOICES: Final = 2_000
_Vendor = Annotated[str, Form(min_length=1, max_length=200, description="Who the leads come from")]
_Campaign = Annotated[str | None, Form(max_length=200, description="The campaign of rows that name none")]
_Choices = Annotated[
    str | None,
    Form(
        max_length=500_000,
        description="JSON object: column -> a field, `attribute` or `unread`. Without it the vendor's kept mapping or "
        "the columns' names decide",
    ),
]


class UploadColumn(Model):
    """A column, what it becomes, and samples: as sent and as read."""

    column: str
    becomes: Literal["field", "attribute", "unread"]
    field: str | None
    rows: int
    unreadable: int
    samples: list[dict[str, Any]]


class UploadRow(Model):
    """A row and its fate: `new`, `resend`, `inquiry` or `refused`. `why`: the engine's words."""

    line: int
    kind: str
    lead_id: str | None
    why: str


class UploadReport(Model):
    """What a file would become. `mapping_from`: `choices`, `kept`, `names` or `none`; `note`: why not another.

    `fates`: rows by fate; `rows`: the first of each. `leads`: the first leads as they would be read. `sent_before`:
    rows that an earlier upload of the same file brought to Kafka.
    """

    format: str
    takes_mapping: bool
    mapping_from: str
    note: str | None
    columns: list[UploadColumn]
    more_columns: int
    fates: dict[str, int]
    rows: list[UploadRow]
    leads: list[dict[str, Any]]
    sent_before: int


@router.post("/trial")
async def try_upload(
    person: Uploads,
    parts: PartsOf,
    file: UploadFile,
    vendor: _Vendor,
    campaign: _Campaign = None,
    choices: _Choices = None,
) -> UploadReport:
    """Say what the columns of a file become, and what the engine would make of its rows. Nothing is sent or kept."""
    mapping = _chosen(choices)
    with (
        parts.uploading.one((person.org, person.rep_id)),
        Upload(parts, person.org, vendor_of(vendor), campaign) as upload,
    ):
        await asyncio.to_thread(upload.take, file.file, file.filename or "")
        return _report(await asyncio.to_thread(upload.try_it, mapping))


@router.post(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
)
async def upload_leads(
    person: Uploads,
    parts: PartsOf,
    file: UploadFile,
    vendor: _Vendor,
    campaign: _Campaign = None,
    choices: _Choices = None,
    keep: Annotated[bool, Form(description="Keep the choices as the vendor's mapping of files")] = False,
    resume: Annotated[bool, Form(description="Send only rows that an earlier upload did not send")] = False,
) -> StreamingResponse:
    """Send a file of leads. Each line of the answer is the progress with the next part of the report (CSV).

    The last line has `finished`, or `error` with the reason. Sending a file again does no harm: a resend is the same
    lead.
    """
    mapping, name, uploader = _chosen(choices), vendor_of(vendor), (person.org, person.rep_id)
    async with AsyncExitStack() as stack:
        stack.enter_context(parts.uploading.one(uploader))
        upload = stack.enter_context(Upload(parts, person.org, name, campaign))
        await asyncio.to_thread(upload.take, file.file, file.filename or "")
        trial = await asyncio.to_thread(upload.try_it, mapping)
        used = [AuditDifference("vendor", None, name), AuditDifference("format", None, trial.format)]
        entry = await stack.enter_async_context(
            parts.audit.act(person.as_actor, "leads_uploaded", f"vendor/{name[:100]}", used)
        )
        if keep and mapping is not None and trial.takes_mapping:
            await _keep(parts, person, name, trial.mapping or {})
        return StreamingResponse(
            _ending(stack.pop_all(), entry, upload, trial, resume=resume), media_type=LINES
        )
    raise AssertionError  # the stack swallows no error


async def _ending(
    stack: AsyncExitStack, entry: AuditedAct, upload: Upload, trial: UploadTrial, *, resume: bool
) -> AsyncIterator[bytes]:
    sent = 0

    def count(rows: int) -> None:
        nonlocal sent
        sent = rows

    async with stack:
        try:
            async for line in send(upload, trial.mapping, resume=resume, count=count):
                yield line
        finally:
            entry.add("rows", sent)


async def _keep(parts: Services, person: Person, vendor: str, value: dict[str, Any]) -> None:
    """Keep a mapping for the vendor's next files."""
    object_name, used = f"vendor-file-mapping/{vendor[:100]}", [AuditDifference("mapping", None, value)]
    async with parts.audit.act(person.as_actor, "vendor_mapping_changed", object_name, used):
        await asyncio.to_thread(lambda: parts.file_mappings.put(person.org, vendor, value, by=person.rep_id))


def _chosen(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    try:
        choices = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _choice_error(f"must be a JSON object of columns and their fields: {error}") from error
    if len(choices) > MAX_CHOICES:
        raise _choice_error(f"names {len(choices)} columns; {MAX_CHOICES} are the most")
    return choices


def _choice_error(reason: str) -> InvalidInput:
    return InvalidInput((FieldProblem(path="choices", reason=reason),))


def _report(trial: UploadTrial) -> UploadReport:
    trial_report = trial.trial.report()
    return UploadReport.model_validate(
        {
            "format": trial.format,
            "takes_mapping": trial.takes_mapping,
            "mapping_from": trial.mapping_from,
            "note": trial.note,
            "columns": trial_report["columns"],
            "more_columns": trial_report["more_columns"],
            "fates": trial.fates.counts,
            "rows": trial.fates.rows,
            "leads": trial_report["leads"],
            "sent_before": trial.sent_before,
        }
    )
