"""The Custom tab: reps make views of their own leads; never claimable ones, and never of anybody else's (Q1, Q3)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from models.results import Result
from tests.web.axe import serious_problems
from tests.web.rows import READY, row, until_no_row, until_row
from tests.web.running_org import NEW, PATIENCE_MS
from tests.web.screens import shot

if TYPE_CHECKING:
    import httpx
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

RI: Final[dict[str, Any]] = {
    "combinator": "and",
    "rules": [{"field": "state", "operator": "=", "value": "RI"}],
}
TRIED: Final = {"combinator": "and", "rules": [{"field": "last_outcome", "operator": "notNull"}]}
VIEWS: Final = "/api/v1/views"


async def open_org(running_org: RunningOrg, **queue: Any) -> None:
    """Publish two reps, a manager and a claimable queue, and wait until everything decides by them."""
    for rep_id, role in (("rep-1", "rep"), ("rep-2", "rep"), ("mia", "manager")):
        await running_org.rep(rep_id, role)
    await running_org.publish("queue", "new", **{**NEW, **queue})
    await running_org.until_published("queue", "new")


async def claimed_lead(running_org: RunningOrg, number: int, rep_id: str, **facts: Any) -> str:
    """Let a lead arrive, and somebody claim it; return its id."""
    lead = await running_org.arrive(
        f"V-{number}", **{"first_name": "Lead", "last_name": f"{number}", "state": "RI", **facts}
    )
    answer = (await running_org.ask("claim", lead, rep_id, queue_id="new")).answer
    assert answer is not None
    assert answer.result is Result.WON, answer
    return lead


async def until_count(client: httpx.AsyncClient, path: str, name: str, count: int) -> dict[str, Any]:
    """Wait until a list says that it has so many leads; return its first page."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while True:
            page: dict[str, Any] = (await client.get(path)).json()
            if page[name] == count:
                return page


async def save_view(page: Page) -> None:
    """Save the view, and wait for its list."""
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_selector(f"{READY} #list")


async def made_rhode_island(page: Page) -> None:
    """Fill the form of a new view, one mistake included, and save it."""
    await page.wait_for_selector(f"{READY} [data-editor]")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.get_by_label("Name", exact=True).fill("Rhode Island")
    await page.get_by_label("Column 1", exact=True).select_option("state")
    await page.get_by_label("Column 2", exact=True).select_option("loan_amount")
    builder = page.locator("rule-builder[data-label='Inclusion rules']")
    await builder.get_by_label("Add a rule to Inclusion rules").click()
    await builder.get_by_label("Field of rule 1").select_option("zip")
    await page.get_by_role("button", name="Save").click()
    await expect(builder.locator(".rule-problem")).to_have_text("the text is empty")
    await builder.get_by_label("Field of rule 1").select_option("state")
    await builder.get_by_label("Value of State").select_option("RI")
    await page.get_by_label("Sorted by").select_option("loan_amount")
    await page.get_by_label("Direction").select_option("desc")
    assert await serious_problems(page) == []
    await save_view(page)


async def test_q1_a_rep_makes_a_view_of_its_own_leads_and_of_nobody_elses(running_org: RunningOrg) -> None:
    await open_org(running_org)
    own_lead = await claimed_lead(running_org, 1, "rep-1", loan_amount=310_000)
    elsewhere = await claimed_lead(running_org, 2, "rep-1", state="MA")
    lead_of_other = await claimed_lead(running_org, 3, "rep-2")
    nobodys = await running_org.arrive("V-4", first_name="Lead", last_name="4", state="RI")

    page = await running_org.sign_in("rep-1", "/queues")
    await page.get_by_role("tab", name="Custom").click()
    custom = page.get_by_role("tabpanel", name="Custom")
    await expect(custom).to_contain_text("You have no views yet")
    await custom.get_by_role("link", name="+ Add View").click()
    await made_rhode_island(page)
    await expect(page.get_by_role("heading", name="Rhode Island")).to_be_visible()
    await expect(custom.get_by_role("link", name="Rhode Island")).to_have_attribute("aria-current", "true")
    await expect(page.locator("thead th")).to_have_text(["Name", "State", "Loan amount", "Action"])
    await expect(row(page, own_lead).locator("td")).to_have_text(["Lead 1", "RI", "$310,000", "Open"])
    await expect(page.locator("[data-size]")).to_have_text("1 lead")

    # It is live: a lead that becomes the rep's comes.
    more = await claimed_lead(running_org, 5, "rep-1", loan_amount=400_000)
    await until_row(page, more)
    await expect(page.locator("tbody tr").first).to_have_attribute("data-lead", more)
    for lead in (elsewhere, lead_of_other, nobodys):
        await expect(row(page, lead)).to_have_count(0)
    assert await serious_problems(page) == []
    await shot(page, "custom-view")
    await page.get_by_label("Search by name").fill("nobody")
    await expect(page.locator("[data-empty]")).to_contain_text("No lead here has the name")
    await page.get_by_role("button", name="Clear").click()


