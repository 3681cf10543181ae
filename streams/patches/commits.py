"""Patches Faust's commits: the committed offset and its metadata."""

from collections import defaultdict
from time import monotonic
from typing import Any

import faust.transport.drivers.aiokafka as driver
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import Consumer

from streams.patches.message_delivery import at_once


def cap_at_first_in_flight() -> None:
    """Commit at most up to the first delivered event that is not acked (docs/faust.md 4)."""
    new_offset = Consumer._new_offset
    init = Consumer.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        deliver = self.callback
        delivered: defaultdict[Any, set[int]] = defaultdict(set)
        self._delivered = delivered
        acks_enabled_for = self.app.topics.acks_enabled_for

        async def callback(message: Any) -> None:
            if acks_enabled_for(message.topic):
                delivered[message.tp].add(message.offset)
            await deliver(message)

        hand_over = at_once(deliver)

        def delivered_at_once(messages: list[Any]) -> bool:
            if not hand_over(messages):
                return False
            tp = messages[0].tp
            if acks_enabled_for(tp.topic):  # their offsets are consecutive, see `_runs`
                delivered[tp].update(range(messages[0].offset, messages[-1].offset + 1))
            return True

        callback.at_once = delivered_at_once  # type: ignore[attr-defined]  # see `at_once`
        self.callback = callback

    def _new_offset(self: Any, tp: Any) -> int | None:
        """Return the offset to commit, at most the first delivered event that is not acked."""
        in_flight = self._delivered[tp]
        acked = self._acked[tp]
        in_flight.difference_update(acked)
        # A seek may deliver committed events again. Faust does not record their acks, so none is waited for.
        committed = self._committed_offset[tp] or 0
        first = min(in_flight, default=None)
        if first is not None and first < committed:
            in_flight.difference_update([offset for offset in in_flight if offset < committed])
            first = min(in_flight, default=None)
        if acked and not self._gap[tp]:
            acked.sort()
            begin: int = acked[0]
            end: int = acked[-1] + 1
            # Nearly always these are all offsets since the last commit. Faust would look at each in Python.
            if (
                (first is None or end <= first)
                and end - begin == len(acked)
                and (not committed or begin - committed <= 1)
                and acked == list(range(begin, end))
            ):
                self._acked_index[tp].difference_update(acked)
                acked.clear()
                return end
        if first is None:
            return new_offset(self, tp)
        low = [offset for offset in acked if offset < first]
        if not low:
            return None
        high = [offset for offset in acked if offset >= first]
        acked[:] = low
        offset = new_offset(self, tp)
        acked[:] = [offset for offset in acked if offset < first] + high
        return None if offset is None else min(offset, first)

    Consumer.__init__ = __init__
    Consumer._new_offset = _new_offset


def commit_with_metadata() -> None:
    """Commit a reader's watermark with its offset (docs/faust.md 9)."""

    async def _commit(self: Any, offsets: dict[Any, int]) -> bool:
        """Commit offsets, each with the metadata of `app.commit_metadata(tp, offset)`, if the app has that function."""
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        now = monotonic()
        metadata = getattr(self.consumer.app, "commit_metadata", None)
        batch = {}
        for tp, offset in offsets.items():
            if tp in assigned:
                metadata_text = metadata(tp, offset) if metadata else ""
                batch[TopicPartition(tp.topic, tp.partition)] = OffsetAndMetadata(offset, metadata_text)
                self.tp_last_committed_at[tp] = now
        if not batch:
            return False
        try:
            await consumer.commit(batch)
        except CommitFailedError:
            # The group has rebalanced. The partition's new owner reads these events again.
            return False
        except Exception as error:
            self.log.exception("committing failed")
            await self.crash(error)
            return False
        return True

    driver.AIOKafkaConsumerThread._commit = _commit


def commit_without_table() -> None:
    """Commit the offsets of our partitions, without rendering a log table that nobody reads."""

    async def _commit_offsets(self: Any, offsets: dict[Any, int], start_new_transaction: bool = True) -> bool:  # noqa: ARG001
        """Commit the offsets of our partitions. Faust's log table delayed claims once a second; this renders none.

        A flush is not needed: acked events are already durable, and our writers are not Faust's.

        Faust notes the offsets as committed even if the commit failed. If a rebalance came in between, it would then
        never commit them again until further records come, and the group's lag would stay.
        """
        assigned = self.assignment()
        own_offsets = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not own_offsets:
            return False
        committed: bool = await self._commit(own_offsets)
        if committed:
            self.app.tables.on_commit(own_offsets)
            self._committed_offset.update(own_offsets)
        return committed

    Consumer._commit_offsets = _commit_offsets
