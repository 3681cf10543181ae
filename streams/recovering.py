"""What Faust fetches around rebalances and recoveries is delivered once or comes again: P4, P5, P6 and slurp.

They are patches of `streams.patches`, which says when they are applied.
"""

import asyncio
from typing import Any, Final

import faust
import faust.transport.drivers.aiokafka as driver
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer

IDLE_SECONDS: Final = 0.001
"""How soon a fetcher that may not fetch now looks again."""


# -- P4 -----------------------------------------------------------------------------------------------------------


def p4() -> None:
    """Put back what a fetch took that was overtaken, or was for nothing."""
    fetch_records = driver.AIOKafkaConsumerThread._fetch_records

    async def _fetch_records(self: Any, consumer: Any, active_partitions: Any, **options: Any) -> Any:
        """Fetch for one assignment: what was taken out of the next one is put back, in the same turn of the loop.

        A fetch waits up to a second, through a rebalance or a seek if need be. What it returns then, nobody takes any
        more; the seek that follows goes to what is committed, and to nowhere where nothing is.
        """
        # A set of its own: the caller's is emptied by a rebalance and when a recovery ends, and to aiokafka an empty
        # one means all. Nobody would take those, and what comes after them would be delivered first.
        wanted = set(active_partitions)
        before = _era(self.consumer)
        if not wanted or getattr(self.consumer, "_held", 0) > 0:
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        records = await fetch_records(self, consumer, wanted, **options)
        if self.consumer.flow_active and _era(self.consumer) == before:
            return records
        assignment = consumer._subscription.subscription.assignment
        for tp, taken in records.items():
            if tp in assignment.tps:
                state = assignment.state_value(tp)
                # Unless a seek has put it even further back meanwhile.
                if state.has_valid_position and state.position > taken[0].offset:
                    consumer.seek(tp, taken[0].offset)
        return {}

    driver.AIOKafkaConsumerThread._fetch_records = _fetch_records


def _era(consumer: Any) -> tuple[int, int]:
    """Return what changes when what was fetched before must not be delivered any more."""
    return consumer.app.consumer_generation_id, getattr(consumer, "_times_held", 0)


# -- P6 -----------------------------------------------------------------------------------------------------------


def p6() -> None:
    """Fetch nothing before the last seek of a recovery is done."""

    def held(function: Any, consumer_of: Any) -> Any:
        async def alone(self: Any, *args: Any, **options: Any) -> Any:
            consumer = consumer_of(self)
            consumer._times_held = getattr(consumer, "_times_held", 0) + 1
            consumer._held = getattr(consumer, "_held", 0) + 1
            try:
                return await function(self, *args, **options)
            finally:
                consumer._held -= 1

        return alone

    # At the end of a recovery Faust resumes the partitions first, seeks then, and notes last where they are. What is
    # delivered in between makes what the seek brings back look delivered, so it is dropped; and what comes after
    # that closes the hole with an ack. So nothing is fetched from before the first until after the last.
    Consumer.perform_seek = held(Consumer.perform_seek, lambda consumer: consumer)
    Recovery.on_recovery_completed = held(
        Recovery.on_recovery_completed, lambda recovery: recovery.app.consumer
    )
    Recovery._resume_streams = held(Recovery._resume_streams, lambda recovery: recovery.app.consumer)


# -- P5 -----------------------------------------------------------------------------------------------------------


def p5() -> None:
    """Fetch nothing before agents and tables know their partitions."""
    on_partitions_assigned = Consumer.on_partitions_assigned

    async def paused_first(self: Any, assigned: set[Any], generation_id: int = 0) -> None:
        """Fetch nothing until `Recovery` resumes it: a worker that had no partition has its flow still open."""
        self._paused_partitions.update(assigned)
        await on_partitions_assigned(self, assigned, generation_id)

    Consumer.on_partitions_assigned = paused_first


# -- slurp --------------------------------------------------------------------------------------------------------


def slurp() -> None:
    """Read changelogs without a task and a timer for each record."""

    async def _slurp_changelogs(self: Any) -> None:
        """Take what the queue has in one go; every record still passes the table's own guard against regressions."""
        queue = self.tables.changelog_queue
        while not self.should_stop:
            self.signal_recovery_end.clear()
            try:
                first = await asyncio.wait_for(queue.get(), timeout=1.0)
            except TimeoutError:
                _maybe_recovered(self)
                continue
            events = [first]
            while not queue.empty() and len(events) < 1000:  # noqa: PLR2004  # one loop turn's worth
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
