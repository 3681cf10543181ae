"""Applies one action to many leads: a selection, leads that meet a filter, or a list from a file (D6, E3, E4, S6)."""

import asyncio
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, UploadFile
from fastapi.datastructures import QueryParams
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import Connection

from application.audit.entry import AuditedAct
from application.lead_dealing import DealtLeads, OwnerAndPhase, deal_by_licence, deal_evenly, licences_of
from application.lead_selection import LeadSelection
from application.lead_selection import select_from_file as leads_of
from models.audit import AuditDifference
from models.errors import InvalidInput
from models.lead import Phase
from models.public import LeadDecision
from sink.lists import pages
from sink.lists.listings import EXCEPTIONS, IGNORED_LAST, LEADS
from sink.tables import LeadTable
from web.api.actions import LEAD_ACTS, Acts, Key, action_id, answer_for
from web.api.desk import on_desk
from web.api.my_leads import segment, whose
from web.auth import MANAGERS, Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, forbidden
from web.schemas import Action, Model
from web.services import list_params
from web.services.bulk_actions import (
    BulkProgress,
    FailedLead,
    WantedAction,
    ask_all,
    count_by_state,
    lead_names,
    owners_and_phases,
    staying,
)
from web.services.crm_query import ask

router = APIRouter(prefix="/api/v1", tags=["actions"], responses=DOCUMENTED)

MAX_LEADS: Final = 100_000
"""The most leads of one action."""
MAX_BYTES: Final = 20 * 1024 * 1024
LINES: Final = "application/x-ndjson"
UNNAMED: Final = 100
GIVING: Final = frozenset({"assign", "reassign"})
"""The actions that give each lead to a rep."""


class LeadChoice(Model):
    """Which leads: their ids, or all that meet a filter. `query`: as in the address of the list; `of`: which list."""

    leads: list[uuid.UUID] | None = Field(default=None, max_length=MAX_LEADS)
    of: Literal["exceptions", "leads"] | None = None
    query: str = Field(default="", max_length=20_000)


class BulkRequest(Model):
    """An action and its leads. `to`, for assign and reassign: the reps who get the leads.

    Several reps share evenly the leads that change hands. `split` by_licence: each lead goes to a rep with a licence in
    its state; leads that no rep may have are left out, and the answer names them.
    """

    which: LeadChoice
    do: Action
    to: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=10_000
    )
    split: Literal["evenly", "by_licence"] = "evenly"
    dry_run: bool = False


class ListedLeads(Model):
    """The leads that a file names. `repeated`: how many lines name a lead again."""

    leads: list[str]
    repeated: int
    unusable: list[dict[str, Any]] = Field(description="Place and reason, of the first ones")
    unusable_total: int


class DryRun(Model):
    """A preview of the action. `stand`: how many are free, owned, closed or unknown.

    `by_rep`: how many leads would change hands to each rep. `unlicensed`: how many leads no rep has a licence for.
    `changing`: how many leads the action would change; `stays`: how many it would not, by reason (`free`, `owned`,
    `same`, `closed`, `open`, `unknown`); `unlicensed_states`: how many others no rep may have, by state ("": unknown).
    """

    of: int
    by_rep: dict[str, int]
    stand: dict[str, int]
    unlicensed: int = 0
    changing: int = 0
    stays: dict[str, int] = Field(default_factory=dict)
    unlicensed_states: dict[str, int] = Field(default_factory=dict)
    dry_run: Literal[True] = True
    finished: Literal[True] = True


