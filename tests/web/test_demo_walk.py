"""Who was never here before follows what the demo prints: signs in, claims a lead, works it, answers a ring."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from assurance.demo.directory import YOURS, lender, opened
from assurance.demo.sign_ins import PASSWORD, SIGN_INS, invitation, signed_up
from assurance.sample_leads import sample_leads
from tests.web.rows import row
from tests.web.running_org import PASSWORD as OWN_PASSWORD
from web.settings import WebSettings
from web.store.account import Account

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

CALLER: Final = {
    "first_name": "Jeremy",
    "last_name": "Jones",
    "state": "FL",
    "phone": "3055550142",
    "loan_purpose": "purchase",
}
"""A live transfer from a state in which the demo's loan officer is licensed."""


async def signed_in(running_org: RunningOrg, email: str) -> Page:
    """Go the way the demo's lines say: the address, then email and password."""
    page = await running_org.window(email)
    await page.goto("/")
    source = await page.content()
    assert not any(word in source for sign_in in SIGN_INS for word in (PASSWORD, sign_in.email))
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    return page


async def publish_demo(running_org: RunningOrg, leads: int) -> str:
    """Publish the demo's lender and let leads arrive, as the demo does; return the address of the console's store."""
    for (kind, object_id), value in opened(lender()).items():
        hours: dict[str, Any] = (
            {"quiet_hours": []} if kind == "settings" else {}
        )  # or the call would be refused at night
        await running_org.client.publish(kind, object_id, {**value, **hours})
    for lead in islice(sample_leads(leads, org=running_org.org), leads):
        await running_org.client.arrive(lead)
    return WebSettings.read(state_dir=running_org.stack.settings.state_dir).console_database_url


async def test_a_new_user_signs_in_finds_a_lead_claims_it_and_works_it(running_org: RunningOrg) -> None:
    port = running_org.stack.ports["console"]
    printed = invitation(port)
    assert f"http://127.0.0.1:{port}" in printed
    assert all(f"{sign_in.email}  " in printed for sign_in in SIGN_INS)
    assert printed.count(PASSWORD) == len(SIGN_INS)
    database_url = await publish_demo(running_org, 80)
    with signed_up(database_url, running_org.org):
        page = await signed_in(running_org, SIGN_INS[0].email)
        await page.locator("#queues li.claimable").get_by_role("link", name="New leads").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("New leads")
        claimable = page.get_by_role("button", name="Claim")
        # Others are of states without a licence (M6). Leads still come, so the first row may be another one soon.
        first_row = page.locator("tbody tr").filter(has=claimable).first
        claimed_row = row(page, str(await first_row.get_attribute("data-lead")))
        name = await claimed_row.locator("td").first.inner_text()
        await claimed_row.get_by_role("button", name="Claim this Lead").click()
        await expect(page.get_by_role("heading", name="Congratulations! You have a new lead")).to_be_visible()
        await page.get_by_role("link", name="Go to Lead Details").click()
        await expect(page.locator("#lead")).to_contain_text(name)
        await page.get_by_label("Comment").fill("They want to be called in the evening.")
        await page.get_by_label("Outcome", exact=True).fill("no_answer")
        await page.get_by_role("button", name="Record", exact=True).click()
        await expect(page.get_by_role("status").filter(has_text="Recorded: no answer.")).to_be_visible()
        await page.goto("/queues/mine")
        await expect(page.locator("tbody")).to_contain_text(name)
        await running_org.arrive("live-1", vendor="corner-form", campaign="live-east", **CALLER)
        ring = page.locator("#offers").get_by_role("alert")
        await expect(ring).to_contain_text("You have an available lead Jeremy Jones. Press 1 to accept")
        await page.get_by_role("heading", level=1).press("1")  # by key
        await expect(ring).to_contain_text(
            "You have been assigned Jeremy Jones, press 1 again to be connected"
        )
        await ring.get_by_role("button", name="Press 1 to be connected").click()
        await expect(ring).to_contain_text("Calling Jeremy Jones")
        for sign_in in SIGN_INS[1:]:
            other_page = await signed_in(running_org, sign_in.email)
            await expect(other_page.locator(".who .name")).to_contain_text(sign_in.role)
    with suppress(PlaywrightError):  # the page may be on its way to the sign-in already
        await page.reload()
    await expect(page.get_by_label("Email")).to_be_visible()  # the demo is over, and so are its sign-ins
    assert SIGN_INS[0].rep_id == YOURS


async def test_the_demos_work_queue_has_leads_to_call_and_keeps_them_until_they_are_decided(
    running_org: RunningOrg,
) -> None:
    """Nobody claims from it, so whoever tries the demo finds leads there at any time."""
    await publish_demo(running_org, 150)
    account = Account(email=running_org.email(YOURS), org=running_org.org, rep_id=YOURS, role="rep")
    running_org.accounts.put(account, OWN_PASSWORD)
    page = await running_org.sign_in(YOURS)
    await page.locator("#queues").get_by_role("link", name="Follow up, East Coast").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Follow up, East Coast")
    first_row = page.locator("tbody tr").filter(has=page.get_by_role("link", name="Open")).first
    lead = str(await first_row.get_attribute("data-lead"))
    name = await row(page, lead).locator("td").first.inner_text()
    await row(page, lead).get_by_role("link", name="Open").click()
    await expect(page.locator("#lead")).to_contain_text(name)
    await page.get_by_label("Open the next lead afterwards").uncheck()
    await page.locator("#lead .outcomes").get_by_role("button", name="Left message").click()
    await expect(page.get_by_role("status").filter(has_text="Recorded: left message.")).to_be_visible()
    await page.goto("/queues/follow-up")
    await expect(page.locator("tbody tr").filter(has_text=name)).to_contain_text("Left message")
