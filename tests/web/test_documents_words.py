"""The words that the source documents show are on our pages, each on its page. `documents_words` is the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from couriers.mail.words import WORDS
from tests.web import documents_words as words
from tests.web.rows import READY, WORK, appears, open_lead, row
from tests.web.running_org import NEW
from tests.web.test_offers import JONES, floor
from tests.web.test_saved_lists import save

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import Page, Route

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

_SHOWN = """() => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  const texts = [...document.querySelectorAll("body *")].filter(shown).flatMap((one) => [
    one.getAttribute("placeholder"), one.getAttribute("aria-label"), one.tagName === "OPTION" ? one.text : null,
  ]);
  return [document.body.innerText, ...texts.filter(Boolean)].join("\\n").replace(/\\s+/g, " ");
}"""
"""Returns what a page shows: its text, labels, placeholders and choices."""


async def shows(page: Page, wanted: Iterable[str]) -> None:
    """Check that a page shows each of some words, in any case."""
    text = (await page.evaluate(_SHOWN)).casefold()
    assert [one for one in wanted if one.casefold() not in text] == [], text


async def ready(page: Page, path: str) -> None:
    """Open a page."""
    await page.goto(path)
    await page.wait_for_selector(READY)


async def test_each_page_has_the_documents_words(office: RunningOrg) -> None:
    await office.publish("settings", "settings", quiet_hours=[])
    await office.rep("mia", "manager")
    await office.rep("ann")
    await office.rep("bob")
    to_work = {"combinator": "and", "rules": [{"field": "last_name", "operator": "=", "value": "Waller"}]}
    await office.publish("queue", "new", **NEW, exclusion=to_work)
    await office.publish("queue", "work", **{**WORK, "inclusion": to_work})
    await office.publish("group", "lost", name="Nobody", method="round_robin", members=[])
    await office.publish("campaign", "lost", name="Lost", group_id="lost")
    await office.publish("campaign", "loans", name="Purchase")
    for kind, name in (("queue", "work"), ("campaign", "loans")):
        await office.until_published(kind, name)
    facts = {"first_name": "Robbie", "last_name": "Duffy", "phone": "4014194247", "state": "RI"}
    lead = await office.arrive("A-1", campaign="loans", **facts)
    other = await office.arrive("A-2", first_name="Herbie", last_name="Waller", email="h@waller.example")
    await office.arrive("A-3", last_name="Nobody", campaign="lost")
    ann, bob = [await office.sign_in(one, "/queues/new") for one in ("ann", "bob")]
    for page in (ann, bob):
        await appears(page, lead)
    await shows(ann, words.CALL_QUEUE)
    # Two claim the same lead: one reads the box, the other the line.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await bob.route("**/api/v1/leads/*/claims", hold)
    await row(bob, lead).get_by_role("button", name="Claim this Lead").click()
    await expect(bob.locator("#answer")).to_contain_text("Claiming")
    await row(ann, lead).get_by_role("button", name="Claim this Lead").click()
    await expect(ann.locator("#answer")).to_contain_text(words.ADDED)
    await shows(ann, words.CLAIMED)
    for route in held:
        await route.continue_()
    await expect(bob.locator("#answer")).to_contain_text(words.LOST)
    # The rep's own lists.
    await ready(ann, "/my-leads")
    await expect(ann.get_by_role("link", name="Open Robbie Duffy")).to_be_visible()
    await save(ann, "Application Sent")
    await shows(ann, words.MY_LEADS)
    await ann.get_by_label("Select Robbie Duffy").check()
    await shows(ann, [words.SELECTED])
    await ready(ann, "/queues/work")
    await appears(ann, other)
    await open_lead(ann, other)
    await shows(ann, words.LEAD)
    await managers_pages(office)


async def managers_pages(office: RunningOrg) -> None:
    """Look at the desk, the preferences and the builder."""
    mia = await office.sign_in("mia", "/exceptions")
    await expect(mia.get_by_role("link", name="Open Nobody")).to_be_visible()
    await shows(mia, words.EXCEPTIONS)
    await mia.get_by_role("button", name="Ignore").last.click()
    await shows(mia, [words.IGNORE, words.OK])
    await ready(mia, "/account")
    await shows(mia, [words.VIEW_ONLY])
    await ready(mia, "/queue-builder/new")
    await mia.get_by_label("Description").fill("Claim these leads!")
    await expect(mia.locator("[data-unpublished]")).to_be_visible()
    await shows(mia, words.BUILDER)
    await mia.get_by_role("button", name="Publish View").click()
    await shows(mia, [words.CONFIRM])


async def test_s1_s3_s5_a_ring_and_a_button_have_the_documents_words(office: RunningOrg) -> None:
    ann, bob = await floor(office, "ring_all", "ann", "bob", ring_seconds=120)
    await office.arrive("R-1", campaign="west", phone="4014194247", **JONES)
    told = [text.format(name="Jeremy Jones") for text in words.CALL]
    await expect(bob.get_by_role("alert")).to_contain_text(told[0])
    await ann.get_by_role("button", name="Press 1 to accept").click()
    await expect(ann.get_by_role("alert")).to_contain_text(told[1])
    await expect(bob.get_by_role("alert")).to_contain_text(words.GONE)
    members = [{"rep_id": "ann"}, {"rep_id": "bob"}]
    await office.publish(
        "group", "all", name="All", method="distribute_all", members=members, ring_seconds=120
    )
    await office.publish("campaign", "all", name="All", group_id="all")
    await office.until_published("campaign", "all")
    await office.arrive("N-1", campaign="all", last_name="Silva")
    await expect(bob.get_by_role("button", name=words.NEW_LEAD)).to_be_visible()


def test_n2_the_mail_has_the_documents_words() -> None:
    told = WORDS["lead_assigned"]
    assert (told.subject, told.opening, told.closing, told.button) == words.MAIL
