"""A person sorts each table and makes its columns as wide as needed; the console keeps both for the person (S6, Q7)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.rows import READY, WORK, until_row
from tests.web.running_org import NEW
from tests.web.screens import fits_a_phone
from tests.web.test_fresh_assignments import until_in_queue
from web.api.preferences import MAX_BYTES

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

STEP: Final = 16
LEAST: Final = 48
"""Pixels, as in web/static/js/column-widths.js."""
SHAPES: Final = "/api/v1/preferences/table-shapes"
LEADS: Final = (("Ana", "Silva", 900_000), ("Bo", "Reed", 500_000), ("Cy", "Adams", 700_000))


async def queue_of_three(running_org: RunningOrg, queue_id: str, **queue: object) -> list[str]:
    """Publish a queue with three leads, the largest loan first; return the leads' ids."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("rep-1")
    await running_org.publish("queue", queue_id, **queue)
    await running_org.until_published("queue", queue_id)
    leads = await asyncio.gather(
        *(
            running_org.arrive(
                f"A-{last_name}",
                first_name=first_name,
                last_name=last_name,
                loan_amount=amount,
                phone=f"401419424{n}",
            )
            for n, (first_name, last_name, amount) in enumerate(LEADS)
        )
    )
    async with await running_org.program("rep-1") as program:
        await until_in_queue(program, queue_id, *leads)
    return leads


def names(page: Page) -> Locator:
    """Return the first cells of a list's rows that have no checkbox."""
    return page.locator("tbody[data-rows] tr td:first-child")


def edge_of(page: Page, column: str) -> Locator:
    """Return the edge of a heading."""
    return page.get_by_role("separator", name=f"Width of {column}", exact=True)


def heading(page: Page, column: str) -> Locator:
    """Return a heading."""
    return page.get_by_role("columnheader", name=column, exact=True)


async def width_of(cell: Locator) -> int:
    """Return the width of a heading."""
    pixels: int = await cell.evaluate("one => one.offsetWidth")
    return pixels


async def until_kept(page: Page, table: str, part: str) -> None:
    """Wait until the console has a part of what the person made of a table."""

    async def has_it() -> bool:
        return part in (await shapes_of(page)).get(table, {})

    await eventually(has_it, f"the console keeps the {part} of {table}")


async def shapes_of(page: Page) -> dict[str, dict[str, Any]]:
    """Return what the console keeps of the person's tables."""
    shapes: dict[str, dict[str, Any]] = await page.evaluate(
        "async (path) => (await fetch(path)).json()", SHAPES
    )
    return shapes


async def test_q7_a_queue_is_sorted_for_the_eye_alone(running_org: RunningOrg) -> None:
    leads = await queue_of_three(running_org, "work", **WORK)
    page = await running_org.sign_in("rep-1", "/queues/work")
    for lead in leads:
        await until_row(page, lead)
    await expect(names(page)).to_have_text(["Ana Silva", "Cy Adams", "Bo Reed"])
    own = await page.locator("[data-sorted]").inner_text()
    await page.get_by_role("button", name="Name", exact=True).click()
    await expect(heading(page, "Name")).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("button", name="Loan amount", exact=True).click()
    await expect(names(page)).to_have_text(["Bo Reed", "Cy Adams", "Ana Silva"])
    await expect(heading(page, "Name")).not_to_have_attribute("aria-sort", "ascending")
    sorted_note = page.locator("[data-sorted]")
    await expect(sorted_note).to_contain_text(
        "Sorted By: Loan amount, lowest first (the rows of this page, for you)"
    )
    await expect(sorted_note).to_contain_text(own.removeprefix("Sorted By: "))
    # A row that comes stands where the person's order puts it.
    await running_org.arrive("A-4", first_name="Di", last_name="Fox", loan_amount=600_000)
    await expect(names(page)).to_have_text(["Bo Reed", "Di Fox", "Cy Adams", "Ana Silva"])
    assert await serious_problems(page) == []
    # It is kept for the person, also in another browser, where calling goes by the queue's own order.
    await until_kept(page, "queue/work", "order")
    other_page = await running_org.sign_in("rep-1", "/queues/work")
    await expect(names(other_page)).to_have_text(["Bo Reed", "Di Fox", "Cy Adams", "Ana Silva"])
    await other_page.get_by_role("button", name="Start calling").click()
    await expect(other_page.get_by_role("heading", name="Ana Silva")).to_be_visible()
    # Pressed again it turns round, and then the queue's own order is back.
    await expect(names(page)).to_have_text(["Bo Reed", "Di Fox", "Cy Adams"])
    await page.get_by_role("button", name="Loan amount", exact=True).click()
    await expect(names(page)).to_have_text(["Cy Adams", "Di Fox", "Bo Reed"])
    await page.get_by_role("button", name="Loan amount", exact=True).click()
    await expect(sorted_note).to_have_text(own)


