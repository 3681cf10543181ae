"""The manager's day shows badges, the wallboard, and reports by day with CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from sink.day_reports import ArrivedLead
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import WORK
from tests.web.running_org import NEW
from tests.web.screens import fits_a_phone, shot
from tests.web.test_fresh_assignments import in_queue
from web.services.reports import speed

if TYPE_CHECKING:
    from typing import Any

    import httpx
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

SPEED: Final = re.compile(r"^\d+(\.\d)? (s|min|h)$")


def test_the_speed_is_the_median_and_the_95th_of_100() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    claim_speed = speed([ArrivedLead(at, "acme", None, "rep-1", float(n)) for n in range(1, 101)])
    assert (claim_speed.leads, claim_speed.p50_seconds, claim_speed.p95_seconds) == (100, 50.0, 95.0)
    assert speed([ArrivedLead(at, "acme", None, None, None)]).p50_seconds is None


async def _all_in(program: httpx.AsyncClient, queue_id: str, leads: set[str]) -> bool:
    return await in_queue(program, queue_id) >= leads


async def let_morning_pass(running_org: RunningOrg) -> dict[str, str]:
    """Let a morning pass: two leads are claimed, one is open, one is an exception, one waits; return name -> id."""
    for rep_id, role in (("mia", "manager"), ("ann", "rep"), ("bob", "rep")):
        await running_org.rep(rep_id, role, teams=["west"])
    await running_org.publish("settings", "settings", quiet_hours=[], time_zone="America/New_York")
    await running_org.publish("group", "west", name="West team", method="queue")
    await running_org.publish("group", "empty", name="Nobody", method="round_robin", members=[])
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.publish("campaign", "lost", name="Lost", vendor="zeta", group_id="empty")
    to_open = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Open"}]}
    free = {
        "combinator": "and",
        "rules": [
            {"field": "owned", "operator": "=", "value": False},
            {"field": "vendor", "operator": "=", "value": "acme"},
        ],
    }
    await running_org.publish(
        "queue", "new", **{**NEW, "teams": ["west"], "inclusion": free, "exclusion": to_open}
    )
    await running_org.publish(
        "queue",
        "work",
        **{
            **WORK,
            "inclusion": {
                "combinator": "and",
                "rules": [{"field": "vendor", "operator": "=", "value": "acme"}],
            },
        },
    )
    for kind, name in (("queue", "work"), ("campaign", "lost"), ("rep", "bob")):
        await running_org.until_published(kind, name)
    leads = {
        name: await running_org.arrive(f"A-{n}", campaign="west", first_name="Ana", last_name=name)
        for n, name in enumerate(("One", "Two", "Open", "Waits"))
    }
    async with await running_org.program("mia") as program:
        for queue_id, names in (("new", ("One", "Two", "Waits")), ("work", ("Open",))):
            await eventually(partial(_all_in, program, queue_id, {leads[name] for name in names}), queue_id)
    for name, rep_id in (("One", "ann"), ("Two", "ann")):
        answer = (await running_org.ask("claim", leads[name], rep_id, queue_id="new")).answer
        assert answer is not None
        assert answer.result == "won"
    opened = (await running_org.ask("view", leads["Open"], "bob")).answer
    assert opened is not None
    assert opened.result == "done"
    return leads


@pytest.mark.slow
async def test_a_manager_sees_the_day_on_the_wallboard_and_in_the_reports(running_org: RunningOrg) -> None:
    await let_morning_pass(running_org)
    await running_org.client.arrive(
        {
            "vendor": "zeta",
            "external_id": "Z-1",
            "org": running_org.org,
            "campaign": "lost",
            "last_name": "Nobody",
        }
    )
    client = await running_org.program("mia")

    async def board() -> dict[str, Any] | None:
        wallboard: dict[str, Any] = (await client.get("/api/v1/wallboard")).json()
        is_whole = (
            wallboard["arrivals"],
            wallboard["leads_given"],
            wallboard["locks"],
            wallboard["exceptions"],
        ) == (
            5,
            2,
            1,
            1,
        )
        return wallboard if is_whole else None

    wallboard = await eventually(board, "the board shows the morning")
    assert wallboard["first_claims"] == 2
    reps = {rep["rep_id"]: rep for rep in wallboard["reps"]}
    assert (reps["ann"]["leads_today"], reps["ann"]["open_leads"], reps["bob"]["locks"]) == (2, 2, 1)
    assert reps["ann"]["p50_seconds"] is not None
    assert [(group["name"], group["arrivals"], group["first_claims"]) for group in wallboard["groups"]] == [
        ("West team", 4, 2),
        ("Nobody", 1, 0),
    ]
    assert {vendor["key"] for vendor in wallboard["vendors"]} == {"acme", "zeta"}
    queues = {queue["queue_id"]: queue for queue in wallboard["queues"]}
    assert queues["new"]["oldest_at"] is not None
    rep = await running_org.sign_in("ann", "/queues/new")
    page = await running_org.sign_in("mia", "/wallboard")
    for tile, count in (
        ("Arrived today", "5"),
        ("Given to reps today", "2"),
        ("Offers out", "0"),
        ("Leads open now", "1"),
        ("Exceptions", "1"),
    ):
        await expect(page.locator(f'[data-tile="{tile}"] dd')).to_have_text(count)
    line = page.locator('[data-table="reps"] tr', has_text="Ann")
    await expect(line.locator("td, th").nth(7)).to_have_text(SPEED)
    for table, name in (("groups", "West team"), ("vendors", "acme")):
        speeds = page.locator(f'[data-table="{table}"] tr', has_text=name).locator("td, th")
        for place in (3, 4):
            await expect(speeds.nth(place)).to_have_text(SPEED)
    await expect(line.locator(".state")).to_have_text("in")
    await expect(page.locator('[data-table="reps"] tr', has_text="Bob").locator(".state")).to_have_text("out")
    await expect(page.locator('[data-table="queues"] tr', has_text="New leads")).to_contain_text("min")
    await expect(page.locator('[data-badge="exceptions"]')).to_contain_text("1")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "wallboard")
    await page.get_by_label("Search reps").fill("bob")
    await expect(page.locator('[data-table="reps"] tbody tr')).to_have_count(1)
    # The badge leads to the exception, and the exception to its lead.
    await page.get_by_role("link", name="Exceptions").click()
    await page.get_by_role("link", name="Open Nobody").click()
    await expect(page.get_by_role("heading", name="Nobody")).to_be_visible()
    assert await rep.locator('[data-badge="exceptions"]').count() == 0
    await look_at_reports(page, client)


async def look_at_reports(page: Page, client: httpx.AsyncClient) -> None:
    """Read the reports by day, of any range, also as CSV."""
    await page.goto("/reports")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_label("By", exact=True).select_option("group")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    await expect(page.locator("tbody tr").first).to_contain_text("West team")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await shot(page, "reports")
    address = await page.get_by_role("link", name="Download CSV").get_attribute("href")
    answer = await page.request.get(str(address))
    rows = list(csv.reader(io.StringIO((await answer.body()).decode("utf-8-sig"))))
    assert rows[0] == ["day", "group", "name", "arrivals", "first_claims", "p50_seconds", "p95_seconds"]
    assert [line[2:5] for line in rows[1:]] == [["West team", "4", "2"], ["Nobody", "1", "0"]]
    by_rep = (await client.get("/api/v1/reports", params={"by": "rep"})).json()
    assert {(rep_line["name"], rep_line["first_claims"]) for rep_line in by_rep["lines"]} == {
        ("Ann", 2),
        ("(nobody)", 0),
    }
    old = (await client.get("/api/v1/reports", params={"from": "2020-01-01", "to": "2020-01-31"})).json()
    assert (old["lines"], old["total"]["arrivals"]) == ([], 0)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    for wrong in ({"from": tomorrow, "to": "2020-01-01"}, {"from": "2020-01-01", "to": "2022-01-01"}):
        assert (
            await client.get("/api/v1/reports", params=wrong)
        ).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
