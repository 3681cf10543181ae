"""A rep says on any page whether it is offered leads; a manager says it on the wallboard, beside who is in (R9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY
from tests.web.screens import fits_a_phone, shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def publish_staff(running_org: RunningOrg) -> None:
    """Publish a manager, and a group whose leads go to Ann and Bob in turn."""
    await running_org.rep("ada", "admin")
    await running_org.rep("mia", "manager")
    for rep_id in ("ann", "bob"):
        await running_org.rep(rep_id, teams=["west"])
    await running_org.publish("settings", "settings", quiet_hours=[])
    members = [{"rep_id": "ann"}, {"rep_id": "bob"}]
    await running_org.publish(
        "group", "west", name="West", method="round_robin", claim_window_seconds=900, members=members
    )
    await running_org.publish("campaign", "west", name="West", group_id="west")
    await running_org.until_published("campaign", "west")
    for rep_id in ("mia", "ann", "bob"):
        await running_org.until_known(rep_id)


async def until_lead(client: httpx.AsyncClient, lead: str, holds: Callable[[dict[str, Any]], bool]) -> Any:
    """Wait until a manager's program sees a lead so, and return it."""

    async def lead_if_it_holds() -> Any:
        answer = await client.get(f"/api/v1/leads/{lead}")
        shown = answer.json() if answer.is_success else {}
        return shown if shown and holds(shown) else None

    return await eventually(lead_if_it_holds, f"lead {lead}")


def offered_to(name: str) -> Callable[[dict[str, Any]], bool]:
    """Return whether a lead is offered to exactly this rep."""
    return lambda lead: (lead["offer"] or {}).get("names") == [name]


async def test_r9_a_rep_pauses_and_after_a_last_lead_is_paused_by_itself(running_org: RunningOrg) -> None:
    await publish_staff(running_org)
    client = await running_org.program("mia")
    ann = await running_org.sign_in("ann", "/my-leads")
    switch = ann.get_by_label("Offers of leads")
    await expect(switch).to_have_value("available")
    await switch.select_option("Paused")
    await until_toast(ann, "You are offered no more leads.")
    assert await serious_problems(ann) == []
    assert await fits_a_phone(ann)
    await shot(ann, "availability")
    await running_org.until_published("rep", "ann", availability="paused")
    first_lead = await running_org.arrive("L-1", campaign="west", last_name="First")
    await until_lead(client, first_lead, offered_to("Bob"))
    why = (await client.get(f"/api/v1/leads/{first_lead}/why")).text
    assert "has paused" in why
    # One more, and then none: what she chose is on her next page too.
    await switch.select_option("One last lead")
    await until_toast(ann, "You are offered one more lead")
    await running_org.until_published("rep", "ann", availability="last_lead")
    second = await running_org.arrive("L-2", campaign="west", last_name="Second", state="RI")
    await until_lead(client, second, offered_to("Ann"))
    third = await running_org.arrive("L-3", campaign="west", last_name="Third")
    await until_lead(client, third, offered_to("Bob"))
    offer = ann.locator("#offers")
    await expect(offer.locator(".there")).to_have_text(re.compile(r"^\d{1,2}:\d\d [AP]Mmay be called$"))
    await offer.get_by_role("button", name="Accept").click()
    await until_lead(client, second, lambda lead: lead["owner"] == "ann")
    fourth = await running_org.arrive("L-4", campaign="west", last_name="Fourth")
    await until_lead(client, fourth, offered_to("Bob"))
    await ann.goto("/my-leads")
    await ann.wait_for_selector(READY)
    await expect(ann.get_by_label("Offers of leads").locator("option:checked")).to_have_text(
        "Paused after the last lead"
    )
    # Whoever gives leads reads it too, beside her licence and her open leads.
    takers = (await client.get("/api/v1/takers", params={"search": "", "lead_id": fourth})).json()["reps"]
    assert {taker["rep_id"]: taker["unavailable"] for taker in takers if taker["role"] == "rep"} == {
        "ann": "paused after the last lead",
        "bob": None,
    }
    # The wallboard says so beside who is in, and the manager lets her have leads again.
    mia = await running_org.sign_in("mia", "/wallboard")
    line = mia.locator('[data-table="reps"] tr', has_text="Ann")
    await expect(line.locator(".state")).to_have_text("in, paused after the last lead")
    assert await serious_problems(mia) == []
    assert await fits_a_phone(mia)
    await line.get_by_label("Offers of leads to Ann").select_option("Available")
    await expect(line.locator(".state")).to_have_text("in")
    await running_org.until_published("rep", "ann", availability="available")
    fifth = await running_org.arrive("L-5", campaign="west", last_name="Fifth")
    await until_lead(client, fifth, offered_to("Ann"))
    assert (await client.get("/api/v1/directory/rep/ann")).json()["value"]["availability"] == "available"
    # It is nobody else's business, and nothing but the three choices.
    bob = await running_org.sign_in("bob", "/queues/mine")
    headers = {"x-csrf-token": str(await bob.locator('meta[name="csrf"]').get_attribute("content"))}
    for path, body, status in (
        ("/api/v1/reps/ann/availability", {"availability": "paused"}, 403),
        ("/api/v1/me/availability", {"availability": "asleep"}, 422),
    ):
        assert (await bob.request.put(path, data=body, headers=headers)).status == status
    assert await mia.get_by_label("Offers of leads", exact=True).count() == 0


async def test_r9_n8_a_reps_own_choice_needs_no_admin(running_org: RunningOrg) -> None:
    await running_org.rep("ann")
    await running_org.until_known("ann")
    page = await running_org.sign_in("ann", "/my-leads")
    await page.get_by_label("Offers of leads").select_option("Paused")
    await until_toast(page, "You are offered no more leads.")
    client = await running_org.program("ann")
    assert (await client.get("/api/v1/me/availability")).json()["availability"] == "paused"
    headers = {"x-csrf-token": str(await page.locator('meta[name="csrf"]').get_attribute("content"))}
    answer = await page.request.put("/api/v1/me/notify", data={"digests": []}, headers=headers)
    assert answer.ok, await answer.text()
