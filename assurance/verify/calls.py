"""Checks that each leg of a call belongs to a request or to a lead that called in, and that each leg has ended (N4).

A leg may be open while its telephone rings or its people talk. It must have ended when that can last no longer.
"""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from assurance.verify.findings import Findings
from assurance.verify.records import position_of
from models.errors import RetryableError
from models.public import CALLS, NOTIFICATIONS, Call, Notification
from sink import database_engine as crm
from sink.calls import CallWriter
from sink.tables import CallTable
from streams.settings import Settings
from streams.topic_reader import read_topic

ROWS: Final = 200
"""How many records are looked up in the CRM database at a time."""
RINGING: Final = timedelta(minutes=5)
"""How long a leg that is not bridged may be open after its last record: longer than any ring, words and wait."""
TALKING: Final = timedelta(hours=4) + RINGING
"""How long a call may be open that was bridged (`couriers.telephone.call_machine.Times.talk`)."""

_CALL: Final = msgspec.json.Decoder(Call)
_REQUEST: Final = msgspec.json.Decoder(Notification)
Leg = tuple[str, str]
"""(call, leg)."""


async def check_calls(settings: Settings, findings: Findings, *, now: datetime | None = None) -> int:
    """Compare `calls` with `notifications` and the CRM database; return the number of legs. Reads only.

    `now`: the time by which legs must have ended, aware. Raises `RetryableError` where Kafka is unreachable.
    """
    now = now or datetime.now(UTC)
    engine = crm.connect(settings.database_url)
    try:
        stored = await asyncio.to_thread(_stored, engine)
        legs: dict[Leg, tuple[Call, Any]] = {}
        bridged: set[str] = set()
        for partition in range(settings.partitions):
            records = await _records(settings, partition, findings)
            if not records:
                continue
            await _check_requests(settings, partition, records, findings)
            for call, record in records:
                _follow(legs, call, record)
                if call.event == "bridged":
                    bridged.add(call.call_id)
            due = [(call, record) for call, record in records if record.offset < stored.get(partition, 0)]
            await asyncio.to_thread(_check_rows, engine, due, findings)
        for (call_id, leg), (call, record) in legs.items():
            longest = TALKING if call_id in bridged else RINGING
            if call.event != "ended" and now - call.at > longest:
                findings.add("leg_unended", call.lead_id, at=position_of(record), call=call_id, leg=leg)
        return len(legs)
    except (KafkaError, OSError) as error:
        raise RetryableError("Kafka", repr(error)) from error
    finally:
        engine.dispose()


async def open_legs(settings: Settings) -> set[Leg]:
    """Return the legs that have not ended. Raises RetryableError where Kafka is unreachable."""
    legs: dict[Leg, tuple[Call, Any]] = {}
    async with aclosing(read_topic(settings, CALLS)) as records:
        async for record in records:
            call = _read(_CALL, record.value)
            if call is not None:
                _follow(legs, call, record)
    return {leg for leg, (call, _) in legs.items() if call.event != "ended"}


def _follow(legs: dict[Leg, tuple[Call, Any]], call: Call, record: Any) -> None:
    """Keep a leg's last record. Only dialling again opens a leg that has ended."""
    leg = (call.call_id, call.leg)
    former = legs.get(leg)
    if former is None or former[0].event != "ended" or call.event == "dialled":
        legs[leg] = (call, record)


async def _records(settings: Settings, partition: int, findings: Findings) -> list[tuple[Call, Any]]:
    calls = []
    async with aclosing(read_topic(settings, CALLS, partitions={partition})) as records:
        async for record in records:
            call = _read(_CALL, record.value)
            if call is None:
                findings.add("record_unreadable", "", at=position_of(record))
            else:
                calls.append((call, record))
    return calls


async def _check_requests(
    settings: Settings, partition: int, records: list[tuple[Call, Any]], findings: Findings
) -> None:
    """Report the legs whose request is not in `notifications`, unless the topic begins after them."""
    requested = {call.notification_id for call, _ in records if call.leg != "inbound"}
    begins: datetime | None = None
    first = True
    async with aclosing(read_topic(settings, NOTIFICATIONS, partitions={partition})) as requests:
        async for record in requests:
            if first and record.offset > 0:
                begins = datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC)
            first = False
            request = _read(_REQUEST, record.value)
            if request is not None and request.kind == "call":
                requested.discard(request.notification_id)
    recorded: set[Leg] = set()
    for call, record in records:
        leg = (call.call_id, call.leg)
        unasked = call.leg != "inbound" and call.notification_id in requested and leg not in recorded
        if unasked and (begins is None or call.at > begins + RINGING):
            recorded.add(leg)
            findings.add(
                "call_unasked", call.lead_id, at=position_of(record), call=call.call_id, leg=call.leg
            )


def _read(decoder: msgspec.json.Decoder[Any], value: bytes | None) -> Any:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _stored(engine: Engine) -> dict[int, int]:
    try:
        return CallWriter(engine).positions()
    except RetryableError:
        return {}  # the check of the database says that it cannot be read


def _check_rows(engine: Engine, due: list[tuple[Call, Any]], findings: Findings) -> None:
    """Report the records that a sink has passed and not stored."""
    table = CallTable
    key = tuple_(table.call_id, table.leg, table.event)
    try:
        with engine.connect() as connection:
            for start in range(0, len(due), ROWS):
                batch = {
                    (call.call_id, call.leg, call.event): (call, record)
                    for call, record in due[start : start + ROWS]
                }
                query = select(table.call_id, table.leg, table.event).where(key.in_(list(batch))).distinct()
                stored = {tuple(row) for row in connection.execute(query)}
                for missing in sorted(batch.keys() - stored):
                    call, record = batch[missing]
                    position = position_of(record)
                    findings.add("crm_missing", call.lead_id, at=position, table="call", id=call.call_id)
    except SQLAlchemyError as error:
        findings.add("unreachable", "", what=f"CRM database: {str(error).splitlines()[0]}")
