"""Reads the leads that reps have open from the CRM database, and prints them (M6)."""

import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import inspect

from models.errors import RuntimeFailure
from models.facts import Facts
from rules.queues.columns import name_of
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.open_locks import open_locks
from sink.tables import LeadTable
from streams.settings import Settings

COLUMNS: Final = {
    "lead_id": "Lead",
    "name": "Prospect name",
    "rep_id": "Open by",
    "since": "Since",
    "until": "Until",
}
_DATABASE: Final = "CRM database"
_UNBOUNDED: Final = 1_000
"""A line width that no terminal reaches, for output that is not wrapped."""


def read_locks(settings: Settings, org: str, *, limit: int) -> dict[str, Any]:
    """Return {total, locks}: how many leads reps have open, and the first `limit` of them, the oldest end first.

    Raises `RuntimeFailure` where the database is unreachable or no sink has set it up.
    """
    with translated_errors(_DATABASE):
        engine = connect(settings.database_url)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table(LeadTable.__tablename__):
                    raise RuntimeFailure(_DATABASE, "it has no leads yet, because no sink has run on it")
                rows, total = open_locks(connection, org, datetime.now(UTC), limit=limit)
        finally:
            engine.dispose()
    locks = [{**row, "name": name_of(msgspec.convert(row.pop("facts"), Facts))} for row in rows]
    return {"total": total, "locks": locks}


def print_locks(listing: dict[str, Any]) -> None:
    """Print the locks as a table. In a file or a pipe, lines are not wrapped."""
    console = Console(width=None if sys.stdout.isatty() else _UNBOUNDED)
    rows = listing["locks"]
    if rows:
        table = Table(*COLUMNS.values(), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(_cell_text(row[name])) for name in COLUMNS))
        console.print(table)
    hidden_count = listing["total"] - len(rows)
    console.print(f"Open: {listing['total']:,}." + (f" Not shown: {hidden_count:,}." if hidden_count else ""))


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)
