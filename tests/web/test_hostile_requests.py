"""Attacks on the running console by HTTP: each is refused with field and reason, and none is answered 5xx."""

from __future__ import annotations

import asyncio
import gzip
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.routes import attack
from tests.web.conftest import say
from tests.web.running_org import PASSWORD, PATIENCE_MS
from tests.web.signed_in import signed_in
from web.security_headers import HEADERS

if TYPE_CHECKING:
    from runtime.up import RunningStack
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

REQUESTS = 600
GROWN_MB = 150
"""By how much the console may have grown at its largest; 10,000 requests make it no larger than 600."""
BODIES: dict[str, tuple[str, str, bytes, str]] = {
    "NaN": ("PUT", "/api/v1/preferences/wide", b'{"a": [NaN]}', "a[0]"),
    "half of a surrogate pair": ("PUT", "/api/v1/preferences/wide", b'{"a": "\\ud800"}', "a"),
    "NUL": ("POST", "/api/v1/leads", b'{"first_name": "Jo\\u0000n"}', "first_name"),
    "65 bits": ("PUT", "/api/v1/directory/rep/x", b'{"capacity": 9223372036854775808}', "capacity"),
    "twice": ("POST", "/api/v1/leads", b'{"first_name": "Jon", "first_name": "Ana"}', "first_name"),
    "a deep draft": (
        "PUT",
        "/api/v1/queue-drafts/deep",
        b'{"value": {"inclusion": ' + b'{"rules": [' * 40 + b"]}" * 40 + b"}}",
        "value.inclusion",
    ),
    "a draft as deep as a stack": ("PUT", "/api/v1/queue-drafts/deep", b"[" * 100_000, "body"),
    "a huge version": ("POST", "/api/v1/queue-drafts/q/publish", b'{"over": 1' + b"0" * 30 + b"}", "over"),
}


