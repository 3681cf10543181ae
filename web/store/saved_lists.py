"""Stores the saved filters of lists: a person's own, and those that are shared with the org."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, or_, select

from models.errors import FirstclaimError
from web.store.store import Store
from web.store.tables import SavedListTable

MAX_FILTERS: Final = 100
"""The most saved filters of one person."""


class SavedList(msgspec.Struct, frozen=True, kw_only=True):
    """A saved filter. `query`: filters and order as the list's address has them. `columns`: their names, in order."""

    saved_id: str
    list_name: str
    rep_id: str
    shared: bool
    value: dict[str, Any]
    updated_at: datetime


class TooManySavedError(FirstclaimError):
    """Raised if the person already has `MAX_FILTERS` saved filters."""


class SavedLists(Store):
    """The saved filters of all people. Blocking: call it from a thread."""

    def of(self, org: str, rep_id: str, list_name: str) -> list[SavedList]:
        """Return the filters of a list that a person may use, by name: the own ones and the shared ones."""
        table = SavedListTable
        query = select(*_COLUMNS).where(
            table.org == org, table.list_name == list_name, or_(table.rep_id == rep_id, table.shared)
        )
        with self.reading() as connection:
            saved_lists = [SavedList(**row) for row in connection.execute(query).mappings()]
        return sorted(saved_lists, key=lambda saved: (str(saved.value["name"]).casefold(), saved.saved_id))

    def find(self, org: str, saved_id: str) -> SavedList | None:
        """Return a saved filter of an org, None if there is none with that id."""
        query = select(*_COLUMNS).where(SavedListTable.org == org, SavedListTable.saved_id == saved_id)
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else SavedList(**row)

    def put(self, org: str, saved: SavedList) -> SavedList:
        """Store a filter in place of the one with its id. Raises `TooManySavedError`."""
        table = SavedListTable
        values = msgspec.structs.asdict(saved) | {"updated_at": datetime.now(UTC)}
        others = select(func.count()).where(
            table.org == org, table.rep_id == saved.rep_id, table.saved_id != saved.saved_id
        )
        with self.writing() as connection:
            if (connection.scalar(others) or 0) >= MAX_FILTERS:
                raise TooManySavedError(f"you have saved {MAX_FILTERS} already; delete one first")
            statement = self.insert(table).values(org=org, **values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["org", "saved_id"], set_=values)
            )
        return SavedList(**values)

    def remove(self, org: str, saved_id: str) -> None:
        """Delete a filter. One that does not exist stays so."""
        table = SavedListTable
        with self.writing() as connection:
            connection.execute(delete(table).where(table.org == org, table.saved_id == saved_id))


_COLUMNS: Final[tuple[Any, ...]] = (
    SavedListTable.saved_id,
    SavedListTable.list_name,
    SavedListTable.rep_id,
    SavedListTable.shared,
    SavedListTable.value,
    SavedListTable.updated_at,
)
