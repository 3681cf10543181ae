"""Reads the exceptions desk from the CRM database and prints it with the columns of E2."""

import sys
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import inspect

from models.errors import RuntimeFailure
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.queries import exceptions, exceptions_by_status
from sink.tables import LeadExceptionTable
from streams.settings import Settings

COLUMNS: Final = {
    "lead_id": "Lead",
    "prospect_name": "Prospect name",
    "campaign": "Campaign",
    "description": "Description",
    "distribution": "Distribution",
    "vendor": "Lead provider",
    "loan_purpose": "Loan purpose type",
    "loan_amount": "Loan amount",
    "state": "State",
    "reason": "Failure reason",
    "created_at": "Create date",
    "status": "Status",
}
"""The columns that are shown, in the order of E2."""
_WORD_COLUMNS: Final = frozenset({"distribution", "loan_purpose", "reason", "status"})
"""Columns whose values are words of the contract, printed with spaces."""
_DATABASE: Final = "CRM database"
_UNBOUNDED: Final = 1_000
"""A line width that no terminal reaches, for output that is not wrapped."""


def read_exceptions(settings: Settings, org: str, *, show_ignored: bool, limit: int) -> dict[str, Any]:
    """Return {open, ignored, exceptions}: two counts, and the oldest `limit` rows, ignored ones last (E4).

    Raises `RuntimeFailure` where the database is unreachable or no sink has set it up.
    """
    with translated_errors(_DATABASE):
        engine = connect(settings.database_url)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table(LeadExceptionTable.__tablename__):
                    raise RuntimeFailure(_DATABASE, "it has no exceptions yet, because no sink has run on it")
                counts = exceptions_by_status(connection, org)
                rows = exceptions(connection, org, show_ignored=show_ignored, limit=limit)
        finally:
            engine.dispose()
    return {"open": counts.get("open", 0), "ignored": counts.get("ignored", 0), "exceptions": rows}


def print_exceptions(desk: dict[str, Any]) -> None:
    """Print the desk as a table. In a file or a pipe, lines are not wrapped."""
    console = Console(width=None if sys.stdout.isatty() else _UNBOUNDED)
    rows = desk["exceptions"]
    if rows:
        table = Table(*COLUMNS.values(), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(_cell_text(name, row[name])) for name in COLUMNS))
        console.print(table)
    hidden_count = desk["open"] + desk["ignored"] - len(rows)
    hidden = f" Not shown: {hidden_count:,}." if hidden_count else ""
    console.print(f"Open: {desk['open']:,}. Ignored: {desk['ignored']:,}.{hidden}")


def _cell_text(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "created_at":
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if column == "loan_amount":
        return f"{value:,.0f}"
    return str(value).replace("_", " ") if column in _WORD_COLUMNS else str(value)
