"""A manager merges two leads on the lead's page, and takes one out again (K5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.screens import fits_a_phone
from tests.web.test_lead_moves import at_lead, move_buttons, open_lender
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

MAIL = "home@x.org"


async def test_k5_a_manager_merges_and_splits_on_the_page(running_org: RunningOrg) -> None:
    await open_lender(running_org)
    jones = {"first_name": "Ann", "last_name": "Jones", "phone": "+14014194247", "assigned_to": "ann"}
    roe = {"last_name": "Roe", "phone": "+14014190001", "assigned_to": "bob"}
    into_lead = await running_org.arrive("P-1", email=MAIL, **jones)
    await running_org.until_arrived(into_lead)
    merged_lead = await running_org.arrive("P-2", email=MAIL, **roe)
    await running_org.until_stored(into_lead, owner="ann")
    await running_org.until_stored(merged_lead, owner="bob")
    bob, mia = await at_lead(running_org, "bob", merged_lead), await at_lead(running_org, "mia", merged_lead)
    await expect(move_buttons(mia)).to_have_text(["Reassign …", "Give back …", "Merge …"])
    assert await move_buttons(bob).count() == 0
    await move_buttons(mia).filter(has_text="Merge …").click()
    dialog = mia.locator("#move")
    await expect(dialog).to_contain_text("This lead closes and becomes an inquiry of the lead you choose")
    choice = dialog.get_by_label("Ann Jones, +14014194247, home@x.org, Ann has it")
    await expect(choice).to_be_checked()
    assert await serious_problems(mia) == []
    assert await fits_a_phone(mia)
    await dialog.get_by_role("button", name="Merge").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Write the reason.")
    await mia.keyboard.type("one person, two names")
    await dialog.get_by_role("button", name="Merge").click()
    await until_toast(mia, "This lead is merged.")
    await expect(mia.locator(".lead")).to_have_attribute("data-phase", "closed")
    await expect(mia.locator(".lead-history")).to_contain_text("one person, two names")
    await expect(move_buttons(mia)).to_have_count(0)

    merged_page = await at_lead(running_org, "mia", into_lead)
    await expect(merged_page.locator(".standing")).to_contain_text("Ann")
    await expect(move_buttons(merged_page)).to_have_text(["Reassign …", "Give back …", "Split …"])
    await move_buttons(merged_page).filter(has_text="Split …").click()
    dialog = merged_page.locator("#move")
    await expect(dialog.get_by_label("Roe, +14014190001, home@x.org, from acme")).to_be_checked()
    await merged_page.keyboard.type("they are two after all")
    await dialog.get_by_role("button", name="Split").click()
    await until_toast(merged_page, "The inquiry is a lead of its own.")
    await expect(move_buttons(merged_page)).to_have_text(["Reassign …", "Give back …"])
    again = await at_lead(running_org, "mia", merged_lead)
    await expect(again.locator(".lead")).to_have_attribute("data-phase", "owned")
    await expect(move_buttons(again)).to_have_text(["Reassign …", "Give back …", "Merge …"])
