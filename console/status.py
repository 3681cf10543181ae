"""Where things stand: leads by phase, queue sizes, lag of each stage, dead letters."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, inspect

from console.board.reader import Reader
from models.errors import FirstclaimError, Later
from sink.engine import connect
from sink.queries import leads_by_phase, offsets, open_exceptions_by_reason
from sink.tables import SinkOffsetTable
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.topics import (
    DEAD_LETTERS,
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_JOURNAL,
    LEAD_LOG,
    ORG_JOURNAL,
    ORG_LOG,
    RELAY_GROUP,
    WORKER_GROUP,
    partitions_of,
)

STAGES: Final = {
    "intake": (WORKER_GROUP, (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT)),
    "leads": (WORKER_GROUP, (LEAD_LOG,)),
    "orgs": (WORKER_GROUP, (ORG_LOG,)),
    "relay": (RELAY_GROUP, (LEAD_JOURNAL, ORG_JOURNAL)),
}


class Lags:
    """How far each stage is behind, asked of one connection; `close` it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(**settings.aiokafka_options())
        self._consumer = AIOKafkaConsumer(**settings.aiokafka_options(), group_id=None)

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()
        await self._consumer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._admin.close()
        await stop_consumer(self._consumer)

    async def ends(self, *topics: str) -> dict[TopicPartition, int]:
        """Return the end offset of each partition of the topics."""
        places = [TopicPartition(t, p) for t in topics for p in range(partitions_of(t, self._settings))]
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(places)
        return found

    async def begins(self, *topics: str) -> dict[TopicPartition, int]:
        """Return the first offset of each partition of the topics."""
        places = [TopicPartition(t, p) for t in topics for p in range(partitions_of(t, self._settings))]
        found: dict[TopicPartition, int] = await self._consumer.beginning_offsets(places)
        return found

    async def of_stages(self) -> dict[str, int]:
        """Return records not yet handled, by stage; the sink's offsets are the database's."""
        lags = {}
        for stage, (group, topics) in STAGES.items():
            committed = await self._admin.list_consumer_group_offsets(group)
            ends = await self.ends(*topics)
            begins = await self.begins(*topics)
            lags[stage] = sum(
                end - max(committed[tp].offset if tp in committed else 0, begins[tp])
                for tp, end in ends.items()
            )
        ends = await self.ends(LEAD_JOURNAL)
        applied = await asyncio.to_thread(_sink_offsets, self._settings.database_url)
        lags["sink"] = sum(end - applied.get(tp.partition, 0) for tp, end in ends.items())
        return lags


def _sink_offsets(database_url: str) -> dict[int, int]:
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(SinkOffsetTable.__tablename__):
                return {}  # no sink has run on this database yet: all of the journal is before it
            return {
                partition: position.next_offset
                for (topic, partition), position in offsets(connection).items()
                if topic == LEAD_JOURNAL
            }
    finally:
        engine.dispose()


def phases(database_url: str) -> dict[str, int]:
    """Return leads by phase, as the CRM database knows them."""
    return _counted(database_url, leads_by_phase)


def exceptions_by_reason(database_url: str) -> dict[str, int]:
    """Return open exceptions by reason (E1), as the CRM database knows them."""
    return _counted(database_url, open_exceptions_by_reason)


def _counted(database_url: str, count: Callable[[Connection], dict[str, int]]) -> dict[str, int]:
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table(SinkOffsetTable.__tablename__):
                return {}
            return count(connection)
    finally:
        engine.dispose()


async def look(settings: Settings, org: str = "default") -> dict[str, Any]:
    """Return {leads, phases, queues, lag, dead_letters, trouble}; what cannot be asked is named in `trouble`."""
    seen: dict[str, Any] = {
        "leads": 0,
        "phases": {},
        "queues": {},
        "lag": {},
        "dead_letters": 0,
        "trouble": [],
    }
    lags = Lags(settings)
    try:
        await lags.start()
        seen["lag"] = await lags.of_stages()
        ends, begins = await lags.ends(DEAD_LETTERS), await lags.begins(DEAD_LETTERS)
        seen["dead_letters"] = sum(end - begins[tp] for tp, end in ends.items())
        seen["phases"] = await asyncio.to_thread(phases, settings.database_url)
        seen["leads"] = sum(seen["phases"].values())
    except (FirstclaimError, OSError) as error:
        seen["trouble"].append(str(error))
    except Exception as error:  # noqa: BLE001  # a status page shows what it can, whatever a driver raises
        seen["trouble"].append(repr(error))
    finally:
        await lags.close()
    reader = Reader.at(settings.redis_url)
    try:
        seen["queues"] = {
            info.queue_id: {"name": info.name, "claimable": info.claimable, "size": info.size}
            for info in await reader.queues(org)
        }
    except Later as error:
        seen["trouble"].append(str(error))
    finally:
        await reader.close()
    return seen


def print_status(seen: dict[str, Any]) -> None:
    """Print what `look` saw as tables."""
    out = Console()
    phases = Table("phase", "leads", title=f"{seen['leads']} leads")
    for phase, count in sorted(seen["phases"].items()):
        phases.add_row(phase, str(count))
    queues = Table("queue", "", "size", title="queues")
    for queue_id, info in seen["queues"].items():
        queues.add_row(queue_id, "claimable" if info["claimable"] else "work", str(info["size"]))
    lag = Table("stage", "behind", title="lag")
    for stage, behind in seen["lag"].items():
        lag.add_row(stage, str(behind))
    for table in (phases, queues, lag):
        out.print(table)
    out.print(f"dead letters: {seen['dead_letters']}")
    for trouble in seen["trouble"]:
        out.print(f"[red]cannot be asked: {trouble}[/red]")
