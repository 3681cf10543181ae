"""Stores the audit in the console's database: the outbox of acts that Kafka does not have yet, and the topic's index.

The topic is the audit. The outbox holds an act from before it begins until Kafka has its record. The index makes the
topic's records findable by person, act and day; it is filled from the topic and can be rebuilt from it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from models.audit import AuditRecord
from models.errors import RetryableError
from web.store.store import Store
from web.store.tables import AuditEntryTable, AuditOffsetTable, AuditOutboxTable

MAX_WAITING: Final = 100_000
"""The most acts in the outbox. One more is refused: nothing may be done unrecorded."""
MAX_LATEST: Final = 20_000
"""The most actors, or objects with their actors, of which the last act is returned."""
STALE: Final = timedelta(minutes=10)
"""After so long an act that has neither ended nor failed counts as one whose console was killed."""
_SQL_ITEMS: Final = 400
"""How many ids one statement names."""


class Write(msgspec.Struct, frozen=True):
    """One change of the outbox. `record` None: forget the act, because it was refused.

    `ready`: the act has ended, so its record may be sent. `begins`: the act is not in the outbox yet.
    """

    audit_id: str
    record: AuditRecord | None
    ready: bool
    begins: bool


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: of an org, optionally of one actor, act, object, and of a time from `since` to before `until`."""

    org: str
    actor: str | None = None
    act: str | None = None
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditOutbox(Store):
    """The acts that Kafka does not have yet. Blocking: call it from a thread."""

    def write(self, changes: Sequence[Write]) -> None:
        """Write changes in one transaction. Raises `RetryableError` if the outbox is full."""
        table = AuditOutboxTable
        with self.writing() as connection:
            new = sum(change.begins for change in changes)
            if new and (waiting := self._waiting(connection)) + new > MAX_WAITING:
                reason = f"{waiting:,} acts wait for Kafka already, and nothing more is done unrecorded"
                raise RetryableError("audit", reason)
            for change in changes:
                of_it = table.audit_id == change.audit_id
                if change.record is None:
                    connection.execute(delete(table).where(of_it))
                    continue
                values = {
                    "ready": int(change.ready),
                    "at": change.record.at,
                    "record": text_of(change.record),
                }
                if connection.execute(update(table).where(of_it).values(values)).rowcount == 0:
                    connection.execute(insert(table).values(audit_id=change.audit_id, **values))

    def ready(self, limit: int) -> list[AuditRecord]:
        """Return the oldest records that may be sent."""
        table = AuditOutboxTable
        query = select(table.record).where(table.ready == 1).order_by(table.at, table.audit_id).limit(limit)
        with self.reading() as connection:
            return [record_of(text) for text in connection.scalars(query)]

    def sent(self, audit_ids: Collection[str]) -> None:
        """Remove records that Kafka has."""
        ids = sorted(audit_ids)
        with self.writing() as connection:
            for at in range(0, len(ids), _SQL_ITEMS):
                condition = AuditOutboxTable.audit_id.in_(ids[at : at + _SQL_ITEMS])
                connection.execute(delete(AuditOutboxTable).where(condition))

    def settle_stale(self, now: datetime) -> int:
        """Mark acts whose console was killed as ready to be sent, with the outcome `unknown`. Return how many."""
        table = AuditOutboxTable
        stale = select(table.record).where(table.ready == 0, table.at < now - STALE)
        old = stale.order_by(table.at, table.audit_id).limit(_SQL_ITEMS)
        with self.writing() as connection:
            records = [record_of(text) for text in connection.scalars(old)]
            for record in records:
                unknown = msgspec.structs.replace(record, outcome="unknown")
                condition = (table.audit_id == record.audit_id, table.ready == 0)
                connection.execute(update(table).where(*condition).values(ready=1, record=text_of(unknown)))
        return len(records)

    def waiting(self) -> int:
        """Return how many acts are in the outbox, at most one more than its bound."""
        with self.reading() as connection:
            return self._waiting(connection)

    def _waiting(self, connection: Connection) -> int:
        rows = select(AuditOutboxTable.audit_id).limit(MAX_WAITING + 1).subquery()
        return connection.scalar(select(func.count()).select_from(rows)) or 0