async def test_q7_the_columns_of_queues_are_as_wide_as_one_makes_them_by_keys(
    running_org: RunningOrg,
) -> None:
    leads = await queue_of_three(running_org, "new", **NEW)
    page = await running_org.sign_in("rep-1", "/queues/new")
    await until_row(page, leads[0])
    reset = page.get_by_role("button", name="Reset columns")
    await expect(reset).to_be_hidden()
    usual = await width_of(heading(page, "Name"))
    await edge_of(page, "Name").focus()
    assert await edge_of(page, "Name").get_attribute("aria-valuenow") == str(usual)
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        await page.keyboard.press(key)
    assert await width_of(heading(page, "Name")) == usual + STEP
    await expect(edge_of(page, "Name")).to_have_attribute("aria-valuenow", str(usual + STEP))
    await page.keyboard.press("Delete")
    assert await width_of(heading(page, "Name")) == usual
    await page.keyboard.press("ArrowRight")
    await page.get_by_role("button", name="Name", exact=True).click()
    await until_kept(page, "queues", "widths")
    await page.reload()
    await page.wait_for_selector(READY)
    assert await width_of(heading(page, "Name")) == usual + STEP
    await expect(heading(page, "Name")).to_have_attribute("aria-sort", "ascending")
    await reset.click()
    assert await width_of(heading(page, "Name")) == usual
    await expect(heading(page, "Name")).not_to_have_attribute("aria-sort", "ascending")
    await expect(reset).to_be_hidden()


async def test_tables_that_scripts_fill_keep_their_order_and_focus(running_org: RunningOrg) -> None:
    for rep_id, role in (("mia", "manager"), ("ann", "rep"), ("zoe", "rep"), ("bob", "rep")):
        await running_org.rep(rep_id, role)
        await running_org.until_known(rep_id)
    page = await running_org.sign_in("mia", "/directory/reps")
    cells = page.locator("[data-listed] tbody tr td:first-child")
    await expect(cells).to_have_count(4)
    await page.locator("[data-listed]").get_by_role("button", name="Name", exact=True).click()
    await page.locator("[data-listed]").get_by_role("button", name="Name", exact=True).click()
    await expect(cells).to_have_text(["Zoe", "Mia", "Bob", "Ann"])
    await edge_of(page, "Role").focus()
    usual = await width_of(heading(page, "Role"))
    await page.keyboard.press("End")
    widest = await width_of(heading(page, "Role"))
    assert widest > usual
    # Another person comes: the order, the width and the focus stay.
    await running_org.rep("ned")
    await expect(cells).to_have_text(["Zoe", "Ned", "Mia", "Bob", "Ann"])
    await expect(edge_of(page, "Role")).to_be_focused()
    assert await width_of(heading(page, "Role")) == widest
    assert await serious_problems(page) == []
    await page.get_by_role("button", name="Reset columns").click()
    await expect(cells).to_have_text(["Ann", "Bob", "Mia", "Ned", "Zoe"])
    assert await width_of(heading(page, "Role")) < widest


async def test_the_wallboard_sorts_by_what_a_cell_means(running_org: RunningOrg) -> None:
    for rep_id, role in (("mia", "manager"), ("ann", "rep"), ("bob", "rep")):
        await running_org.rep(rep_id, role)
        await running_org.until_known(rep_id)
    await running_org.publish("queue", "new", **NEW)
    for kind, object_id in (("rep", "bob"), ("queue", "new")):
        await running_org.until_published(kind, object_id)
    page = await running_org.sign_in("mia", "/wallboard")
    board = page.locator('[data-table="reps"]')
    lines = board.locator("tbody tr td:first-child")
    await expect(lines).to_have_text(["Ann", "Bob", "Mia"])
    lead = await running_org.arrive("A-1", first_name="Ana", last_name="Silva", loan_amount=1)
    async with await running_org.program("bob") as program:
        await until_in_queue(program, "new", lead)
    answer = (await running_org.ask("claim", lead, "bob", queue_id="new")).answer
    assert answer is not None
    assert answer.result == "won"
    # Who was first owner of no lead has no speed, and stands last both ways.
    speed = board.get_by_role("button", name="Speed", exact=True)
    for direction in ("ascending", "descending"):
        await speed.click()
        await expect(board.get_by_role("columnheader", name="Speed")).to_have_attribute(
            "aria-sort", direction
        )
        await expect(lines).to_have_text(["Bob", "Ann", "Mia"])
    assert await fits_a_phone(page)


