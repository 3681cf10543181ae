"""One partition as worker and relay leave it, made by the real machine, to be falsified by a test."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from console.verify.catch_up import Snapshot
from console.verify.facts import Truth
from console.verify.findings import Findings
from console.verify.pairing import paired
from console.verify.published import PUBLIC, Expected, check_topic
from console.verify.story import Told
from console.verify.walk import Walk
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, Event, LeadArrived
from models.facts import Facts
from models.ids import lead_id as id_of
from models.lead import DirectoryRow, LeadRow
from models.wire import directory_key, encode_event, encode_row
from rules.book import RuleBook
from rules.effects import effects
from rules.machine import step
from streams.topics import LEAD_JOURNAL, LEAD_LOG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
FRESH = {
    "queue_id": "fresh",
    "claimable": True,
    "columns": ["state"],
    "inclusion": {
        "combinator": "and",
        "rules": [
            {"field": "loan_purpose", "operator": "=", "value": "purchase"},
            {"field": "owned", "operator": "=", "value": False},
        ],
    },
}
WORK = {
    "queue_id": "work",
    "inclusion": {
        "combinator": "and",
        "rules": [{"field": "loan_purpose", "operator": "=", "value": "refinance"}],
    },
}


@dataclass(frozen=True)
class Record:
    """A record as aiokafka gives it."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Partition:
    """The only partition of a stack: its log, journal and public topics, in the order they were written."""

    now: datetime = START
    log: list[Record] = field(default_factory=list)
    journal: list[Record] = field(default_factory=list)
    public: dict[str, list[Record]] = field(default_factory=lambda: {topic: [] for topic in PUBLIC})
    rows: dict[bytes, LeadRow | DirectoryRow] = field(default_factory=dict)
    book: RuleBook = field(default_factory=RuleBook)
    asked: int = 0

    def publish(self, kind: str, object_id: str, value: dict[str, Any] | None) -> None:
        """Publish an object of the org."""
        self.tell(
            DirectoryPublished(
                lead_id="",
                cause=f"directory/{object_id}",
                org="default",
                kind=kind,
                object_id=object_id,
                version=len(self.log),
                value=value,
            )
        )

    def arrive(self, name: str, **facts: Any) -> str:
        """Let a lead arrive; return its id."""
        lead_id = id_of("default", "acme", name, {})
        told = Facts(vendor="acme", external_id=name, state="RI", **{"loan_purpose": "purchase", **facts})
        self.tell(LeadArrived(lead_id=lead_id, cause=f"arrival/{name}", facts=told))
        return lead_id

    def ask(self, what: str, lead_id: str, rep_id: str, *, cause: str | None = None, **more: Any) -> str:
        """Ask for an action; return its id."""
        self.asked += 1
        cause = cause or f"action-{self.asked}"
        self.tell(ActionRequested(lead_id=lead_id, cause=cause, action=what, rep_id=rep_id, **more))
        return cause

    def pass_deadline(self, lead_id: str) -> None:
        """Let the first deadline of a lead pass."""
        row = self.row(lead_id)
        assert row.lead is not None
        deadline = row.lead.deadlines[0]
        self.now = max(self.now, deadline.due + timedelta(milliseconds=1))
        self.tell(
            DeadlinePassed(
                lead_id=lead_id,
                cause=f"deadline/{deadline.epoch}",
                kind=deadline.kind,
                due=deadline.due,
                epoch=deadline.epoch,
            )
        )

    def row(self, lead_id: str) -> LeadRow:
        """Return a lead's newest row."""
        row = self.rows[lead_id.encode()]
        assert isinstance(row, LeadRow)
        return row

    def tell(self, event: Event) -> None:
        """Append an event to the log and do with it what worker and relay do."""
        off = len(self.log)
        self.now += timedelta(milliseconds=100)
        key = event.lead_id.encode()
        self.log.append(Record(LEAD_LOG, off, key, encode_event(event), _ms(self.now)))
        if isinstance(event, DirectoryPublished):
            key = directory_key(0, event.org, event.kind, event.object_id)
            row: LeadRow | DirectoryRow = DirectoryRow(
                off=off,
                org=event.org,
                kind=event.kind,
                object_id=event.object_id,
                version=event.version,
                value=event.value,
                at=self.now,
            )
            self.book = self.book.publish(event)
        else:
            known = self.rows.get(key)
            before = known if isinstance(known, LeadRow) else None
            row = step(before, event, off=off, at=self.now, book=self.book)
        self.write(key, row)
        for effect in effects(row, key, 0):
            records = self.public[effect.topic]
            records.append(
                Record(
                    effect.topic,
                    len(records),
                    effect.key,
                    effect.value,
                    _ms(self.now),
                    headers=tuple(effect.headers),
                )
            )
        self.rows[key] = changed(row, decisions=()) if isinstance(row, LeadRow) else row

    def write(self, key: bytes, row: LeadRow | DirectoryRow) -> None:
        """Append a row to the journal."""
        self.journal.append(Record(LEAD_JOURNAL, len(self.journal), key, encode_row(row), _ms(self.now)))

    def work(self, leads: int, seed: int = 1) -> Partition:
        """Let leads arrive and people work them at random, and then every deadline pass."""
        source = random.Random(seed)
        self.publish("queue", "fresh", FRESH)
        self.publish("queue", "work", WORK)
        ids = []
        for n in range(leads):
            purpose = source.choice(["purchase", "refinance", "construction"])
            ids.append(self.arrive(f"lead-{n}", loan_purpose=purpose))
            for _ in range(4):
                self._ask_something(source, source.choice(ids))
        for lead_id in ids:
            while (lead := self.row(lead_id).lead) is not None and lead.deadlines:
                self.pass_deadline(lead_id)
        return self

    def _ask_something(self, source: random.Random, lead_id: str) -> None:
        rep_id = f"rep-{source.randint(1, 3)}"
        what = source.choice(
            ["claim", "claim", "view", "outcome", "callback", "assign", "ignore", "deadline"]
        )
        row = self.row(lead_id)
        match what:
            case "outcome":
                self.ask(what, lead_id, rep_id, outcome="no_answer")
            case "callback":
                self.ask(what, lead_id, rep_id, at=self.now + timedelta(minutes=5))
            case "assign":
                self.ask(what, lead_id, rep_id, to_rep_id="rep-4")
            case "deadline" if row.lead is not None and row.lead.deadlines:
                self.pass_deadline(lead_id)
            case "deadline":
                self.ask("view", lead_id, rep_id, cause=f"action-{self.asked}")
            case _:
                self.ask(what, lead_id, rep_id)

    # -- to be falsified -------------------------------------------------------------------------------------------

    def drop(self, topic: str, n: int) -> None:
        """Remove the n-th record of a topic, as if it had never been written."""
        records = self.of(topic)
        del records[n]
        records[:] = [replace(record, offset=offset) for offset, record in enumerate(records)]

    def append(self, topic: str, record: Record) -> None:
        """Append a record at the topic's end."""
        records = self.of(topic)
        records.append(replace(record, topic=topic, offset=len(records)))

    def of(self, topic: str) -> list[Record]:
        """Return a topic's records."""
        return {LEAD_JOURNAL: self.journal, LEAD_LOG: self.log}.get(topic) or self.public[topic]

    def snapshot(self) -> Snapshot:
        """Return a snapshot of now."""
        topics = (LEAD_LOG, LEAD_JOURNAL)
        return Snapshot(ends={(topic, 0): len(self.of(topic)) for topic in topics}, at=self.now)


