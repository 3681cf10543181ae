"""Accepts leads that vendors post over HTTP with a key of their own (V1, V3)."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import PlainTextResponse, Response
from msgspec.structs import replace
from pydantic import BaseModel

from web.auth import PartsOf
from web.errors import DOCUMENTED, MEDIA_TYPE, Document, HttpProblem, forbidden
from web.services.limits import check
from web.services.vendor_posts import Post, Reply, take
from web.store.vendor_keys import VendorKey, vendor_named
from web.vendor_access import VendorAccess

router = APIRouter(prefix="/api/v1/leads", tags=["vendors"], responses=DOCUMENTED)

Key = Annotated[VendorKey, Depends(VendorAccess())]
Idempotency = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="A repeat with the same key and bytes gets the same answer, for 24 hours",
    ),
]


async def posted(
    request: Request,
    key: Key,
    reply: Annotated[
        Reply | None, Query(description="The form of the answer; else as Accept or the mapping says")
    ] = None,
    campaign: Annotated[
        str | None, Query(max_length=200, description="The campaign of leads that name none")
    ] = None,
    idempotency_key: Idempotency = None,
) -> Post:
    """Return what a vendor posted. Its answer's status is 202, unless the route says another."""
    return Post(
        key=key,
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
        accept=request.headers.get("accept", ""),
        campaign=campaign,
        reply=reply,
        idempotency_key=idempotency_key,
        success=HTTPStatus.ACCEPTED,
    )


Posted = Annotated[Post, Depends(posted)]


class TakenLead(BaseModel):
    """A lead that Kafka has. `line`: its place in the post. `remarks`: what could not be read, or was assumed."""

    line: int
    lead_id: str
    remarks: dict[str, Any]


class RefusedLead(BaseModel):
    """A lead that was refused: its place in the post, the field and the reason."""

    line: int
    field: str
    reason: str


class TakenLeads(BaseModel):
    """What became of a post: each of its leads was accepted or refused."""

    accepted: int
    refused: int
    leads: list[TakenLead]
    refusals: list[RefusedLead]


class LeadOfReply(BaseModel):
    """The lead of LeadConduit's answer."""

    id: str


class LeadConduitReply(BaseModel):
    """LeadConduit's answer to one lead."""

    outcome: str
    reason: str | None
    lead: LeadOfReply | None = None


_ANSWER: Final = TakenLeads | LeadConduitReply | list[LeadConduitReply]
_LEAD: Final = {
    "type": "object",
    "description": "A lead, with the fields of lead-arrivals or of the mapping.",
}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [_LEAD, {"type": "array", "items": _LEAD, "maxItems": 500}]}
            },
            "application/x-www-form-urlencoded": {"schema": _LEAD},
            "application/xml": {"schema": {"type": "string", "description": "ADF 1.0"}},
        },
    }
}
_LEAD_CONDUIT: Final = {"$ref": f"#/components/schemas/{LeadConduitReply.__name__}"}
"""The document has it there, because it is also an answer of the routes below."""
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    422: {
        "description": "No lead was accepted, or a parameter is wrong",
        "content": {
            MEDIA_TYPE: {"schema": Document.model_json_schema()},
            "application/json": {
                "schema": {"anyOf": [_LEAD_CONDUIT, {"type": "array", "items": _LEAD_CONDUIT}]}
            },
        },
    },
    415: {**DOCUMENTED[int(HTTPStatus.BAD_REQUEST)], "description": "The content type is not read"},
}


@router.post(
    "/{vendor}",  # noqa: FAST003  # VendorAccess reads it
    status_code=HTTPStatus.ACCEPTED,
    response_model=_ANSWER,
    responses=_REFUSED,
    openapi_extra=_BODY,
)
async def post_leads(request: Request, parts: PartsOf, post: Posted) -> Response:
    """Take one lead or a list, as JSON, as a form, or as ADF XML. 202: Kafka has the leads that are named.

    A list may be accepted in part; each of its leads is named with its id or with the reason of its refusal.
    """
    return await take(request, parts, post)


@router.post(
    "/{vendor}/webhook",  # noqa: FAST003  # VendorAccess reads it
    response_model=_ANSWER,
    responses=_REFUSED,
    openapi_extra=_BODY,
)
async def post_webhook(request: Request, parts: PartsOf, post: Posted) -> Response:
    """Take leads as `POST /api/v1/leads/{vendor}` does, with status 200, as senders of webhooks expect it."""
    return await take(request, parts, replace(post, success=HTTPStatus.OK))


@router.get("/{vendor}/webhook", response_class=PlainTextResponse)
async def verify_webhook(
    parts: PartsOf,
    vendor: str,
    mode: Annotated[str, Query(alias="hub.mode", max_length=50)],
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=500, pattern=r"^[\x20-\x7e]*$")],
    verify_token: Annotated[str, Query(alias="hub.verify_token", max_length=200)],
) -> PlainTextResponse:
    """Repeat the challenge with which Meta verifies a webhook. The verify token is a key whose posts are signed.

    Such a key opens nothing by itself, so it may be in an address: each post needs the signature too.
    """
    key_and_secret = await asyncio.to_thread(parts.vendor_keys.find, verify_token)
    if (
        key_and_secret is None
        or not key_and_secret[0].signs
        or key_and_secret[0].vendor != vendor_named(vendor)
    ):
        raise forbidden("hub.verify_token: is no key of this vendor whose posts are signed")
    check(parts.vendor_limit, key_and_secret[0].key_id)
    if mode != "subscribe":
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "hub.mode: must be subscribe")
    return PlainTextResponse(challenge)
