"""Copies a topic as our stages do, with bulks, an acker, the journal writer and the lease. Each copy names its writer.

Environment, in addition to base.py: `TOPIC`, `OUT`; `BY`: the program's name; `GATE`: it holds its events until the
test lets it go on; `FENCE`: with `none` a lease never ends; `STOP_SENDING`: it stops itself (SIGSTOP) between the check
of its lease and the sending of its first batch; `REQUEST_TIMEOUT_MS`; `RAISE_AT`: the agent raises at this offset.
"""

import asyncio
import os
import signal
from typing import Any

from mode.supervisors import CrashingSupervisor

from streams import journal
from streams.app import StageApp, bulks, raw_topic
from streams.journal import JournalWriter
from streams.receipts import Acker
from tests.streams.faust.apps.base import commands, run, send_report

TOPIC, OUT, BY = os.environ["TOPIC"], os.environ["OUT"], os.environ.get("BY", "")
RAISE_AT = int(os.environ.get("RAISE_AT", "-1"))


class Copier:
    """The program's one stage."""

    def __init__(self, app: StageApp) -> None:
        self.app = app
        self.acker = Acker()
        if os.environ.get("FENCE") == "none":
            app.lease.seconds = float("inf")
        self.writer = JournalWriter(app.settings, lease=app.lease)
        self.gate = asyncio.Event()
        if not os.environ.get("GATE"):
            self.gate.set()
        app.agent(raw_topic(app, TOPIC), name="copier", supervisor_strategy=CrashingSupervisor)(self.copy)
        app.on_partitions_revoked.connect(self.revoked)
        app.task(self.obey)
        app.task(self.watch)

    async def copy(self, stream: Any) -> None:
        """Write a copy of each event, with its offset as the key."""
        async for events in bulks(self.app, stream):
            send_report(taken=len(events), first=events[0].message.offset if events else None)
            await self.gate.wait()
            for event in events:
                self.handle(event)
            await self.writer.room()

    def handle(self, event: Any) -> None:
        """Copy one event."""
        message = event.message
        if message.offset == RAISE_AT:
            raise RuntimeError("told to fail")
        receipt = self.acker.take(event)
        self.writer.add(
            OUT, message.partition, key=b"%d" % message.offset, value=BY.encode(), receipt=receipt
        )
        receipt.settle()

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Wait until all copies are durable, then give up the partitions."""
        await self.writer.settled()
        self.acker = Acker()
        send_report(revoked=True)

    async def obey(self) -> None:
        """Carry out the test's commands."""
        async for command in commands():
            if command.get("open"):
                self.gate.set()
        os._exit(0)

    async def watch(self) -> None:
        """Report when the program is ready."""
        while self.app.rebalancing or not self.app.lease.fresh:
            await asyncio.sleep(0.02)
        send_report(ready=True)
        if os.environ.get("STOP_SENDING"):
            self.stop_sending()

    def stop_sending(self) -> None:
        """Stop between the check of the lease and the sending, once."""
        producer: Any = self.writer._producer
        send_batch = producer.send_batch

        async def stopped(*args: Any, **options: Any) -> Any:
            producer.send_batch = send_batch
            os.kill(os.getpid(), signal.SIGSTOP)
            return await send_batch(*args, **options)

        producer.send_batch = stopped


def stages(app: StageApp) -> list[JournalWriter]:
    """Attach the copier."""
    timeout = int(os.environ.get("REQUEST_TIMEOUT_MS", str(journal.REQUEST_TIMEOUT_MS)))
    vars(journal).update(REQUEST_TIMEOUT_MS=timeout)
    return [Copier(app).writer]


if __name__ == "__main__":
    run(stages)
