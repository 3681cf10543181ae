"""Takes a vendor's post: reads it, brings its leads to Kafka, and answers what became of each (V1, V3).

A lead that intake refuses is sent as well, so that intake keeps it as a dead letter with the reason. What is no message
at all is counted at the key.
"""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from fastapi import Request
from fastapi.responses import Response

from application.importing.import_rows import ImportRow, encode
from application.importing.mapping import Mapping
from application.importing.posts import TYPES, kind_of, read_post
from models.directory import OrgSettings
from models.errors import InvalidInput
from streams.topics import LEAD_ARRIVALS
from web.console_services import Services
from web.errors import HttpProblem, answer
from web.store.vendor_keys import VendorKey
from web.store.vendor_posts import KeptAnswer

MAX_REFUSED_BYTES: Final = 900_000
"""The most bytes of a refused message that is sent to become a dead letter. A larger one is only counted."""
LEADCONDUIT_TYPE: Final = "application/vnd.leadconduit+json"
"""What `Accept` says if the answer is to have LeadConduit's form."""
REPLAYED: Final = "Idempotent-Replayed"
Reply = Literal["firstclaim", "leadconduit"]
_REMARKS: Final = ("invalid", "assumed", "remarks")
_JSON: Final = "application/json"


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post of a vendor's key. `reply`: the form of the answer, None: as `accept` or the mapping says.

    `success`: the status of an answer if a lead was taken.
    """

    key: VendorKey
    body: bytes
    content_type: str
    accept: str = ""
    campaign: str | None = None
    reply: Reply | None = None
    idempotency_key: str | None = None
    success: HTTPStatus = HTTPStatus.ACCEPTED

    @property
    def digest(self) -> str:
        """The hash of everything that decides what the post means."""
        head = "\n".join((self.content_type, self.campaign or "", self.key.vendor, ""))
        return hashlib.sha256(head.encode() + self.body).hexdigest()


async def take(request: Request, parts: Services, post: Post) -> Response:
    """Answer a post once Kafka has its leads. The same `Idempotency-Key` and bytes get the same answer.

    Raises `HttpProblem` 400 for a body that cannot be read, 415 for another content type, 422 for an `Idempotency-Key`
    that came with other bytes; `RetryableError` if Kafka does not take the leads.
    """
    mapping = await _mapping(parts, post.key)
    settings = parts.directory.org(post.key.org).settings
    rows = await asyncio.to_thread(_read, post, mapping, settings)
    if post.idempotency_key is not None:
        stored = await asyncio.to_thread(
            parts.vendor_posts.begin, post.key.key_id, post.idempotency_key, post.digest
        )
        if (earlier := _earlier(stored)) is not None:
            return earlier
    await _send(parts, rows)
    response = _answer(request, post, rows, _reply(post, mapping))
    accepted = sum(row.refusal is None for row in rows)
    refused = len(rows) - accepted
    await asyncio.to_thread(parts.vendor_keys.count, post.key.key_id, accepted=accepted, refused=refused)
    if post.idempotency_key is not None:
        text = f"{response.media_type}\n{bytes(response.body).decode()}"
        await asyncio.to_thread(
            parts.vendor_posts.end, post.key.key_id, post.idempotency_key, response.status_code, text
        )
    return response


def _earlier(stored: KeptAnswer | None) -> Response | None:
    """Return the answer of an earlier post. A post without an answer was interrupted, so it is done again.

    Doing it again is safe, because the same bytes are the same leads.
    """
    if stored is None:
        return None
    if not stored.same:
        reason = "Idempotency-Key: was used with another body before; use a new key for each post"
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused", reason)
    if stored.status is None or stored.answer is None:
        return None
    media_type, _, body = stored.answer.partition("\n")
    return Response(body, stored.status, media_type=media_type, headers={REPLAYED: "true"})


async def _mapping(parts: Services, key: VendorKey) -> Mapping | None:
    value = await asyncio.to_thread(parts.mappings.find, key.org, key.vendor)
    return None if value is None else Mapping(value)


def _read(post: Post, mapping: Mapping | None, settings: OrgSettings) -> list[ImportRow]:
    kind = kind_of(post.content_type)
    if kind is None:
        content_type = post.content_type.partition(";")[0][:100] or "missing"
        reason = f"Content-Type: is {content_type}; it must be one of {', '.join(TYPES)}"
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", reason)
    key = post.key
    try:
        return read_post(
            post.body,
            kind,
            mapping,
            vendor=key.vendor,
            org=key.org,
            campaign=post.campaign,
            settings=settings,
        )
    except InvalidInput as error:
        errors = [{"path": problem.path, "reason": problem.reason} for problem in error.problems]
        detail = str(error.problems[0])
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "unreadable", detail, errors=errors) from error


async def _send(parts: Services, rows: list[ImportRow]) -> None:
    """Bring the messages to Kafka. Returns when all are durable."""
    values = [(row.value, row.lead_id.encode()) for row in rows if row.refusal is None]
    refused = [encode(row.refused_message) for row in rows if row.refused_message is not None]
    letters = [(value, None) for value in refused if len(value) <= MAX_REFUSED_BYTES]
    await asyncio.gather(
        *(parts.engine_client.send(LEAD_ARRIVALS, value, key=key) for value, key in (*values, *letters))
    )


def _reply(post: Post, mapping: Mapping | None) -> str:
    if post.reply is not None:
        return post.reply
    if LEADCONDUIT_TYPE in post.accept.lower():
        return "leadconduit"
    return mapping.reply if mapping else "firstclaim"


def _answer(request: Request, post: Post, rows: list[ImportRow], reply: str) -> Response:
    refused = [row.refusal for row in rows if row.refusal is not None]
    is_taken = len(refused) < len(rows)
    status = post.success if is_taken else HTTPStatus.UNPROCESSABLE_ENTITY
    if reply == "leadconduit":
        replies = [_leadconduit(row) for row in rows]
        return _json(replies[0] if len(replies) == 1 else replies, status)
    if not is_taken:
        errors = [
            {"path": refusal.field, "reason": refusal.reason, "line": refusal.line} for refusal in refused
        ]
        return answer(request, HttpProblem(status, "refused", refused[0].sentence, errors=errors))
    summary = {
        "accepted": len(rows) - len(refused),
        "refused": len(refused),
        "leads": [
            {"line": row.line, "lead_id": row.lead_id, "remarks": remarks_of(row)}
            for row in rows
            if row.refusal is None
        ],
        "refusals": [msgspec.to_builtins(refusal) for refusal in refused],
    }
    return _json(summary, status)


def _leadconduit(row: ImportRow) -> dict[str, Any]:
    """Return a row's answer in LeadConduit's form."""
    if row.refusal is not None:
        return {"outcome": "failure", "reason": row.refusal.sentence}
    return {"outcome": "success", "reason": None, "lead": {"id": row.lead_id}}


def remarks_of(row: ImportRow) -> dict[str, Any]:
    """Return what the reader remarked: `invalid`, `assumed` and `remarks` of the lead's attributes."""
    attributes = row.facts.attributes if row.facts else {}
    return {name: attributes[name] for name in _REMARKS if attributes.get(name)}


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=_JSON)