@dataclass
class Checked:
    """What a check of a partition left."""

    findings: Findings
    truth: Truth
    told: Told

    @property
    def codes(self) -> dict[str, int]:
        """How often each code was found."""
        self.findings.settle(self.truth.moving)
        return dict(self.findings.counts)


def check(partition: Partition, snapshot: Snapshot | None = None) -> Checked:
    """Check a partition as `verify` does."""
    return asyncio.run(_check(partition, snapshot or partition.snapshot()))


async def _check(partition: Partition, snapshot: Snapshot) -> Checked:
    checked = Checked(Findings(), Truth(), Told())
    expected = Expected(0)
    walk = Walk(
        0,
        1,
        snapshot=snapshot,
        findings=checked.findings,
        truth=checked.truth,
        told=checked.told,
        expected=expected,
    )
    async for pair in paired(stream(partition.journal), stream(partition.log)):
        walk.take(pair)
    walk.end()
    for topic in PUBLIC:
        await check_topic(
            topic,
            stream(partition.public[topic]),
            expected=expected,
            truth=checked.truth,
            told=checked.told,
            findings=checked.findings,
        )
    return checked


async def stream(records: Iterable[Record]) -> AsyncIterator[Record]:
    """Yield records as a topic that is read does."""
    for record in records:
        yield record


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
