"""What no part of the console can keep is refused before a route sees it, with field and reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from models.errors import InvalidInput
from tests.web.routes import NOBODY
from web.app import Console, build
from web.links import mailto, tel
from web.security_headers import HEADERS
from web.services.list_params import _limit
from web.strict_requests import check_address, check_json

if TYPE_CHECKING:
    from fastapi import FastAPI

REFUSED: dict[str, tuple[bytes, str, str]] = {
    "NaN": (b'{"a": {"b": NaN}}', "a.b", "finite"),
    "Infinity": (b'{"a": [1, -Infinity]}', "a[1]", "finite"),
    "a double beyond all": (b'{"a": 1e999}', "a", "finite"),
    "half of a surrogate pair": (b'{"a": "\\ud800"}', "a", "surrogate"),
    "half of a pair in a name": (b'{"a": {"\\udfff": 1}}', "a", "surrogate"),
    "NUL": (b'{"a": "x\\u0000"}', "a", "NUL"),
    "NUL in a name": (b'{"\\u0000": 1}', "body", "NUL"),
    "65 bits": (b'{"a": 9223372036854775808}', "a", "64 bits"),
    "5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", "a", "finite"),
    "a name twice": (b'{"a": {"b": 1, "b": 2}}', "b", "twice"),
    "33 levels": (b'{"a":' * 33 + b"1" + b"}" * 33, ".".join("a" * 32), "deeper than 32"),
    "100,000 levels": (b"[" * 100_000, "body", "deeper than 32"),
    "200,001 values": (b"[" + b"0," * 200_000 + b"0]", "body", "200000 values"),
    "no UTF-8": (b'{"a": "\xff"}', "body", "not UTF-8"),
    "UTF-8 of a surrogate": (b'{"a": "\xed\xa0\x80"}', "body", "not UTF-8"),
}


@pytest.mark.parametrize(("body", "path", "reason"), REFUSED.values(), ids=REFUSED)
def test_json_that_nothing_can_keep_is_refused_with_field_and_reason(
    body: bytes, path: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_json(body)
    (problem,) = refused.value.problems
    assert problem.path == path
    assert reason in problem.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b'\xef\xbb\xbf{"a": 1}',
        '{"é": "😀", "n": -9223372036854775808}'.encode(),
        b'{"a":' * 32 + b"1" + b"}" * 32,
        b'{"a": "\\ud83d\\ude00"}',
    ],
)
def test_other_json_is_left_to_the_route(body: bytes) -> None:
    check_json(body)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (b"/a%00b", b"", "path"),
        (b"/%ff", b"", "path"),
        (b"/%ed%a0%80", b"", "path"),
        (b"/", b"a=1&name=%00", "name"),
        (b"/", b"%ff=1", "\ufffd"),
        (b"/", b"&".join([b"a=1"] * 1_001), "query"),
    ],
)
def test_an_address_that_is_no_text_is_refused(path: bytes, query: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_address(path, query)
    assert refused.value.problems[0].path == field


@pytest.mark.parametrize(
    "limit", ["000000001999999999", "1999999999", "0", "-1", "²", "9" * 5_000, "501", "1e2"]
)
def test_a_limit_is_what_it_says_and_within_bounds(limit: str) -> None:
    problems: list[Any] = []
    _limit(limit, problems)
    assert [problem.path for problem in problems] == ["limit"]


def test_a_limit_with_zeros_before_it_is_the_number() -> None:
    assert _limit("000000020", []) == 20


def app_that_fails() -> FastAPI:
    """Return the console with a route that has a defect."""
    app = build(None)  # type: ignore[arg-type]  # nothing is asked of it

    @app.get("/api/v1/defect")
    async def defect() -> None:
        raise ZeroDivisionError

    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/defect", 500),
        ("GET", "/static/none.css", 404),
        ("GET", "/static/js/api.js", 200),
        ("GET", "/none", 404),
        ("POST", "/api/v1/me", 405),
        ("GET", "/a%00", 422),
        ("POST", "/api/v1/session", 422),
        ("GET", "/api/v1/openapi.json", 200),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_every_answer_has_the_headers_of_safety_and_hsts_behind_https(
    method: str, path: str, status: int, scheme: str
) -> None:
    transport = httpx.ASGITransport(app_that_fails(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://console.example") as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert ("strict-transport-security" in answer.headers) == (scheme == "https")
    if status >= 400:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["status"] == status


async def test_hsts_is_sent_where_browsers_come_by_https_whatever_the_proxy_says() -> None:
    app = app_that_fails()
    assert isinstance(app, Console)
    app.https = True
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console.example") as client:
        for path in ("/api/v1/defect", "/none", f"/leads/{NOBODY}%00"):
            assert "max-age=" in (await client.get(path)).headers["strict-transport-security"]


def test_a_link_to_write_or_call_carries_nothing_but_the_address() -> None:
    assert mailto("jon.jones+new@x.test") == "mailto:jon.jones%2Bnew@x.test"
    assert mailto("a?bcc=b@x.test") == "mailto:a%3Fbcc%3Db@x.test"
    assert mailto("a@x.test?cc=b@y.test") == "mailto:a%40x.test%3Fcc%3Db@y.test"
    assert mailto("a,b@x.test") == "mailto:a%2Cb@x.test"
    assert tel("+14014194247") == "tel:+14014194247"
    assert tel("+1?body=x;ext=1") == "tel:+1%3Fbody%3Dx%3Bext%3D1"