class AuditIndex(Store):
    """The entries of the topic, newest first. Blocking: call it from a thread."""

    def take(self, records: Sequence[AuditRecord], positions: Mapping[int, int]) -> None:
        """Store records, and the next offset to read of each partition. A known record stays as it is."""
        with self.writing() as connection:
            for record in records:
                values = {
                    "audit_id": record.audit_id,
                    "org": record.org,
                    "at": record.at,
                    "actor": record.actor,
                    "act": record.act,
                    "object": record.object,
                    "record": text_of(record),
                }
                connection.execute(self.insert(AuditEntryTable).values(values).on_conflict_do_nothing())
            for partition, offset in positions.items():
                insert = self.insert(AuditOffsetTable).values(partition=partition, next_offset=offset)
                newer = insert.on_conflict_do_update(
                    index_elements=["partition"], set_={"next_offset": insert.excluded.next_offset}
                )
                connection.execute(newer)

    def next_offsets(self) -> dict[int, int]:
        """Return the next offset to read of each partition."""
        query = select(AuditOffsetTable.partition, AuditOffsetTable.next_offset)
        with self.reading() as connection:
            return {row.partition: row.next_offset for row in connection.execute(query)}

    def read_again(self) -> None:
        """Forget how far the topic was read: it has other offsets now. Entries that are there stay as they are."""
        with self.writing() as connection:
            connection.execute(delete(AuditOffsetTable))

    def forget_before(self, at: datetime) -> None:
        """Remove entries that the topic does not keep any longer."""
        with self.writing() as connection:
            connection.execute(delete(AuditEntryTable).where(AuditEntryTable.at < at))

    def latest(
        self, org: str, acts: Collection[str], by: Literal["actor", "object"]
    ) -> dict[str, tuple[datetime, str]]:
        """Return for each actor, or object, when one of these acts was last done and by whom. At most `MAX_LATEST`."""
        table = AuditEntryTable
        of_it = table.actor if by == "actor" else table.object
        query = (
            select(of_it, table.actor, func.max(table.at))
            .where(table.org == org, table.act.in_(sorted(acts)))
            .group_by(of_it, table.actor)
            .order_by(func.max(table.at).desc(), of_it, table.actor)
            .limit(MAX_LATEST)
        )
        newest: dict[str, tuple[datetime, str]] = {}
        with self.reading() as connection:
            for name, actor, at in connection.execute(query):
                newest.setdefault(name, (at, actor))
        return newest

    def find(
        self,
        audit_filter: AuditFilter,
        *,
        limit: int,
        after: tuple[datetime, str] | None = None,
        acts: Collection[str] = (),
    ) -> list[AuditRecord]:
        """Return entries, newest first.

        `after`: time and id of the last entry of the page before. `acts`: only these.
        """
        table = AuditEntryTable
        query = select(table.record).where(*_conditions(audit_filter))
        if acts:
            query = query.where(table.act.in_(sorted(acts)))
        if after is not None:
            at, audit_id = after
            query = query.where(or_(table.at < at, and_(table.at == at, table.audit_id < audit_id)))
        query = query.order_by(table.at.desc(), table.audit_id.desc()).limit(limit)
        with self.reading() as connection:
            return [record_of(text) for text in connection.scalars(query)]

    def actors(self, org: str, limit: int) -> list[str]:
        """Return who has entries in an org, by name."""
        table = AuditEntryTable
        query = select(table.actor).where(table.org == org).distinct().order_by(table.actor).limit(limit)
        with self.reading() as connection:
            return list(connection.scalars(query))


def text_of(record: AuditRecord) -> str:
    """Return a record as it is written to the topic."""
    return msgspec.json.encode(record).decode()


def record_of(text: str | bytes) -> AuditRecord:
    """Return the record of a text. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(text, type=AuditRecord)


def _conditions(audit_filter: AuditFilter) -> list[Any]:
    table = AuditEntryTable
    conditions: list[Any] = [table.org == audit_filter.org]
    conditions += [
        getattr(table, name) == value
        for name in ("actor", "act", "object")
        if (value := getattr(audit_filter, name))
    ]
    if audit_filter.since is not None:
        conditions.append(table.at >= audit_filter.since)
    if audit_filter.until is not None:
        conditions.append(table.at < audit_filter.until)
    return conditions
