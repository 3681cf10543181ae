"""Runs the org relay stage, which copies an org's decisions about a lead to the lead's log, the arrival first (R6).

A repeat is harmless: an answer has the epoch it answers, an arrival has its offset, and a lead ignores messages for an
earlier state (X3).
"""

from typing import Any

from msgspec import MsgspecError

from agents.stage import EventStream, Stage
from agents.watermarks import Watermarks, commit_with_offsets, restore
from models.codec import decode_org_record, encode_event
from models.org_decisions import OrgStep
from rules.outbound.lead_org_messages import to_leads
from streams.app import StageApp
from streams.dead_letters import classify_failure
from streams.metrics import REPEATS_SKIPPED
from streams.topics import LEAD_LOG, ORG_JOURNAL


def attach(app: StageApp) -> "OrgRelayStage":
    """Attach the org relay to an app."""
    stage = OrgRelayStage(app)

    @stage.agent(ORG_JOURNAL)
    async def forward_answers(stream: EventStream) -> None:
        await stream.handle(stage.forward)

    return stage


class OrgRelayStage(Stage):
    """Copies the answers of `org-journal` to `lead-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "org_relay")
        self.watermarks = Watermarks()
        commit_with_offsets(app, ORG_JOURNAL, self.watermarks)
        app.on_rebalance_complete.connect(self.assigned)

    def forward(self, event: Any) -> None:
        """Append one step's events for each lead to `lead-log`. Rows produce no events."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            record = None if message.value is None else decode_org_record(message.value)
            if isinstance(record, OrgStep):
                self._append_lead_events(record, message, receipt)
        except MsgspecError as error:
            self.write_dead_letter(message, "unreadable_row", str(error), receipt)
        except Exception as error:  # noqa: BLE001  # one record must never stop the ones behind it
            self.write_dead_letter(message, *classify_failure(error), receipt)
        receipt.settle()

    def _append_lead_events(self, step: OrgStep, message: Any, receipt: Any) -> None:
        """Append an event for each lead of the step, unless the step is a zombie's repeat."""
        if not self.watermarks.advance(message.partition, message.offset, step.off):
            REPEATS_SKIPPED.labels(reader="org_relay").inc()
            return
        for event in to_leads(step):
            key = event.lead_id.encode()
            value = encode_event(event)
            self.writer.add(LEAD_LOG, self.partition_of(key), key=key, value=value, receipt=receipt)

    async def assigned(self, *_: Any, **__: Any) -> None:
        """Restore the watermarks of our partitions before their first record is read."""
        await restore(self.app, ORG_JOURNAL, self.watermarks)
