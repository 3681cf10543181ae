"""N2: mails of accounts by a real mail server: a welcome, a forgotten password, and a digest that is ended."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from couriers.mail.unsubscribe import token_of
from runtime.process import free_port
from runtime.up import child
from tests.couriers.mail_server import MailServer, mail_server
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.audited import crew, entries
from tests.web.axe import serious_problems
from tests.web.screens import shot
from tests.web.signed_in import JSON, sign_in, signed_in
from tests.web.toasts import until_toast
from web.store.hashes import hash_of
from web.store.tables import PasswordLinkTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow
OWN_PASSWORD = "a staple of my own"  # noqa: S105  # of an account that exists only during a test
OTHER_PASSWORD = "another staple of mine"  # noqa: S105  # of an account that exists only during a test
KEY = "a-key-of-the-links-in-mails"


@contextmanager
def mailing(running_org: RunningOrg, folder: Path, **more: str) -> Iterator[MailServer]:
    """Let the org's people use a console that sends mails."""
    port = free_port()
    with mail_server(folder) as server:
        console = child("console-mails", ["console"], running_org.stack.settings, port)
        console.environment = {
            **(console.environment or {}),
            **server.environment(),
            "FIRSTCLAIM_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FIRSTCLAIM_MAILBOX_URL": "http://127.0.0.1:9/mails",
            "FIRSTCLAIM_UNSUBSCRIBE_KEY": KEY,
            **more,
        }
        console.launch()
        running_org.port = port
        try:
            yield server
        finally:
            console.stop()


def _link(mail: Any) -> str:
    text: str = mail.get_body(("plain",)).get_content()
    match = re.search(r"(http\S+/set-password\?token=\S+)", text)
    assert match, text
    return match[1]


async def test_n2_an_invited_person_chooses_a_password_by_the_link_of_the_welcome(
    running_org: RunningOrg, tmp_path: Path
) -> None:
    await crew(running_org)
    email = running_org.email("bob-ray")
    with mailing(running_org, tmp_path) as server:
        await running_org.until_ready()
        page = await running_org.sign_in("ann-lee", "/directory/reps/bob-ray")
        await expect(page.get_by_role("link", name="Mailbox of this demo")).to_have_attribute(
            "href", "http://127.0.0.1:9/mails"
        )
        await page.get_by_label("Address to sign in with").fill(email)
        await page.get_by_role("button", name=re.compile("Let them sign in|Make a new password")).click()
        await expect(page.locator("#invited")).to_contain_text("A mail with a link to choose a password")
        await eventually(lambda: server.for_rep(email), "the welcome comes")
        [mail] = server.for_rep(email)
        assert str(mail["Subject"]) == "Welcome at firstclaim"
        assert mail["List-Unsubscribe"] is None, "it is transactional"
        reader = await running_org.window()
        await reader.goto(_link(mail))
        assert await serious_problems(reader) == []
        await reader.get_by_label("New password").fill("password1234")
        await reader.get_by_role("button", name="Set the password").click()
        await expect(reader.get_by_role("alert")).to_contain_text("The password ")
        await reader.get_by_label("New password").fill(OWN_PASSWORD)
        await reader.get_by_role("button", name="Set the password").click()
        await expect(reader.get_by_role("alert")).to_have_text("Your password is set. Sign in with it.")
        await reader.get_by_label("Password").fill(OWN_PASSWORD)
        await reader.get_by_role("button", name="Sign in").click()
        await reader.wait_for_url("**/queues")
        await reader.goto(_link(mail))
        await expect(reader.get_by_role("alert")).to_contain_text("this link is over")
        html: Any = mail.get_body(("html",))
        await reader.set_viewport_size({"width": 640, "height": 520})
        await reader.goto("about:blank")
        await reader.set_content(html.get_content())
        await shot(reader, "mail-welcome")


async def test_n2_a_forgotten_password_is_set_by_a_link_that_works_once(
    running_org: RunningOrg, tmp_path: Path, store: Engine
) -> None:
    await crew(running_org)
    await running_org.rep("mia-moe", "admin")
    email = running_org.email("ann-lee")
    with mailing(running_org, tmp_path) as server:
        await running_org.until_ready()
        await running_org.until_known("mia-moe")
        elsewhere = await running_org.sign_in("ann-lee")
        page = await running_org.window()
        await page.goto("/sign-in")
        await page.get_by_role("link", name="Forgot your password?").click()
        assert await serious_problems(page) == []
        await page.get_by_label("Email").fill(email.upper())
        await page.get_by_role("button", name="Mail me a link").click()
        await expect(page.get_by_role("status").last).to_contain_text(
            "If there is an account with this address"
        )
        await eventually(lambda: server.for_rep(email), "the mail comes")
        [mail] = server.for_rep(email)
        link = _link(mail)
        await _check_answers(running_org, server, email, store)
        await page.goto(link)
        await page.get_by_label("New password").fill(OWN_PASSWORD)
        await page.get_by_role("button", name="Set the password").click()
        await expect(page.get_by_role("alert")).to_have_text("Your password is set. Sign in with it.")
        await elsewhere.goto("/queues")
        await expect(elsewhere.get_by_label("Password")).to_be_visible()
        async with httpx.AsyncClient(
            timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON
        ) as client:
            assert (await sign_in(client, email)).status_code == HTTPStatus.UNAUTHORIZED
            assert (await sign_in(client, email, OWN_PASSWORD)).status_code == HTTPStatus.CREATED
            form = {"token": link.rpartition("=")[2], "password": OTHER_PASSWORD}
            assert (await client.post("/set-password", data=form)).status_code == HTTPStatus.GONE
        async with signed_in(running_org, "mia-moe") as mia:
            await entries(mia, "password_link_mailed")
            await entries(mia, "password_changed")
        text = (running_org.stack.settings.state_dir / "log" / "console-mails.log").read_text()
        assert link.rpartition("=")[2] not in text


async def _check_answers(running_org: RunningOrg, server: MailServer, email: str, store: Engine) -> None:
    """Ask for links as a program: no answer says whether there is an account; old links do not work."""
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as client:
        known_answer = await client.post("/forgot-password", data={"email": email})
        unknown_answer = await client.post(
            "/forgot-password", data={"email": f"nobody@{running_org.org}.example"}
        )
        assert (known_answer.status_code, known_answer.text) == (
            unknown_answer.status_code,
            unknown_answer.text,
        )
        foreign = await client.post(
            "/forgot-password", data={"email": email}, headers={"origin": "https://evil.example"}
        )
        assert foreign.status_code == HTTPStatus.FORBIDDEN
        await eventually(lambda: len(server.for_rep(email)) == 2, "the second mail comes")
        older = _link(server.for_rep(email)[1])
        with store.begin() as connection:
            secret = older.rpartition("=")[2]
            is_that_link = PasswordLinkTable.secret_hash == hash_of(secret)
            expiry = update(PasswordLinkTable).where(is_that_link)
            connection.execute(expiry.values(expires_at=PasswordLinkTable.created_at))
        assert (await client.get(older)).status_code == HTTPStatus.GONE
        form = {"token": secret, "password": OWN_PASSWORD}
        assert (await client.post("/set-password", data=form)).status_code == HTTPStatus.GONE
        for address, status in ((email, 200), (email, 429), (f"nobody@{running_org.org}.example", 200)):
            answer = await client.post("/forgot-password", data={"email": address})
            assert answer.status_code == status, "three an hour, for whatever address"
        assert "retry-after" in (await client.post("/forgot-password", data={"email": email})).headers


async def test_n2_one_click_ends_the_digest_of_its_reader(running_org: RunningOrg, tmp_path: Path) -> None:
    await running_org.rep("mia", "admin", max_open=5)
    with mailing(running_org, tmp_path):
        await running_org.until_ready()
        await running_org.until_known("mia")
        path = f"/unsubscribe/{token_of(KEY, running_org.org, 'mia')}"
        async with signed_in(running_org, "mia") as mia:

            async def published_rep() -> dict[str, Any]:
                rep: dict[str, Any] = (await mia.get("/api/v1/directory/rep/mia")).json()["value"]
                return rep

            async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url) as client:
                assert (await client.get(path)).status_code == HTTPStatus.OK
                assert "notify" not in await published_rep(), "looking changes nothing"
                form = {"List-Unsubscribe": "One-Click"}
                assert (await client.post("/unsubscribe/x.y", data=form)).status_code == HTTPStatus.NOT_FOUND
                assert (await client.post(path, data=form)).status_code == HTTPStatus.OK
            after = await published_rep()
            assert (after["notify"], after["max_open"]) == ({"digests": []}, 5)
        page = await running_org.sign_in("mia", "/notifications")
        await expect(page.get_by_label("Leads that need a decision, once an hour: Mail")).not_to_be_checked()
        await page.get_by_label("Leads that need a decision, once an hour: Mail").check()
        await page.get_by_role("button", name="Save").click()
        await until_toast(page, "Saved.")
        await page.goto(path)
        assert await serious_problems(page) == []
        await page.get_by_role("button", name="End them").click()
        await expect(page.get_by_text("You get no digest of exceptions any more.")).to_be_visible()


async def test_n2_without_a_mail_server_there_is_no_link(running_org: RunningOrg) -> None:
    await crew(running_org)
    page = await running_org.window()
    await page.goto("/sign-in")
    await expect(page.get_by_role("link", name="Forgot your password?")).to_have_count(0)
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, base_url=running_org.url, headers=JSON) as client:
        assert (await client.get("/forgot-password")).status_code == HTTPStatus.NOT_FOUND
        answer = await client.post("/forgot-password", data={"email": running_org.email("ann-lee")})
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert (await client.get("/unsubscribe/x.y")).status_code == HTTPStatus.NOT_FOUND
    async with signed_in(running_org, "ann-lee") as ann:
        answer = await ann.post(
            "/api/v1/directory/rep/bob-ray/account", json={"email": running_org.email("bob-ray")}
        )
        assert answer.json()["mailed"] is False
