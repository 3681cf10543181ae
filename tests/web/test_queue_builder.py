"""A manager builds a view: drafts, the preview, publishing and what it does to reps' lists (Q1, Q3, Q4, Q5, Q6, X5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.fixtures.waiting import eventually
from tests.web.running_org import NEW, PASSWORD
from tests.web.screens import shot
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import APIRequestContext, Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

RI = {"field": "state", "operator": "=", "value": "RI"}


async def until_saved(page: Page) -> None:
    """Wait until the edit is kept as a draft."""
    await expect(page.locator("[data-saved]")).to_have_text("Saved as a draft")


async def publish(page: Page) -> None:
    """Publish the view, and confirm."""
    await page.get_by_role("button", name="Publish View").click()
    await expect(page.locator("#publish")).to_be_visible()
    changes = " ".join(await page.locator("#publish [data-changes] li").all_inner_texts())
    assert not re.search(r"rules\[|\w_\w|\{", changes), "a path, a name of the contract, or JSON"
    await page.get_by_role("button", name="Ok").click()
    await until_toast(page, "Published.")
    await expect(page.locator("[data-unpublished]")).to_be_hidden()


async def choose(
    page: Page, number: int, field: str, operator: str, value: str, rules: str = "Inclusion"
) -> None:
    """Add a rule to a builder, and fill it."""
    builder = page.locator(f"rule-builder[data-label='{rules} rules']")
    await builder.get_by_label(f"Add a rule to {rules} rules").click()
    await builder.get_by_label(f"Field of rule {number}").select_option(label=field)
    await builder.get_by_label(f"Operator of rule {number}").select_option(label=operator)
    await builder.get_by_label(f"Value of {field}").select_option(value)


async def test_q1_q6_a_view_is_built_previewed_published_and_seen_by_reps(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("rep-1", teams=["east"])
    await running_org.rep("rep-2", teams=["west"])
    for n, state in enumerate(("RI", "RI", "MA")):
        await running_org.arrive(
            f"A-{n}", first_name="Lead", last_name=f"{state}{n}", state=state, silenced=n == 1
        )
    page = await running_org.sign_in("mia", "/queue-builder")
    await expect(page.locator("main")).to_contain_text("No views yet")
    await page.get_by_role("button", name="+ Add View").click()
    await page.locator("#add-name").fill("Sample Claimable Leads Queue")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.wait_for_url("**/queue-builder/sample-claimable-leads-queue")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_label("Description").fill("Claim these leads!")
    await page.get_by_label("Column 1", exact=True).select_option("state")
    await choose(page, 1, "State", "is", "RI")
    preview = page.locator("[data-preview]")
    await expect(preview).to_contain_text("2 of 3 leads")
    await choose(page, 1, "Silenced communication", "is", "true", "Exclusion")
    await expect(preview).to_contain_text("1 of 3 leads")
    await expect(preview).to_contain_text("1 new, 0 leaving")
    assert await preview.locator("tbody td").all_inner_texts() == ["Lead RI0", "RI"]
    await page.get_by_role("checkbox", name="Claimable Leads Queue").check()
    await page.get_by_label("Selected teams").check()
    await page.get_by_label("west").check()
    await page.get_by_label("Sorted by").select_option("last_contacted_at")
    await until_saved(page)
    await expect(page.locator("[data-unpublished]")).to_be_visible()
    await page.evaluate("scrollTo(0, 0)")
    await shot(page, "queue-builder")
    rep, other_rep = await running_org.sign_in("rep-2"), await running_org.sign_in("rep-1")
    await expect(rep.locator("#queues")).not_to_contain_text("Sample Claimable")
    await publish(page)
    await rep.get_by_role("link", name="Sample Claimable Leads Queue").click()
    await expect(rep.locator("tbody")).to_contain_text("Lead RI0")
    await expect(rep.locator("tbody")).not_to_contain_text("Lead RI1")
    await other_rep.reload()
    await expect(other_rep.locator("#queues")).not_to_contain_text("Sample Claimable")  # Q4


async def test_x5_why_not_this_lead_is_said_condition_by_condition(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "ri", **{**NEW, "inclusion": {"combinator": "and", "rules": [RI]}})
    lead = await running_org.arrive("A-1", first_name="Ana", last_name="Silva", state="MA")
    page = await running_org.sign_in("mia", "/queue-builder/ri")
    await expect(page.locator("[data-preview]")).to_contain_text("0 of 1 leads")
    why = page.locator("[data-why]")
    for searched in ("silva", lead):
        await page.locator("#about").fill(searched)
        await expect(why).to_contain_text("Ana Silva is not in it: state is MA, not RI")
        await expect(why.locator(".unmet")).to_have_text("inclusion.rules[0]: state is MA, not RI")
    await page.locator("#about").fill("nobody")
    await expect(why).to_have_text("There is no such lead.")
    await running_org.arrive("A-2", first_name="Bo", last_name="Adams", state="RI")
    await expect(page.locator("[data-preview]")).to_contain_text("1 of 2 leads")  # live


async def test_q5_claimable_clears_outcomes_and_unchecking_does_not_bring_them_back(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "work", name="Work", outcomes=["left_message", "callback"])
    page = await running_org.sign_in("mia", "/queue-builder/work")
    boxes = page.locator("input[name=outcome]:checked")
    await expect(boxes).to_have_count(2)
    await page.get_by_role("checkbox", name="Claimable Leads Queue").check()
    await expect(boxes).to_have_count(0)
    await expect(page.get_by_label("Left message")).to_be_disabled()
    await until_saved(page)
    await page.get_by_role("checkbox", name="Claimable Leads Queue").uncheck()
    await expect(page.get_by_label("Left message")).to_be_enabled()
    await expect(boxes).to_have_count(0)
    await page.get_by_label("Another outcome").fill("not_interested")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(boxes).to_have_count(1)
    api, headers = await program(running_org, "mia")
    state = await until_draft(api, headers, "work", outcomes=["not_interested"])
    value = {**state["value"], "claimable": True, "outcomes": ["left_message"]}
    saved = await api.put(
        "/api/v1/queue-drafts/work",
        data={"value": value},
        headers={**headers, "if-match": f'"{state["etag"]}"'},
    )
    assert (await saved.json())["value"]["outcomes"] == []  # on the server, too


async def test_q6_an_invalid_rule_is_refused_at_its_place_and_nothing_changes(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "ri", **{**NEW, "inclusion": {"combinator": "and", "rules": [RI]}})
    page = await running_org.sign_in("mia", "/queue-builder/ri")
    builder = page.locator("rule-builder[data-label='Inclusion rules']")
    await builder.get_by_label("Add a rule to Inclusion rules").click()
    await builder.get_by_label("Field of rule 2").select_option("zip")
    await expect(page.locator("[data-saved]")).to_have_text("Saved as a draft")
    await expect(builder.locator(".rule-problem")).to_have_count(0)  # nobody has left the rule yet
    await page.get_by_role("button", name="Publish View").click()
    await expect(builder.locator(".rule-problem")).to_have_text("the text is empty")
    await page.get_by_role("button", name="Ok").click()
    await expect(page.locator("[data-publish-problem]")).to_contain_text("inclusion.rules[1]")
    api, headers = await program(running_org, "mia")
    state = await (await api.get("/api/v1/queue-drafts/ri", headers=headers)).json()
    assert state["published"]["inclusion"]["rules"] == [RI]
    assert state["problems"] == [{"path": "inclusion.rules[1]", "reason": "the text is empty"}]


async def test_q6_two_builders_at_once_lose_no_edit(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.rep("ada", "admin")
    await running_org.publish("queue", "new", **NEW)
    mia = await running_org.sign_in("mia", "/queue-builder/new")
    ada = await running_org.sign_in("ada", "/queue-builder/new")
    await mia.get_by_label("Description").fill("mine")
    await until_saved(mia)
    await ada.get_by_label("Description").fill("hers")
    dialog = ada.get_by_role("dialog", name="Somebody else has changed this view")
    await expect(dialog).to_contain_text("mia has changed it")
    await expect(dialog.locator("li")).to_have_text("description: theirs mine, yours hers")
    await dialog.get_by_role("button", name="Save mine instead").click()
    await until_saved(ada)
    await mia.locator("#name").fill("Newest")
    dialog = mia.get_by_role("dialog", name="Somebody else has changed this view")
    await expect(dialog).to_contain_text("ada has changed it")
    await dialog.get_by_role("button", name="Use theirs").click()
    await expect(mia.get_by_label("Description")).to_have_value("hers")
    await publish(mia)


async def test_q6_history_revert_discard_and_delete(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    page = await running_org.sign_in("mia", "/queue-builder")
    await page.get_by_role("button", name="+ Add View").click()
    await page.locator("#add-name").fill("Aged")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.wait_for_selector("[data-editor]")
    await page.wait_for_selector("html[data-ready=yes]")
    await publish(page)
    await page.locator("#name").fill("Aged leads")
    await until_saved(page)
    await publish(page)
    await page.get_by_role("button", name="History").click()
    editions = page.locator("[data-editions] li")
    await expect(editions).to_have_count(2)
    await expect(editions.first).to_contain_text("current: Mia")
    await editions.last.get_by_role("button").click()
    await expect(page.locator("#name")).to_have_value("Aged")
    await expect(page.locator("[data-unpublished]")).to_be_visible()
    await page.get_by_role("button", name="Discard changes").click()
    await expect(page.locator("#name")).to_have_value("Aged leads")
    await expect(page.locator("[data-unpublished]")).to_be_hidden()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator("main")).to_contain_text("No views yet")
    api, headers = await program(running_org, "mia")
    assert (await api.get("/api/v1/queue-drafts/aged", headers=headers)).status == 404
    history = await (await api.get("/api/v1/queue-drafts/aged/history", headers=headers)).json()
    assert [entry["value"] and entry["value"]["name"] for entry in history] == [None, "Aged leads", "Aged"]


async def test_q3_a_blind_view_has_no_columns_and_shows_none(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    await running_org.publish("queue", "new", **NEW)
    await running_org.arrive("A-1", first_name="Ana", last_name="Silva", state="MA", loan_amount=250_000)
    page = await running_org.sign_in("mia", "/queue-builder/new")
    for number in (2, 1):
        await page.get_by_label(f"Column {number}", exact=True).select_option("")
    preview = page.locator("[data-preview]")
    await expect(preview.locator("thead th")).to_have_text(["Name"])
    await expect(preview.locator("tbody td")).to_have_text(["Ana Silva"])
    await until_saved(page)
    await publish(page)
    api, headers = await program(running_org, "mia")
    state = await (await api.get("/api/v1/queue-drafts/new", headers=headers)).json()
    assert state["published"]["columns"] == []


async def test_q6_x4_a_publication_repeated_is_answered_again_and_not_made(running_org: RunningOrg) -> None:
    await running_org.rep("mia", "manager")
    api, headers = await program(running_org, "mia")
    path = "/api/v1/queue-drafts/fresh"
    created = await api.put(path, data={"value": {"name": "Fresh"}}, headers=headers)
    assert created.status == 200
    again = await api.put(path, data={"value": {"name": "Other"}}, headers=headers)
    assert (again.status, (await again.json())["type"]) == (428, "urn:firstclaim:problem:if-match")
    if_match = {**headers, "if-match": created.headers["etag"]}
    answers = [
        await (await api.post(f"{path}/publish", data={"over": None}, headers=if_match)).json() for _ in "ab"
    ]
    assert answers[0] == answers[1]
    assert answers[0]["unpublished_changes"] == []
    history = await (await api.get(f"{path}/history", headers=headers)).json()
    assert [(entry["published_by"], entry["current"]) for entry in history] == [("mia", True)]
    edited = await api.put(
        path, data={"value": {"name": "Newer"}}, headers={**headers, "if-match": f'"{answers[0]["etag"]}"'}
    )
    late = await api.post(
        f"{path}/publish", data={"over": None}, headers={**headers, "if-match": edited.headers["etag"]}
    )
    assert (late.status, (await late.json())["type"]) == (412, "urn:firstclaim:problem:overtaken")


async def program(running_org: RunningOrg, rep_id: str) -> tuple[APIRequestContext, dict[str, str]]:
    """Return how somebody who is signed in asks: a token may not change queues."""
    await running_org.until_known(rep_id)
    api = (await running_org.window()).request
    credentials = {"email": running_org.email(rep_id), "password": PASSWORD}
    answer = await api.post("/api/v1/session", data=credentials)
    headers = {"x-csrf-token": (await answer.json())["csrf"], "accept": "application/json"}
    return api, headers


async def until_draft(
    api: APIRequestContext, headers: dict[str, str], queue: str, **expected: Any
) -> dict[str, Any]:
    """Wait until the draft has these values."""

    async def state() -> dict[str, Any] | None:
        draft: dict[str, Any] = await (await api.get(f"/api/v1/queue-drafts/{queue}", headers=headers)).json()
        return draft if all(draft["value"].get(name) == value for name, value in expected.items()) else None

    draft: dict[str, Any] = await eventually(state, f"the draft has {expected}")
    return draft