async def test_q1_a_view_is_its_owners_alone_to_see_to_change_and_to_delete(running_org: RunningOrg) -> None:
    await open_org(running_org)
    own_lead, outcome_lead = [await claimed_lead(running_org, n, "rep-1") for n in (1, 2)]
    async with await running_org.program("rep-1") as client:
        definition = {"name": "Rhode Island", "columns": ["state"], "inclusion": RI, "exclusion": TRIED}
        created = await client.post(VIEWS, json=definition)
    address = f"/views/{created.json()['view_id']}"
    page = await running_org.sign_in("rep-1", address)
    await until_row(page, own_lead)
    await until_row(page, outcome_lead)
    custom = page.get_by_role("tabpanel", name="Custom")

    # It was read once. Its stream tells what came since then, and does not begin with "look at everything again".
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(address)
    await until_row(page, outcome_lead)

    # It is live: what does not meet its rules any more goes.
    assert (
        await running_org.ask("outcome", outcome_lead, "rep-1", outcome="no_answer")
    ).result is Result.DONE
    await until_no_row(page, outcome_lead)
    assert [url for url in asked if url.endswith(address)] == [f"{running_org.url}{address}"]

    # Another rep has none of it, whoever tells the address.
    other_page = await running_org.sign_in("rep-2", "/queues?tab=custom")
    await expect(other_page.get_by_role("tabpanel", name="Custom")).to_contain_text("You have no views yet")
    answer = await other_page.goto(address)
    assert answer is not None
    assert answer.status == 404

    # Columns None: names, and nothing else. A row opens the lead.
    await page.get_by_role("link", name="Edit View").click()
    await page.wait_for_selector(f"{READY} [data-editor]")
    for number in (1, 2):
        await page.get_by_label(f"Column {number}", exact=True).select_option("")
    await page.get_by_label("Name", exact=True).fill("Just names")
    await save_view(page)
    await expect(page.locator("thead th")).to_have_text(["Name", "Action"])
    await row(page, own_lead).get_by_role("link", name="Open Lead 1").click()
    await page.wait_for_url(f"**/leads/{own_lead}")

    # Deleting asks first.
    await page.goto(f"{address}/edit")
    await page.wait_for_selector(READY)
    await page.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog", name="Delete Just names?")
    assert await serious_problems(page) == []
    await question.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Delete").click()
    await question.get_by_role("button", name="Delete").click()
    await expect(custom).to_contain_text("You have no views yet")


async def test_q1_a_claimable_view_of_a_reps_own_is_refused_403(running_org: RunningOrg) -> None:
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as client:
        created = await client.post(VIEWS, json={"name": "Mine"})
        assert created.status_code == 201
        path, if_match = f"{VIEWS}/{created.json()['view_id']}", {"if-match": created.headers["etag"]}
        definition = {"name": "Mine", "claimable": True, "teams": ["*"]}
        for refused in (
            await client.post(VIEWS, json=definition),
            await client.put(path, json=definition, headers=if_match),
        ):
            assert refused.status_code == 403, refused.text
            assert "only admins and managers build claimable queues" in refused.json()["detail"]
        assert (await client.get(VIEWS)).json() == [created.json()]
        draft = await client.put("/api/v1/queue-drafts/mine", json={"value": definition})
        assert draft.status_code == 403


