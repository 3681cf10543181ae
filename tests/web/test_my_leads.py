"""My Leads lets a rep and a manager search, filter, edit columns, select, create, export and assign (S6, D6)."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from models.errors import InvalidInput
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.screens import shot
from tests.web.toasts import until_toast
from web.api.create_lead import checked
from web.services.spreadsheet_text import defused_text

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg


async def until_shown(page: Page, *names: str) -> None:
    """Wait until these leads are shown, in this order."""
    await page.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll('tbody tr [data-does=select]')]"
        ".map(box => box.getAttribute('aria-label').replace('Select ', ''))) === JSON.stringify(wanted)",
        arg=list(names),
    )


async def open_org(running_org: RunningOrg) -> dict[str, str]:
    """Open an org with a manager, two reps and their leads; return name -> lead id."""
    for rep_id, role in (("mia", "manager"), ("rep-1", "rep"), ("rep-2", "rep")):
        await running_org.rep(rep_id, role)
    await running_org.until_published("rep", "rep-2")
    leads = {}
    people: list[tuple[str, str | None, dict[str, Any]]] = [
        ("Robbie Duffy", "rep-1", {"phone": "(401) 419-4247", "state": "RI", "loan_amount": 310000}),
        ("Herbie Waller", "rep-1", {"email": "herbie@waller.example", "state": "MA"}),
        ("=Frank Taraborelli", "rep-1", {"state": "RI"}),
        ("Other Person", "rep-2", {"state": "NY"}),
        ("Nobody Hasit", None, {"state": "TX"}),
    ]
    for day, (name, owner, facts) in enumerate(people, start=1):
        first_name, last_name = name.split()
        leads[name] = await running_org.arrive(
            f"S-{day}",
            first_name=first_name,
            last_name=last_name,
            assigned_to=owner,
            created_at=f"2026-11-{day:02}T12:00:00Z",
            **facts,
        )
    return leads


@pytest.mark.slow
async def test_s6_a_rep_searches_edits_columns_works_and_exports_their_own_leads(
    running_org: RunningOrg,
) -> None:
    await open_org(running_org)
    page = await running_org.sign_in("rep-1", "/my-leads")
    await until_shown(page, "=Frank Taraborelli", "Herbie Waller", "Robbie Duffy")
    await shot(page, "my-leads")
    for text, match in (("waller her", "Herbie Waller"), ("401-419", "Robbie Duffy")):
        await page.get_by_label("Search leads").fill(text)
        await until_shown(page, match)
    await page.get_by_role("button", name="Reset").click()
    # Columns by the keyboard; remembered for the person.
    await page.get_by_role("button", name="Edit Columns").click()
    await page.locator("#columns").get_by_label("State", exact=True).focus()
    await page.keyboard.press("Space")
    up = page.get_by_role("button", name="Move State up")
    await up.focus()
    for _ in range(15):
        await page.keyboard.press("Enter")
    await page.locator("#columns").get_by_label("Email", exact=True).uncheck()
    await page.get_by_role("button", name="Save", exact=True).click()
    await until_toast(page, "Your columns are saved.")
    again = await running_org.sign_in("rep-1", "/my-leads?state=RI&sort=last_name")
    await until_shown(again, "Robbie Duffy", "=Frank Taraborelli")
    heads = await again.locator("thead th").evaluate_all("all => all.map(th => th.textContent.trim())")
    assert heads[1:5] == ["State", "First name", "Last name", "Phone"]
    # What is exported is what is shown: its columns, filters and order; no cell is a formula.
    address = await again.get_by_role("link", name="Export CSV").get_attribute("href")
    answer = await again.request.get(str(address))
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO((await answer.body()).decode("utf-8-sig"))))
    assert rows[0] == ["lead_id", "State", *heads[2:]]
    assert [row[1:4] for row in rows[1:]] == [["RI", "Robbie", "Duffy"], ["RI", "'=Frank", "Taraborelli"]]
    assert rows[1][4] == "+14014194247"
    # An outcome for all that match.
    await again.get_by_label("Select all on this page").check()
    await again.get_by_role("button", name="Outcome …").click()
    await again.get_by_label("Outcome", exact=True).fill("left_message")
    await again.keyboard.press("Enter")
    await expect(again.locator("#many [data-status]")).to_have_text("2 recorded.")
    await again.locator("#many [data-close]").click()
    listed = await (await again.request.get("/api/v1/leads?last_outcome=left_message")).json()
    assert listed["total"] == 2
    # From a lead one comes back to the list as it was.
    await again.locator("tbody a").first.click()
    await again.get_by_role("link", name="Back to My leads").click()
    await again.wait_for_url("**/my-leads?*state=RI*")
    # Nobody else's leads, however they are asked for.
    for query in ("owner=rep-2", "search=Other", "owner="):
        assert (await (await again.request.get(f"/api/v1/leads?{query}")).json())["rows"] == []
    assert (await (await again.request.get("/api/v1/assignments")).json())["total"] == 3
    assert (await again.request.get("/api/v1/leads?segment={}")).status == 403


async def test_k7_a_search_finds_a_name_in_every_spelling_of_it(running_org: RunningOrg) -> None:
    """What is pasted from elsewhere has its accents apart, unseen characters, or full-width letters."""
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "all", name="All", claimable=True, columns=["state"])
    lead = await running_org.arrive(
        "K-1", first_name="Jos\u00e9", last_name="N\u00fa\u00f1ez", phone="4014194247"
    )
    await running_org.until_stored(lead)
    async with await running_org.program("mia") as client:

        async def leads_found(path: str, **params: str) -> list[str]:
            answer = (await client.get(path, params=params)).json()
            return [row["lead_id"] for row in answer.get("rows", answer.get("leads", []))]

        await eventually(lambda: leads_found("/api/v1/queues/all/leads"), "the lead in its queue")
        for text in ("Nu\u0301n\u0303ez", "JOSE\u0301", "N\u00fa\u200b\u00f1ez", "\uff2a\uff4f\uff53\u00e9"):
            assert await leads_found("/api/v1/leads", search=text) == [lead], text
            assert await leads_found("/api/v1/queues/all/leads", name=text) == [lead], text
            assert await leads_found("/api/v1/find", text=text) == [lead], text
        assert await leads_found("/api/v1/leads", last_name="Nu\u0301n\u0303ez") == [lead]
        # An address book copies a number with marks of its direction.
        assert await leads_found("/api/v1/leads", search="\u202d+1 401-419-4247\u202c") == [lead]
        assert await leads_found("/api/v1/find", text="\u200b") == []


@pytest.mark.slow
async def test_s6_a_lead_is_created_each_field_checked_first_and_r5_it_is_the_reps(
    running_org: RunningOrg,
) -> None:
    await open_org(running_org)
    page, manager = (
        await running_org.sign_in("rep-1", "/my-leads"),
        await running_org.sign_in("mia", "/my-leads"),
    )
    await until_shown(page, "=Frank Taraborelli", "Herbie Waller", "Robbie Duffy")
    await page.get_by_role("button", name="+ Create Lead").click()
    form = page.locator("#create")
    await form.get_by_label("First name").fill("Newton")
    await form.get_by_label("State").fill("Atlantis")
    await form.get_by_role("button", name="Create", exact=True).click()
    await expect(page.locator("#create-last_name-problem")).to_contain_text("Is needed")
    await expect(page.locator("#create-state-problem")).to_be_visible()
    await shot(page, "create-lead")
    await form.get_by_label("Last name").fill("Young")
    await form.get_by_label("State").fill("Rhode Island")
    await form.get_by_label("Loan amount").fill("$250,000")
    await page.keyboard.press("Enter")
    for open_page in (page, manager):  # the manager's list is live
        await expect(open_page.get_by_role("link", name="Open Newton Young")).to_be_visible()
    row = (await (await page.request.get("/api/v1/leads?search=newton")).json())["rows"][0]
    assert (row["owner"], row["vendor"], row["state"], row["loan_amount"]) == (
        "rep-1",
        "console",
        "RI",
        250000,
    )


@pytest.mark.slow
async def test_d6_a_list_a_filter_and_a_segment_are_given_out_with_a_dry_run(
    running_org: RunningOrg, tmp_path: Path
) -> None:
    leads = await open_org(running_org)
    page = await running_org.sign_in("mia", "/my-leads?owner=")
    await until_shown(page, "Nobody Hasit")
    file = tmp_path / "list.csv"
    file.write_text(f"lead_id\n{leads['Nobody Hasit']}\n{leads['Other Person']}\nnonsense\n")
    await page.get_by_role("button", name="Leads of a file …").click()
    await page.get_by_label("File").set_input_files(file)
    await expect(page.locator("#upload [data-status]")).to_have_text("2 leads, 1 lines name no lead.")
    await page.get_by_role("button", name="Go on …").click()
    for name in ("Rep 1", "Rep 2"):
        await page.locator("#move label", has_text=name).locator("input").check()
    await page.locator("#move [data-ok]").click()
    await expect(page.locator("#confirm")).to_contain_text(
        "1 lead will be assigned: Rep 1 1. 1 has an owner already."
    )
    await page.locator("#confirm [data-ok]").click()
    await expect(page.locator("#many [data-status]")).to_have_text(
        "1 assigned, 1 already had an owner. Rep 1 1."
    )
    await page.locator("#many [data-close]").click()
    await expect(page.locator("[data-empty]")).to_be_visible()
    # A segment, and all that it finds: only those without an owner are meant.
    await running_org.arrive("S-9", last_name="Free", loan_amount=5)
    rule = '{"combinator":"and","rules":[{"field":"loan_amount","operator":">","value":1}]}'
    await page.goto(f"/my-leads?segment={rule}")
    await page.wait_for_selector("html[data-ready=yes]")
    await expect(page.locator("[data-total]")).to_have_text("2 leads")
    answer = await page.request.post(
        "/api/v1/leads/actions",
        headers={"x-csrf-token": str(await page.locator("meta[name=csrf]").get_attribute("content"))},
        data={
            "which": {"of": "leads", "query": f"segment={rule}"},
            "do": {"type": "assign"},
            "to": ["rep-2"],
        },
    )
    last = (await answer.text()).strip().rsplit("\n", 1)[-1]
    assert '"of":1,"answered":1,"done":1' in last
    await page.get_by_role("button", name="Segment").click()
    await expect(page.locator("#segment rule-builder")).to_contain_text("Loan amount")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1-2", "'+1-2"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("+14014194247", "+14014194247"),
        ("-5", "-5"),
        ("Jones", "Jones"),
    ],
)
def test_no_cell_of_an_export_is_a_formula(text: str, written: str) -> None:
    assert defused_text(text) == written


def test_a_new_lead_is_refused_with_every_field_and_its_reason() -> None:
    with pytest.raises(InvalidInput) as caught:
        checked({"vendor": "console", "first_name": "Al", "zip": "x", "credit_score": 5000}, "id")
    assert {problem.path for problem in caught.value.problems} == {"zip", "credit_score", "last_name"}


@pytest.mark.slow
async def test_s6_a_search_counts_also_if_a_newer_reading_overtakes_it_while_the_pointer_is_in_the_list(
    running_org: RunningOrg,
) -> None:
    """Rows keep their places under the pointer, but not against a search that the person typed."""
    await open_org(running_org)
    page = await running_org.sign_in("rep-1", "/my-leads")
    await until_shown(page, "=Frank Taraborelli", "Herbie Waller", "Robbie Duffy")
    await page.get_by_role("link", name="Open Herbie Waller").hover()
    readings: list[Route] = []

    def hold_reading(reading: Route) -> None:
        readings.append(reading)

    await page.route(re.compile(r"/api/v1/leads\?.*waller"), hold_reading)
    await page.get_by_label("Search leads").fill("waller")
    await until_readings(page, readings, 1)
    await running_org.arrive("S-9", first_name="Una", last_name="Wallerstein", assigned_to="rep-1")
    await until_readings(page, readings, 2)
    async with page.expect_response(lambda answer: answer.request == readings[0].request):
        await readings[0].continue_()
    for reading in readings[1:]:
        await reading.continue_()
    await page.unroute_all(behavior="ignoreErrors")
    await expect(page.get_by_role("link", name="Open Una Wallerstein")).to_be_visible()
    await expect(page.locator("tbody tr.gone")).to_have_count(0)


async def until_readings(page: Page, readings: list[Route], count: int) -> None:
    """Wait until the page has asked for its list so often."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(readings) < count:
            await page.wait_for_timeout(20)
