"""A worker that is far behind in an org's log catches up: its own wakes do not make the log outgrow what it reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.codec import encode_org_event
from models.events import DirectoryPublished
from models.org_events import LeadTaken, RepChange, RepChanged, RepRequested
from rules.deadlines import RETRY_SECONDS
from streams.topics import ORG_LOG
from tests.rules.org.org_driver import a_lead
from tests.simulation.broker import PARTITIONS, Broker, partition_of
from tests.simulation.processes import Worker

if TYPE_CHECKING:
    from models.org_events import OrgEvent

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
BACK = START + timedelta(minutes=10)
"""When the org's only rep comes back. A lead waits for that, so two rows have a wake time: the rep's and the lead's."""
WAKES = 2
TAKEN = 2_000
ROUND_EVENTS = 20
ROUND_SECONDS = 0.5
ORG = "default"


def backlog() -> list[OrgEvent]:
    """Return the events of an hour ago: a lead waits for an absent rep, who takes many leads by hand."""

    def published(version: int, kind: str, object_id: str, value: dict[str, Any]) -> DirectoryPublished:
        cause = f"directory/{version}"
        return DirectoryPublished(
            lead_id="", cause=cause, org=ORG, kind=kind, object_id=object_id, version=version, value=value
        )

    rep = {"time_zone": "America/New_York"}
    return [
        published(1, "rep", "ann", rep),
        published(2, "group", "west", {"method": "round_robin", "members": [{"rep_id": "ann"}]}),
        RepChanged(org=ORG, cause="out", rep_id="ann", change=RepChange.ABSENT, until=BACK),
        RepRequested(org=ORG, cause="ask", lead_id="w", epoch=1, group_id="west", lead=a_lead("w", START)),
        published(3, "rep", "ann", {**rep, "max_open": TAKEN + 10}),
        *(
            LeadTaken(org=ORG, cause=f"take/{n}", lead_id=f"lead-{n}", epoch=1, rep_id="ann")
            for n in range(TAKEN)
        ),
    ]


def test_r9_a_worker_that_is_behind_appends_each_wake_once_in_the_retry_time() -> None:
    broker = Broker(START.timestamp())
    key = ORG.encode()
    home = partition_of(key)
    events = backlog()
    for event in events:
        broker.append(ORG_LOG, home, key, encode_org_event(event))
    broker.now += 3_600
    worker = Worker(broker, 0.0)
    worker.take(set(range(PARTITIONS)))
    log = broker.logs[ORG_LOG, home]
    seconds = 0.0
    while worker.orgs.positions[home] < len(log):
        assert seconds < 3_600, f"{len(log) - worker.orgs.positions[home]} events are still before the worker"
        worker.orgs.poll(home, ROUND_EVENTS)
        worker.fire()
        worker.outbox.land(len(events))
        broker.now += ROUND_SECONDS
        seconds += ROUND_SECONDS
    appended = len(log) - len(events)
    assert WAKES <= appended <= WAKES * (seconds / RETRY_SECONDS + 2)
    orgs = worker.orgs.stage.table.rows.of(home)
    assert list(orgs.wakes()) == [], "the lead was offered, and nobody waits any more"