async def test_tables_that_the_server_writes_are_sorted_too(running_org: RunningOrg) -> None:
    await running_org.rep("ada", "admin")
    for rep_id, teams in (("ann", ["west"]), ("bob", ["west", "east"]), ("cy", ["west", "south"])):
        await running_org.rep(rep_id, teams=teams)
        await running_org.until_known(rep_id)
    page = await running_org.sign_in("ada", "/directory/teams")
    teams_shown = page.locator("tbody tr th")
    await expect(teams_shown).to_have_text(["east", "south", "west"])
    await page.get_by_role("button", name="Reps", exact=True).click()
    await page.get_by_role("button", name="Reps", exact=True).click()
    await expect(teams_shown.first).to_have_text("west")
    await edge_of(page, "Team").focus()
    await page.keyboard.press("Home")
    await expect(edge_of(page, "Team")).to_have_attribute("aria-valuemin", str(LEAST))
    assert await serious_problems(page) == []
    await until_kept(page, "teams", "order")
    await page.reload()
    await expect(teams_shown.first).to_have_text("west")
    await page.goto("/audit")
    await page.wait_for_selector(READY)
    await page.get_by_role("button", name="What", exact=True).click()
    await expect(heading(page, "What")).to_have_attribute("aria-sort", "ascending")
    await expect(edge_of(page, "From")).to_be_visible()
    assert await serious_problems(page) == []


async def test_tables_with_long_names_in_any_script_are_kept_the_newest_ones(running_org: RunningOrg) -> None:
    """The console counts bytes. What it refused would be sent again by every page, and nothing else would be kept."""
    await running_org.rep("ada", "admin")
    page = await running_org.sign_in("ada", "/directory/teams")
    await page.evaluate(
        """async (count) => {
            const { TableShape } = await import("/static/js/table-shape.js");
            for (let n = 0; n < count; n += 1) {
                new TableShape(`queue/${"\u67e5".repeat(60)}-${n}`).change({ order: "\u540d".repeat(60) });
            }
        }""",
        60,
    )
    await until_kept(page, "queue/" + "\u67e5" * 60 + "-59", "order")
    assert len(await shapes_of(page)) < 60


async def test_two_browsers_that_shape_different_tables_at_once_keep_both(running_org: RunningOrg) -> None:
    """Each browser has its own copy. The later one used to put its copy in the place of what the other had sent."""
    leads = await queue_of_three(running_org, "new", **NEW)
    await running_org.rep("ada", "admin")
    queue_page = await running_org.sign_in("ada", "/queues/new")
    audit_page = await running_org.sign_in("ada", "/audit")
    await until_row(queue_page, leads[0])
    await edge_of(audit_page, "From").focus()  # both have read what the console keeps: nothing
    await edge_of(queue_page, "Name").focus()
    await queue_page.keyboard.press("ArrowRight")
    await until_kept(queue_page, "queues", "widths")
    await audit_page.keyboard.press("ArrowRight")
    await until_kept(audit_page, "audit", "widths")
    assert {"queues", "audit"} <= set(await shapes_of(queue_page))
    await queue_page.reload()
    await queue_page.wait_for_selector(READY)
    assert await width_of(heading(queue_page, "Name")) > LEAST
    await expect(queue_page.get_by_role("button", name="Reset columns")).to_be_visible()
    # A table that is as it came again is removed, and only that one.
    await queue_page.get_by_role("button", name="Reset columns").click()

    async def is_removed() -> bool:
        return "queues" not in await shapes_of(queue_page)

    await eventually(is_removed, "the console forgets the table that was reset")
    assert "audit" in await shapes_of(queue_page)


async def test_what_two_browsers_made_together_is_kept_within_the_bound(running_org: RunningOrg) -> None:
    """Each copy fits, and both together do not: the tables that were changed longest ago are forgotten."""
    await running_org.rep("ada", "admin")
    pages = [await running_org.sign_in("ada", "/directory/teams") for _ in range(2)]
    for n, page in enumerate(pages):
        await page.evaluate(
            """async (n) => {
                const { TableShape } = await import("/static/js/table-shape.js");
                for (let m = 0; m < 40; m += 1) {
                    new TableShape(`queue/${n}-${m}-${"q".repeat(60)}`).change({ order: "n".repeat(80) });
                }
            }""",
            n,
        )
        await until_kept(page, f"queue/{n}-39-" + "q" * 60, "order")
    shapes = await shapes_of(pages[0])
    assert len(json.dumps(shapes, separators=(",", ":"))) <= MAX_BYTES
    assert {name[:7] for name in shapes} == {"queue/0", "queue/1"}
