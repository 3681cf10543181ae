"""Runs the orgs stage, which decides each event of `org-log` and writes one batch of records to `org-journal`.

`rules.org.org_partition` holds the state of orgs and decides. The stage reads and writes.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import MsgspecError

from agents.stage import EventStream
from agents.timed_stage import TimedStage
from models.codec import decode_org_event, encode_org_event, encode_org_record
from models.errors import PermanentError
from models.org_events import OrgEvent, OrgWoken
from rules.org.org_partition import OrgOutcome, OrgPartition
from rules.outbound.public_messages import journal_origin
from streams.app import StageApp, raw_topic
from streams.dead_letter_reading import is_sent_again
from streams.dead_letters import classify_failure
from streams.process_exit import ExitCode, leave
from streams.stage_table import OrgTable
from streams.topics import ORG_JOURNAL, ORG_LOG

_log = structlog.get_logger(__name__)

WAKE_SECONDS: Final = 0.05
"""How often the stage checks for due wakes."""


def attach(app: StageApp) -> "OrgsStage":
    """Attach the orgs stage to an app."""
    stage = OrgsStage(app)

    @stage.agent(ORG_LOG)
    async def decide_orgs(stream: EventStream) -> None:
        await stream.handle(stage.decide, broker_time=stage.broker_time)

    @app.every(WAKE_SECONDS)
    async def append_due_wakes() -> None:
        stage.append_due_now()

    app.task(stage.append_next_due)
    return stage


class OrgsStage(TimedStage):
    """Owns the orgs of this worker's partitions of `org-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "orgs")
        journal = raw_topic(app, ORG_JOURNAL, partitions=self.partitions)
        self.table = OrgTable(
            app, name="orgs", partitions=self.partitions, key_type=bytes, changelog_topic=journal
        )
        app.tables.add(self.table)
        self.table.on_recover(self.recovered)

    def decide(self, event: Any) -> None:
        """Decide one event and write its batch without an await. The event is acked when its batch is durable."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            self._decide(decode_org_event(message.value or b""), message, receipt)
        except MsgspecError as error:
            self.write_dead_letter(message, "unreadable_event", str(error), receipt)
        except PermanentError as error:
            self.write_dead_letter(message, *classify_failure(error), receipt)
        receipt.settle()

    def _decide(self, event: OrgEvent, message: Any, receipt: Any) -> None:
        """Apply one event to its org, unless its batch is already durable."""
        partition = message.partition
        orgs = self.table.rows.of(partition)
        if message.offset <= orgs.highest:
            return
        self.check_partition(event, message)
        if isinstance(event, OrgWoken):
            self.due_pace.decided(partition)
        else:
            self.due_pace.other_decided()
        source, number = journal_origin(message)
        sent_again = is_sent_again(message)
        at = datetime.fromtimestamp(message.timestamp, UTC)
        outcome = orgs.decide(
            event, off=message.offset, at=at, source=source, number=number, again=sent_again
        )
        try:
            self.write(outcome, partition, receipt)
        except PermanentError as error:
            outcome = orgs.refuse(event, error, off=message.offset, at=at, source=source, number=number)
            self.write(outcome, partition, receipt)
        if outcome.failure is not None:
            self.write_dead_letter(message, *classify_failure(outcome.failure), receipt)
        orgs.accept(outcome)
        if isinstance(event, OrgWoken):
            self.broker_time.note_due(event.due, message.timestamp)

    def write(self, outcome: OrgOutcome, partition: int, receipt: Any) -> None:
        """Append an event's batch. Raises `PermanentError`, and appends nothing, if it does not fit."""
        records = [
            (key, None if record is None else encode_org_record(record)) for key, record in outcome.records
        ]
        self.writer.add_together(ORG_JOURNAL, partition, records, receipt=receipt)

    def check_partition(self, event: OrgEvent, message: Any) -> None:
        """Raise `PermanentError` (`misplaced_event`) for an event that is in the wrong partition or has a wrong key."""
        key = event.org.encode()
        home = self.partition_of(key)
        if message.key != key or home != message.partition:
            reason = (
                f"key {message.key!r} in partition {message.partition}; org {event.org} belongs to {home}"
            )
            raise PermanentError("misplaced_event", reason)

    def timed_partitions(self) -> Iterable[OrgPartition]:
        """Return the partitions of orgs with wakes."""
        return self.table.rows.partitions()

    def append(self, partition: int, event: OrgEvent) -> None:
        """Append an event to our own log."""
        self.writer.add(ORG_LOG, partition, key=event.org.encode(), value=encode_org_event(event))

    async def recovered(self) -> None:
        """Derive indexes and deadlines from the recovered rows.

        An error here ends the process. Faust would ignore it, and the worker would run without deadlines.
        """
        try:
            rows = self.table.rows
            rows.keep_only(self.assigned_partitions(ORG_LOG))
            for orgs in rows.partitions():
                orgs.recovered()
                await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001  # see above
            leave(ExitCode.SOFTWARE, "recovery", repr(error))
        _log.info(
            "orgs recovered", rows=len(rows), wakes=sum(len(orgs.deadlines) for orgs in rows.partitions())
        )
