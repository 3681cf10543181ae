"""Requests a digest of new exceptions for each manager, at most once in an hour (N1, N2).

The group `GROUP` holds the position in `lead-exceptions` up to which exceptions were reported. For each hour:
1. The records from that position to the first one at or after the full hour are read. This range does not change.
2. A request is written for each manager of each org with open exceptions. Its id follows from org, hour and rep, and a
   request that `notifications` has already is not written again.
3. The position is committed.
After a crash between these steps the same hour is done again, with the same ids.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from couriers.directory import CourierDirectory
from couriers.mail.digests import DIGEST, MAX_SHOWN
from models.errors import RetryableError
from models.public import LeadException, Notification
from streams.clients import Consumer, started_client, stop_consumer
from streams.clients import consumer as make_consumer
from streams.clients import producer as make_producer
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import LEAD_EXCEPTIONS, NOTIFICATIONS

_log = structlog.get_logger(__name__)

GROUP: Final = "firstclaim-courier-mail-digest"
SOURCE: Final = "/firstclaim/couriers"
SETTLE_SECONDS: Final = 20.0
"""How long after the full hour its digests are made, so that the relay's last messages are there."""
AGAIN_SECONDS: Final = 30.0
"""How long to wait after a failure."""
MAX_LEADS: Final = 100_000
"""The most leads of one hour that are remembered. Further ones are in no digest; the log says so."""
MAX_MANAGERS: Final = 200
"""The most managers of an org that get a digest."""
READ_MS: Final = 1_000
_EXCEPTION: Final = msgspec.json.Decoder(LeadException)
_REQUEST: Final = msgspec.json.Decoder(Notification)
_OPEN: Final = "open"
Exceptions = dict[str, LeadException]
"""lead -> its newest exception."""


