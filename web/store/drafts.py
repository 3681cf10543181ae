"""Stores drafts of queues, and their published versions. A save replaces only the revision that its writer saw (Q6)."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from models.errors import FirstclaimError
from web.store.store import Store
from web.store.tables import QueueDraftTable, QueueHistoryTable


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A saved draft of a queue. `based_on`: the published version it started from; `revision`: identifies this save."""

    queue_id: str
    value: dict[str, Any]
    based_on: int | None
    revision: str
    updated_by: str
    updated_at: datetime


class PublishedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A published version of a queue. `value` None: the queue was removed. `draft`: the draft revision it came from."""

    queue_id: str
    version: int
    value: dict[str, Any] | None
    draft: str | None
    published_by: str
    published_at: datetime


class DraftConflictError(FirstclaimError):  # names what happened to the edit
    """Raised if somebody saved or published in between. `now`: the current draft, None if there is none."""

    def __init__(self, now: Draft | None) -> None:
        super().__init__("somebody else has changed it")
        self.now = now


class Drafts(Store):
    """Drafts and histories of all orgs. Blocking: call it from a thread. Raises `RetryableError` without a database."""

    def find(self, org: str, queue_id: str) -> Draft | None:
        """Return a queue's draft, None if there is none."""
        with self.reading() as connection:
            return _draft(connection, org, queue_id)

    def all(self, org: str) -> dict[str, Draft]:
        """Return an org's drafts by queue id."""
        table = QueueDraftTable
        query = select(*table.__table__.columns).where(table.org == org).order_by(table.queue_id)
        with self.reading() as connection:
            return {row.queue_id: _as_draft(row) for row in connection.execute(query)}

    def save(
        self,
        org: str,
        queue_id: str,
        value: Mapping[str, Any],
        *,
        based_on: int | None,
        by: str,
        revision: str | None,
    ) -> Draft:
        """Save over the draft of `revision`, None for none. Raises `DraftConflictError` if another is stored."""
        draft = Draft(
            queue_id=queue_id,
            value=dict(value),
            based_on=based_on,
            revision=secrets.token_hex(8),
            updated_by=by,
            updated_at=datetime.now(UTC),
        )
        with self.writing() as connection:
            if revision is not None:
                self._take(connection, org, queue_id, revision)
            values = {"org": org, **msgspec.structs.asdict(draft)}
            added = self.insert(QueueDraftTable).values(values).on_conflict_do_nothing()
            if connection.execute(added.returning(QueueDraftTable.revision)).first() is None:
                raise DraftConflictError(_draft(connection, org, queue_id))
        return draft

    def discard(self, org: str, queue_id: str, revision: str) -> None:
        """Delete the draft of `revision`. Raises `DraftConflictError` if there is none or another."""
        with self.writing() as connection:
            self._take(connection, org, queue_id, revision)

    def published(
        self,
        org: str,
        queue_id: str,
        version: int,
        value: Mapping[str, Any] | None,
        *,
        by: str,
        revision: str | None,
    ) -> None:
        """Record a publication, and delete the draft it came from. A draft that was saved in the meantime stays."""
        edition = {
            "org": org,
            "queue_id": queue_id,
            "version": version,
            "value": value,
            "draft": revision,
            "published_by": by,
            "published_at": datetime.now(UTC),
        }
        table = QueueDraftTable
        with self.writing() as connection:
            connection.execute(insert(QueueHistoryTable).values(edition))
            if revision is not None:
                connection.execute(
                    delete(table).where(
                        table.org == org, table.queue_id == queue_id, table.revision == revision
                    )
                )

    def history(self, org: str, queue_id: str, *, limit: int = 100) -> list[PublishedVersion]:
        """Return the publications of a queue, newest first."""
        table = QueueHistoryTable
        query = (
            select(*table.__table__.columns)
            .where(table.org == org, table.queue_id == queue_id)
            .order_by(table.version.desc())
            .limit(limit)
        )
        with self.reading() as connection:
            return [
                PublishedVersion(
                    queue_id=row.queue_id,
                    version=row.version,
                    value=row.value,
                    draft=row.draft,
                    published_by=row.published_by,
                    published_at=row.published_at,
                )
                for row in connection.execute(query)
            ]

    def _take(self, connection: Connection, org: str, queue_id: str, revision: str) -> None:
        table = QueueDraftTable
        deleted = connection.execute(
            delete(table).where(table.org == org, table.queue_id == queue_id, table.revision == revision)
        )
        if deleted.rowcount == 0:
            raise DraftConflictError(_draft(connection, org, queue_id))


def _draft(connection: Connection, org: str, queue_id: str) -> Draft | None:
    table = QueueDraftTable
    query = select(*table.__table__.columns).where(table.org == org, table.queue_id == queue_id)
    row = connection.execute(query).first()
    return None if row is None else _as_draft(row)


def _as_draft(row: Any) -> Draft:
    return Draft(
        queue_id=row.queue_id,
        value=row.value,
        based_on=row.based_on,
        revision=row.revision,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )
