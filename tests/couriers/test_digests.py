"""N2, E1: managers get a digest of new exceptions at most once an hour, through kills, and end it with one click."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import async_playwright

from couriers.mail.digest_requests import SOURCE
from couriers.mail.unsubscribe import reader_of, token_of
from runtime.process import stop_process
from tests.fixtures.servers import unique
from tests.fixtures.waiting import until
from tests.web.axe import serious_problems
from tests.web.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.web.screens import shot

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from tests.couriers.conftest import CourierProcess, Post
    from tests.couriers.mail_server import MailServer

KEY = "a-key-of-the-links-in-mails"


def _exception(post: Post, lead: str, org: str, *, flush: bool = True, **more: Any) -> None:
    value = {
        "lead_id": lead,
        "org": org,
        "status": "open",
        "reason": "no_rep_available",
        "explanation": [],
        "prospect_name": "Jeremy Jones",
        "campaign": "Team Source",
        "description": None,
        "distribution": None,
        "vendor": "acme",
        "loan_purpose": None,
        "loan_amount": None,
        "state": "RI",
        "created_at": datetime.now(UTC).isoformat(),
        "raised_at": datetime.now(UTC).isoformat(),
        "version": 1,
        **more,
    }
    post.write("lead-exceptions", lead, value, flush=flush)


@pytest.mark.kafka
@pytest.mark.slow
async def test_n2_managers_get_one_digest_for_each_hour_through_kills(
    post: Post, server: MailServer, start_courier: Callable[..., CourierProcess]
) -> None:
    """The hour is six seconds here. Each exception is in one digest of each manager, whatever is killed."""
    org = unique("org")

    def rep(rep_id: str, **fields: Any) -> str:
        address = f"{rep_id}@{org}.example"
        value = {"rep_id": rep_id, "name": f"{rep_id.title()} Moe", "email": address, **fields}
        post.publish("rep", rep_id, value, org)
        return address

    mia, lea = rep("mia", role="manager"), rep("lea", role="admin")
    silent = rep("sue", role="manager", notify={"digests": []})
    no_managers = [rep("ann"), rep("old", role="manager", active=False)]
    post.publish(
        "settings",
        "settings",
        {"mail": {"console_url": "https://leads.lender.example", "lender": "Example Lending"}},
        org,
    )

    def leads_in_digest(address: str) -> int:
        """Return how many leads a manager was told of. A mail whose fate a kill prevented comes again."""
        mails = {str(mail["Message-ID"]): mail for mail in server.for_rep(address)}
        return sum(map(_count, mails.values()))

    environment = {"FIRSTCLAIM_SMTP_DIGEST_MINUTES": "0.1", "FIRSTCLAIM_UNSUBSCRIBE_KEY": KEY}
    courier = start_courier(**environment)
    courier.wait_ready()
    _exception(post, unique("lead"), org)
    assert until(lambda: leads_in_digest(mia) == leads_in_digest(lea) == 1), courier.log.read_text()[-3000:]
    leads = [unique("lead") for _ in range(23)]
    for n, lead in enumerate(leads):
        _exception(post, lead, org, prospect_name=f"Person <{n}>", raised_at=f"2026-11-27T10:{n:02}:00Z")
    decided = unique("lead")
    _exception(post, decided, org, flush=False)
    _exception(post, decided, org, status="resolved", prospect_name="Decided", version=2)

    for _ in range(3):
        courier.kill()
        courier = start_courier(**environment)
    assert until(lambda: leads_in_digest(mia) > len(leads) and leads_in_digest(lea) > len(leads)), (
        courier.log.read_text()[-3000:]
    )
    late = unique("lead")
    _exception(post, late, org, prospect_name="Late Comer")
    assert until(lambda: min(leads_in_digest(mia), leads_in_digest(lea)) >= len(leads) + 2)
    assert (leads_in_digest(mia), leads_in_digest(lea)) == (len(leads) + 2, len(leads) + 2)
    assert [server.for_rep(address) for address in (silent, *no_managers)] == [[], [], []]
    await _check_mails(server.for_rep(mia), org)
    requests = [record for record in post.records("notifications") if b"exception_digest" in record.value()]
    assert {dict(record.headers())["ce_source"] for record in requests} == {SOURCE.encode()}
    stop_process(courier.process, signal.SIGTERM, 30)


async def _check_mails(mails: list[EmailMessage], org: str) -> None:
    """Check what mails of digests say, and take a picture of the longest one."""
    assert "Decided" not in "".join(_text(mail) for mail in mails)
    longest = max(mails, key=_count)
    assert "Person" not in str(longest["Subject"])
    assert str(longest["Subject"]).endswith(" need a Decision")
    text = _text(longest)
    assert "- Person <" in text
    assert "no rep available, Team Source" in text
    assert "https://leads.lender.example/exceptions" in text
    assert longest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(longest["List-Unsubscribe"])
    assert link.startswith("<https://leads.lender.example/unsubscribe/")
    assert reader_of(KEY, link.rpartition("/")[2].rstrip(">")) == (org, "mia")
    html: Any = longest.get_body(("html",))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = await browser.new_page(viewport={"width": 640, "height": 900})
        await page.set_content(html.get_content())
        assert await serious_problems(page) == []
        await shot(page, "mail-digest")
        await browser.close()


def _text(mail: Any) -> str:
    content: str = mail.get_body(("plain",)).get_content()
    return content


def _count(mail: Any) -> int:
    """Return how many leads the subject of a digest counts."""
    return int(str(mail["Subject"]).split()[0])


def test_n2_nobody_can_end_the_digests_of_another() -> None:
    token = token_of(KEY, "org-a", "mia")
    assert reader_of(KEY, token) == ("org-a", "mia")
    payload, _, signature = token.partition(".")
    foreign_token = token_of("another key", "org-a", "mia")
    for wrong in (
        "",
        ".",
        payload,
        f"{payload}.",
        f".{signature}",
        f"{payload}.{foreign_token.partition('.')[2]}",
        "é.é",
        "a" * 5_000,
    ):
        assert reader_of(KEY, wrong) is None, wrong
    assert reader_of(KEY, token_of(KEY, "org-a", "lea").partition(".")[0] + "." + signature) is None
