"""An admin gives attributes types in the settings form, and whatever shows a lead before it is sent reads them (C4)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from application.route_preview import route_message
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import eventually
from tests.web.axe import serious_problems
from tests.web.screens import fits_a_phone, shot
from tests.web.signed_in import signed_in
from tests.web.test_directory import publish, publish_staff, published_object
from tests.web.test_uploads import try_file
from tests.web.vendor_posts import client, issue_key

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

FILE = 'id,last_name,income,move_in\n1,Doe,"$12,000",2026-12-01\n2,Roe,n/a,soon\n'
RICH = {
    "name": "Rich",
    "inclusion": {
        "combinator": "and",
        "rules": [{"field": "attributes.income", "operator": ">", "value": 9500}],
    },
}
TYPES = {"income": "number", "move_in": "date"}
MOVE_IN = "2026-12-01T05:00:00Z"
"""Midnight of the org's day."""


async def test_c4_types_of_attributes_are_set_in_the_form_and_read_by_every_trial(
    running_org: RunningOrg, store: Engine, tmp_path: Path
) -> None:
    await publish_staff(running_org)
    await running_org.publish("queue", "rich", **RICH)
    stack, org = running_org.stack, running_org.org
    page = await running_org.sign_in("ada", "/directory/settings")
    await page.wait_for_selector("html[data-ready=yes]")
    await page.get_by_label("The org's time zone").fill("America/New_York")
    types = page.locator('[data-path="attribute_types"]')
    for name, kind in TYPES.items():
        await types.get_by_role("button", name="Add attribute").click()
        await expect(types.get_by_label("Attribute", exact=True).last).to_be_focused()
        await page.keyboard.type(name)
        await types.get_by_label("It is").last.select_option(kind)
    await types.get_by_role("button", name="Add attribute").click()  # a row without a name is no attribute
    assert await serious_problems(page) == []
    assert await fits_a_phone(page)
    await types.scroll_into_view_if_needed()
    await shot(page, "attribute-types")
    await publish(page)
    assert (await published_object(page, "settings/settings"))["attribute_types"] == TYPES

    async with signed_in(running_org, "ada") as ada:

        async def read() -> bool:
            status, trial = await try_file(ada, FILE)
            assert status == HTTPStatus.OK, trial
            return bool(trial["leads"][0]["attributes"]["income"] == 12000)

        await eventually(read, "the upload page reads by the types")
        _, trial = await try_file(ada, FILE)
        first, second = (lead["attributes"] for lead in trial["leads"])
        assert first == {"income": 12000, "move_in": MOVE_IN}
        assert second == {"invalid": {"income": "n/a", "move_in": "soon"}}
    async with client(running_org, issue_key(running_org, store)) as vendor:
        answer = await vendor.post("/api/v1/leads/acme", json={"last_name": "Doe", "income": "n/a"})
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        assert answer.json()["leads"][0]["remarks"]["invalid"] == {"income": "n/a"}
    path = tmp_path / "leads.csv"
    path.write_text(FILE)
    by_org = await asyncio.to_thread(
        firstclaim, stack, "vendor", "try", path, "--as-published", "--org", org, "--json"
    )
    assert [lead["attributes"] for lead in by_org.last_line["leads"]] == [first, second]
    as_sent = await asyncio.to_thread(firstclaim, stack, "vendor", "try", path, "--json")
    assert as_sent.last_line["leads"][0]["attributes"]["income"] == "$12,000"

    async def routed(income: str) -> list[str]:
        lead = {"vendor": "acme", "external_id": "R", "org": org, "last_name": "Doe", "income": income}
        route = await route_message(stack.settings, json.dumps(lead).encode(), datetime.now(UTC))
        return [queue["queue_id"] for queue in route.queues]

    assert await routed("12k") == ["rich"]
    assert await routed("9k") == []
    assert await routed("n/a") == []
    await types.get_by_role("button", name="Remove").first.click()
    await publish(page)
    assert (await published_object(page, "settings/settings"))["attribute_types"] == {"move_in": "date"}
