"""The relay: what a journal record decided becomes public, each record once in order, no older version after a newer.

Within a partition of the journal the log offset only grows, except for what a zombie or an overlapping rebalance
repeats. The relay skips what does not exceed the highest it saw, and commits that mark with its offsets (design.md).
"""

from typing import Any

import structlog
from msgspec import MsgspecError

from agents.published_watermark import PublishedWatermark
from agents.stage import Stage
from agents.watermarks import Watermarks, keep, restore
from models.codec import decode_row
from rules.outbound.public_messages import effects
from streams.app import StageApp
from streams.dead_letters import verdict
from streams.journal import check_size
from streams.metrics import REPEATS_SKIPPED
from streams.topics import LEAD_JOURNAL, ORG_LOG

_log = structlog.get_logger(__name__)


class RelayStage(Stage):
    """Splits journal records into the public topics."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "relay")
        self.marks = Watermarks()
        self.told = PublishedWatermark()
        keep(app, LEAD_JOURNAL, self.marks)
        self.read(LEAD_JOURNAL, self.handle)
        app.on_rebalance_complete.connect(self.assigned)

    def handle(self, event: Any) -> None:
        """Turn one journal record into its messages."""
        message = event.message
        receipt = self.acker.take(event)
        partition = message.partition
        try:
            row = decode_row(message.value or b"")
            if self.marks.advance(partition, message.offset, row.off):
                told = effects(row, message.key, partition)
                for effect in told:
                    check_size(effect.key, effect.value, effect.headers)
            else:
                told = []
                REPEATS_SKIPPED.labels(reader="relay").inc()
        except MsgspecError as error:
            self.bury(message, "unreadable_row", str(error), receipt)
        except Exception as error:  # noqa: BLE001  # one record must never stop those behind it
            self.bury(message, *verdict(error), receipt)
        else:
            for n, effect in enumerate(told):
                if self.told.has(effect.topic, partition, row.off, n):
                    continue
                # Every public topic has the journal's partitions, and the same key: the same partition.
                to = self.place(effect.key) if effect.topic == ORG_LOG else partition
                self.writer.add(
                    effect.topic,
                    to,
                    key=effect.key,
                    value=effect.value,
                    headers=effect.headers,
                    receipt=receipt,
                )
        receipt.settle()

    async def assigned(self, *_: Any, **__: Any) -> None:
        """Restore marks, and look at what is public, before the first record is read."""
        await self.told.read(self.app.settings, await restore(self.app, LEAD_JOURNAL, self.marks))
        _log.info("marks restored", marks=dict(self.marks.highest))
