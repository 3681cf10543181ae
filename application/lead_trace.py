"""Traces a lead through the topics: each record, what happened, when, and which record caused it.

The records that have the lead's id as their key are found in its partition of each topic. The others (what a vendor or
a person sent, and the org's log and journal) are found by the `traceparent` headers, which name the record that caused
each record (`streams.tracing`). No topic is searched for them.
"""

import asyncio
from collections import defaultdict
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from rich.console import Console

from application.record_text import record_text
from models.errors import RuntimeFailure
from streams.clients import partition_of
from streams.settings import Settings
from streams.topic_reader import read_positions, read_topic
from streams.topics import (
    ASSIGNMENTS,
    CALLS,
    DEAD_LETTERS,
    DELIVERIES,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    LEAD_LOG,
    NOTIFICATIONS,
    QUEUE_CHANGES,
    partitions_of,
)
from streams.tracing import RecordPosition, context_of, position_of, trace_of

KEYED: Final = (
    *(LEAD_LOG, LEAD_JOURNAL, ASSIGNMENTS, LEAD_EXCEPTIONS, LEAD_DECISIONS, QUEUE_CHANGES, NOTIFICATIONS),
    *(DELIVERIES, CALLS, DEAD_LETTERS),
)
"""The topics whose key is the lead's id, in the order in which a decision reaches them.

A dead letter has the key of its original, which is the lead's id if the original was of `lead-log`.
"""
MAX_RECORDS: Final = 20_000
"""The most records of one lead that are read. A lead with more is refused; its history is in `firstclaim why`."""
MAX_STEPS_BACK: Final = 16
"""How many causes are followed back from a record with the lead's key. A lead's arrival is three steps back."""


class TraceHop(NamedTuple):
    """One record on the way. `at`: its timestamp. `cause`: the record that caused it; None if nobody did, or not known.

    `seconds`: the time since its cause; None without one.
    """

    record: RecordPosition
    at: datetime
    text: str
    trace_id: str
    cause: RecordPosition | None
    seconds: float | None


async def read_trace(settings: Settings, lead_id: str) -> list[TraceHop]:
    """Return the hops of a lead in the order of their timestamps; none if no topic has the lead.

    Topics keep their records for a week, compacted ones the newest of each key. What is gone is left out. Raises
    `RetryableError` without Kafka, and `RuntimeFailure` for a lead with more than `MAX_RECORDS` records.
    """
    key = lead_id.encode()
    records_by_position: dict[RecordPosition, Any] = {}
    # Each reading ends before this goes on, so that each consumer is stopped also if another one failed.
    for records in await asyncio.gather(
        *(_keyed(settings, topic, key) for topic in KEYED), return_exceptions=True
    ):
        if isinstance(records, BaseException):
            raise records
        records_by_position |= records
    for _ in range(MAX_STEPS_BACK):
        if not (unread := _causes(records_by_position) - records_by_position.keys()):
            break
        if not (read := await _at(settings, unread)):
            break
        records_by_position |= read
    hops = [_hop(position, record, records_by_position) for position, record in records_by_position.items()]
    order = {topic: n for n, topic in enumerate(KEYED)}
    return sorted(hops, key=lambda hop: (hop.at, order.get(hop.record.topic, -1), hop.record))


async def _keyed(settings: Settings, topic: str, key: bytes) -> dict[RecordPosition, Any]:
    partition = partition_of(key, partitions_of(topic, settings))
    records_by_position: dict[RecordPosition, Any] = {}
    async with aclosing(read_topic(settings, topic, partitions={partition})) as records:
        async for record in records:
            if record.key == key:
                records_by_position[RecordPosition(topic, record.partition, record.offset)] = record
                if len(records_by_position) > MAX_RECORDS:
                    raise RuntimeFailure(topic, f"has more than {MAX_RECORDS:,} records of this lead")
    return records_by_position


def _causes(records: dict[RecordPosition, Any]) -> set[RecordPosition]:
    """Return the positions that the headers of these records name."""
    contexts = (context_of(record) for record in records.values())
    positions = (position_of(context.span_id) for context in contexts if context is not None)
    return {position for position in positions if position is not None}


async def _at(settings: Settings, positions: set[RecordPosition]) -> dict[RecordPosition, Any]:
    """Return the records at these positions, as far as they are still kept."""
    by_topic: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for position in positions:
        by_topic[position.topic].add((position.partition, position.offset))
    return {
        RecordPosition(topic, record.partition, record.offset): record
        for topic, places in by_topic.items()
        for record in await read_positions(settings, topic, places)
    }


def _hop(position: RecordPosition, record: Any, records: dict[RecordPosition, Any]) -> TraceHop:
    context = context_of(record)
    cause = None if context is None else position_of(context.span_id)
    # A vendor's own span id may look like one of ours. A cause of ours is in the same trace.
    if cause is not None and (cause not in records or trace_of(records[cause]) != trace_of(record)):
        cause = None
    at = _time(record)
    seconds = None if cause is None else (at - _time(records[cause])).total_seconds()
    return TraceHop(position, at, record_text(record), trace_of(record).decode(), cause, seconds)


def _time(record: Any) -> datetime:
    return datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)


def trace_json(lead_id: str, hops: list[TraceHop]) -> dict[str, Any]:
    """Return {lead_id, hops}; a hop is {topic, partition, offset, at, what, trace_id, cause, seconds}.

    `cause`: the topic, partition and offset of the record that caused it, or null. `seconds`: the time since then.
    """
    return {
        "lead_id": lead_id,
        "hops": [
            {
                **hop.record._asdict(),
                "at": hop.at,
                "what": hop.text,
                "trace_id": hop.trace_id,
                "cause": None if hop.cause is None else hop.cause._asdict(),
                "seconds": hop.seconds,
            }
            for hop in hops
        ],
    }


def print_trace(lead_id: str, hops: list[TraceHop]) -> None:
    """Print the way for people: one block for each trace, in the order in which the traces began."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not hops:
        console.print(
            f"No topic has a record of lead {lead_id}. It never arrived, or its records are not kept any more."
        )
        return
    traces: dict[str, list[TraceHop]] = {}
    for hop in hops:
        traces.setdefault(hop.trace_id, []).append(hop)
    for trace_id, steps in traces.items():
        lasted = (steps[-1].at - steps[0].at).total_seconds()
        count = "1 record" if len(steps) == 1 else f"{len(steps)} records"
        console.print(f"Trace {trace_id}: {count} in {lasted:.3f} s")
        for hop in steps:
            since = "" if hop.seconds is None else f"+{hop.seconds:.3f} s"
            console.print(
                f"  {hop.at:%Y-%m-%d %H:%M:%S.%f} UTC {since:>11}  {hop.record.topic:<15}  {hop.text}"
            )
