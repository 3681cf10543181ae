"""N4: `verify` finds a leg without a request, a leg without an end, and a record that the CRM database lacks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from assurance.verify.calls import check_calls, open_legs
from assurance.verify.findings import Findings
from sink.calls import CallWriter, call_row
from sink.database_engine import connect
from sink.migrate import upgrade
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from pathlib import Path

    from tests.couriers.conftest import Post

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOW = datetime.now(UTC)


def test_n4_legs_and_requests_are_compared(post: Post, tmp_path: Path) -> None:
    settings = post.settings(tmp_path)
    upgrade(settings.database_url)
    rep, lead = unique("rep"), unique("lead")
    request = post.request(rep, lead, template="ring", kind="call")

    def write_event(
        event: str, ago: float, leg: str = "rep", call: str = "c1", notification: str = request
    ) -> None:
        """Write what happened to a leg, some seconds ago."""
        value: dict[str, Any] = {
            "call_id": call,
            "notification_id": notification,
            "lead_id": lead,
            "rep_id": "" if leg == "inbound" else rep,
            "leg": leg,
            "event": event,
            "digit": None,
            "at": (NOW - timedelta(seconds=ago)).isoformat(),
            "seconds": None,
            "org": "default",
            "reason": "hung_up" if event == "ended" else None,
        }
        post.write("calls", lead, value)

    def findings() -> dict[str, int]:
        findings = Findings()
        asyncio.run(check_calls(settings, findings, now=NOW))
        return dict(findings.counts)

    write_event("dialled", 20)
    write_event("ringing", 19)
    assert findings() == {}, "it may ring still"
    assert asyncio.run(open_legs(settings)) == {("c1", "rep")}
    write_event("ended", 10)
    write_event("ringing", 900, leg="inbound", call="c2", notification="")
    write_event("ended", 800, leg="inbound", call="c2", notification="")
    assert findings() == {}
    assert asyncio.run(open_legs(settings)) == set()

    write_event("dialled", 900, call="c3")
    assert findings() == {"leg_unended": 1}
    write_event("bridged", 890, leg="lead", call="c3")
    assert findings() == {}, "two people who talk may talk on"
    write_event("ended", 880, call="c3")
    write_event("ended", 880, leg="lead", call="c3")

    write_event("dialled", 900, call="c4", notification=f"{lead}/9/{rep}/ring/call")
    write_event("ended", 890, call="c4", notification=f"{lead}/9/{rep}/ring/call")
    assert findings() == {"call_unasked": 1}

    # A leg that is dialled again after its end is open again.
    write_event("dialled", 700, call="c1")
    assert findings() == {"call_unasked": 1, "leg_unended": 1}
    write_event("ended", 690, call="c1")

    # A sink that has passed all records and stored all but the last of each partition.
    ends: dict[int, int] = {}
    rows = {}
    for record in post.records("calls"):
        ends[record.partition()] = record.offset() + 1
        rows[record.partition(), record.offset()] = call_row(record.value())
    stored_rows = [
        row
        for (n, at), row in rows.items()
        if row is not None and at + 1 < ends[n] and row["call_id"] != "c2"
    ]
    engine = connect(settings.database_url)
    assert CallWriter(engine).apply(stored_rows, {}, ends)
    engine.dispose()
    assert findings() == {"call_unasked": 1, "crm_missing": 2}, "both records of the inbound call are missing"
