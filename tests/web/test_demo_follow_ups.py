"""The demo's work queue is never empty: who opens it finds leads to follow up soon after the demo has begun."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from assurance.demo.directory import YOURS, lender, officers, opened
from assurance.demo.loan_officers import work
from assurance.load.offers import Offers
from assurance.sample_leads import sample_leads
from board.reader import Reader

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

FOLLOW_UP: Final = "follow-up"
LEADS: Final = 150


async def test_the_demos_work_queue_has_leads_to_follow_up(office: RunningOrg) -> None:
    directory = opened(lender())
    for (kind, object_id), value in directory.items():
        await office.client.publish(kind, object_id, value)
    await office.rep("mia", "manager")
    await office.until_published("queue", FOLLOW_UP)
    await office.until_published("rep", "mia")
    for lead in islice(sample_leads(LEADS, org=office.org), LEADS):
        await office.client.arrive(lead)
    page = await office.sign_in("mia", f"/queues/{FOLLOW_UP}")
    await expect(page.locator("tbody tr")).to_have_count(0)  # nobody has called anybody yet
    reader = Reader.at(office.stack.settings.redis_url)
    offers = Offers(office.stack.settings)
    at_work = [asyncio.create_task(offers.follow())]
    at_work += [
        asyncio.create_task(work(office.client, reader, rep_id, offers, hurry=False))
        for rep_id in officers(directory)
        if rep_id != YOURS
    ]
    rows = page.locator("tbody tr")
    try:
        await expect(rows.first).to_be_visible()
        await expect(rows.first.get_by_role("link", name="Open")).to_be_visible()
    finally:
        for one in at_work:
            one.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        await reader.close()
    # It stays there until somebody decides it.
    await page.reload()
    await expect(rows.first).to_be_visible()
