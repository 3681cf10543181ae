"""Runs a worker and a relay as processes on a test's own topics. Tests send and read records as any Kafka client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from aiokafka.admin import NewTopic
from aiokafka.partitioner import murmur2

from models.codec import decode_row, encode_event
from models.events import ActionRequested, DirectoryPublished, LeadArrived
from models.facts import Facts
from models.lead import DirectoryRow, LeadRow
from streams.topics import DEAD_LETTERS, LEAD_JOURNAL, LEAD_LOG, TOPICS
from tests.fixtures.servers import unique
from tests.streams.faust.conftest import cluster, kafka_with_topics, launch  # noqa: F401  # fixtures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.events import Event
    from tests.streams.faust.cluster import Cluster, Record
    from tests.streams.faust.conftest import Launch
    from tests.streams.faust.program import Program

PARTITIONS: Final = 2
START: Final = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)


@dataclass
class Engine:
    """The system of one test. Its topics are named `{prefix}-lead-log` and so on; its groups are named likewise."""

    cluster: Cluster
    launch: Launch
    prefix: str = field(default_factory=lambda: unique("engine"))

    def topic(self, name: str) -> str:
        """Return the name of a topic in this test."""
        return f"{self.prefix}-{name}"

    async def make_topics(self) -> None:
        """Create all topics before any process starts."""
        new = [
            NewTopic(self.topic(topic.name), topic.partitions or PARTITIONS, 1, topic_configs=topic.config)
            for topic in TOPICS
        ]
        async with self.cluster.admin() as admin:
            await admin.create_topics(new)

    def worker(self, **environment: object) -> Program:
        """Return a worker, not started."""
        return self._stage("worker", environment)

    def relay(self, **environment: object) -> Program:
        """Return a relay, not started."""
        return self._stage("relay", environment)

    def _stage(self, stage: str, environment: dict[str, object]) -> Program:
        variables = {"PREFIX": self.prefix, "STAGE": stage, "GROUP": self.group(stage), **environment}
        return self.launch("stage", **variables)

    def group(self, stage: str) -> str:
        """Return a stage's group."""
        return f"{self.prefix}-{stage}"

    async def send(self, topic: str, records: Iterable[Record]) -> None:
        """Append to a topic, given by its production name."""
        await self.cluster.send(self.topic(topic), records)

    async def tell(self, *events: Event) -> None:
        """Append events to the log's partition of their lead; append publications to every partition."""
        await self.send(LEAD_LOG, [record for event in events for record in log_records(event)])

    async def records(self, topic: str) -> list[Any]:
        """Return all records of a topic."""
        return await self.cluster.records_so_far(self.topic(topic))

    async def journal(self) -> list[tuple[Any, LeadRow | DirectoryRow]]:
        """Return every journal record with its row."""
        return [(record, decode_row(record.value)) for record in await self.records(LEAD_JOURNAL)]

    async def rows(self) -> dict[str, LeadRow | DirectoryRow]:
        """Return the newest row of each key."""
        newest: dict[str, LeadRow | DirectoryRow] = {}
        for record, row in await self.journal():
            key = record.key.decode()
            if key not in newest or newest[key].off <= row.off:
                newest[key] = row
        return newest

    async def dead_letters(self) -> list[tuple[bytes | None, bytes | None, dict[str, str]]]:
        """Return key, value and headers of each dead letter."""
        return [
            (record.key, record.value, {name: value.decode() for name, value in record.headers})
            for record in await self.records(DEAD_LETTERS)
        ]


@pytest.fixture
async def engine(cluster: Cluster, launch: Launch) -> Engine:  # noqa: F811  # fixtures
    """Return an engine whose topics exist."""
    engine = Engine(cluster, launch)
    await engine.make_topics()
    return engine


def partition_of(key: bytes) -> int:
    """Return the partition that Java's partitioner gives a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)


def log_records(event: Event) -> list[Record]:
    """Return an event as records of the log."""
    key, value = event.lead_id.encode(), encode_event(event)
    if isinstance(event, DirectoryPublished):
        return [(partition, key, value) for partition in range(PARTITIONS)]
    return [(partition_of(key), key, value)]


def lead_arrival(lead_id: str, **facts: Any) -> LeadArrived:
    """Return the arrival of a lead from Rhode Island."""
    fields = {"vendor": "acme", "last_name": "Jones", "state": "RI", "created_at": START, **facts}
    return LeadArrived(lead_id=lead_id, cause=f"arrival/{lead_id}", facts=Facts(**fields))


def requested_action(
    lead_id: str, action: str, rep_id: str = "rep-7", *, cause: str = "", **more: Any
) -> ActionRequested:
    """Return an action; without `cause` its id is derived from lead, action and rep."""
    return ActionRequested(
        lead_id=lead_id, cause=cause or f"{action}/{lead_id}/{rep_id}", action=action, rep_id=rep_id, **more
    )


def queue(queue_id: str = "aged", *, version: int = 1, state: str = "RI") -> DirectoryPublished:
    """Return the publication of a claimable queue of one state's leads."""
    value = {
        "queue_id": queue_id,
        "name": queue_id,
        "claimable": True,
        "columns": ["state"],
        "inclusion": {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": state}]},
    }
    return DirectoryPublished(
        lead_id="",
        cause=f"directory/default/queue/{queue_id}/{version}",
        org="default",
        kind="queue",
        object_id=queue_id,
        version=version,
        value=value,
    )


def locks_of(minutes: float) -> DirectoryPublished:
    """Return the publication of the settings that say how long a lock lasts."""
    return DirectoryPublished(
        lead_id="",
        cause="directory/default/settings/org/0",
        org="default",
        kind="settings",
        object_id="org",
        version=0,
        value={"lock_minutes": minutes},
    )


def results_by_action(row: LeadRow | DirectoryRow) -> dict[str, str]:
    """Return the result of each action that a row remembers, with its reason if there is one."""
    if not isinstance(row, LeadRow):
        return {}
    return {
        answer.action_id: f"{answer.result}" + (f" {answer.reason}" if answer.reason else "")
        for answer in row.answers
    }


def as_json(value: Any) -> bytes:
    """Return a message as its sender writes it."""
    return json.dumps(msgspec.to_builtins(value)).encode()
