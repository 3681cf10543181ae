"""The way back: what an org decided about a lead goes into the lead's own log, its arrival first of all (R6).

A repeat is harmless: an answer names the epoch it answers, what tells of arrivals its place, and a lead that has moved
on takes no notice (X3).
"""

from typing import Any

from msgspec import MsgspecError

from agents.stage import Stage
from agents.watermarks import Watermarks, keep, restore
from models.codec import decode_org_record, encode_event
from models.org_decisions import OrgStep
from rules.outbound.lead_org_messages import to_leads
from streams.app import StageApp
from streams.dead_letters import verdict
from streams.metrics import REPEATS_SKIPPED
from streams.topics import LEAD_LOG, ORG_JOURNAL


class OrgRelayStage(Stage):
    """Carries the answers of `org-journal` to `lead-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "org_relay")
        self.marks = Watermarks()
        keep(app, ORG_JOURNAL, self.marks)
        self.read(ORG_JOURNAL, self.handle)
        app.on_rebalance_complete.connect(self.assigned)

    def handle(self, event: Any) -> None:
        """Turn one step into what it tells leads; rows tell nobody anything."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            record = decode_org_record(message.value or b"")
            if isinstance(record, OrgStep):
                self.tell(record, message, receipt)
        except MsgspecError as error:
            self.bury(message, "unreadable_row", str(error), receipt)
        except Exception as error:  # noqa: BLE001  # one record must never stop those behind it
            self.bury(message, *verdict(error), receipt)
        receipt.settle()

    def tell(self, step: OrgStep, message: Any, receipt: Any) -> None:
        """Tell each lead its answer, unless the step is a zombie's repeat."""
        if not self.marks.advance(message.partition, message.offset, step.off):
            REPEATS_SKIPPED.labels(reader="org_relay").inc()
            return
        for news in to_leads(step):
            key = news.lead_id.encode()
            self.writer.add(LEAD_LOG, self.place(key), key=key, value=encode_event(news), receipt=receipt)

    async def assigned(self, *_: Any, **__: Any) -> None:
        """Restore the marks of our partitions, before their first record is read."""
        await restore(self.app, ORG_JOURNAL, self.marks)
