"""N2, N8: the mails as a mail server gets them: the documents' words, the org's sender and words, text and HTML."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import async_playwright

from runtime.process import stop_process
from tests.couriers.conftest import CourierProcess
from tests.couriers.mail_server import MailServer, mail_server
from tests.fixtures.servers import unique
from tests.fixtures.waiting import until
from tests.web.axe import serious_problems
from tests.web.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.web.screens import shot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tests.couriers.conftest import Post

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[MailServer]:
    """Yield one mail server for all mails of this file."""
    with mail_server(server_folder) as running:
        yield running


@pytest.fixture(scope="module")
def courier(post: Post, server: MailServer, server_folder: Path) -> Iterator[CourierProcess]:
    """Yield one courier for all mails of this file."""
    running = CourierProcess(
        post.settings(server_folder), server_folder / f"{unique('courier')}.log", server.environment()
    )
    yield running
    stop_process(running.process, signal.SIGTERM, 30)


def _parts(mail: EmailMessage) -> tuple[str, str]:
    text: Any = mail.get_body(("plain",))
    html: Any = mail.get_body(("html",))
    return text.get_content().replace("\r\n", "\n"), html.get_content()


def _mails_after(post: Post, server: MailServer, address: str, *ids: str) -> list[EmailMessage]:
    assert until(lambda: post.all_have_fates(*ids))
    assert post.fates(*ids) == {identity: ["sent"] for identity in ids}
    return server.for_rep(address)


def test_n2_n8_mails_have_the_documents_words_by_the_orgs_settings(
    post: Post, server: MailServer, courier: CourierProcess
) -> None:
    """First without settings of the org, then with all of them; they take effect without a restart."""
    rep = unique("rep")
    address = post.rep(rep, time_zone="America/New_York")
    del courier
    lead = unique("lead")
    [plain] = _mails_after(
        post, server, address, post.request(rep, lead, template="lead_assigned", seconds=None)
    )
    text, html = _parts(plain)
    assert (plain["Subject"], plain["From"]) == (
        "New Lead was Distributed to You",
        "firstclaim <leads@lender.example>",
    )
    assert text.split("\n") == [
        "New Lead was Distributed to You",
        "",
        "Hi Scott,",
        "",
        "You have been assigned a lead:",
        "",
        "- Name: Sequential Test2",
        "- Lead Source: Team Source",
        "",
        "View and engage with your leads by clicking the button below.",
        "",
        f"View My Leads: https://console.lender.example/leads/{lead}",
        "",
        "",
    ]
    assert f'<a href="https://console.lender.example/leads/{lead}"' in html

    post.rep(rep, time_zone="America/New_York", name="<b>Scott</b> Smith")
    post.publish(  # after the rep: the directory has one order, so who knows the settings knows the rep's name
        "settings",
        "settings",
        {
            "mail": {
                "sender": "sales@bank.example",
                "sender_name": "Bank Sales",
                "lender": "First & Last Bank",
                "logo_url": "https://bank.example/logo.png",
                "support": "help@bank.example",
                "console_url": "https://leads.bank.example/",
                "names_in_subjects": True,
                "words": {"lead_offered": {"subject": "A lead for you", "opening": "Take it:"}},
            }
        },
    )

    def settings_are_known() -> bool:
        # The directory is another topic, so the courier may read the first of these requests before the settings.
        identity = post.request(
            rep, unique("lead"), first_name="<script>alert(1)</script>", last_name="O'Neil\r\nBcc: x"
        )
        _mails_after(post, server, address, identity)
        return bool(server.for_rep(address)[-1]["Reply-To"])

    assert until(settings_are_known)
    mail = server.for_rep(address)[-1]
    text, html = _parts(mail)
    assert mail["From"] == "Bank Sales <sales@bank.example>"
    assert mail["Reply-To"] == "help@bank.example"
    assert mail["Subject"] == "A lead for you: <script>alert(1)</script> O'Neil Bcc: x"
    assert (mail["Bcc"], mail["Auto-Submitted"]) == (None, "auto-generated")
    assert "Take it:" in text
    assert "Yours Until: " in text
    assert ("EST" in text or "EDT" in text) is True
    assert "help@bank.example" in text
    assert "<script>" not in html
    assert "Hi &lt;b&gt;Scott&lt;/b&gt;," in html
    assert '<img src="https://bank.example/logo.png" alt="First &amp; Last Bank"' in html


@pytest.mark.parametrize(
    ("template", "data", "subject", "expected"),
    [
        ("lead_reassigned", {"why": "on leave"}, "A Lead was Reassigned", "- Reason: on leave"),
        ("lead_claimed", {}, "Another Rep Claimed a Lead of Yours", "/my-leads"),
        (
            "new_inquiry",
            {"inquiry": {"phone": "+14014194247", "loan_amount": 310000}},
            "Your Lead Inquired Again",
            "- Phone: +14014194247\n- Loan Amount: 310000",
        ),
        (
            "callback_due",
            {"callback_at": "2026-11-27T15:30:00+00:00", "may_call": False},
            "A Callback is Due",
            "- Call At: Friday, November 27, 3:30 PM UTC\n- Note: This person must not be called.",
        ),
        ("of_a_later_version", {}, "News of a Lead", "There is news of a lead:"),
    ],
)
def test_n2_each_template_has_its_words(
    post: Post,
    server: MailServer,
    courier: CourierProcess,
    template: str,
    data: dict[str, Any],
    subject: str,
    expected: str,
) -> None:
    del courier
    rep = unique("rep")
    address = post.rep(rep)
    [mail] = _mails_after(
        post, server, address, post.request(rep, unique("lead"), template=template, seconds=None, **data)
    )
    assert mail["Subject"].startswith(subject)
    assert expected in _parts(mail)[0]


async def test_n2_the_mail_in_a_browser_is_readable_on_a_phone(
    post: Post, server: MailServer, courier: CourierProcess
) -> None:
    """The HTML as the server got it, without network, in a wide and a narrow window."""
    del courier
    post.publish(
        "settings",
        "settings",
        {
            "mail": {
                "lender": "Example Lending",
                "support": "support@lender.example",
                "console_url": "https://leads.lender.example",
            }
        },
    )
    rep = unique("rep")
    address = post.rep(rep)

    def settings_are_known() -> bool:
        identity = post.request(rep, unique("lead"), template="lead_assigned", seconds=None)
        return "Example Lending" in _parts(_mails_after(post, server, address, identity)[-1])[1]

    assert until(settings_are_known)
    _, html = _parts(server.for_rep(address)[-1])
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = await browser.new_page(viewport={"width": 640, "height": 520})
        await page.set_content(html)
        assert await page.get_by_role("link", name="View My Leads").get_attribute("href")
        assert await serious_problems(page) == []
        await shot(page, "mail-assigned")
        await page.set_viewport_size({"width": 360, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await shot(page, "mail-assigned-phone")
        await browser.close()
