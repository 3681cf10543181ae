"""Patches how Faust recovers a table from its changelog: up to its end, and without losing fetched records."""

import asyncio
from typing import Any, Final, NamedTuple

import faust
import faust.transport.drivers.aiokafka as driver
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer

from streams.patches.consumer_access import high_watermarks

CHANGELOG_FETCHES_WAITING: Final = 4
"""While the fetched records of so many partitions wait to be applied, no further fetch begins. A fetch brings at most
`streams.patches.record_reader.MAX_POLL_RECORDS` records, and of each partition 1 MiB."""
CHANGELOG_WAIT_SECONDS: Final = 0.001
"""How long a fetch that may not begin yet waits before it checks again."""
NO_PARTITION_WAIT_SECONDS: Final = 0.01
"""How long a fetch waits before it checks again whether it has a partition to fetch from."""
NO_PARTITION_WAITS: Final = 100
"""How often it checks so before Faust's own wait of a second."""


def hold_fetching_until_sought() -> None:
    """Fetch nothing before the last seek of a recovery is done (docs/faust.md 21)."""

    def holding_fetches(function: Any, consumer_of: Any) -> Any:
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
    Consumer.perform_seek = holding_fetches(Consumer.perform_seek, lambda consumer: consumer)
    Recovery.on_recovery_completed = holding_fetches(
        Recovery.on_recovery_completed, lambda recovery: recovery.app.consumer
    )
    Recovery._resume_streams = holding_fetches(
        Recovery._resume_streams, lambda recovery: recovery.app.consumer
    )


def start_tables_at_once() -> None:
    """Start the tables without Faust's wait of a second (docs/faust.md 33).

    The wait lets an app add tables after its start. Ours has all of them before.
    """

    async def on_start(self: Any) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    TableManager.on_start = on_start


def recover_to_high_watermarks() -> None:
    """Recover a table up to its changelog's last record, not only up to the start of an open transaction.

    Our rows are in no transaction. Rows after such a start are not readable until the transaction ends. A table without
    them would repeat decisions.
    """

    async def _highwaters(self: Any, partitions: list[Any]) -> dict[Any, int]:
        return await high_watermarks(self._ensure_consumer(), partitions)

    driver.AIOKafkaConsumerThread._highwaters = _highwaters


class ChangelogRecords(NamedTuple):
    """The records of one fetch of one changelog's partition, in order."""

    tp: Any
    records: list[Any]


def read_changelogs_in_batches() -> None:
    """Apply a fetch of a changelog at once: without a message, an event, a task and a timer for each record."""
    wait_next_records = Consumer._wait_next_records

    async def _wait_next_records(self: Any, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's name
        """Fetch, and hand the records of changelogs to the recovery. Only the other records are returned."""
        recovery, queue = self.app.tables.recovery, self.app.tables.changelog_queue
        # Faust would sleep for a second, and the first fetch of a recovery would wait for its end.
        for _ in range(NO_PARTITION_WAITS):
            if (
                self.app.client_only
                or not self.flow_active
                or self.should_stop
                or self._get_active_partitions()
            ):
                break
            await asyncio.sleep(NO_PARTITION_WAIT_SECONDS)
        # Wait before the fetch: its records belong to the assignment of this moment.
        while queue.qsize() >= CHANGELOG_FETCHES_WAITING and self.flow_active and not self.should_stop:
            await asyncio.sleep(CHANGELOG_WAIT_SECONDS)
        records: Any
        records, active = await wait_next_records(self, timeout)
        if records and self.flow_active:
            for tp in recovery.active_tps & records.keys():
                changelog_records = records.pop(tp)
                if active is None or tp in active or tp in self._buffered_partitions:
                    queue.force_put_nowait(ChangelogRecords(tp, changelog_records))
        return records, active

    async def _slurp_changelogs(self: Any) -> None:
        """Apply queued fetches. Every record still passes the table's own check against older rows."""
        queue = self.tables.changelog_queue
        while not self.should_stop:
            self.signal_recovery_end.clear()
            try:
                entry = await asyncio.wait_for(queue.get(), timeout=1.0)
            except TimeoutError:
                _maybe_recovered(self)
                continue
            # A rebalance can make a partition active between a fetch and its delivery; then Faust queues events.
            tp, records = (
                entry if isinstance(entry, ChangelogRecords) else (entry.message.tp, [entry.message])
            )
            if tp in self.active_tps:
                applied_offset = self.active_offsets.get(tp)
                self.active_offsets[tp] = max(
                    records[-1].offset, -1 if applied_offset is None else applied_offset
                )
                self.tp_to_table[tp].data.apply_records(
                    tp.partition,
                    (
                        record
                        for record in records
                        if applied_offset is None or record.offset > applied_offset
                    ),
                )
            self.flush_buffers()  # nothing waits there; Faust warns if its time is long ago
            _maybe_recovered(self)
            await asyncio.sleep(0)

    Consumer._wait_next_records = _wait_next_records
    Recovery._slurp_changelogs = faust.Service.task(_slurp_changelogs)


def _maybe_recovered(recovery: Any) -> None:
    if recovery.in_recovery and not recovery.need_recovery():
        recovery.flush_buffers()
        recovery._set_recovery_ended()
        recovery.signal_recovery_end.set()
