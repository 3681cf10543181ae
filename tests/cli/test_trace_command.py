"""`firstclaim trace` shows the way of a lead from a vendor's bytes to the last topic, on a running stack."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from assurance.load.client import LoadClient
from models.ids import lead_id
from streams import clients
from streams.topic_reader import read_positions
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from runtime.up import RunningStack

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ORG: Final = "traced"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT: Final = f"00-{TRACE}-00f067aa0ba902b7-01"
TRACESTATE: Final = b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
LEAD: Final = lead_id(ORG, "acme", "traced-1", {})
OTHER_LEAD: Final = lead_id(ORG, "acme", "traced-2", {})
DIRECTORY: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("rep", "rep-1", {"role": "rep"}),
    (
        "group",
        "west",
        {"method": "round_robin", "members": [{"rep_id": "rep-1"}], "claim_window_seconds": 900},
    ),
    ("campaign", "west", {"group_id": "west"}),
)


async def send_leads(stack: RunningStack) -> None:
    """Publish the org, then send two leads as a vendor's own client does: one with a trace, one without."""
    async with LoadClient(stack.settings, org=ORG) as client:
        for kind, object_id, value in DIRECTORY:
            await client.publish(kind, object_id, value)
    producer = clients.producer(stack.settings)
    await producer.start()
    traced = [("traceparent", TRACEPARENT.encode()), ("tracestate", TRACESTATE)]
    for number, headers in ((1, traced), (2, [("traceparent", b"\xff"), traced[1]])):
        message = {"vendor": "acme", "external_id": f"traced-{number}", "org": ORG, "campaign": "west"}
        sent = json.dumps({**message, "last_name": f"Person {number}"}).encode()
        await producer.send_and_wait(LEAD_ARRIVALS, sent, headers=headers)
    await producer.stop()


def hops_of(stack: RunningStack, lead: str) -> list[dict[str, Any]]:
    """Return the hops of a lead."""
    hops: list[dict[str, Any]] = firstclaim(stack, "trace", lead, "--json").last_line["hops"]
    return hops


def offer_is_published(stack: RunningStack, lead: str) -> bool:
    """Say whether the lead's offer has reached the last topic."""
    return any(hop["topic"] == "notifications" for hop in hops_of(stack, lead))


def position(hop: dict[str, Any]) -> tuple[str, int, int]:
    return hop["topic"], hop["partition"], hop["offset"]


def test_the_way_of_a_lead_is_one_trace_from_the_vendors_bytes_to_the_last_topic(stack: RunningStack) -> None:
    asyncio.run(send_leads(stack))
    for lead in (LEAD, OTHER_LEAD):
        assert until(partial(offer_is_published, stack, lead), PATIENCE_SECONDS), lead
    hops = hops_of(stack, LEAD)
    assert {hop["trace_id"] for hop in hops} == {TRACE}
    assert [hop["topic"] for hop in hops][:5] == [
        "lead-arrivals",
        "org-log",
        "org-journal",
        "lead-log",
        "lead-journal",
    ]
    assert {hop["topic"] for hop in hops} >= {"queue-changes", "notifications"}
    # Every record but the vendor's was caused by an earlier one, which is there, too.
    by_position = {position(hop): hop for hop in hops}
    begins = [hop for hop in hops if hop["cause"] is None]
    assert [hop["topic"] for hop in begins] == ["lead-arrivals"]
    for hop in hops[1:]:
        cause = by_position[position(hop["cause"])]
        elapsed = datetime.fromisoformat(hop["at"]) - datetime.fromisoformat(cause["at"])
        assert hop["seconds"] == pytest.approx(elapsed.total_seconds())
        assert elapsed.total_seconds() >= 0
    printed = firstclaim(stack, "trace", LEAD)
    assert printed.code == 0
    assert f"Trace {TRACE}: {len(hops)} records in" in printed.out
    for text in ("acme sent a lead", "arrival placed", "offer made", "lead offered"):
        assert text in printed.out, printed.out


async def tracestates(stack: RunningStack, hops: list[dict[str, Any]]) -> list[bytes | None]:
    """Return the `tracestate` of the records of these hops."""
    states = []
    for hop in hops:
        (record,) = await read_positions(stack.settings, hop["topic"], [(hop["partition"], hop["offset"])])
        states.append(dict(record.headers).get("tracestate"))
    return states


def test_a_tracestate_goes_through_every_hop_of_its_trace_and_of_no_other(stack: RunningStack) -> None:
    assert set(asyncio.run(tracestates(stack, hops_of(stack, LEAD)))) == {TRACESTATE}
    sent, *others = asyncio.run(tracestates(stack, hops_of(stack, OTHER_LEAD)))
    assert (sent, set(others)) == (TRACESTATE, {None})


def test_a_message_without_a_valid_trace_begins_one_and_an_action_another(stack: RunningStack) -> None:
    before = hops_of(stack, OTHER_LEAD)
    (new_trace,) = {hop["trace_id"] for hop in before}
    assert new_trace != TRACE
    assert firstclaim(stack, "claim", OTHER_LEAD, "--rep", "rep-1", "--org", ORG).code == 0
    assert until(
        lambda: any(hop["topic"] == "assignments" for hop in hops_of(stack, OTHER_LEAD)), PATIENCE_SECONDS
    )
    after = hops_of(stack, OTHER_LEAD)
    assert [hop for hop in after if hop["trace_id"] == new_trace] == before
    claimed = [hop for hop in after if hop["trace_id"] != new_trace]
    assert len({hop["trace_id"] for hop in claimed}) == 1
    assert claimed[0]["topic"] == "lead-actions"
    assert claimed[0]["what"] == "rep-1 asked: claim"
    assert {"lead-log", "lead-journal", "lead-decisions", "assignments"} <= {hop["topic"] for hop in claimed}
    printed = firstclaim(stack, "trace", OTHER_LEAD).out
    assert "rep-1 has it (by " in printed
    assert printed.count("Trace ") == 2


def test_a_lead_that_never_was_has_no_way(stack: RunningStack) -> None:
    printed = firstclaim(stack, "trace", "00000000-0000-4000-8000-000000000000", "--json")
    assert printed.code == 1
    assert "No topic has a record of lead 00000000" in printed.out
    assert printed.last_line["hops"] == []