class ExceptionDigests:
    """Makes the requests. `every_seconds`: the hour's length. `clock` returns aware datetimes."""

    def __init__(
        self,
        settings: Settings,
        directory: CourierDirectory,
        every_seconds: float,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._every = every_seconds
        self._settle = min(SETTLE_SECONDS, every_seconds / 2)
        self._clock = clock

    async def run(self) -> None:
        """Make the requests of each hour until cancelled. A failure is logged, and the hour is done again."""
        await self._directory.caught_up.wait()
        while True:
            now = self._clock().timestamp()
            begun = now - self._settle - (now - self._settle) % self._every
            wait = begun + self._every + self._settle - now
            try:
                await self.report(datetime.fromtimestamp(begun, UTC))
            except (KafkaError, RetryableError, OSError, TimeoutError) as error:
                _log.warning("no digest of exceptions could be made", reason=repr(error))
                wait = min(wait, AGAIN_SECONDS)
            except Exception:  # noqa: BLE001  # mails go on, and the next hour is tried
                _log.exception("no digest of exceptions could be made")
                wait = min(wait, AGAIN_SECONDS)
            await asyncio.sleep(max(0.1, wait))

    async def report(self, hour: datetime) -> None:
        """Make the requests for what came before `hour` and was not reported yet. Raises KafkaError."""
        topic_partitions = await _topic_partitions(self._settings, LEAD_EXCEPTIONS)
        consumer = make_consumer(self._settings, group=GROUP, reset="none")
        try:
            await consumer.start()
            consumer.assign(topic_partitions)
            ends = await _offsets_at(consumer, topic_partitions, hour.timestamp())
            begins = await self._begins(consumer, topic_partitions, hour)
            first = {tp: begins[tp] for tp in topic_partitions if begins[tp] < ends[tp]}
            if first:
                exceptions, since = await _read(consumer, first, ends)
                await self._request(exceptions, since, hour)
            await consumer.commit({tp: OffsetAndMetadata(ends[tp], "") for tp in topic_partitions})
        finally:
            await stop_consumer(consumer)

    async def _begins(
        self, consumer: Consumer, topic_partitions: list[TopicPartition], hour: datetime
    ) -> dict[TopicPartition, int]:
        """Return where the exceptions begin that were not reported yet; at the first start, an hour before."""
        an_hour_before = await _offsets_at(consumer, topic_partitions, hour.timestamp() - self._every)
        earliest = await consumer.beginning_offsets(topic_partitions)
        begins = {}
        for tp in topic_partitions:
            committed = await consumer.committed(tp)
            begins[tp] = max(earliest[tp], an_hour_before[tp] if committed is None else committed)
        return begins

    async def _request(self, exceptions: Exceptions, since: datetime, hour: datetime) -> None:
        by_org: dict[str, list[LeadException]] = {}
        for exception in exceptions.values():
            if exception.status == _OPEN:
                by_org.setdefault(exception.org, []).append(exception)
        requests: dict[str, Notification] = {}
        for org, leads in sorted(by_org.items()):
            data = _data(leads, since, hour)
            for rep_id in self._directory.managers(org)[:MAX_MANAGERS]:
                identity = f"digest/{org}/{hour:%Y-%m-%dT%H:%M:%SZ}/{rep_id}/{DIGEST}/email"
                requests[identity] = Notification(
                    notification_id=identity,
                    kind="email",
                    template=DIGEST,
                    rep_id=rep_id,
                    lead_id="",
                    epoch=0,
                    withdrawn=False,
                    data=data,
                    org=org,
                )
        if not requests:
            return
        requested_ids = await _requested(self._settings, hour)
        missing = [request for identity, request in requests.items() if identity not in requested_ids]
        async with started_client(make_producer(self._settings)) as producer:
            for request in missing:
                await producer.send_and_wait(
                    NOTIFICATIONS,
                    msgspec.json.encode(request),
                    key=f"{request.org}/{request.rep_id}".encode(),
                    headers=[
                        ("ce_id", request.notification_id.encode()),
                        ("ce_source", SOURCE.encode()),
                        ("ce_type", b"firstclaim.notification.v1"),
                        ("ce_specversion", b"1.0"),
                        ("content-type", b"application/json"),
                    ],
                )
        _log.info("digests of exceptions requested", hour=hour.isoformat(), requests=len(missing))


def _data(leads: list[LeadException], since: datetime, hour: datetime) -> dict[str, Any]:
    """Return what a digest tells: how many leads there are, and the first `MAX_SHOWN` of them."""
    ordered = sorted(
        leads,
        key=lambda exception: (exception.raised_at is None, str(exception.raised_at), exception.lead_id),
    )
    return {
        "count": len(leads),
        "since": since.isoformat(),
        "until": None,
        "hour": hour.isoformat(),
        "leads": [
            {
                "lead_id": exception.lead_id,
                "name": exception.prospect_name,
                "reason": exception.reason,
                "campaign": exception.campaign,
                "vendor": exception.vendor,
            }
            for exception in ordered[:MAX_SHOWN]
        ],
    }


async def _topic_partitions(settings: Settings, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in sorted(await extent(settings, topic))]


async def _offsets_at(
    consumer: Consumer, topic_partitions: list[TopicPartition], timestamp: float
) -> dict[TopicPartition, int]:
    """Return the offset of the first record at or after an instant; the end where there is none."""
    offsets = await consumer.offsets_for_times(dict.fromkeys(topic_partitions, int(timestamp * 1000)))
    ends = await consumer.end_offsets(topic_partitions)
    return {
        tp: ends[tp] if (at := offsets.get(tp)) is None else min(at.offset, ends[tp])
        for tp in topic_partitions
    }


async def _read(
    consumer: Consumer, first: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> tuple[Exceptions, datetime]:
    """Return the newest exception of each lead in these ranges, and when the first record was written."""
    exceptions: Exceptions = {}
    since = datetime.now(UTC)
    consumer.pause(*(tp for tp in consumer.assignment() if tp not in first))
    for tp, offset in first.items():
        consumer.seek(tp, offset)
    unread = set(first)
    while unread:
        for tp, records in (await consumer.getmany(*unread, timeout_ms=READ_MS)).items():
            for record in records:
                if record.offset >= ends[tp]:
                    continue
                since = min(since, datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC))
                _note(record, exceptions)
        unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
    return exceptions, since


def _note(record: Any, exceptions: Exceptions) -> None:
    lead_id = (record.key or b"").decode(errors="replace")
    try:
        exception = _EXCEPTION.decode(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        exceptions.pop(lead_id, None)  # the lead was erased
        return
    if exception.lead_id not in exceptions and len(exceptions) >= MAX_LEADS:
        _log.warning("too many exceptions for a digest", most=MAX_LEADS, org=exception.org)
        return
    exceptions[exception.lead_id] = exception


async def _requested(settings: Settings, hour: datetime) -> set[str]:
    """Return the ids of the digests of this hour that `notifications` has already."""
    topic_partitions = await _topic_partitions(settings, NOTIFICATIONS)
    consumer = make_consumer(settings, reset="none")
    try:
        await consumer.start()
        consumer.assign(topic_partitions)
        ends = await consumer.end_offsets(topic_partitions)
        begins = await _offsets_at(consumer, topic_partitions, hour.timestamp())
        unread = {tp for tp in topic_partitions if begins[tp] < ends[tp]}
        consumer.pause(*(tp for tp in topic_partitions if tp not in unread))
        for tp in unread:
            consumer.seek(tp, begins[tp])
        identities: set[str] = set()
        while unread:
            for records in (await consumer.getmany(*unread, timeout_ms=READ_MS)).values():
                identities |= {
                    identity for record in records if (identity := _id_of(record)).startswith("digest/")
                }
            unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}
        return identities
    finally:
        await stop_consumer(consumer)


def _id_of(record: Any) -> str:
    return (dict(record.headers).get("ce_id") or b"").decode(errors="replace")