@router.post(
    "/leads/actions",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
)
async def many(person: Acts, parts: PartsOf, body: BulkRequest, key: Key = None) -> StreamingResponse:
    """Run one action on many leads. Each line of the answer is the progress; the last one (`finished`) is the result.

    With the same `Idempotency-Key` each lead's action has the same id, so nothing is done twice (X4).
    """
    leads = await _leads(parts, person, body)
    if body.do.type in GIVING and not body.to:
        raise HttpProblem(422, "invalid", f"to: {body.do.type} needs at least one rep")
    by_lead = await ask(parts, lambda connection: owners_and_phases(connection, person.org, leads))
    deal = _deal(parts, person, body, leads, by_lead)
    if body.dry_run:
        changing, stays = staying(
            body.do.type, [*deal.pairs, *((lead, "") for lead in deal.unlicensed)], by_lead
        )
        nobodys = [lead for lead in deal.unlicensed if lead in changing]
        line = DryRun(
            of=len(leads),
            by_rep=dict(Counter(to for lead, to in deal.pairs if to and lead in changing)),
            stand=count_by_state(leads, by_lead),
            unlicensed=len(deal.unlicensed),
            changing=len(changing) - len(nobodys),
            stays=stays,
            unlicensed_states=dict(Counter(by_lead[lead].state or "" for lead in nobodys)),
        ).model_dump_json()
        return StreamingResponse(iter([line.encode() + b"\n"]), media_type=LINES)
    actions = [_wanted_action(person, body, key, *pair) for pair in deal.pairs]
    lines = await _recorded(parts, person, body, _lines(parts, person, actions), len(actions))
    return StreamingResponse(lines, media_type=LINES)


@router.post("/leads/lists")
async def read_list(
    person: Annotated[Person, Depends(Access("leads:act", MANAGERS))], file: UploadFile
) -> ListedLeads:
    """Read the leads of a CSV file: its column `lead_id`, or `vendor` and `external_id`. Nothing changes yet (D6)."""
    content = await file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise HttpProblem(413, "too-large", f"file: has more than {MAX_BYTES // 1024 // 1024} MB")
    lead_list = await asyncio.to_thread(_read_list, content, person.org)
    if len(lead_list.leads) > MAX_LEADS:
        raise HttpProblem(
            413,
            "too-large",
            f"file: names {len(lead_list.leads)} leads; one action takes at most {MAX_LEADS}",
        )
    return ListedLeads(
        leads=list(lead_list.leads),
        repeated=lead_list.repeated,
        unusable=[{"place": entry.place, "reason": entry.reason} for entry in lead_list.unusable[:UNNAMED]],
        unusable_total=len(lead_list.unusable),
    )


def _deal(
    parts: Services, person: Person, body: BulkRequest, leads: list[str], by_lead: dict[str, OwnerAndPhase]
) -> DealtLeads:
    """Decide which rep is to get each lead. An action that gives leads to nobody has an empty rep for each."""
    reps = tuple(dict.fromkeys(body.to)) or ("",)
    if body.split == "by_licence" and body.to:
        licences = licences_of(parts.directory.org(person.org), reps)
        return deal_by_licence(leads, licences, by_lead, body.do.type)
    changing = {lead for lead, standing in by_lead.items() if standing.changes(body.do.type)}
    return deal_evenly(leads, reps, changing)


