"""The API does what its OpenAPI document says, whatever it is sent: no 5xx, no answer that breaks its schema."""

from __future__ import annotations

import asyncio
import os
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

from tests.web.running_org import NEW
from web.auth import SCOPES

if TYPE_CHECKING:
    from schemathesis import Case

    from runtime.up import RunningStack
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

EXAMPLES: Final = int(os.environ.get("EXAMPLES", "10"))
"""For each operation, of what is allowed and of what is not; more by hand."""
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
    office: RunningOrg, stack: RunningStack
) -> None:
    await office.rep("admin-1", "admin")
    await office.publish("queue", "new", **NEW)
    await office.arrive("D-1", first_name="Jeremy", last_name="Jones", state="RI", loan_amount=310000)
    await office.until_known("admin-1")
    secret, _ = office.tokens.issue(office.org, "admin-1", "schemathesis", SCOPES, by="test")
    headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    await asyncio.to_thread(exercise, document(stack), headers)


def exercise(schema: schemathesis.BaseSchema, headers: dict[str, str]) -> None:
    """Send each operation what its description allows and what it does not."""
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # an operation that is none raises, and so fails

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def allowed(case: Case[Any]) -> None:
            send(case, headers)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def not_allowed(case: Case[Any]) -> None:
            send(case, headers)

        allowed()
        if operation.body or list(operation.query) or list(operation.path_parameters):
            not_allowed()


def send(case: Case[Any], headers: dict[str, str]) -> None:
    """Send one request; one with an address that no HTTP parser takes never reaches the console."""
    response = case.call(headers=headers)
    assume(len(response.request.path_url) <= LONGEST_ADDRESS)
    case.validate_response(response, headers=headers, checks=CHECKS)
