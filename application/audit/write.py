"""Writes records of acts that a command does. The console writes its own through an outbox (`web/services/audit`)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from aiokafka.errors import KafkaError

from application.audit.entry import Actor, AuditedAct
from application.directory.changes import Difference
from models.audit import Act, AuditDifference, AuditRecord, Outcome
from models.errors import FirstclaimError, RuntimeFailure
from streams import clients
from streams.clients import Producer
from streams.kafka_refusals import failure
from streams.settings import Settings
from streams.topics import AUDIT

START_SECONDS: Final = 10.0
"""How long Kafka may take to connect and to say where the topic is. Without the topic aiokafka would ask for ever."""
SECONDS: Final = 30.0
"""How long Kafka may take to accept records."""


@asynccontextmanager
async def audited(
    settings: Settings,
    actor: Actor,
    act: Act,
    object_name: str,
    differences: Iterable[Difference | AuditDifference] = (),
) -> AsyncIterator[AuditedAct]:
    """Do an act inside of this, and its record is written. `object_name`: its kind and id. Raises as `audited_all`."""
    entry = AuditedAct(actor, act, object_name, differences)
    async with audited_all(settings, [entry]):
        yield entry


@asynccontextmanager
async def audited_all(settings: Settings, entries: Sequence[AuditedAct]) -> AsyncIterator[None]:
    """Do several acts in one step inside of this, and their records are written.

    If Kafka does not answer, the acts do not begin: raises `RetryableError`. If they raise an error that leaves open
    whether they happened, or are cancelled, the outcome of their records is `unknown`. Any other error of ours means
    that nothing happened, and nothing is written.
    """
    producer = clients.producer(settings)
    try:
        try:
            async with asyncio.timeout(START_SECONDS):
                await producer.start()
                await producer.partitions_for(AUDIT)
        except TimeoutError as error:
            away = f"it does not answer or has no topic {AUDIT}, so nothing was done"
            raise await failure(settings, error, away) from error
        except KafkaError as error:
            raise await failure(settings, error, f"the audit cannot be written: {error!r}") from error
        try:
            yield
        except BaseException as error:
            if happened := outcome_of(error):
                await _send(settings, producer, [entry.record(happened) for entry in entries])
            raise
        await _send(settings, producer, [entry.record() for entry in entries if not entry.is_void])
    finally:
        await clients.stop_producer(producer)


def outcome_of(error: BaseException) -> Outcome | None:
    """Return the outcome of an act that raised this, None if the act did not happen."""
    refused = isinstance(error, FirstclaimError) and not isinstance(error, RuntimeFailure)
    return None if refused else "unknown"


async def _send(settings: Settings, producer: Producer, records: Sequence[AuditRecord]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            acknowledgements = [
                await producer.send(AUDIT, msgspec.json.encode(record), record.org.encode())
                for record in records
            ]
            for acknowledgement in acknowledgements:
                await acknowledgement
    except (KafkaError, TimeoutError) as error:
        reason = f"it was done, but its audit could not be written: {error!r}"
        raise await failure(settings, error, reason) from error
