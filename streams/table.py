"""The rows of the partitions we own, by partition. An older row never replaces a newer one (faust.md 9, 10).

The table's changelog is the journal itself. The agent puts rows here and hands their bytes to the journal writer;
Faust only fills the table again after a rebalance, and what it reads passes the guard in `Rows.apply`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import structlog
from faust.stores.memory import Store

from models.codec import decode_org_record, decode_row
from models.lead import DirectoryRow, LeadRow
from rules.org.org_partition import OrgPartition
from streams.patches.table_store import TableWithStore
from streams.unreadable import StandIn

_log = structlog.get_logger(__name__)

Row = LeadRow | DirectoryRow
DROPPED_LOGGED: Final = 5
"""Regressions named one by one in each recovery; the rest is counted."""


class Rows:
    """partition -> key -> row. Keys are as in the journal: a lead's id, or `models.codec.directory_key`."""

    def __init__(self) -> None:
        self._partitions: dict[int, dict[bytes, Row]] = {}
        self.regressions = 0
        self.unreadable = 0

    def of(self, partition: int) -> dict[bytes, Row]:
        """Return the rows of one partition, to read and to write."""
        rows = self._partitions.get(partition)
        if rows is None:
            rows = self._partitions[partition] = {}
        return rows

    def apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Take one journal record, unless it is older than what is here: then a zombie wrote it late (faust.md 9)."""
        rows = self.of(partition)
        if value is None:
            rows.pop(key, None)
            return
        try:
            row = decode_row(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            _log.error("journal record cannot be read", partition=partition, key=key, reason=str(error))
            return
        known = rows.get(key)
        if known is not None and row.off < known.off:
            self.regressions += 1
            if self.regressions <= DROPPED_LOGGED:
                _log.warning("older row dropped", partition=partition, key=key, off=row.off, known=known.off)
            return
        rows[key] = row

    def keep_only(self, owned: Iterable[int]) -> None:
        """Forget the partitions that are not ours any more."""
        for partition in set(self._partitions) - set(owned):
            del self._partitions[partition]

    def partitions(self) -> Iterator[tuple[int, dict[bytes, Row]]]:
        """Iterate over the partitions that have rows."""
        yield from list(self._partitions.items())

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))


class OrgRows:
    """partition -> its orgs (`rules.org.org_partition`), filled from `org-journal`."""

    def __init__(self) -> None:
        self._partitions: dict[int, OrgPartition] = {}
        self.regressions = 0
        self.unreadable = 0

    def of(self, partition: int) -> OrgPartition:
        """Return the orgs of one partition."""
        offices = self._partitions.get(partition)
        if offices is None:
            offices = self._partitions[partition] = OrgPartition(partition)
        return offices

    def apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Take one journal record, unless it is older than what is here (docs/faust.md 9)."""
        try:
            record = decode_org_record(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            _log.error("journal record cannot be read", partition=partition, key=key, reason=str(error))
            return
        self.regressions += not self.of(partition).apply(record)

    def keep_only(self, owned: Iterable[int]) -> None:
        """Forget the partitions that are not ours any more."""
        for partition in set(self._partitions) - set(owned):
            del self._partitions[partition]

    def partitions(self) -> Iterator[tuple[int, OrgPartition]]:
        """Iterate over the partitions that have orgs."""
        yield from list(self._partitions.items())

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))


class RowStore(Store[bytes, Any]):
    """Faust's view of the rows: all it does is to hand changelog records over."""

    rows: Rows | OrgRows

    def __post_init__(self) -> None:
        """Faust calls this instead of `__init__`."""
        super().__post_init__()
        self.rows = Rows()

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:  # noqa: ARG002
        """Apply records read in recovery. The serialisers are not used: the journal's bytes are ours (faust.md 7)."""
        apply = self.rows.apply
        for event in batch:
            message = event.message
            if isinstance(message.value, StandIn):
                continue  # nothing is there for us, or it cannot be read: then it is counted and logged
            apply(message.partition, message.key, message.value)

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:  # noqa: ARG002
        """Purge what is not ours (docs/faust.md 10)."""
        self.rows.keep_only(tp.partition for tp in active_tps)


class OrgStore(RowStore):
    """The same for orgs."""

    def __post_init__(self) -> None:
        """Faust calls this instead of `__init__`."""
        super().__post_init__()
        self.rows = OrgRows()


class _JournalTable(TableWithStore):
    """A Faust table whose rows live in a `RowStore` and whose writes go through the journal writer only."""

    store_type: type[RowStore] = RowStore


class JournalTable(_JournalTable):
    """The rows of leads and of what was published."""

    @property
    def rows(self) -> Rows:
        """The rows by partition."""
        store: Any = self.data
        rows: Rows = store.rows
        return rows


class OrgTable(_JournalTable):
    """The orgs."""

    store_type = OrgStore

    @property
    def rows(self) -> OrgRows:
        """The orgs by partition."""
        store: Any = self.data
        rows: OrgRows = store.rows
        return rows
