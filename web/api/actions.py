"""Serves claims and all other actions. They go to the engine through Kafka; each id gets one answer (Q8, X4)."""

import uuid
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Header, Path

from models.audit import Act, AuditDifference
from models.public import LeadDecision
from models.results import Reason, Result
from rules.lead.overrides import refusal_parts
from web.auth import Access, PartsOf, Person
from web.console_services import Services
from web.errors import DOCUMENTED, HttpProblem, not_found
from web.live.claims_on_their_way import claim_on_its_way
from web.schemas import Action, Answer, Claim
from web.services.names import Names
from web.services.open_leads import check_open_leads

router = APIRouter(prefix="/api/v1", tags=["actions"], responses=DOCUMENTED)

_KEYS: Final = uuid.UUID("7a1c6a52-5a0e-5c8e-8a39-0a6d2f1f60b4")
"""The namespace of action ids that are made from idempotency keys. A key that is a UUID is used as the id itself."""

_REVEALING: Final = {Reason.NOT_QUALIFIED: "it is not, or no longer, in this queue"}
"""Reasons whose text reveals values of the lead, with the text for a rep who may not see it (Q3)."""

LEAD_ACTS: Final[dict[str, Act]] = {
    "assign": "lead_assigned",
    "reassign": "lead_reassigned",
    "unassign": "lead_unassigned",
    "redistribute": "lead_redistributed",
    "reopen": "lead_reopened",
    "reopen_claimable": "lead_reopened",
    "update": "lead_corrected",
    "consent": "consent_recorded",
    "merge": "lead_merged",
    "split": "lead_split",
}
"""Type of an action -> its act in the audit. What reps do with their own leads is in each lead's history."""
DONE: Final = ("won", "done")
CANCELLED: Final = "cancelled-"
"""How the queue of a claim begins that takes the place of a cancelled one. No such queue exists."""
_RECORDED: Final = ("to_rep_id", "into_lead_id", "inquiry_id", "override_cap", "override_licence")

Acts = Annotated[Person, Depends(Access("leads:act"))]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key means the same action: it gets the first answer again and changes nothing (X4)",
    ),
]


@router.post("/leads/{lead_id}/claims")
async def claim(person: Acts, parts: PartsOf, lead_id: uuid.UUID, body: Claim, key: Key = None) -> Answer:
    """Claim a lead. The result is `won`, or `lost` with the owner (Q8)."""
    is_answered = bool(key) and parts.engine_client.known(action_id(person, key)) is not None
    with claim_on_its_way(parts, person, str(lead_id), body.queue_id, is_answered=is_answered) as on_its_way:
        on_its_way.answer = await act(parts, person, str(lead_id), "claim", key, queue_id=body.queue_id)
        return on_its_way.answer


@router.delete("/leads/{lead_id}/claims/{key}")
async def cancel_claim(
    person: Acts, parts: PartsOf, lead_id: uuid.UUID, key: Annotated[str, Path(max_length=200)]
) -> Answer:
    """Cancel a claim that has no answer yet, by its idempotency key. `won`: it was too late, the lead is the caller's.

    `refused`: the claim never takes effect, also if it arrives later. `lost`: somebody else has the lead.
    """
    # The engine answers each id once. A claim from a queue that nobody has is refused, and uses up the id (X4).
    return await act(parts, person, str(lead_id), "claim", key, queue_id=f"{CANCELLED}{uuid.uuid4()}")


@router.post("/leads/{lead_id}/actions")
async def action(person: Acts, parts: PartsOf, lead_id: uuid.UUID, body: Action, key: Key = None) -> Answer:
    """Perform any other action. The engine decides whether the person may do it, and gives the reason."""
    fields = body.model_dump(exclude_none=True, mode="json")
    if body.type == "view" and not body.view_only:
        await check_open_leads(parts, person, str(lead_id))
    return await act(parts, person, str(lead_id), fields.pop("type"), key, **fields)


@router.get("/actions/{action_id}")
async def answer(person: Acts, parts: PartsOf, action_id: uuid.UUID) -> Answer:
    """Return the recent answer to one of the caller's actions. For an older one, send the same request again."""
    decision = parts.engine_client.known(str(action_id))
    if decision is None or (decision.org, decision.rep_id) != (person.org, person.rep_id):
        raise not_found(f"recent answer to {action_id}")
    return answer_for(parts, person, decision)


async def act(
    parts: Services, person: Person, lead_id: str, action: str, key: str | None, /, **fields: Any
) -> Answer:
    """Send an action to the engine as this person, and return its answer."""
    request = {
        "action_id": action_id(person, key),
        "type": action,
        "lead_id": lead_id,
        "rep_id": person.rep_id,
        "org": person.org,
        **{name: value for name, value in fields.items() if value is not None},
    }
    decision = await ask_recorded(parts, person, request)
    if (decision.org, decision.rep_id, decision.lead_id, decision.type) != (
        person.org,
        person.rep_id,
        lead_id,
        action,
    ):
        detail = f"Idempotency-Key: {key} belongs to another action"
        raise HttpProblem(422, "idempotency-key-reused", detail)
    return answer_for(parts, person, decision)


async def ask_recorded(parts: Services, person: Person, request: dict[str, Any]) -> LeadDecision:
    """Ask the engine. Acts that move a lead are recorded; a refusal of the engine is not."""
    act = LEAD_ACTS.get(request["type"])
    if act is None:
        return await parts.engine_client.ask(request)
    recorded = (*_RECORDED, "why") if act == "consent_recorded" else _RECORDED
    used = [AuditDifference(name, None, request[name]) for name in recorded if name in request]
    if "facts" in request:  # the values are in the lead's history, where an erasure removes them
        used.append(AuditDifference("facts", None, sorted(request["facts"])))
    async with parts.audit.act(person.as_actor, act, f"lead/{request['lead_id']}", used) as entry:
        decision = await parts.engine_client.ask(request)
        entry.is_void = decision.result not in DONE
        return decision


def action_id(person: Person, key: str | None) -> str:
    """Return the action's id: the key if it is a UUID, an id derived from key and person, or a new id."""
    if not key:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(_KEYS, f"{person.org}/{person.rep_id}/{key}"))


def answer_for(parts: Services, person: Person, decision: LeadDecision) -> Answer:
    """Return an answer with the owner's name, without data of the lead that the person may not see."""
    rules = parts.directory.org(person.org)
    owner = rules.reps.get(decision.owner or "")
    fields = msgspec.to_builtins(decision)
    del fields["org"]  # the caller's own
    if not person.oversees and decision.reason in _REVEALING and decision.owner != person.rep_id:
        fields["why"] = _REVEALING[decision.reason]
    if not person.oversees and decision.result == Result.REFUSED and decision.owner != person.rep_id:
        fields["owner"], owner = None, None
    fields["words"] = Names(rules).within(fields["why"])
    if decision.result == Result.REFUSED and fields["words"] is not None:
        fields["problem"], override = refusal_parts(fields["words"])
        fields["override"] = override if person.oversees else None
    return Answer(**fields, owner_name=(owner.name or None) if owner else None)
