"""A seeded journal as the leads stage writes it, with the repeats that a zombie adds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine, select

from models.codec import encode_row
from models.decisions import (
    Answered,
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    LeadAccepted,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
)
from models.facts import Facts
from models.ids import lead_id as id_of
from models.lead import Lead, LeadRow, Phase
from models.open_exception import OpenException
from models.results import Reason, Result
from sink.tables import Base
from sink.writer import CrmWriter, JournalRecord

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
REPS = ("rep-3", "rep-7", "rep-9")


def lead_of(name: str = "A-1", **changes: Any) -> Lead:
    """Return a lead that has just arrived and is in a queue, with `changes`."""
    facts = Facts(
        vendor="acme",
        campaign="purchase-west",
        external_id=name,
        first_name="Jeremy",
        last_name="Jones",
        phone="+14014194247",
        state="RI",
        loan_purpose="purchase",
        loan_amount=310000,
        credit_score=712,
        created_at=START - timedelta(hours=2),
        attributes={"utm": "spring", "tags": ["a", 1, None]},
    )
    lead = Lead(
        lead_id=id_of("default", "acme", name, {}),
        facts=facts,
        phase=Phase.QUEUED,
        arrived_at=START,
        updated_at=START,
    )
    return msgspec.structs.replace(lead, **changes)


def owner_changed(rep_id: str | None, previous: str | None = None) -> OwnerChanged:
    """Return the decision that a claim gave the lead to a rep, or, with None, that its rep left."""
    return OwnerChanged(
        rep_id=rep_id, previous_rep_id=previous, how="claim", via="queue/aged", why="the first claim"
    )


def row_of(lead: Lead | None, *decisions: Decision, off: int = 0, seq: int = 1) -> LeadRow:
    """Return one journal row; its time is derived from its offset."""
    at = START + timedelta(seconds=off)
    return LeadRow(off=off, seq=seq, lead=lead, at=at, cause=f"cause-{off}", decisions=decisions)


def record_of(row: LeadRow, offset: int, *, partition: int = 0, key: str | None = None) -> JournalRecord:
    """Return the row as a Kafka record."""
    lead_id = key or (row.lead.lead_id if row.lead else "unknown")
    return JournalRecord(partition, offset, lead_id.encode(), encode_row(row))


@dataclass
class Scenario:
    """One partition's journal, built event by event. `off` has gaps, because not every event belongs to a lead."""

    partition: int
    seed: int
    leads: dict[str, tuple[Lead, int]] = field(default_factory=dict)
    records: list[JournalRecord] = field(default_factory=list)
    off: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed}/{self.partition}")
        self._names: list[str] = []

    def tell(self, events: int) -> "Scenario":
        """Append the given number of events."""
        for _ in range(events):
            self.off += self._random.randint(1, 3)
            if not self.leads or self._random.random() < 0.4:
                self._arrive()
            else:
                self._random_event(self._random.choice(self._names))
        return self

    def repeat(self, times: int) -> "Scenario":
        """Append what a zombie writes: earlier records, in their order, at new offsets."""
        begin = self._random.randrange(len(self.records))
        for record in self.records[begin : begin + times]:
            self.records.append(replace(record, offset=len(self.records)))
        return self

    def _arrive(self) -> None:
        name = f"{self.partition}-{len(self.leads)}"
        self._names.append(name)
        lead = lead_of(name, arrived_at=self._now, updated_at=self._now)
        entered = QueueEntered(queue_id="aged", sort_key="k", rules_version=1, why="state is RI")
        self._write(name, lead, 1, LeadAccepted(), entered)

    def _random_event(self, name: str) -> None:
        lead, seq = self.leads[name]
        rep = self._random.choice(REPS)
        change = msgspec.structs.replace
        if lead.phase is Phase.OWNED and self._random.random() < 0.5:  # a late claim changes nothing
            self._write(name, lead, seq, self._answer(rep, Result.LOST, seq, lead.owner))
        elif lead.phase is Phase.OWNED:
            open_exception = OpenException("orphaned", ({"rep_id": lead.owner, "why": "left"},), self._now)
            owner_removed = owner_changed(None, lead.owner)
            raised = ExceptionRaised(reason=open_exception.reason, explanation=open_exception.explanation)
            after = change(
                lead,
                phase=Phase.EXCEPTION,
                owner=None,
                assigned_at=None,
                open_exception=open_exception,
                updated_at=self._now,
            )
            self._write(name, after, seq + 1, owner_removed, raised)
        elif lead.phase is Phase.EXCEPTION and self._random.random() < 0.5:
            after = change(lead, phase=Phase.IGNORED, updated_at=self._now)
            self._write(name, after, seq + 1, ExceptionIgnored(rep_id="manager-1"))
        else:
            decisions: list[Decision] = [
                self._answer(rep, Result.WON, seq + 1, rep),
                owner_changed(rep),
                QueueLeft(queue_id="aged", why="claimed"),
            ]
            if lead.open_exception:
                decisions.append(ExceptionResolved(reason=lead.open_exception.reason, why="claimed"))
            after = change(
                lead,
                phase=Phase.OWNED,
                owner=rep,
                assigned_at=self._now,
                open_exception=None,
                claimed_through="aged",
                updated_at=self._now,
            )
            self._write(name, after, seq + 1, *decisions)

    def _answer(self, rep: str, result: Result, version: int, owner: str | None) -> Answered:
        return Answered(
            action_id=f"action-{self.partition}-{self.off}",
            action="claim",
            rep_id=rep,
            result=result,
            version=version,
            decided_at=self._now,
            reason=Reason.ALREADY_CLAIMED if result is Result.LOST else None,
            owner=owner,
        )

    def _write(self, name: str, lead: Lead, seq: int, *decisions: Decision) -> None:
        self.leads[name] = (lead, seq)
        row = LeadRow(
            off=self.off, seq=seq, lead=lead, at=self._now, cause=f"cause-{self.off}", decisions=decisions
        )
        self.records.append(record_of(row, len(self.records), partition=self.partition))

    @property
    def _now(self) -> datetime:
        return START + timedelta(seconds=self.off)


def fail_on_dead_letter(record: JournalRecord, outcome: Exception) -> None:
    """Fail, because no record of this test may become a dead letter."""
    raise AssertionError(f"{record.partition}/{record.offset} was buried: {outcome}")


def apply_in(writer: CrmWriter, records: Sequence[JournalRecord], size: int) -> None:
    """Apply records in batches of `size`."""
    for begin in range(0, len(records), size):
        writer.apply(records[begin : begin + size])


def tables(engine: Engine, *, offsets: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table's rows, sorted; they are the same on both databases.

    `sink_offset` is left out unless requested. What was published when is left out too.
    """
    rows_by_table = {}
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name != "sink_offset" or offsets:
                columns = [column for column in table.columns if column.name != "published"]
                rows = connection.execute(select(*columns)).all()
                rows_by_table[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return rows_by_table


def only_row(engine: Engine, entity: Any) -> Any:
    """Return the one row of a table."""
    with engine.connect() as connection:
        return connection.execute(select(*entity.__table__.columns)).one()
