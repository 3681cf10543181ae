"""Stores how vendors' posts are read, and the answers that repeated posts get again."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, delete, func, select, update

from web.store.hashes import hash_of
from web.store.store import Store
from web.store.tables import VendorFileMappingTable, VendorMappingTable, VendorPostTable

KEPT_FOR: Final = timedelta(hours=24)
"""How long an answer is kept for a repeat."""
MAX_KEPT: Final = 100_000
"""The most posts of a key that are kept. At the bound the oldest tenth is forgotten."""


MappingTable = type[VendorMappingTable] | type[VendorFileMappingTable]


class Mappings(Store):
    """The mappings of all orgs' vendors. Blocking: call it from a thread.

    `table`: those for posts, or those for uploaded files.
    """

    def __init__(self, engine: Engine, table: MappingTable = VendorMappingTable) -> None:
        super().__init__(engine)
        self._table = table

    def find(self, org: str, vendor: str) -> dict[str, Any] | None:
        """Return a vendor's mapping, None if it has none."""
        table = self._table
        query = select(table.value).where(table.org == org, table.vendor == vendor)
        with self.reading() as connection:
            return connection.scalar(query)

    def all(self, org: str) -> dict[str, dict[str, Any]]:
        """Return an org's mappings by vendor."""
        table = self._table
        query = select(table.vendor, table.value).where(table.org == org)
        with self.reading() as connection:
            return {row.vendor: row.value for row in connection.execute(query)}

    def put(self, org: str, vendor: str, value: dict[str, Any], *, by: str) -> None:
        """Keep a vendor's mapping in the place of its former one."""
        values = {"value": value, "updated_by": by, "updated_at": datetime.now(UTC)}
        row = self.insert(self._table).values(org=org, vendor=vendor, **values)
        with self.writing() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["org", "vendor"], set_=values))

    def remove(self, org: str, vendor: str) -> bool:
        """Remove a vendor's mapping; return whether there was one."""
        table = self._table
        conditions = (table.org == org, table.vendor == vendor)
        with self.writing() as connection:
            return bool(connection.execute(delete(table).where(*conditions)).rowcount)


class KeptAnswer(msgspec.Struct, frozen=True):
    """What is kept of an earlier post. `same`: it had the same bytes. `status`, `answer`: None without an answer."""

    same: bool
    status: int | None
    answer: str | None


class VendorPosts(Store):
    """Posts with an `Idempotency-Key`. Blocking: call it from a thread."""

    def begin(self, key_id: str, idempotency_key: str, body_hash: str) -> KeptAnswer | None:
        """Note that a post begins. Return what is kept of an earlier one with the same key, None for a new one."""
        table, now = VendorPostTable, datetime.now(UTC)
        name = hash_of(idempotency_key)
        row = self.insert(table).values(key_id=key_id, idempotency_key=name, body_hash=body_hash, at=now)
        conditions = (table.key_id == key_id, table.idempotency_key == name)
        with self.writing() as connection:
            connection.execute(delete(table).where(table.at < now - KEPT_FOR))
            if connection.execute(row.on_conflict_do_nothing()).rowcount:
                self._forget_oldest(connection, key_id)
                return None
            stored = connection.execute(
                select(table.body_hash, table.status, table.answer).where(*conditions)
            ).one()
        return KeptAnswer(stored.body_hash == body_hash, stored.status, stored.answer)

    def end(self, key_id: str, idempotency_key: str, status: int, answer: str) -> None:
        """Keep the answer of a post."""
        table = VendorPostTable
        conditions = (table.key_id == key_id, table.idempotency_key == hash_of(idempotency_key))
        with self.writing() as connection:
            connection.execute(update(table).where(*conditions).values(status=status, answer=answer))

    def _forget_oldest(self, connection: Any, key_id: str) -> None:
        table = VendorPostTable
        of_key = table.key_id == key_id
        if (connection.scalar(select(func.count()).where(of_key)) or 0) <= MAX_KEPT:
            return
        other = table.__table__.alias("other")
        of_others = select(other.c.at).where(other.c.key_id == key_id)
        oldest = of_others.order_by(other.c.at).offset(MAX_KEPT // 10).limit(1)
        connection.execute(delete(table).where(of_key, table.at < oldest.scalar_subquery()))
