"""What people chose to see, each under a name, kept with the person and not with the browser."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from web.store.store import Store
from web.store.tables import PreferenceTable


class Preferences(Store):
    """Preferences of all people. Blocking; the web asks from a thread."""

    def get(self, org: str, rep_id: str, name: str) -> dict[str, Any]:
        """Return what somebody chose, empty where nothing was."""
        table = PreferenceTable
        query = select(table.value).where(table.org == org, table.rep_id == rep_id, table.name == name)
        with self.reading() as connection:
            return connection.scalar(query) or {}

    def put(self, org: str, rep_id: str, name: str, value: dict[str, Any]) -> None:
        """Keep what somebody chose."""
        kept = {"value": value, "updated_at": datetime.now(UTC)}
        statement = self.insert(PreferenceTable).values(org=org, rep_id=rep_id, name=name, **kept)
        with self.writing() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["org", "rep_id", "name"], set_=kept)
            )
