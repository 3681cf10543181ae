"""Holds the rows of the partitions that this worker owns. An older row never replaces a newer one (faust.md 9, 10).

The table's changelog is the journal itself. The agent puts rows here and passes their bytes to the journal writer.
Faust only refills the table after a rebalance, and `LeadPartition.apply` checks the records it reads.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog
from faust.stores.memory import Store

from models.codec import decode_org_record, decode_row
from rules.lead.lead_partition import LeadPartition
from rules.org.org_partition import OrgPartition
from streams.clients import cached_partition_of
from streams.patches.table_store import TableWithStore
from streams.row_file import RowFile
from streams.unreadable import StandIn

_log = structlog.get_logger(__name__)

P = TypeVar("P", LeadPartition, OrgPartition)
DROPPED_LOGGED: Final = 5
"""How many regressions are logged one by one; the rest is only counted."""


class PartitionRows(ABC, Generic[P]):
    """The state of each partition. `regressions`: records that were older than the state."""

    def __init__(self) -> None:
        self._partitions: dict[int, P] = {}
        self.regressions = 0
        self.unreadable = 0

    @abstractmethod
    def new(self, partition: int) -> P:
        """Return an empty partition."""

    def of(self, partition: int) -> P:
        """Return one partition; an empty one if none of its records was read."""
        rows = self._partitions.get(partition)
        if rows is None:
            rows = self._partitions[partition] = self.new(partition)
        return rows

    def keep_only(self, owned: Iterable[int]) -> None:
        """Remove the partitions that this worker no longer owns."""
        for partition in set(self._partitions) - set(owned):
            self.forget(self._partitions.pop(partition))

    def forget(self, partition: P) -> None:
        """Free what a partition keeps elsewhere, once this worker no longer owns it."""

    def partitions(self) -> list[P]:
        """Return the partitions that have any state."""
        return list(self._partitions.values())

    @abstractmethod
    def apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Apply one journal record, unless it is older than the current state (docs/faust.md 9)."""

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))


class LeadRows(PartitionRows[LeadPartition]):
    """The leads of each partition, filled from `lead-journal`.

    `partitions`: the number of `lead-log`'s partitions, to check that a new lead is in its own; None: no check.
    `store`: where the rows are that nobody works on; None: in memory.
    """

    def __init__(self, partitions: int | None = None, store: RowFile | None = None) -> None:
        super().__init__()
        self._store = store
        self._partition_of = (
            None if partitions is None else partial(cached_partition_of, partitions=partitions)
        )

    def new(self, partition: int) -> LeadPartition:
        """Return an empty partition."""
        return LeadPartition(partition, partition_of=self._partition_of, store=self._store)

    def forget(self, partition: LeadPartition) -> None:
        """Free the partition's rows in the store."""
        partition.rows.clear()

    def apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Apply one journal record, unless it is older: then it is a zombie's late write (faust.md 9)."""
        leads = self.of(partition)
        try:
            row = None if value is None else decode_row(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            _log.error("journal record cannot be read", partition=partition, key=key, reason=str(error))
            return
        if leads.apply(key, row, value) or row is None:
            return
        self.regressions += 1
        if self.regressions <= DROPPED_LOGGED:
            applied_offset = leads.rows[key].off
            _log.warning("older row dropped", partition=partition, key=key, off=row.off, known=applied_offset)


class OrgRows(PartitionRows[OrgPartition]):
    """The orgs of each partition, filled from `org-journal`."""

    def new(self, partition: int) -> OrgPartition:
        """Return an empty partition."""
        return OrgPartition(partition)

    def apply(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Apply one journal record, unless it is older than the current state (docs/faust.md 9)."""
        if value is None:
            self.of(partition).remove(key)
            return
        try:
            record = decode_org_record(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            _log.error("journal record cannot be read", partition=partition, key=key, reason=str(error))
            return
        self.regressions += not self.of(partition).apply(record)


class RowStore(Store[bytes, Any]):
    """Faust's interface to the rows. It only passes changelog records on."""

    rows: LeadRows | OrgRows

    def __post_init__(self) -> None:
        """Faust calls this instead of `__init__`."""
        super().__post_init__()
        self.rows = LeadRows()

    def apply_records(self, partition: int, records: Iterable[Any]) -> None:
        """Apply one partition's records, read in recovery. Our codec decodes the journal (faust.md 7)."""
        apply = self.rows.apply
        for record in records:
            value = record.value
            if isinstance(value, StandIn):
                continue  # no record for us, or an unreadable one, which is already counted and logged
            apply(partition, record.key, value)

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:  # noqa: ARG002
        """Apply events, as Faust without our patches does. The serialisers are not used."""
        for event in batch:
            self.apply_records(event.message.partition, [event.message])

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:  # noqa: ARG002
        """Remove the partitions that are not ours (docs/faust.md 10)."""
        self.rows.keep_only(tp.partition for tp in active_tps)


class OrgStore(RowStore):
    """The `RowStore` of orgs."""

    def __post_init__(self) -> None:
        """Faust calls this instead of `__init__`."""
        super().__post_init__()
        self.rows = OrgRows()


class _JournalTable(TableWithStore):
    """A Faust table whose rows are in a `RowStore`, and whose writes go through the journal writer only."""

    store_type: type[RowStore] = RowStore


class JournalTable(_JournalTable):
    """The table of the leads' rows and of what was published. `kept`: its rows, once somebody has asked for them."""

    kept: LeadRows | None = None

    def _new_store_by_url(self, url: Any) -> Any:
        store = super()._new_store_by_url(url)
        store.rows = LeadRows(self.partitions, RowFile(Path(self.app.conf.datadir)))
        return store

    @property
    def rows(self) -> LeadRows:
        """The leads by partition. Each event asks; a table's store stays, and Faust returns it in three calls."""
        if self.kept is None:
            store: Any = self.data
            self.kept = store.rows
        return self.kept


class OrgTable(_JournalTable):
    """The table of the orgs."""

    store_type = OrgStore

    @property
    def rows(self) -> OrgRows:
        """The orgs by partition."""
        store: Any = self.data
        rows: OrgRows = store.rows
        return rows
