"""The words that the source documents show on a ring, a button and a mail are ours. `documents_words` is the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import expect

from couriers.mail.mail_texts import WORDS
from tests.web import documents_words as words
from tests.web.rows import READY, WORK, open_lead, row, until_row
from tests.web.running_org import NEW
from tests.web.test_offers import JONES, ringing_reps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import Page

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

PHONE: Final = "(401) 419-4247"
LONG_AGO: Final = "2020-01-01T00:00:00Z"
RULE: Final[dict[str, Any]] = {
    "inclusion": {
        "combinator": "and",
        "rules": [{"field": "created_at", "operator": "inLast", "value": {"amount": 30, "unit": "day"}}],
    },
    "exclusion": {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]},
}
"""The rules of the documents' sample queue."""
_SHOWN_WORDS: Final = """() => [
  document.body.innerText,
  ...[...document.querySelectorAll("[placeholder]")].map((one) => one.placeholder),
  ...[...document.querySelectorAll("[aria-label]")].map((one) => one.ariaLabel),
  ...[...document.querySelectorAll("option:checked, rule-builder option")].map((one) => one.textContent),
].join("\\n")"""


async def missing(page: Page, expected: Iterable[str]) -> list[str]:
    """Return the words that a page does not show."""
    text = " ".join((await page.evaluate(_SHOWN_WORDS)).casefold().split())
    return [phrase for phrase in expected if phrase.casefold() not in text]


async def test_s1_s3_s5_a_ring_and_a_button_have_the_documents_words(running_org: RunningOrg) -> None:
    ann, bob = await ringing_reps(running_org, "ring_all", "ann", "bob", ring_seconds=120)
    await running_org.arrive("R-1", campaign="west", phone="4014194247", **JONES)
    texts = [text.format(name="Jeremy Jones") for text in words.CALL]
    await expect(bob.get_by_role("alert")).to_contain_text(texts[0])
    await ann.get_by_role("button", name="Press 1 to accept").click()
    await expect(ann.get_by_role("alert")).to_contain_text(texts[1])
    await expect(bob.get_by_role("alert")).to_contain_text(words.GONE)
    members = [{"rep_id": "ann"}, {"rep_id": "bob"}]
    await running_org.publish(
        "group", "all", name="All", method="distribute_all", members=members, ring_seconds=120
    )
    await running_org.publish("campaign", "all", name="All", group_id="all")
    await running_org.until_published("campaign", "all")
    await running_org.arrive("N-1", campaign="all", last_name="Silva")
    await expect(bob.get_by_role("button", name=words.NEW_LEAD)).to_be_visible()


def test_n2_the_mail_has_the_documents_words() -> None:
    texts = WORDS["lead_assigned"]
    assert (texts.subject, texts.opening, texts.closing, texts.button) == words.MAIL


async def test_q1_q5_q6_q8_the_queue_and_its_builder_have_the_documents_words(
    running_org: RunningOrg,
) -> None:
    await running_org.rep("mia", "manager")
    for rep_id in ("ann", "bob"):
        await running_org.rep(rep_id)
    sample = {**NEW, **RULE, "name": "Sample Claimable Leads Queue", "columns": []}
    await running_org.publish("queue", "new", **sample)
    await running_org.until_published("queue", "new")
    lead = await running_org.arrive("A-1", first_name="Jeremy", last_name="Jones")
    ann, bob = [await running_org.sign_in(rep_id, "/queues/new") for rep_id in ("ann", "bob")]
    for page in (ann, bob):
        await until_row(page, lead)
    assert await missing(ann, words.QUEUE_LIST) == []
    await bob.context.set_offline(True)
    await bob.wait_for_function("document.getElementById('connection').textContent !== ''")
    await row(bob, lead).get_by_role("button", name="Claim this Lead").click()
    await row(ann, lead).get_by_role("button", name="Claim this Lead").click()
    await expect(ann.locator("#answer")).to_contain_text("Congratulations")
    assert await missing(ann, [text.format(name="Jeremy Jones") for text in words.CLAIM_BOX]) == []
    await bob.context.set_offline(False)
    await expect(bob.locator("#answer")).to_contain_text(words.CLAIMED)
    page = await running_org.sign_in("mia", "/queue-builder")
    await page.wait_for_selector(READY)
    assert await missing(page, words.BUILDER_LIST) == []
    await page.goto("/queue-builder/new")
    await page.wait_for_selector(READY)
    await page.get_by_label("Description").fill("Claim these leads!")
    await expect(page.locator("[data-unpublished]")).to_be_visible()
    assert await missing(page, words.BUILDER) == []
    await page.get_by_role("button", name="Publish View").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await missing(page, words.PUBLISH) == []


async def test_d1_d5_r1_e2_e4_s6_leads_lists_and_settings_have_the_documents_words(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    await running_org.rep("ada", "admin")
    await running_org.rep("ann")
    await running_org.publish("group", "west", name="West", method="round_robin", members=[])
    await running_org.publish("campaign", "west", name="West", vendor="acme", group_id="west")
    await running_org.rep("bob")
    for method in words.FAILURES:
        members = [{"rep_id": "bob"}]
        await running_org.publish(
            "group", method, name=method, method=method, members=members, ring_seconds=2
        )
        await running_org.publish("campaign", method, name=method, group_id=method)
    await running_org.publish("queue", "work", **{**WORK, **RULE})
    await running_org.until_published("queue", "work")
    lead = await running_org.arrive("A-1", phone=PHONE, **JONES)
    ann = await running_org.sign_in("ann", "/queues/work")
    await until_row(ann, lead)
    await open_lead(ann, lead)
    assert await missing(ann, words.LEAD) == []
    await ann.get_by_role("button", name="Claim now").click()
    await expect(ann.get_by_role("button", name="Claim now")).to_have_count(0)
    await ann.goto("/my-leads")
    await until_row(ann, lead)
    assert await missing(ann, words.MY_LEADS) == []
    await row(ann, lead).get_by_role("checkbox").check()
    assert await missing(ann, [words.SELECTED]) == []
    await ann.goto("/unassigned")
    await ann.wait_for_selector(READY)
    assert await missing(ann, words.UNASSIGNED) == []
    failed = await running_org.arrive("A-2", campaign="west", last_name="Silva", state="TX", silenced=True)
    page = await running_org.sign_in("ada", "/exceptions")
    await until_row(page, failed)
    assert await missing(page, words.EXCEPTIONS) == []
    for method, reason in words.FAILURES.items():
        # It is too old for the work queue, so that it is an exception.
        unanswered = await running_org.arrive(method, campaign=method, last_name=method, created_at=LONG_AGO)
        await expect(row(page, unanswered).get_by_role("button", name="Why: ")).to_have_text(reason)
    await row(page, failed).get_by_role("button", name="Assign").click()
    await expect(page.locator("#move").get_by_role("button", name=words.ASSIGN, exact=True)).to_be_visible()
    await page.locator("#move").get_by_role("button", name="Cancel").click()
    await row(page, failed).get_by_role("button", name="Ignore").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await missing(page, words.IGNORE) == []
    for path, expected in (("/account", words.PREFERENCES), ("/directory/settings", words.SETTINGS)):
        await page.goto(path)
        await page.wait_for_selector(READY)
        assert await missing(page, expected) == [], path
