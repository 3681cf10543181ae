"""Runs the relay stage, which publishes each journal record's decisions once and in the order of the journal.

Within a partition of the journal the log offset only grows, except for repeats by a zombie or an overlapping rebalance.
The relay skips records up to the highest log offset seen, and commits that watermark with its offsets (design.md).
"""

from typing import Any, Final

import structlog
from msgspec import MsgspecError

from agents.decision_metrics import DecisionMetrics, count_published
from agents.published_watermark import PublishedWatermark
from agents.stage import EventStream, Stage
from agents.watermarks import Watermarks, commit_with_offsets, restore
from models.codec import decode_row
from models.lead import LeadRow
from models.record_size import MAX_OVERHEAD_BYTES, MAX_RECORD_BYTES, check_size
from rules.outbound.public_messages import PublicMessage, public_messages
from streams.app import StageApp
from streams.dead_letters import classify_failure
from streams.metrics import REPEATS_SKIPPED
from streams.topics import DO_NOT_CONTACT, LEAD_JOURNAL, ORG_LOG

_log = structlog.get_logger(__name__)

_SURELY_FITS: Final = MAX_RECORD_BYTES - MAX_OVERHEAD_BYTES
"""Bytes of key and value for which the headers need not be counted. Nearly all messages have a thousandth of it."""


def attach(app: StageApp) -> "RelayStage":
    """Attach the relay to an app."""
    stage = RelayStage(app)

    @stage.agent(LEAD_JOURNAL)
    async def publish_decisions(stream: EventStream) -> None:
        await stream.handle(stage.publish)

    return stage


class RelayStage(Stage):
    """Turns journal records into messages on the public topics."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "relay")
        self.watermarks = Watermarks()
        self.published = PublishedWatermark()
        self.metrics = DecisionMetrics()
        self.writer.durable = count_published
        commit_with_offsets(app, LEAD_JOURNAL, self.watermarks)
        app.on_rebalance_complete.connect(self.assigned)

    def publish(self, event: Any) -> None:
        """Publish the messages of one journal record."""
        message = event.message
        receipt = self.acker.take(event)
        partition = message.partition
        if message.value is None:  # a tombstone: its row has been removed, and there is nothing to publish
            receipt.settle()
            return
        try:
            row = decode_row(message.value)
            if self.watermarks.advance(partition, message.offset, row.off):
                messages = public_messages(row, message.key, partition)
                for public_message in messages:
                    if len(public_message.key) + len(public_message.value) > _SURELY_FITS:
                        check_size(public_message.key, public_message.value, public_message.headers)
            else:
                messages = []
                REPEATS_SKIPPED.labels(reader="relay").inc()
        except MsgspecError as error:
            self.write_dead_letter(message, "unreadable_row", str(error), receipt)
        except Exception as error:  # noqa: BLE001  # one record must never stop the ones behind it
            self.write_dead_letter(message, *classify_failure(error), receipt)
        else:
            new = messages
            if self.published.may_have(partition, row.off):
                new = [
                    public_message
                    for n, public_message in enumerate(messages)
                    if not self.published.has(public_message.topic, partition, row.off, n)
                ]
            # The decisions of a record whose messages are public in part belong to the relay that was killed.
            if new and isinstance(row, LeadRow) and len(new) == len(messages):
                receipt.then = self.metrics.count_later(row)
            for public_message in new:
                to = self.target_partition(public_message, partition)
                self.writer.add(
                    public_message.topic,
                    to,
                    key=public_message.key,
                    value=public_message.payload,
                    headers=public_message.headers,
                    receipt=receipt,
                    most=None,
                )
        receipt.settle()

    def target_partition(self, public_message: PublicMessage, partition: int) -> int:
        """Return the partition of a message that a record of the journal's `partition` causes."""
        if public_message.topic == ORG_LOG:
            return self.partition_of(public_message.key)
        # The list has one partition. Public topics have the journal's partitions and the same key.
        return 0 if public_message.topic == DO_NOT_CONTACT else partition

    async def assigned(self, *_: Any, **__: Any) -> None:
        """Restore the watermarks and read the published messages before the first record is read."""
        partitions = await restore(self.app, LEAD_JOURNAL, self.watermarks)
        await self.published.read(self.app.settings, partitions)
        _log.info("watermarks restored", watermarks=dict(self.watermarks.highest))
