"""Stores each person's preferences, by name."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select

from models.errors import FirstclaimError
from web.store.store import Store
from web.store.tables import PreferenceTable

MOST: Final = 100
"""The most preferences of one person."""


class TooMany(FirstclaimError):  # noqa: N818  # names the condition
    """Raised if the person already has `MOST` preferences."""


class Preferences(Store):
    """The preferences of all people. Blocking: call it from a thread."""

    def get(self, org: str, rep_id: str, name: str) -> dict[str, Any]:
        """Return a preference; empty if it was never set."""
        table = PreferenceTable
        query = select(table.value).where(table.org == org, table.rep_id == rep_id, table.name == name)
        with self.reading() as connection:
            return connection.scalar(query) or {}

    def put(self, org: str, rep_id: str, name: str, value: dict[str, Any]) -> None:
        """Store a preference. Raises `TooMany` if the person has `MOST` others already."""
        kept = {"value": value, "updated_at": datetime.now(UTC)}
        statement = self.insert(PreferenceTable).values(org=org, rep_id=rep_id, name=name, **kept)
        others = select(func.count()).where(
            PreferenceTable.org == org, PreferenceTable.rep_id == rep_id, PreferenceTable.name != name
        )
        with self.writing() as connection:
            if (connection.scalar(others) or 0) >= MOST:
                raise TooMany(f"you have {MOST} preferences already")
            connection.execute(
                statement.on_conflict_do_update(index_elements=["org", "rep_id", "name"], set_=kept)
            )
