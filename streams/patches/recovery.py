"""Patches how Faust recovers a table from its changelog: up to its end, and without losing fetched records."""

import asyncio
from typing import Any

import faust
import faust.transport.drivers.aiokafka as driver
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer

from streams.patches.consumer_access import high_watermarks


def hold_fetching_until_sought() -> None:
    """Fetch nothing before the last seek of a recovery is done (docs/faust.md 21)."""

    def held(function: Any, consumer_of: Any) -> Any:
        async def is_alone(self: Any, *args: Any, **options: Any) -> Any:
            consumer = consumer_of(self)
            consumer._times_held = getattr(consumer, "_times_held", 0) + 1
            consumer._held = getattr(consumer, "_held", 0) + 1
            try:
                return await function(self, *args, **options)
            finally:
                consumer._held -= 1

        return is_alone

    # At the end of a recovery Faust first resumes the partitions, then seeks, and last records their positions. A
    # message delivered in between makes the messages after the seek look already delivered, so they are dropped, and
    # the ack of a later one closes the gap. Therefore fetching is held from before the first step until after the last.
    Consumer.perform_seek = held(Consumer.perform_seek, lambda consumer: consumer)
    Recovery.on_recovery_completed = held(
        Recovery.on_recovery_completed, lambda recovery: recovery.app.consumer
    )
    Recovery._resume_streams = held(Recovery._resume_streams, lambda recovery: recovery.app.consumer)


def recover_to_high_watermarks() -> None:
    """Recover a table up to its changelog's last record, not only up to the start of an open transaction.

    Our rows are in no transaction. Rows after such a start are not readable until the transaction ends. A table without
    them would repeat decisions.
    """

    async def _highwaters(self: Any, partitions: list[Any]) -> dict[Any, int]:
        return await high_watermarks(self._ensure_consumer(), partitions)

    driver.AIOKafkaConsumerThread._highwaters = _highwaters


def read_changelogs_in_batches() -> None:
    """Read changelogs without a task and a timer for each record."""

    async def _slurp_changelogs(self: Any) -> None:
        """Take all queued records at once. Every record still passes the table's own check against older rows."""
        queue = self.tables.changelog_queue
        while not self.should_stop:
            self.signal_recovery_end.clear()
            try:
                first = await asyncio.wait_for(queue.get(), timeout=1.0)
            except TimeoutError:
                _maybe_recovered(self)
                continue
            events = [first]
            while not queue.empty() and len(events) < 1000:  # noqa: PLR2004  # enough for one turn of the loop
                events.append(queue.get_nowait())
            for event in events:
                tp, offset = event.message.tp, event.message.offset
                if tp not in self.active_tps:
                    continue
                seen = self.active_offsets.get(tp)
                if seen is None or offset > seen:
                    self.active_offsets[tp] = offset
                    self.buffers[self.tp_to_table[tp]].append(event)
            self.flush_buffers()
            _maybe_recovered(self)
            await asyncio.sleep(0)

    Recovery._slurp_changelogs = faust.Service.task(_slurp_changelogs)


def _maybe_recovered(recovery: Any) -> None:
    if recovery.in_recovery and not recovery.need_recovery():
        recovery.flush_buffers()
        recovery._set_recovery_ended()
        recovery.signal_recovery_end.set()