@pytest.mark.parametrize(("method", "path", "body", "field"), BODIES.values(), ids=BODIES)
async def test_a_body_that_cannot_be_kept_is_refused_with_its_field(
    running_org: RunningOrg, method: str, path: str, body: bytes, field: str
) -> None:
    await running_org.rep("admin-1", "admin")
    async with await running_org.program("admin-1") as client:
        answer = await client.request(
            method, path, content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    (problem,) = answer.json()["errors"]
    assert problem["path"].startswith(field)
    assert problem["reason"]


@pytest.mark.parametrize(
    "media_type", ["APPLICATION/JSON", "Application/Json; charset=utf-8", "application/VND.x+JSON"]
)
async def test_a_body_is_checked_however_its_content_type_is_spelled(
    running_org: RunningOrg, media_type: str
) -> None:
    """Media types have no case (RFC 9110, section 8.3.1)."""
    await running_org.rep("admin-1", "admin")
    async with await running_org.program("admin-1") as client:
        for body, field in (
            (b'{"last_name": "x", "loan_amount": 1e400}', "loan_amount"),
            (b'{"last_name": "x\\u0000y"}', "last_name"),
            (b'{"last_name": "x", "last_name": "y"}', "last_name"),
        ):
            answer = await client.post("/api/v1/leads", content=body, headers={"content-type": media_type})
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, body
            assert answer.json()["errors"][0]["path"] == field


async def test_a_compressed_body_is_named_as_such(running_org: RunningOrg) -> None:
    await running_org.rep("admin-1", "admin")
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    async with await running_org.program("admin-1") as client:
        for path in ("/api/v1/leads", "/api/v1/leads/acme"):
            answer = await client.post(path, content=gzip.compress(b'{"last_name": "x"}'), headers=headers)
            assert answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            assert answer.json()["detail"].startswith("Content-Encoding: is gzip")


async def test_every_encoding_of_a_body_counts_wherever_it_is_named(running_org: RunningOrg) -> None:
    """Only the first header was looked at: a body in gzip behind `identity` was called a body that is not UTF-8."""
    await running_org.rep("admin-1", "admin")
    async with await running_org.program("admin-1") as client:
        for named, refused in (
            (["identity", "gzip"], "gzip"),
            (["", "br"], "br"),
            (["gzip, GZIP"], "gzip, gzip"),
            (["identity", "Identity, identity"], None),
        ):
            headers = [
                ("content-type", "application/json"),
                *(("content-encoding", encoding) for encoding in named),
            ]
            for path in ("/api/v1/leads", "/api/v1/leads/acme"):
                answer = await client.post(path, content=b"{}", headers=headers)
                unsupported = answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
                assert unsupported == (refused is not None), (named, answer.text)
                if refused:
                    assert answer.json()["detail"].startswith(f"Content-Encoding: is {refused};")


async def test_a_method_that_is_not_allowed_is_answered_with_all_that_are(running_org: RunningOrg) -> None:
    await running_org.rep("admin-1", "admin")
    async with await running_org.program("admin-1") as client:
        for path, allowed in (
            ("/api/v1/leads", "GET, POST"),
            ("/api/v1/directory/rep/x", "DELETE, GET, PUT"),
        ):
            answer = await client.patch(path, json={})
            assert (answer.status_code, answer.headers["allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, allowed)
        for path, status in (("/sign-in", HTTPStatus.OK), ("/", HTTPStatus.SEE_OTHER)):
            answer = await client.head(path)
            assert (answer.status_code, answer.content) == (status, b""), path


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_a_report_of_a_day_that_no_calendar_of_ours_has_is_refused(
    running_org: RunningOrg, day: str
) -> None:
    await running_org.rep("mia", "manager")
    async with await running_org.program("mia") as client:
        for path in ("/api/v1/reports", "/api/v1/reports.csv"):
            answer = await client.get(path, params={"from": day, "to": day})
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
            assert answer.json()["detail"] == "from: must be in the years 1900 to 2200"


async def test_addresses_and_headers_that_are_none_are_refused(running_org: RunningOrg) -> None:
    await running_org.rep("admin-1", "admin")
    async with await running_org.program("admin-1") as client:

        async def fetched(path: str) -> tuple[int, str]:
            answer = await client.get(path)
            return answer.status_code, answer.text

        assert await fetched("/api/v1/leads?limit=000000001999999999") != (200, "")
        assert (await fetched("/api/v1/leads?limit=000000001999999999"))[0] == 422
        for path, field in (
            ("/api/v1/leads?prospect_name=a%00", "prospect_name"),
            ("/api/v1/leads?prospect_name=%ff", "prospect_name"),
            ("/api/v1/queue-drafts/a%00", "path"),
            ("/api/v1/queue-drafts/%ed%a0%80", "path"),
            ("/api/v1/leads?segment=" + "[" * 3_000, "segment"),
            ("/api/v1/leads?cursor=" + "W1tb" * 1_000, "cursor"),
        ):
            status, body = await fetched(path)
            assert status == 422, (path, body)
            assert field in body
    await running_org.until_known("admin-1")
    async with signed_in(running_org, "admin-1") as person:
        for etag, status in (('"v' + "9" * 40 + '"', 412), (b"\xff\xfe", 412), ("9" * 5_000, 422)):
            answer = await person.put(
                "/api/v1/directory/rep/admin-1",
                json={"name": "Rep", "role": "rep"},
                headers={b"if-match": etag.encode() if isinstance(etag, str) else etag},
            )
            assert answer.status_code == status, etag


async def test_a_csrf_header_or_origin_that_is_no_ascii_is_refused_and_a_cookie_is_nobodys(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1")
    await running_org.until_known("rep-1")
    async with signed_in(running_org, "rep-1") as client:
        for name, value in (("x-csrf-token", b"\xff\xe9"), ("origin", b"http://[::"), ("origin", b"\xff")):
            answer = await client.put("/api/v1/preferences/wide", json={}, headers={name.encode(): value})
            assert answer.status_code == HTTPStatus.FORBIDDEN, (name, value)
        del client.headers["x-csrf-token"]
        client.cookies.clear()
        answer = await client.get("/api/v1/me", headers={b"cookie": b"firstclaim_session=\xff\xfe"})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_what_uvicorn_cannot_parse_is_answered_with_the_headers_of_safety(
    running_org: RunningOrg,
) -> None:
    port = int(running_org.url.rpartition(":")[2])
    for request in (
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request + b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE_MS / 1000):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.close()
        assert head.startswith("HTTP/1.1 400 "), request
        for name, value in HEADERS.items():
            assert f"{name}: {value}\r\n" in head
        assert "server:" not in head.lower()


async def test_a_sender_that_asks_first_is_told_that_its_body_is_too_long_before_it_sends_it(
    running_org: RunningOrg,
) -> None:
    """Curl sends `Expect: 100-continue` with a large body. It was told to continue, and refused after 2 MiB."""
    port = int(running_org.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /api/v1/leads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-Continue\r\nContent-Length: 99999999\r\n\r\n"
    )
    async with asyncio.timeout(PATIENCE_MS / 1000):
        answer = await reader.read()  # to its end: the connection is closed
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_links_of_a_lead_are_to_its_address_alone(running_org: RunningOrg) -> None:
    await running_org.rep("manager-1", "manager")
    await running_org.publish(
        "settings", "settings", quiet_hours=[]
    )  # a phone link is there only if it may be called now
    await running_org.until_published("settings", "settings")
    lead = await running_org.arrive(
        "A-1", first_name="Jon", last_name="Jones", email="a?bcc=b@x.test", phone="4014194247"
    )
    async with await running_org.program("manager-1") as client:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while (page := await client.get(f"/leads/{lead}/shown")).status_code != HTTPStatus.OK:
                await asyncio.sleep(0.1)
    assert re.findall(r'href="(mailto:[^"]*|tel:[^"]*)"', page.text) == [
        "tel:+14014194247",
        "mailto:a%3Fbcc%3Db@x.test",
    ]


async def test_nothing_that_a_tab_keeps_is_sent_for_or_shown_to_the_next_person(
    running_org: RunningOrg,
) -> None:
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    await running_org.until_known("rep-2")
    page = await running_org.sign_in("rep-1")
    pending = """path => sessionStorage.setItem(path, JSON.stringify(
        {"11111111-1111-4111-8111-111111111111": {path: "/api/v1/leads/x/claims", body: {}, note: {name: "Jon"}}}))"""
    keep_all = """() => {
        sessionStorage.setItem("call-round/work", JSON.stringify({done: ["x"]}));
        sessionStorage.setItem("firstclaim.call", JSON.stringify({name: "Jon", at: Date.now()}));
    }"""
    kept_keys = (
        "() => Object.keys(sessionStorage).filter((name) => /^(firstclaim-pending|call-round)/.test(name))"
    )
    call = "() => sessionStorage.getItem('firstclaim.call') ?? ''"
    own = f"firstclaim-pending/{running_org.org}/rep-1"

    # The session ends elsewhere, and somebody else signs in in the same tab.
    sent: list[str] = []
    await page.evaluate(pending, own)
    await page.evaluate(pending, "firstclaim-pending")  # as former versions kept it
    await page.evaluate(keep_all)
    await page.context.clear_cookies()
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    await page.goto("/sign-in?next=/queues")
    await page.get_by_label("Email").fill(running_org.email("rep-2"))
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_selector("html[data-ready=yes]")
    assert await page.evaluate(kept_keys) == []
    assert "Jon" not in await page.evaluate(call)
    assert not [request_line for request_line in sent if request_line.endswith("/claims")]

    # Signing out leaves nothing.
    await page.evaluate(pending, f"firstclaim-pending/{running_org.org}/rep-2")
    await page.evaluate(keep_all)
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/signed-out")
    await page.wait_for_function(f"() => ({kept_keys})().length === 0 && !({call})().includes('Jon')")


async def test_hostile_requests_to_every_route_are_answered_and_the_console_stays_as_it_was(
    stack: RunningStack,
) -> None:
    outcome = await attack(stack, REQUESTS, seed=7, say=say)
    assert outcome.failures == []
    assert outcome.unsafe == []
    assert sum(outcome.statuses.values()) == REQUESTS
    assert outcome.statuses[422] > 0
    assert outcome.grown_mb < GROWN_MB
