"""A person who must not be contacted is callable nowhere, from the bytes of a CRM to the pages (M8)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from application.do_not_contact import read_list
from assurance.chaos.vendor_producers import producer
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

WHY = "signed the form on 21 November"


async def open_lender(running_org: RunningOrg) -> None:
    """Open a lender without quiet hours, whose leads go to ann."""
    await running_org.publish("settings", "settings", quiet_hours=[])
    for rep_id, role in (("mia", "manager"), ("ann", "rep"), ("bob", "rep")):
        await running_org.rep(rep_id, role)
    await running_org.publish("group", "west", method="roster", members=[{"rep_id": "ann"}])
    await running_org.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)


async def test_d9_m8_an_outcome_forbids_contact_everywhere_until_consent_is_recorded(  # noqa: PLR0915  # one scenario
    running_org: RunningOrg,
) -> None:
    """CASES D9: the outcome `do_not_contact` suppressed nothing; the next inquiry made the lead callable again."""
    await open_lender(running_org)
    phone, mail = "+14014194247", "j@x.org"
    lead = await running_org.arrive("A-1", last_name="Jones", phone=phone, email=mail, campaign="west")
    mia, ann = await running_org.program("mia"), await running_org.program("ann")
    sender = producer(running_org.stack.settings)

    async def shown(**expected: Any) -> dict[str, Any]:
        async def lead_as_wanted() -> dict[str, Any] | None:
            answer = await mia.get(f"/api/v1/leads/{lead}")
            row = answer.json() if answer.status_code == 200 else {}
            return row if all(row.get(name) == value for name, value in expected.items()) else None

        lead_shown: dict[str, Any] = await eventually(lead_as_wanted, f"the lead shows {expected}")
        return lead_shown

    await shown(owner="ann", may_call=True)
    page = await ann.get(f"/leads/{lead}/shown")
    assert f'href="tel:{phone}"' in page.text

    # A CRM that writes to the topic with librdkafka records the outcome.
    action = {
        "action_id": str(uuid.uuid4()),
        "type": "outcome",
        "outcome": "do_not_contact",
        "lead_id": lead,
        "rep_id": "ann",
        "org": running_org.org,
    }
    sender.produce(LEAD_ACTIONS, value=json.dumps(action).encode())
    sender.flush(PATIENCE_SECONDS)
    row = await shown(phase="closed")
    assert (row["may_call"], row["call_from"]) == (False, None)
    assert "do-not-contact list" in row["no_call_why"]

    async def listed() -> set[str]:
        return set(await read_list(running_org.stack.settings, running_org.org))

    async def both_listed() -> bool:
        return await listed() == {f"phone/{phone}", f"email/{mail}"}

    await eventually(both_listed, "phone and mail are in the topic's list")

    # Another inquiry of the person reopens the lead. It brings the consent that its vendor claims, and lifts nothing.
    inquiry = {
        "vendor": "initech",
        "external_id": "I-1",
        "last_name": "Jones",
        "phone": phone,
        "org": running_org.org,
    }
    sender.produce(LEAD_ARRIVALS, value=json.dumps({**inquiry, "consent": True}).encode())
    sender.flush(PATIENCE_SECONDS)
    row = await shown(phase="owned", inquiries=2)
    assert row["may_call"] is False
    page = await ann.get(f"/leads/{lead}/shown")
    assert "tel:" not in page.text
    assert "Do not call" in page.text

    async def own_leads() -> list[tuple[str, bool]]:
        rows = (await ann.get("/api/v1/queues/mine/leads")).json()["rows"]
        return [(row["lead_id"], row["may_call"]) for row in rows]

    await eventually(own_leads, "her queue has the lead again")  # the queues follow the journal by themselves
    assert await own_leads() == [(lead, False)]
    rows = (await ann.get("/api/v1/leads")).json()["rows"]
    assert [(line["lead_id"], line["may_call"]) for line in rows] == [(lead, False)]
    refused = (await ann.post(f"/api/v1/leads/{lead}/actions", json={"type": "connect"})).json()
    assert (refused["result"], refused["reason"]) == ("refused", "suppressed")

    # Only a person's recorded consent lifts it, and the audit has it with its reason.
    bob = await running_org.program("bob")
    answer = (await bob.post(f"/api/v1/leads/{lead}/actions", json={"type": "consent", "why": WHY})).json()
    assert (answer["result"], answer["reason"]) == ("refused", "not_allowed")
    answer = (await ann.post(f"/api/v1/leads/{lead}/actions", json={"type": "consent", "why": WHY})).json()
    assert answer["result"] == "done"
    await shown(may_call=True, no_call_why=None)

    async def none_listed() -> bool:
        return not await listed()

    await eventually(none_listed, "the consent takes both off the list")
    events = (await mia.get(f"/api/v1/leads/{lead}/why?limit=200")).json()["events"]
    assert [(e["type"], e["who"], e["why"]) for e in events if e["type"] == "consent_recorded"] == [
        ("consent_recorded", "ann", WHY)
    ]
    page = await ann.get(f"/leads/{lead}/shown")
    assert f'href="tel:{phone}"' in page.text
