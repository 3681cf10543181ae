"""A day in a segment, in a preview and in a view of one's own is the org's day, as in a published queue (C1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.web.test_custom_views import VIEWS, claimed_lead, open_org, until_count

if TYPE_CHECKING:
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

THAT_DAY: Final[dict[str, Any]] = {
    "combinator": "and",
    "rules": [{"field": "created_at", "operator": "=", "value": "2026-11-19"}],
}


async def test_c1_days_are_the_orgs_in_segments_previews_and_views(running_org: RunningOrg) -> None:
    """The lead is of half past eleven in the evening in Chicago, and of the next day in UTC."""
    await open_org(running_org)
    await running_org.publish("settings", "settings", time_zone="America/Chicago")
    await running_org.until_published("settings", "settings")
    lead = await claimed_lead(running_org, 1, "rep-1", created_at="2026-11-19T23:30:00-06:00")
    await claimed_lead(running_org, 2, "rep-1", created_at="2026-11-20T00:00:00-06:00")
    free = await running_org.arrive("V-3", last_name="Free", created_at="2026-11-20T05:59:59Z")
    await running_org.arrive("V-4", last_name="Later", created_at="2026-11-20T06:00:00Z")
    async with await running_org.program("mia") as manager:
        await until_count(manager, "/api/v1/leads", "total", 4)
        answer = await manager.get("/api/v1/leads", params={"segment": json.dumps(THAT_DAY)})
        assert {row["lead_id"] for row in answer.json()["rows"]} == {lead, free}
        fields = {
            field["name"]: field["label"] for field in (await manager.get("/api/v1/queue-fields")).json()
        }
        assert fields["created_at"].endswith(" (America/Chicago)")
        assert "America" not in fields["state"]
        for path in ("/my-leads", "/queue-builder", "/directory/reps"):
            assert "(America/Chicago)" in (await manager.get(path)).text
        preview_request = {
            "queue_id": "that-day",
            "value": {"name": "That day", "inclusion": THAT_DAY},
            "lead": lead,
        }
        preview = await manager.post("/api/v1/queue-previews", json=preview_request)
        assert preview.status_code == 200, preview.text
        assert [example["lead_id"] for example in preview.json()["examples"]] == [free]
        assert preview.json()["lead"]["conditions"][0]["met"] is True
    async with await running_org.program("rep-1") as client:
        created = await client.post(VIEWS, json={"name": "That day", "inclusion": THAT_DAY})
        page = await until_count(client, f"{VIEWS}/{created.json()['view_id']}/leads", "size", 1)
        assert [row["lead_id"] for row in page["rows"]] == [lead]
