"""Each wake time of an org's row has one event on its way, however often the row is written before it is decided.

A worker that is behind reads events of the past, so wake times of its rows have long passed. If each write of such a
row appended another event, the log would grow faster than it is read.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.codec import encode_org_record
from models.events import DirectoryPublished
from models.org_events import LeadTaken, OrgEvent, OrgWoken, RepChange, RepChanged, RepRequested, WakeKind
from rules.deadlines import RETRY_SECONDS
from rules.org.machine import SLICE
from rules.org.org_partition import OrgPartition, kind_of, wakeable_id
from streams.stage_table import OrgRows
from tests.rules.org.org_driver import START, a_lead

BACK = START + timedelta(hours=1)
"""When Ann comes back from her absence."""
TERMS = {"time_zone": "America/New_York"}
BEHIND = (START + timedelta(hours=2)).timestamp()
"""The worker's time: two hours after the events that it reads."""


class OrgLog:
    """One org's partition, and the log that it reads. Records pass through their bytes."""

    def __init__(self) -> None:
        self.orgs = OrgPartition(0)
        self.journal: list[tuple[bytes, bytes | None]] = []
        self.offset = 0

    def decide(self, event: OrgEvent, at: datetime = START) -> None:
        """Decide one event of the log."""
        outcome = self.orgs.decide(event, off=self.offset, at=at)
        self.journal += [
            (key, None if record is None else encode_org_record(record)) for key, record in outcome.records
        ]
        self.orgs.accept(outcome)
        self.offset += 1

    def publish(self, kind: str, object_id: str, value: dict[str, Any]) -> None:
        """Publish an object of the directory."""
        self.decide(
            DirectoryPublished(
                lead_id="",
                cause=f"directory/{self.offset}",
                org="o",
                kind=kind,
                object_id=object_id,
                version=self.offset,
                value=value,
            )
        )

    def absent(self, until: datetime) -> None:
        """Note that Ann is absent."""
        event = RepChanged(
            org="o", cause=f"out/{self.offset}", rep_id="ann", change=RepChange.ABSENT, until=until
        )
        self.decide(event)

    def take_leads(self, count: int) -> None:
        """Let Ann take leads by hand. Each writes her row."""
        for _ in range(count):
            lead_id = f"lead-{self.offset}"
            self.decide(LeadTaken(org="o", cause=f"take/{lead_id}", lead_id=lead_id, epoch=1, rep_id="ann"))

    def restart(self) -> None:
        """Read the journal as a new worker does."""
        rows = OrgRows()
        for key, value in self.journal:
            rows.apply(0, key, value)
        self.orgs = rows.of(0)
        self.orgs.recovered()


@pytest.fixture
def log() -> OrgLog:
    """Return the log of an org whose only rep Ann is absent for an hour, while a lead waits for her."""
    org_log = OrgLog()
    org_log.publish("rep", "ann", TERMS)
    org_log.publish("group", "west", {"method": "round_robin", "members": [{"rep_id": "ann"}]})
    org_log.absent(BACK)
    org_log.decide(
        RepRequested(
            org="o", cause="ask", lead_id="waiting", epoch=1, group_id="west", lead=a_lead("waiting")
        )
    )
    org_log.publish("rep", "ann", {**TERMS, "max_open": 1_000})
    return org_log


def wakes(events: list[OrgWoken]) -> list[tuple[WakeKind, str, datetime]]:
    """Return which rows are woken, and for which of their wake times."""
    return sorted((event.kind, event.object_id, event.due) for event in events)


BOTH = [(WakeKind.LEAD, "waiting", BACK), (WakeKind.REP, "ann", BACK)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_row_that_is_written_often_is_woken_once(log: OrgLog, restarts: bool) -> None:
    log.take_leads(50)
    if restarts:
        log.restart()
    assert wakes(log.orgs.due(BEHIND)) == BOTH
    log.take_leads(50)
    assert wakes(log.orgs.due(BEHIND + 1)) == [], "its event is on its way, and its row is written on"
    assert wakes(log.orgs.due(BEHIND + RETRY_SECONDS)) == BOTH, "an event may be lost, so it is sent again"
    assert wakes(log.orgs.due(BEHIND + 2 * RETRY_SECONDS)) == BOTH


def test_a_new_wake_time_replaces_the_one_before(log: OrgLog) -> None:
    assert wakes(log.orgs.due(BEHIND)) == BOTH
    earlier = BACK - timedelta(minutes=10)
    log.absent(earlier)
    log.publish("rep", "ann", {**TERMS, "max_open": 1_001})
    log.take_leads(10)
    assert (WakeKind.REP, "ann", earlier) in wakes(log.orgs.due(BEHIND + 1))
    due = sorted((kind_of(row), wakeable_id(row), row.wake) for _, row in log.orgs.wakes())
    for n in (2, 3):
        later = wakes(log.orgs.due(BEHIND + n * RETRY_SECONDS))
        assert later == due, "one event for each row, and none for a time that counts no more"


def test_r9_a_wake_that_was_decided_is_not_sent_again(log: OrgLog) -> None:
    for event in log.orgs.due(BEHIND):
        log.decide(event, START + timedelta(hours=2))
    log.take_leads(10)
    assert wakes(log.orgs.due(BEHIND + 10 * RETRY_SECONDS)) == []


def test_x2_a_rep_who_leaves_loses_all_leads_while_the_broker_clock_stands_still() -> None:
    """After the clock was set back, each part of the work is due at the same instant as the part before it."""
    log, left_at = OrgLog(), START + timedelta(hours=1)
    log.publish("rep", "ann", TERMS)
    log.take_leads(5 * SLICE)
    log.decide(RepChanged(org="o", cause="gone", rep_id="ann", change=RepChange.LEFT), left_at)
    held_counts = [log.orgs.state("o").reps["ann"].held]
    while events := log.orgs.due(BEHIND):
        assert wakes(events) == [(WakeKind.REP, "ann", left_at)]
        log.decide(events[0], left_at - timedelta(minutes=30))
        held_counts.append(log.orgs.state("o").reps["ann"].held)
    assert held_counts == [4 * SLICE, 3 * SLICE, 2 * SLICE, SLICE, 0]
    assert log.orgs.due(BEHIND + RETRY_SECONDS) == []


def test_a_wake_that_was_another_one_in_between_is_one(log: OrgLog) -> None:
    """The waiting lead's wake time goes back and forth with the end of Ann's absence."""
    for most in range(1_001, 1_004):
        for until in (BACK - timedelta(minutes=10), BACK):
            log.absent(until)
            log.publish("rep", "ann", {**TERMS, "max_open": most + until.minute})
            assert [row.wake for _, row in log.orgs.wakes() if kind_of(row) is WakeKind.LEAD] == [until]
    assert wakes(log.orgs.due(BEHIND)).count((WakeKind.LEAD, "waiting", BACK)) == 1
