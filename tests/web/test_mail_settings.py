"""N8: an admin sets the org's mails by a form: sender, look and words, with each error at its field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.screens import shot
from tests.web.signed_in import signed_in

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_n8_an_admin_sets_how_the_orgs_mails_look(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "admin")
    await running_org.publish(
        "settings", "settings", max_locks=4, mail={"lender": "Old Name", "words": {"later": {"subject": "x"}}}
    )
    await running_org.until_known("mia")
    page = await running_org.sign_in("mia", "/directory/settings")
    mails = page.get_by_role("group", name="Mails to reps")
    await expect(mails.get_by_label("Name at the top of a mail")).to_have_value("Old Name")
    await mails.get_by_label("Sender's address").fill("not an address")
    await mails.get_by_label("Name at the top of a mail").fill("Example Lending")
    await mails.get_by_label("Address for questions").fill("help@lender.example")
    await mails.get_by_label("Subjects and push messages have the lead's name").check()
    await mails.get_by_label("Own words for").select_option("callback_due")
    await mails.get_by_label("Subject", exact=True).fill("Call now")
    await mails.get_by_label("Own words for").select_option("lead_offered")
    await expect(mails.get_by_label("Subject", exact=True)).to_have_value("")
    await mails.get_by_label("First sentence").fill("This lead is yours for ten minutes:")
    await page.get_by_role("button", name="Review changes").click()
    sender = mails.locator("[data-path=sender]")
    await expect(sender.locator("[data-problem]")).to_have_text("Must be a mail address.")
    await mails.get_by_label("Sender's address").fill("leads@lender.example")
    await page.get_by_role("button", name="Review changes").click()
    await page.get_by_role("button", name="Back").click()
    assert await serious_problems(page) == []
    await mails.get_by_label("Sender's address").scroll_into_view_if_needed()
    await shot(page, "mail-settings")
    await page.get_by_role("button", name="Review changes").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("[data-dirty]")).to_have_text("As published")
    async with signed_in(running_org, "mia") as client:
        value = (await client.get("/api/v1/directory/settings/settings")).json()["value"]
    assert value == {
        "max_locks": 4,
        "mail": {
            "sender": "leads@lender.example",
            "lender": "Example Lending",
            "support": "help@lender.example",
            "names_in_subjects": True,
            "words": {
                "later": {"subject": "x"},
                "callback_due": {"subject": "Call now"},
                "lead_offered": {"opening": "This lead is yours for ten minutes:"},
            },
        },
    }
