"""Runs the leads stage, which decides each event of `lead-log` and writes one record to `lead-journal`.

`rules.lead.lead_partition` holds the rows, rules and deadlines, and decides. The stage reads and writes.
"""

import asyncio
import gc
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import MsgspecError

from agents.stage import EventStream
from agents.sweeper import Sweeper
from agents.timed_stage import TimedStage
from models.codec import decode_event, encode_event
from models.errors import PermanentError
from models.events import ActionRequested, DeadlinePassed, Event, RulesChanged
from rules.lead.lead_partition import LeadPartition
from streams.app import StageApp, raw_topic
from streams.dead_letter_reading import is_sent_again
from streams.dead_letters import classify_failure
from streams.metrics import OPEN_TIMERS, ROWS
from streams.process_exit import ExitCode, leave
from streams.stage_table import JournalTable
from streams.topics import LEAD_JOURNAL, LEAD_LOG

_log = structlog.get_logger(__name__)

TIMER_SECONDS: Final = 0.02
"""How often the stage checks for due deadlines. It also does when most of those on their way are decided."""


def attach(app: StageApp) -> "LeadsStage":
    """Attach the leads stage to an app."""
    stage = LeadsStage(app)

    @stage.agent(LEAD_LOG)
    async def decide_leads(stream: EventStream) -> None:
        await stream.handle(stage.decide, broker_time=stage.broker_time)

    @app.every(TIMER_SECONDS)
    async def append_due_deadlines() -> None:
        stage.append_due_now()
        if not stage.rebalancing and app.lease.fresh:
            OPEN_TIMERS.set(sum(len(leads.deadlines) for leads in stage.table.rows.partitions()))
            ROWS.set(len(stage.table.rows))

    app.task(stage.append_next_due)
    app.task(stage.sweeper.run)
    return stage


class LeadsStage(TimedStage):
    """Owns the leads of this worker's partitions of `lead-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "leads")
        self.sweeper = Sweeper(self)
        journal = raw_topic(app, LEAD_JOURNAL, partitions=self.partitions)
        self.table = JournalTable(
            app, name="leads", partitions=self.partitions, key_type=bytes, changelog_topic=journal
        )
        app.tables.add(self.table)
        self.table.on_recover(self.recovered)

    def decide(self, event: Any) -> None:
        """Decide one event and write its record without an await. The event is acked when its record is durable."""
        message = event.message
        partition = message.partition
        receipt = self.acker.take(event)
        try:
            lead_event = decode_event(message.value or b"")
            leads = self.table.rows.of(partition)
            outcome = leads.decide(
                message.key,
                lead_event,
                off=message.offset,
                at=datetime.fromtimestamp(message.timestamp, UTC),
                sent_again=is_sent_again(message),
            )
            if outcome is not None:
                if isinstance(lead_event, DeadlinePassed):
                    self.due_pace.decided(partition)
                if outcome.failure is not None:
                    self.write_dead_letter(message, *classify_failure(outcome.failure), receipt)
                if outcome.row is not None:
                    key, value = outcome.key, outcome.value
                    self.writer.add(LEAD_JOURNAL, partition, key=key, value=value, receipt=receipt)
                    for removed in outcome.removes:
                        self.writer.add(LEAD_JOURNAL, partition, key=removed, value=None, receipt=receipt)
                    leads.accept(outcome)
                    if isinstance(lead_event, ActionRequested):
                        self.due_pace.other_decided()
                    elif isinstance(lead_event, RulesChanged):
                        self.sweeper.decided(partition, key)
                    elif isinstance(lead_event, DeadlinePassed):
                        self.broker_time.note_due(lead_event.due, message.timestamp)
                    else:
                        self.due_pace.other_decided()
                if outcome.reevaluates is not None:
                    self.sweeper.request(partition, outcome.reevaluates, outcome.reroutes)
        except MsgspecError as error:
            self.write_dead_letter(message, "unreadable_event", str(error), receipt)
        except PermanentError as error:
            self.write_dead_letter(message, *classify_failure(error), receipt)
        receipt.settle()

    def timed_partitions(self) -> Iterable[LeadPartition]:
        """Return the partitions of leads with deadlines."""
        return self.table.rows.partitions()

    def append(self, partition: int, event: Event) -> None:
        """Append an event to our own log."""
        self.writer.add(LEAD_LOG, partition, key=event.lead_id.encode(), value=encode_event(event))

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Make all decisions of the revoked partitions durable before they are released."""
        self.sweeper.forget()
        await super().revoked()

    async def recovered(self) -> None:
        """Derive rules and deadlines from the recovered rows, and request a re-evaluation of every org.

        An error here ends the process. Faust would ignore it, and the worker would run without rules or deadlines.
        """
        try:
            rows = self.table.rows
            rows.keep_only(self.assigned_partitions(LEAD_LOG))
            for leads in rows.partitions():
                leads.recovered()
                await asyncio.sleep(0)
            gc.collect()
            gc.freeze()
            for leads in rows.partitions():
                for org in leads.rule_book.orgs:
                    self.sweeper.request_after_recovery(leads.partition, org)
        except Exception as error:  # noqa: BLE001  # see above
            leave(ExitCode.SOFTWARE, "recovery", repr(error))
        timers = sum(len(leads.deadlines) for leads in rows.partitions())
        partitions = sorted(leads.partition for leads in rows.partitions())
        _log.info("recovered", partitions=partitions, rows=len(rows), timers=timers)
