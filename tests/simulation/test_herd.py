"""A herd of deadlines leaves room for claims: a worker appends no more of them than it may have undecided (X3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from agents.due_pace import MAX_BESIDE_OTHERS, MAX_UNDECIDED, OTHERS_SECONDS, STUCK_SECONDS, DuePace
from models.codec import decode_row, encode_event, encode_row
from models.contact_decisions import CallbackDue
from models.events import ActionRequested
from models.facts import Facts
from models.lead import Deadline, DeadlineKind, Lead, LeadRow, Phase
from rules.deadlines import RETRY_SECONDS
from streams.topics import LEAD_JOURNAL, LEAD_LOG
from tests.simulation.broker import PARTITIONS, Broker, partition_of
from tests.simulation.processes import Worker

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
HERD = 3 * MAX_UNDECIDED + 10


def worker_with_a_herd() -> tuple[Broker, Worker]:
    """Return a worker with many leads whose owner promised a call for the same instant, which has come."""
    broker = Broker((START + timedelta(hours=1)).timestamp())
    for n in range(HERD):
        lead = Lead(
            lead_id=f"lead-{n}",
            facts=Facts(vendor="acme", created_at=START, time_zone="America/New_York"),
            phase=Phase.OWNED,
            arrived_at=START,
            updated_at=START,
            owner="ann",
            assigned_at=START,
            callback_at=START + timedelta(minutes=30),
            deadlines=(Deadline(DeadlineKind.CALLBACK, START + timedelta(minutes=30), 1),),
            epoch=1,
        )
        row = LeadRow(off=-1, seq=1, lead=lead, at=START, cause="c", decisions=())
        key = lead.lead_id.encode()
        broker.append(LEAD_JOURNAL, partition_of(key), key, encode_row(row))
    worker = Worker(broker, 0.0)
    worker.take(set(range(PARTITIONS)))
    return broker, worker


def deadlines_in_log(broker: Broker) -> int:
    """Return how many deadlines are in the log."""
    return sum(len(broker.logs[LEAD_LOG, partition]) for partition in range(PARTITIONS))


def test_x3_what_is_due_waits_until_what_was_appended_is_decided() -> None:
    broker, worker = worker_with_a_herd()
    assert worker.fire() == MAX_UNDECIDED
    assert worker.fire() == 0
    worker.outbox.land(HERD)
    decided = worker.poll(0, 40)
    assert worker.fire() == decided
    handled = MAX_UNDECIDED + decided
    while handled < HERD:
        worker.outbox.land(HERD)
        assert sum(worker.poll(partition, HERD) for partition in range(PARTITIONS)) <= MAX_UNDECIDED
        new = worker.fire()
        assert new > 0, "there is room again"
        handled += new
    worker.outbox.land(HERD)
    for partition in range(PARTITIONS):
        worker.poll(partition, HERD)
    assert worker.fire() == 0
    assert deadlines_in_log(broker) == HERD, "each is appended once"
    worker.outbox.land(HERD)
    rows = [
        decode_row(record.value or b"")
        for partition in range(PARTITIONS)
        for record in broker.logs[LEAD_JOURNAL, partition]
    ]
    called = [
        row
        for row in rows
        if isinstance(row, LeadRow) and any(isinstance(decision, CallbackDue) for decision in row.decisions)
    ]
    assert len(called) == HERD, "and each call is due once"


def test_x3_what_another_worker_decides_does_not_hold_deadlines_up_for_long() -> None:
    """The appended events are lost, or belong to another worker by now. After the retry time they count no more."""
    broker, worker = worker_with_a_herd()
    assert worker.fire() == MAX_UNDECIDED
    broker.now += STUCK_SECONDS - 0.1
    assert worker.fire() == 0
    broker.now += RETRY_SECONDS - STUCK_SECONDS + 0.1
    assert worker.fire() == MAX_UNDECIDED


def test_x3_a_partition_that_decides_nothing_keeps_no_other_one_waiting() -> None:
    broker, worker = worker_with_a_herd()
    behind = 0  # all are due at the same instant, and the first partition comes first
    assert worker.fire() == MAX_UNDECIDED
    worker.outbox.land(HERD)
    handled = len(broker.logs[LEAD_LOG, behind])
    others = range(1, PARTITIONS)
    for _ in range(6):
        broker.now += STUCK_SECONDS / 2
        worker.fire()
        worker.outbox.land(HERD)
        for partition in others:
            worker.poll(partition, HERD)
    assert len(broker.logs[LEAD_LOG, behind]) == handled, "it has all that may be on its way to it"
    assert worker.fire() == 0
    assert deadlines_in_log(broker) == HERD - (deadlines_of(worker, behind) - handled), (
        "all of the others are decided"
    )


def deadlines_of(worker: Worker, partition: int) -> int:
    """Return how many leads of a partition have a deadline."""
    return len(worker.rows.of(partition).deadlines)


def claim(broker: Broker, worker: Worker, lead_id: str) -> int:
    """Send a claim and let the worker decide all up to it; return how many deadlines were before it."""
    key = lead_id.encode()
    event = ActionRequested(lead_id=lead_id, cause=f"claim-{lead_id}", action="claim", rep_id="bob")
    partition = partition_of(key)
    worker.outbox.land(HERD)
    before = worker.poll(partition, HERD)
    broker.append(LEAD_LOG, partition, key, encode_event(event))
    assert worker.poll(partition, HERD) == 1
    return before


def test_x3_a_claim_waits_for_a_quarter_of_the_deadlines_where_claims_come() -> None:
    broker, worker = worker_with_a_herd()
    assert worker.fire() == MAX_UNDECIDED
    claim(broker, worker, "lead-0")
    for _ in range(3):
        worker.outbox.land(HERD)
        for partition in range(PARTITIONS):
            worker.poll(partition, HERD)
        assert worker.fire() == MAX_BESIDE_OTHERS, "deadlines go on, however many claims come"
        claim(broker, worker, "lead-0")
    worker.outbox.land(HERD)
    for partition in range(PARTITIONS):
        worker.poll(partition, HERD)
    broker.now += OTHERS_SECONDS / 2
    assert worker.fire() == MAX_BESIDE_OTHERS
    worker.outbox.land(HERD)
    for partition in range(PARTITIONS):
        worker.poll(partition, HERD)
    broker.now += OTHERS_SECONDS
    assert worker.fire() == MAX_UNDECIDED, "nobody has claimed for a while"


async def test_x3_what_is_due_next_is_appended_before_all_of_the_last_is_decided() -> None:
    """The worker does not wait for its next look, or a herd would take longer the slower it looks."""
    pace = DuePace()
    pace.appended(0, 0.0, MAX_BESIDE_OTHERS)
    waiting = asyncio.create_task(pace.until_next())
    for _ in range(MAX_BESIDE_OTHERS // 2):
        pace.decided(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    pace.decided(0)
    await asyncio.wait_for(waiting, 60)
    assert pace.room(0.0) == MAX_UNDECIDED - MAX_BESIDE_OTHERS // 2