async def test_q1_q3_a_rule_asks_the_reps_own_leads_only_and_pages_them_in_order(
    running_org: RunningOrg,
) -> None:
    await open_org(running_org, columns=[])
    own = [await claimed_lead(running_org, n, "rep-1", loan_amount=100_000 * n) for n in (1, 2, 3)]
    await claimed_lead(running_org, 4, "rep-2", loan_amount=900_000)
    await running_org.arrive("V-5", first_name="Blind", last_name="Lead", loan_amount=900_000)
    async with await running_org.program("mia") as manager:
        await until_count(manager, "/api/v1/leads", "total", 5)
    negated = {"combinator": "and", "not": True, "rules": [{**RI["rules"][0], "value": "MA"}]}
    either = {"combinator": "or", "rules": [RI["rules"][0], {"field": "owned", "operator": "null"}]}
    async with (
        await running_org.program("rep-1") as client,
        await running_org.program("rep-2") as other_client,
    ):
        for inclusion in (None, negated, either):
            key = {"idempotency-key": str(inclusion)}
            definition = {"name": "All", "inclusion": inclusion, "sort": {"field": "loan_amount"}}
            created = await client.post(VIEWS, json=definition, headers=key)
            again = await client.post(VIEWS, json=definition, headers=key)
            assert created.json() == again.json()
            view = created.json()["view_id"]
            page = await until_count(client, f"{VIEWS}/{view}/leads", "size", len(own))
            assert [row["lead_id"] for row in page["rows"]] == own
            assert page["rows"][0]["columns"] == {"name": "Lead 1"}
            assert (await other_client.get(f"{VIEWS}/{view}/leads")).status_code == 404
        assert len((await client.get(VIEWS)).json()) == 3
        lead_ids: list[str] = []
        cursor = ""
        while cursor is not None:
            answer = await client.get(f"{VIEWS}/{view}/leads", params={"limit": 2, "cursor": cursor})
            lead_ids += [row["lead_id"] for row in answer.json()["rows"]]
            cursor = answer.json()["next"]
        assert lead_ids == own
        named = await client.get(f"{VIEWS}/{view}/leads", params={"name": "lead 2"})
        assert [row["lead_id"] for row in named.json()["rows"]] == [own[1]]
        wide = {
            "name": "All",
            "inclusion": {**RI, "rules": [{"field": "loan_amount", "operator": ">", "value": 8e5}]},
        }
        created = await client.post(VIEWS, json=wide)
        answer = await client.get(f"{VIEWS}/{created.json()['view_id']}/leads")
        assert (answer.json()["size"], answer.json()["rows"]) == (0, [])


async def test_q1_no_edit_of_a_view_is_lost_and_a_wrong_one_is_refused_at_its_place(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("rep-1")
    async with await running_org.program("rep-1") as client:
        created = await client.post(VIEWS, json={"name": "A"})
        path = f"{VIEWS}/{created.json()['view_id']}"
        if_match = {"if-match": created.headers["etag"]}
        assert (await client.put(path, json={"name": "B"})).status_code == 428
        edited = await client.put(path, json={"name": "B", "inclusion": RI}, headers=if_match)
        assert (await client.get(path)).json() == edited.json()
        late = await client.put(path, json={"name": "C", "inclusion": RI}, headers=if_match)
        assert late.status_code == 412
        assert late.json()["changes"] == [{"path": "name", "theirs": "B", "yours": "C"}]
        assert (await client.delete(path, headers=if_match)).status_code == 412
        wrong = {
            "name": "D",
            "columns": ["none"],
            "inclusion": {**RI, "rules": [{"field": "none", "operator": "="}]},
        }
        refused = await client.put(path, json=wrong, headers={"if-match": edited.headers["etag"]})
        assert refused.status_code == 422
        assert {error["path"] for error in refused.json()["errors"]} >= {"columns[0]", "inclusion.rules[0]"}
        listed = await client.put(
            path, json={"name": "E"}, headers={"if-match": f'"other", {edited.headers["etag"]}'}
        )
        assert listed.status_code == 200
        deletion = await client.delete(path, headers={"if-match": "*"})
        assert deletion.status_code == 204
        assert (await client.get(path)).status_code == 404