def _read_list(content: bytes, org: str) -> LeadSelection:
    """Read a file's leads. This takes time, so it runs in a thread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        path.write_bytes(content)
        try:
            return leads_of(path, org)
        except InvalidInput as error:
            shown = (
                msgspec.structs.replace(problem, path=problem.path.replace(str(path), "file"))
                for problem in error.problems
            )
            raise InvalidInput(tuple(shown)) from error


async def _leads(parts: Services, person: Person, body: BulkRequest) -> list[str]:
    choice = body.which
    if (choice.leads is None) == (choice.of is None):
        raise HttpProblem(422, "invalid", "which: must name either leads, or a list and its filter")
    if choice.leads is not None:
        return list(dict.fromkeys(map(str, choice.leads)))
    query = QueryParams(choice.query)
    bands: Sequence[Any] = ()
    if choice.of == "exceptions":
        if not person.oversees:
            raise forbidden("the exceptions desk is for managers and admins")
        listing = EXCEPTIONS
        bands = IGNORED_LAST
        only = on_desk(person, ignored=query.get("ignored") == "true")
    else:
        listing = LEADS
        only = [*whose(person), *segment(parts, person, query.get("segment"))]
        if body.do.type == "assign":
            # A filter selects only leads that have no owner and are not closed.
            only = [*only, LeadTable.owner.is_(None), LeadTable.phase != Phase.CLOSED.value]
        elif body.do.type in ("reassign", "unassign"):
            only = [*only, LeadTable.owner.is_not(None), LeadTable.phase != Phase.CLOSED.value]
        elif body.do.type == "redistribute":
            only = [*only, LeadTable.phase != Phase.CLOSED.value]
        elif body.do.type == "reopen":
            only = [*only, LeadTable.phase == Phase.CLOSED.value]
    all_rows = msgspec.structs.replace(
        list_params.from_query(query, listing, ("ignored", "segment"), bands), at=None
    )

    def ids(connection: Connection) -> list[str]:
        rows = pages.stream(connection, listing, all_rows, only, (), bands)
        return [row[0] for _, row in zip(range(MAX_LEADS + 1), rows, strict=False)]

    leads = await ask(parts, ids)
    if len(leads) > MAX_LEADS:
        raise HttpProblem(422, "too-many", f"which: more than {MAX_LEADS} leads meet the filter; narrow it")
    return leads


def _wanted_action(person: Person, body: BulkRequest, key: str | None, lead_id: str, to: str) -> WantedAction:
    fields = body.do.model_dump(exclude_none=True, mode="json")
    if to:
        fields["to_rep_id"] = to
    action = {
        "action_id": action_id(person, f"{key}/{lead_id}" if key else None),
        "lead_id": lead_id,
        "rep_id": person.rep_id,
        "org": person.org,
        **fields,
    }
    return WantedAction(lead_id, action, to or None)


async def _recorded(
    parts: Services, person: Person, body: BulkRequest, lines: AsyncIterator[bytes], leads: int
) -> AsyncIterator[bytes]:
    """Record the whole action as one act, if it moves leads. Each lead's history has its own part of it."""
    act = LEAD_ACTS.get(body.do.type)
    if act is None:
        return lines
    used = [AuditDifference("leads", None, leads), AuditDifference("to_rep_id", None, body.to)]
    recording = parts.audit.act(person.as_actor, act, "leads", used)
    async with AsyncExitStack() as stack:
        entry = await stack.enter_async_context(recording)
        return _ending(stack.pop_all(), entry, lines)
    raise AssertionError  # the stack swallows no error


async def _ending(
    stack: AsyncExitStack, entry: AuditedAct, lines: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    last = b"{}"
    async with stack:
        try:
            async for last in lines:
                yield last
        finally:
            entry.add("done", msgspec.json.decode(last).get("done", 0))


async def _lines(parts: Services, person: Person, actions: list[WantedAction]) -> AsyncIterator[bytes]:
    def failed_lead(action: WantedAction, answer: LeadDecision) -> FailedLead:
        shown = answer_for(parts, person, answer)
        return FailedLead(
            action.lead_id,
            answer.result,
            owner=shown.owner,
            owner_name=shown.owner_name,
            reason=shown.reason,
            why=shown.why,
            words=shown.words,
            problem=shown.problem,
        )

    async for progress in ask_all(parts.engine_client, parts.crm, actions, failed_lead):
        if progress.finished and person.oversees:
            progress = await _with_names(parts, person, progress)  # noqa: PLW2901  # the last line has more
        yield msgspec.json.encode(progress) + b"\n"


async def _with_names(parts: Services, person: Person, progress: BulkProgress) -> BulkProgress:
    leads = [*(lead.lead_id for lead in progress.others), *(lead.lead_id for lead in progress.given)]
    names = await ask(parts, lambda connection: lead_names(connection, person.org, leads))
    return msgspec.structs.replace(progress, names=names)
