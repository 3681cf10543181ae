"""Edit Outcomes: the org words its outcomes, and people read these words wherever an outcome is shown (D2, M8)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.web.axe import serious_problems
from tests.web.rows import WORK, open_lead, until_row
from tests.web.screens import fits_a_phone, shot
from tests.web.test_directory import publish, published_object
from tests.web.toasts import until_toast

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg


@pytest.mark.slow
async def test_d2_outcomes_are_worded_once_and_read_everywhere(running_org: RunningOrg) -> None:
    await running_org.rep("ada", "admin")
    await running_org.rep("rep-1")
    await running_org.publish("queue", "work", **WORK)
    await running_org.until_published("queue", "work")
    lead = await running_org.arrive("O-1", first_name="Robbie", last_name="Duffy", loan_purpose="cash_out")
    page = await running_org.sign_in("ada", "/directory/settings")
    form = page.get_by_role("group", name="Edit Outcomes")
    await form.get_by_label("Words for No answer").fill("Rang out")
    await form.get_by_label("Another outcome").fill("Application Sent")
    await page.keyboard.press("Enter")
    await form.get_by_label("Application Sent closes the lead").check()
    await form.get_by_label("Move Application Sent up").click()
    # Words that cannot be told apart are refused beside the table, and nothing is published.
    await form.get_by_label("Words for Left message").fill("rang out")
    await page.get_by_role("button", name="Review changes").click()
    await expect(form.locator(":scope > [data-problem]")).to_have_text(
        "two outcomes are both shown as Rang out"
    )
    for shown in ("Rang out", "Left message"):
        await expect(form.get_by_label(f"Words for {shown}")).to_have_attribute("aria-invalid", "true")
    await expect(form.locator("[aria-invalid]")).to_have_count(2)
    await form.get_by_label("Words for Left message").fill("Left a message")
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await form.scroll_into_view_if_needed()
    await shot(page, "edit-outcomes")
    await page.get_by_role("button", name="Review changes").click()
    await expect(page.locator("#review")).to_contain_text("Edit Outcomes")
    await page.locator("#review").get_by_role("button", name="Back").click()
    await publish(page)
    value = await published_object(page, "settings/settings")
    labels = {outcome["outcome"]: outcome["label"] for outcome in value["outcomes"]}
    assert (labels["no_answer"], labels["left_message"]) == ("Rang out", "Left a message")
    assert value["closing_outcomes"][-1] == "application_sent"
    assert list(labels)[-2] == "application_sent"
    # The queue's form offers the list, and keeps values.
    await page.goto("/queue-builder/work")
    await page.get_by_label("Application Sent", exact=True).check()
    await expect(page.locator("[data-saved]")).to_have_text("Saved as a draft")
    await page.get_by_role("button", name="Publish View").click()
    await page.get_by_role("button", name="Ok").click()
    await until_toast(page, "Published.")
    await worked_in_words(running_org, page, lead)


async def worked_in_words(running_org: RunningOrg, page: Page, lead: str) -> None:
    """Record an outcome as a rep, and read its words in what is said, the history, the list and the file."""
    rep = await running_org.sign_in("rep-1", "/queues/work")
    await until_row(rep, lead)
    await open_lead(rep, lead)
    buttons = rep.get_by_role("group", name="Outcome").get_by_role("button")
    await expect(buttons).to_have_count(4)
    assert "no_answer" not in " ".join(await buttons.all_inner_texts())
    await rep.get_by_role("button", name="Rang out").click()
    await expect(rep.get_by_role("status").filter(has_text="Recorded: Rang out.")).to_be_visible()
    await page.goto(f"/leads/{lead}")
    await expect(page.locator("#main")).to_contain_text("Rep 1: Rang out")
    await expect(page.locator("dd", has_text="Rang out")).to_be_visible()
    # The list, its filter, and the file for people: the value for programs, the words beside it.
    await page.goto("/my-leads?last_outcome=no_answer")
    await expect(page.get_by_role("link", name="Open Robbie Duffy")).to_be_visible()
    await expect(page.locator("#main")).not_to_contain_text("no_answer")
    export_path = "/api/v1/leads.csv?columns=last_outcome,loan_purpose"
    rows = list(
        csv.reader(io.StringIO((await (await page.request.get(export_path)).body()).decode("utf-8-sig")))
    )
    heads = ["lead_id", "Last outcome", "Loan purpose"]
    assert rows == [
        [*heads, "Last outcome (as shown)", "Loan purpose (as shown)"],
        [lead, "no_answer", "cash_out", "Rang out", "Cash-out"],
    ]
