"""N8: an admin chooses by a form which chats get which news of whom. The addresses are not in the directory."""

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


async def test_n8_an_admin_chooses_the_orgs_chats(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "admin")
    await running_org.rep("ann", name="Ann Lee")
    await running_org.rep("bob", name="Bob Ray")
    service = {"secret": "sales-floor", "templates": ["lead_offered", "of_a_later_version"]}
    await running_org.publish(
        "settings", "settings", max_locks=4, chat={"services": [service, {"secret": "old", "reps": ["ann"]}]}
    )
    await running_org.until_known("bob")
    page = await running_org.sign_in("mia", "/directory/settings")
    chats = page.get_by_role("group", name="Chats", exact=True)
    sales_chat = chats.get_by_role("group", name="Chat sales-floor")
    await expect(sales_chat.get_by_label("A lead is offered", exact=True)).to_be_checked()
    await expect(sales_chat.get_by_label("A callback is due")).not_to_be_checked()
    await sales_chat.get_by_label("A lead is assigned").check()
    await chats.get_by_role("button", name="Remove Chat old").click()
    await expect(chats.get_by_role("group", name="Chat old")).to_have_count(0)
    await chats.get_by_role("button", name="Add a chat").click()
    new = chats.get_by_role("group", name="New chat")
    await expect(new.get_by_label("Name")).to_be_focused()
    await new.get_by_label("Name").fill("https://hooks.example/secret")
    await new.get_by_label("Only news of these reps").select_option(["Bob Ray"])
    await page.get_by_role("button", name="Review changes").click()
    problem = "Must be a name of a-z, 0-9 and -."
    await expect(new.locator("[data-problem]")).to_have_text(problem)
    await expect(sales_chat.locator("[data-problem]")).to_be_hidden()
    await new.get_by_label("Name").fill("bobs-phone")
    assert await serious_problems(page) == []
    await new.get_by_label("Name").scroll_into_view_if_needed()
    await shot(page, "chat-settings")
    await page.get_by_role("button", name="Review changes").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("[data-dirty]")).to_have_text("As published")
    async with signed_in(running_org, "mia") as client:
        value = (await client.get("/api/v1/directory/settings/settings")).json()["value"]
    assert value == {
        "max_locks": 4,
        "chat": {
            "services": [
                {**service, "templates": ["lead_offered", "lead_assigned", "of_a_later_version"]},
                {"secret": "bobs-phone", "reps": ["bob"]},
            ]
        },
    }
