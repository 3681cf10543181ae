"""The words that the source documents show on a ring, a button and a mail are ours. `documents_words` is the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from couriers.mail.words import WORDS
from tests.web import documents_words as words
from tests.web.test_offers import JONES, floor

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


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
