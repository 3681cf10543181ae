"""Requests that persons are erased, and waits until each of their leads is.

A person is named by a lead's id, a phone number or a mail address. The request carries a digest and a keyed hash of the
last two, so it names nobody itself.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from models.erasure import ErasureKey
from models.errors import RetryableError
from models.persons import handle_digest
from models.public import LeadDecision
from rules.inbound.do_not_contact import read_handle
from streams.engine_client import EngineClient
from streams.settings import Settings

AT_ONCE: Final = 50
"""How many persons are requested at a time."""
ANSWER_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02


class PersonToErase(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be erased: one of a lead's id, or a handle (`phone/+14014194247`)."""

    lead_id: str | None = None
    handle: str | None = None

    @property
    def kind(self) -> str:
        """By what the person is named: `lead`, `phone` or `email`."""
        return "lead" if self.handle is None else self.handle.partition("/")[0]


class ErasureResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one person. `leads`: the ids of the leads that were erased. `refused`: why one was not."""

    person: PersonToErase
    action_id: str
    leads: tuple[str, ...]
    why: str
    refused: str | None = None


def read_person(text: str) -> PersonToErase:
    """Return the person named by a lead id, a mail address or a phone number. Raises ValueError if it is none."""
    name = text.strip()
    try:
        return PersonToErase(lead_id=str(uuid.UUID(name)))
    except ValueError:
        return PersonToErase(handle=read_handle(name))


def person_of(
    *, lead: str | None = None, phone: str | None = None, email: str | None = None
) -> PersonToErase:
    """Return the person that was named. Raises ValueError if a phone number or mail address cannot be read."""
    text = phone or email
    return PersonToErase(lead_id=lead) if text is None else PersonToErase(handle=read_handle(text))


async def request_erasures(
    settings: Settings,
    key: ErasureKey,
    org: str,
    by: str,
    persons: Sequence[PersonToErase],
    *,
    patience_seconds: float = ANSWER_SECONDS,
) -> list[ErasureResult]:
    """Erase persons from the logs, and return the outcome for each. Repeating it does no harm.

    `by`: the id of the admin who requests it. Raises `RetryableError` if the engine does not answer in time.
    """
    answers: dict[str, LeadDecision] = {}

    def take(answer: LeadDecision) -> None:
        if answer.type == "erase":
            answers[answer.action_id] = answer

    results: list[ErasureResult] = []
    async with EngineClient(settings, on_answer=take, patience_seconds=patience_seconds) as client:
        for begin in range(0, len(persons), AT_ONCE):
            results += await asyncio.gather(
                *(
                    _erase(client, answers, _request(key, org, by, person), person, patience_seconds)
                    for person in persons[begin : begin + AT_ONCE]
                )
            )
    return results


async def preview_erasure(
    client: EngineClient, key: ErasureKey, org: str, by: str, person: PersonToErase
) -> LeadDecision:
    """Return the engine's answer to which leads would be erased (`leads_in` reads them from its `why`). Erases none.

    Raises `RetryableError` if the engine does not answer in time.
    """
    return await client.ask({**_request(key, org, by, person), "preview": True})


def _request(key: ErasureKey, org: str, by: str, person: PersonToErase) -> dict[str, Any]:
    action: dict[str, Any] = {
        "action_id": str(uuid.uuid4()),
        "type": "erase",
        "lead_id": str(uuid.uuid4()),  # only the answer has it
        "org": org,
        "rep_id": by,
        "person": True,
    }
    if person.handle is None:
        return {**action, "of_lead": person.lead_id}
    kind, _, value = person.handle.partition("/")
    return {**action, "digest": handle_digest(person.handle).hex(), "hash": key.hash_of(org, kind, value)}


async def _erase(
    client: EngineClient,
    answers: dict[str, LeadDecision],
    action: dict[str, Any],
    person: PersonToErase,
    patience_seconds: float,
) -> ErasureResult:
    answer = await client.ask(action)
    leads = leads_in(answer.why or "")
    answer_ids = [f"{action['action_id']}/{lead_id}" for lead_id in leads]
    try:
        async with asyncio.timeout(patience_seconds):
            while any(answer_id not in answers for answer_id in answer_ids):  # noqa: ASYNC110  # the client has no event for others' answers
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        missing = [answer_id for answer_id in answer_ids if answer_id not in answers]
        raise RetryableError(
            "engine", f"{len(missing)} leads were not erased in {patience_seconds:g} s; erase again"
        ) from error
    refused = next(
        (answers[answer_id].why for answer_id in answer_ids if answers[answer_id].result != "done"), None
    )
    if answer.result != "done":
        refused = answer.why or str(answer.reason)
    return ErasureResult(
        person=person, action_id=action["action_id"], leads=leads, why=answer.why or "", refused=refused
    )


def leads_in(why: str) -> tuple[str, ...]:
    """Return the lead ids that the answer to a request names."""
    _, _, ids = why.rpartition(": ")
    return tuple(lead_id for lead_id in ids.split(", ") if _is_id(lead_id))


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
