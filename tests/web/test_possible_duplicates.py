"""Managers see of whom a lead may be the same person; others do not. Another inquiry is shown whole (K2, K4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.waiting import eventually
from tests.web.test_forbidden_contact import open_lender

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_b3_k2_k4_a_doubt_is_for_managers_and_an_inquiry_is_shown_whole(
    running_org: RunningOrg,
) -> None:
    await open_lender(running_org)
    shared_facts: dict[str, Any] = {"email": "home@x.org", "campaign": "west"}
    jones = await running_org.arrive(
        "A-1", first_name="Ann", last_name="Jones", phone="+14014194247", **shared_facts
    )
    await running_org.until_arrived(jones)
    roe = await running_org.arrive("A-2", last_name="Roe", phone="+14014190001", **shared_facts)
    mia, ann = await running_org.program("mia"), await running_org.program("ann")

    async def decision_shown(person: Any, lead: str, kind: str) -> dict[str, Any]:
        async def decision_if_known() -> dict[str, Any] | None:
            answer = await person.get(f"/api/v1/leads/{lead}/why?limit=200")
            events = answer.json()["events"] if answer.status_code == 200 else []
            return next((event for event in events if event["type"] == kind), None)

        event: dict[str, Any] = await eventually(decision_if_known, f"{lead} has {kind}")
        return event

    acceptance = await decision_shown(mia, roe, "lead_accepted")
    assert acceptance["why"] == (
        f"it may be the same person as lead {jones} (Ann Jones); name and phone speak against the same email"
    )
    assert (await decision_shown(ann, roe, "lead_accepted"))["why"] is None
    await running_org.arrive("A-3", last_name="Poole", phone="+14014194247", loan_amount=310_000)
    inquired = await decision_shown(ann, jones, "inquiry_added")
    assert inquired["text"].endswith(": Poole, +14014194247, loan amount 310,000")
    page = await ann.get(f"/leads/{jones}/shown")
    assert "Poole, +14014194247, loan amount 310,000" in page.text
