"""The API does what its OpenAPI document says, whatever it is sent: no 5xx, no answer that breaks its schema."""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.transport.requests import ManagedCookiesSession

from tests.web.routes import is_for_vendors, routes
from tests.web.running_org import NEW
from tests.web.vendor_posts import keys_of
from web.auth import CSRF_HEADER, PERSONAL, SCOPES
from web.store.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemathesis import Case
    from schemathesis.schemas import APIOperation
    from sqlalchemy import Engine

    from runtime.up import RunningStack
    from tests.web.running_org import RunningOrg

    Headers = Callable[[], dict[str, str]]

pytestmark = pytest.mark.slow

EXAMPLES: Final = int(os.environ.get("EXAMPLES", "10"))
"""For each operation, of what is allowed and of what is not; more by hand."""
VENDOR: Final = "acme"
"""The vendor whose key the posts have: with another name in the address each of them would be refused."""
LONGEST_ADDRESS: Final = 65_535
"""Bytes of path and query that the HTTP parser of the server takes (httptools); it refuses more by itself."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def document(stack: RunningStack) -> schemathesis.BaseSchema:
    """Return the document as the running console gives it, without the stream, which does not end."""
    url = f"http://127.0.0.1:{stack.ports['console']}/api/v1/openapi.json"
    return schemathesis.openapi.from_url(url).exclude(path="/api/v1/live")


async def test_no_request_breaks_it_and_no_answer_breaks_the_document(
    running_org: RunningOrg, stack: RunningStack, store: Engine
) -> None:
    await running_org.rep("admin-1", "admin")
    await running_org.publish("queue", "new", **NEW)
    await running_org.arrive("D-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000)
    await running_org.until_known("admin-1")
    secret, _ = running_org.tokens.issue(running_org.org, "admin-1", "schemathesis", SCOPES, by="test")
    sessions, account = Sessions(store), running_org.accounts.find(running_org.email("admin-1"))
    assert account is not None

    def program() -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}", "Accept": "application/json"}

    def person() -> dict[str, str]:
        """Return the headers of a new session, so that a request may end its own."""
        cookie, session = sessions.begin(account)
        return {
            "Cookie": f"firstclaim_session={cookie}",
            CSRF_HEADER: session.csrf,
            "Accept": "application/json",
        }

    vendor_key = keys_of(stack, store).issue(running_org.org, VENDOR, "schemathesis", by="test")[0]

    def vendor() -> dict[str, str]:
        return {"Authorization": f"Bearer {vendor_key}", "Accept": "application/json"}

    for_vendors = {(method, route.path_format) for method, route, _ in routes() if is_for_vendors(route)}
    personal = {
        (method, route.path_format)
        for method, route, access in routes()
        if access and access.scope in PERSONAL
    }
    refused = await asyncio.to_thread(
        exercise,
        document(stack),
        lambda method, path: (
            vendor if (method, path) in for_vendors else person if (method, path) in personal else program
        ),
    )
    assert refused == [], "these refused every request as unauthorised, so nothing of them was tried"


def exercise(schema: schemathesis.BaseSchema, credentials: Callable[[str, str], Headers]) -> list[str]:
    """Send each operation what its description allows and what it does not.

    Return the operations that answered every request with 401 or 403.
    """
    refused = []
    session = ManagedCookiesSession()
    session.trust_env = False  # for each request it would look for proxies and passwords
    for described in schema.get_all_operations():
        operation = described.ok()  # type: ignore[union-attr]  # an operation that is none raises, and so fails
        headers = credentials(operation.method.upper(), operation.path)
        statuses = send_many(operation, GenerationMode.POSITIVE, headers, session)
        if operation.body or list(operation.query) or list(operation.path_parameters):
            statuses |= send_many(operation, GenerationMode.NEGATIVE, headers, session)
        if statuses <= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            refused.append(f"{operation.label} {sorted(statuses)}")
    return refused


def send_many(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    headers: Headers,
    session: ManagedCookiesSession,
) -> set[int]:
    """Send one operation `EXAMPLES` requests of a mode, and return the statuses of the answers."""
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def requests(case: Case[Any]) -> None:
        statuses.add(send(case, headers(), session))

    requests()
    return statuses


def send(case: Case[Any], headers: dict[str, str], session: ManagedCookiesSession) -> int:
    """Send one request and return the status. An address that no HTTP parser takes never reaches the console.

    All requests share the session's connections. It forgets the cookies of each answer.
    """
    if "vendor" in (case.path_parameters or {}):
        case.path_parameters["vendor"] = VENDOR
    response = case.call(headers=headers, session=session)
    assume(len(response.request.path_url) <= LONGEST_ADDRESS)
    case.validate_response(response, headers=headers, checks=CHECKS)
    return response.status_code
