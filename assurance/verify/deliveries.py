"""Checks that each fate belongs to a request, and that each request that a courier has passed has its fate (N1).

A request that no courier has passed may still wait, so it needs no fate. A kind without any courier needs none at all.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from assurance.verify.findings import Findings
from assurance.verify.records import position_of
from couriers.channels import NAMES, fate_name_of, group_of, kind_of
from models.errors import RetryableError
from models.ids import public_message_position
from models.public import DELIVERIES, NOTIFICATIONS, Delivery, Notification
from sink import database_engine as crm
from sink.deliveries import DeliveryWriter
from sink.tables import DeliveryTable
from streams import clients
from streams.settings import Settings
from streams.topic_reader import read_topic

ROWS: Final = 300
"""How many fates are looked up in the CRM database at a time."""

_REQUEST: Final = msgspec.json.Decoder(Notification)
_FATE: Final = msgspec.json.Decoder(Delivery)
Fates = dict[tuple[str, str], Any]
"""(request, status or channel) -> a record."""
Passed = dict[str, dict[int, int]]


async def check_deliveries(settings: Settings, findings: Findings) -> int:
    """Compare `deliveries` with `notifications` and the CRM database; return the number of fates.

    Reads only. Raises `RetryableError` where Kafka is unreachable.
    """
    try:
        passed = await _courier_positions(settings)
        engine = crm.connect(settings.database_url)
        try:
            stored = await asyncio.to_thread(_stored, engine)
            count = 0
            for partition in range(settings.partitions):
                fates = await _partition(settings, partition, passed, findings)
                count += len(fates)
                with _database(findings):
                    await asyncio.to_thread(_check_rows, engine, fates, stored.get(partition, 0), findings)
            return count
        finally:
            engine.dispose()
    except (KafkaError, OSError) as error:
        raise RetryableError("Kafka", repr(error)) from error


async def _courier_positions(settings: Settings) -> Passed:
    """Return channel -> partition -> the offset up to which its couriers have finished."""
    admin = clients.admin(settings)
    await admin.start()
    positions: Passed = {}
    try:
        for name in NAMES:
            committed = await admin.list_consumer_group_offsets(group_of(name))
            for tp, at in committed.items():
                if tp.topic == NOTIFICATIONS and at.offset >= 0:
                    positions.setdefault(name, {})[tp.partition] = at.offset
    finally:
        await admin.close()
    return positions


async def _partition(settings: Settings, partition: int, passed: Passed, findings: Findings) -> Fates:
    """Compare one partition of both topics; return its fates.

    The fates are read first: a request that comes meanwhile is read, and its fate is not.
    """
    fates: Fates = {}
    recorded: Fates = {}
    async with aclosing(read_topic(settings, DELIVERIES, partitions={partition})) as records:
        async for record in records:
            fate = _read(_FATE, record.value)
            if fate is None:
                findings.add("record_unreadable", "", at=position_of(record))
                continue
            fates.setdefault((fate.notification_id, fate.status), record)
            recorded.setdefault((fate.notification_id, fate.channel), record)
    requested: set[str] = set()
    kinds = {name: (kind_of(name), fate_name_of(name)) for name in passed}
    first = None
    async with aclosing(read_topic(settings, NOTIFICATIONS, partitions={partition})) as records:
        async for record in records:
            first = record.offset if first is None else first
            request = _read(_REQUEST, record.value)
            if request is None:
                continue  # it is among the dead letters
            requested.add(identity := request.notification_id)
            for name, (kind, channel) in kinds.items():
                is_passed = record.offset < passed[name].get(partition, 0)
                needs_fate = not request.withdrawn and kind == request.kind and is_passed
                if needs_fate and (identity, channel) not in recorded:
                    recorded[identity, channel] = record
                    findings.add("fate_missing", request.lead_id, at=position_of(record), id=identity)
    for (identity, _), record in fates.items():
        if identity not in requested and _request_is_kept(record, first):
            lead_id = _FATE.decode(record.value).lead_id
            findings.add("fate_unasked", lead_id, at=position_of(record), id=identity)
    return fates


def _read(decoder: msgspec.json.Decoder[Any], value: bytes | None) -> Any:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _request_is_kept(record: Any, first: int | None) -> bool:
    """Return whether the request of a fate must still be in its topic, which begins at `first` now."""
    if first == 0:
        return True
    identity = dict(record.headers).get("ce_id") or b""
    source = identity.rsplit(b"-", 3)[0].decode(errors="replace")
    position = public_message_position(source, identity) if source.startswith(NOTIFICATIONS) else None
    return position is not None and first is not None and position[1] >= first


def _stored(engine: Engine) -> dict[int, int]:
    try:
        return DeliveryWriter(engine).positions()
    except RetryableError:
        return {}  # the check of the database says that it cannot be read


def _check_rows(engine: Engine, fates: Fates, stored: int, findings: Findings) -> None:
    """Report the fates that a sink has passed and not stored."""
    due = [key for key, record in fates.items() if record.offset < stored]
    table = DeliveryTable
    with engine.connect() as connection:
        for start in range(0, len(due), ROWS):
            batch = due[start : start + ROWS]
            query = select(table.notification_id, table.status).where(
                tuple_(table.notification_id, table.status).in_(batch)
            )
            stored_keys = {(identity, status) for identity, status in connection.execute(query)}
            for key in batch:
                if key not in stored_keys:
                    record = fates[key]
                    findings.add(
                        "crm_missing",
                        key[0].split("/", 1)[0],
                        at=position_of(record),
                        table="delivery",
                        id=key[0],
                    )


@contextmanager
def _database(findings: Findings) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        findings.add("unreachable", "", what=f"CRM database: {str(error).splitlines()[0]}")
