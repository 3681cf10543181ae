"""A manager sees which leads reps have open, and frees one; the rep is told (M6)."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.axe import serious_problems
from tests.web.rows import WORK

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_m6_a_manager_sees_open_leads_frees_one_and_the_rep_is_told(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "work", **WORK)
    lead = await running_org.arrive("A-1", first_name="Ana", last_name="Silva")
    other_lead = await running_org.arrive("A-2", first_name="Bo", last_name="Reed")
    given_up = await running_org.arrive("A-3", first_name="Cy", last_name="Hill")
    rep, manager = await running_org.program("rep-1"), await running_org.program("mia")
    for viewed in (lead, other_lead, given_up):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await rep.post(f"/api/v1/leads/{viewed}/actions", json={"type": "view"})).json().get(
                "result"
            ) != "done":
                await asyncio.sleep(0.1)
    released = await rep.post(f"/api/v1/leads/{given_up}/actions", json={"type": "release"})
    assert released.json()["result"] == "done"
    assert (await rep.get("/api/v1/locks")).status_code == HTTPStatus.FORBIDDEN

    async def both_with_their_beginning() -> dict[str, Any] | None:
        """Return the locks once the database has both and the entry that began each."""
        locks: dict[str, Any] = (await manager.get("/api/v1/locks")).json()
        return locks if sum(lock["since"] is not None for lock in locks["locks"]) == 2 else None

    listed = await eventually(both_with_their_beginning, "the database has both locks")
    assert [(lock["lead_id"], lock["rep_id"], lock["rep_name"]) for lock in listed["locks"]] == [
        (lead, "rep-1", "Rep 1"),
        (other_lead, "rep-1", "Rep 1"),
    ]
    assert all(lock["since"] < lock["until"] for lock in listed["locks"])
    page = await running_org.sign_in("mia", "/operations")
    table = page.locator('[data-table="locks"]')
    await expect(table).to_contain_text("Ana Silva")
    await expect(table.locator("tbody tr")).to_have_count(2)
    assert await serious_problems(page) == []
    await page.get_by_role("button", name="Free Ana Silva, which Rep 1 has open").click()
    dialog = page.get_by_role("dialog", name="Free Ana Silva")
    await dialog.get_by_role("button", name="Free the lead").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Write the reason.")
    await dialog.get_by_label("Reason").fill("Rep 1 has gone home")
    await dialog.get_by_role("button", name="Free the lead").click()
    await expect(table.locator("tbody tr")).to_have_count(1)
    await expect(table).not_to_contain_text("Ana Silva")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (notices := (await rep.get("/api/v1/me/moves")).json()):
            await asyncio.sleep(0.1)
    assert [(notice["text"], notice["why"]) for notice in notices] == [
        ("Mia freed Ana Silva, which you had open.", "Rep 1 has gone home")
    ]
    page_of_rep = await running_org.sign_in("rep-1", "/queues/work")
    await expect(page_of_rep.locator("#moves")).to_contain_text("Mia freed Ana Silva, which you had open.")
    again = await rep.post(f"/api/v1/leads/{lead}/actions", json={"type": "outcome", "outcome": "talked"})
    assert again.json()["reason"] == "not_locked"
