"""Stores each person's preferences, by name."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from models.errors import FirstclaimError
from web.store.store import Store
from web.store.tables import PreferenceTable

MAX_PREFERENCES: Final = 100
"""The most preferences of one person."""


class TooMany(FirstclaimError):  # noqa: N818  # names the condition
    """Raised if the person already has `MAX_PREFERENCES` preferences."""


class TooLarge(FirstclaimError):  # noqa: N818  # names the condition
    """Raised if a preference would have too many bytes."""


class Preferences(Store):
    """The preferences of all people. Blocking: call it from a thread."""

    def get(self, org: str, rep_id: str, name: str) -> dict[str, Any]:
        """Return a preference; empty if it was never set."""
        table = PreferenceTable
        query = select(table.value).where(table.org == org, table.rep_id == rep_id, table.name == name)
        with self.reading() as connection:
            return connection.scalar(query) or {}

    def put(self, org: str, rep_id: str, name: str, value: dict[str, Any]) -> None:
        """Store a preference. Raises `TooMany` if the person has `MAX_PREFERENCES` others already."""
        with self.writing() as connection:
            self._put(connection, org, rep_id, name, value)

    def change(
        self, org: str, rep_id: str, name: str, changes: dict[str, Any], *, most_bytes: int
    ) -> dict[str, Any]:
        """Replace some members of a preference, and remove those that are None. Return the whole preference.

        So two browsers that change different members at once keep both. Raises `TooMany` as `put` does, and `TooLarge`
        if the whole would have more than `most_bytes`.
        """
        table = PreferenceTable
        its = (table.org == org, table.rep_id == rep_id, table.name == name)
        empty = {"value": {}, "updated_at": datetime.now(UTC)}
        with self.writing() as connection:
            # The row must be there to be locked: two first changes at once would else both begin with nothing.
            first = self.insert(table).values(org=org, rep_id=rep_id, name=name, **empty)
            connection.execute(first.on_conflict_do_nothing())
            before = connection.scalar(select(table.value).where(*its).with_for_update()) or {}
            merged = {key: value for key, value in before.items() if key not in changes}
            # What was changed last stands last.
            merged |= {key: value for key, value in changes.items() if value is not None}
            if len(msgspec.json.encode(merged)) > most_bytes:
                raise TooLarge(f"the preference {name} has at most {most_bytes} bytes")
            self._put(connection, org, rep_id, name, merged)
        return merged

    def _put(self, connection: Connection, org: str, rep_id: str, name: str, value: dict[str, Any]) -> None:
        values = {"value": value, "updated_at": datetime.now(UTC)}
        statement = self.insert(PreferenceTable).values(org=org, rep_id=rep_id, name=name, **values)
        others = select(func.count()).where(
            PreferenceTable.org == org, PreferenceTable.rep_id == rep_id, PreferenceTable.name != name
        )
        if (connection.scalar(others) or 0) >= MAX_PREFERENCES:
            raise TooMany(f"you have {MAX_PREFERENCES} preferences already")
        connection.execute(
            statement.on_conflict_do_update(index_elements=["org", "rep_id", "name"], set_=values)
        )
