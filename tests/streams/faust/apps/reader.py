"""Reads a topic and reports each event and the owned partitions. It acknowledges at once, or on command.

Environment, in addition to base.py: `TOPIC`; `HOLD`: acknowledge on command; `GATE`: the agent waits after its first
event until the test lets it go on; `BULKS`: events are taken in bulks; `JOURNAL`: a table with this changelog, whose
row offset is reported with each event; `BUFFERED`: how many messages may wait; `RACE`: a function of races.py that
forces a race; `COUNT`: work is counted and reported with each answer to `count`.
"""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

from aiokafka.consumer.fetcher import Fetcher
from faust.types import TP
from mode.supervisors import CrashingSupervisor

from models.lead import LeadRow
from streams.app import StageApp, bulks, raw_topic
from streams.journal import JournalWriter
from streams.patches import message_delivery
from streams.stage_table import JournalTable
from tests.streams.faust.apps import races
from tests.streams.faust.apps.base import commands, run, send_report

TOPIC = os.environ["TOPIC"]
HOLD = bool(os.environ.get("HOLD"))
GATE = bool(os.environ.get("GATE"))


class Reader:
    """The program's one stage."""

    def __init__(self, app: StageApp) -> None:
        self.app = app
        self.held: dict[tuple[int, int], Any] = {}
        self.gate = asyncio.Event()
        self.table: JournalTable | None = None
        if not GATE:
            self.gate.set()
        topic = raw_topic(app, TOPIC)
        if journal := os.environ.get("JOURNAL"):
            partitions = app.settings.partitions
            changelog = raw_topic(app, journal, partitions=partitions)
            self.table = JournalTable(
                app, name="rows", partitions=partitions, key_type=bytes, changelog_topic=changelog
            )
            app.tables.add(self.table)
            self.table.on_recover(self.recovered)
        read = self.read_bulks if os.environ.get("BULKS") else self.read
        app.agent(topic, name="reader", supervisor_strategy=CrashingSupervisor)(read)
        self.tasks = 0
        self.longest_backoff = 0.0
        self.fetch_waits: dict[str, list[int]] = {"full": [], "partial": []}
        if os.environ.get("COUNT"):
            self.count()
        app.task(self.obey)
        app.task(self.watch)

    async def read(self, stream: Any) -> None:
        """Take event by event."""
        async for event in stream.noack().events():
            self.take(event)
            await self.gate.wait()

    async def read_bulks(self, stream: Any) -> None:
        """Take events in bulks, as our agents do."""
        async for events in bulks(self.app, stream):
            for event in events:
                self.take(event)
            await self.gate.wait()

    def take(self, event: Any) -> None:
        """Report an event."""
        message = event.message
        report: dict[str, object] = {"got": [message.partition, message.offset]}
        if message.generation_id != self.app.consumer_generation_id:
            report["stale"] = True
        if self.table is not None:
            row = self.table.rows.of(message.partition).rows.get(message.key)
            report["row"] = row.off if isinstance(row, LeadRow) else None
        if HOLD:
            self.held[message.partition, message.offset] = event
        else:
            event.ack()
        send_report(**report)

    async def recovered(self) -> None:
        """Report the recovered rows."""
        assert self.table is not None
        rows = self.table.rows
        send_report(
            recovered={
                leads.partition: {key.decode(): row.off for key, row in leads.rows.items()}
                for leads in rows.partitions()
            },
            regressions=rows.regressions,
            unreadable=rows.unreadable,
        )

    def count(self) -> None:
        """Count the tasks that are created, and how long fetches are delayed because records wait to be taken.

        Collect the milliseconds that the broker may hold a fetch that asks for all partitions in use, or for a part.
        """
        fetcher_actions = Fetcher._get_actions_per_node

        def create(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
            self.tasks += 1
            return asyncio.Task(coro, loop=loop, **options)

        def actions(fetcher: Any, assignment: Any) -> Any:
            result = fetcher_actions(fetcher, assignment)
            if result[2] != fetcher._fetcher_timeout:
                self.longest_backoff = max(self.longest_backoff, result[2])
            consumer: Any = self.app.consumer
            in_use = {(tp.topic, tp.partition) for tp in consumer._get_active_partitions()}
            for _, request in result[0]:
                requested = {
                    (topic, partition[0]) for topic, partitions in request.topics for partition in partitions
                }
                if in_use:
                    self.fetch_waits["full" if in_use <= requested else "partial"].append(
                        request._max_wait_ms
                    )
            return result

        asyncio.get_running_loop().set_task_factory(create)
        Fetcher._get_actions_per_node = actions

    async def obey(self) -> None:
        """Carry out the test's commands."""
        async for command in commands():
            for partition, offset in command.get("ack", ()):
                self.held.pop((partition, offset)).ack()
            if command.get("ack_all"):
                while self.held:
                    self.held.popitem()[1].ack()
            if command.get("open"):
                self.gate.set()
            if "rewind" in command:
                await self.app.consumer.seek(TP(TOPIC, command["rewind"]), 0)
            if path := command.get("hang_until"):
                send_report(hangs=True)
                while not Path(path).exists():
                    time.sleep(0.02)  # noqa: ASYNC251  # it keeps the loop from running, as a fault would
            if command.get("count_threads"):
                send_report(threads=[thread.name for thread in threading.enumerate()])
            if command.get("count"):
                waits = {asked: sorted(set(times)) for asked, times in self.fetch_waits.items()}
                fetches = {asked: len(times) for asked, times in self.fetch_waits.items()}
                send_report(
                    tasks=self.tasks, longest_backoff=self.longest_backoff, fetch_waits=waits, fetches=fetches
                )
                for times in self.fetch_waits.values():
                    times.clear()
        os._exit(0)

    async def watch(self) -> None:
        """Report the owned partitions whenever they change."""
        before: object = ()
        while True:
            owned = None
            if self.app.lease.fresh and not self.app.rebalancing:
                owned = sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == TOPIC)
            if owned != before:
                before = owned
                send_report(owns=owned)
            await asyncio.sleep(0.02)


def stages(app: StageApp) -> list[JournalWriter]:
    """Attach the reader."""
    if race := os.environ.get("RACE"):
        getattr(races, race)(app)
    vars(message_delivery).update(BUFFERED=int(os.environ.get("BUFFERED", str(message_delivery.BUFFERED))))
    Reader(app)
    return []


if __name__ == "__main__":
    run(stages)
