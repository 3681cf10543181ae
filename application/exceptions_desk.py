"""The exceptions desk as the CRM database has it: the leads nobody could be given, with the columns of E2."""

import sys
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import inspect

from models.errors import RuntimeFailure
from sink.db_errors import translated
from sink.engine import connect
from sink.queries import exceptions, exceptions_by_status
from sink.tables import LeadExceptionTable
from streams.settings import Settings

COLUMNS: Final = {
    "lead_id": "lead",
    "prospect_name": "prospect name",
    "campaign": "campaign",
    "description": "description",
    "distribution": "distribution",
    "vendor": "lead provider",
    "loan_purpose": "loan purpose type",
    "loan_amount": "loan amount",
    "state": "state",
    "reason": "failure reason",
    "created_at": "create date",
    "status": "status",
}
"""A row's columns as they are shown, in the order of E2."""
_WHAT: Final = "CRM database"
_UNBOUNDED: Final = 1_000
"""Characters of a line that nobody's terminal breaks."""


def read_exceptions(settings: Settings, org: str, *, show_ignored: bool, limit: int) -> dict[str, Any]:
    """Return {open, ignored, exceptions}: how many there are, and the oldest so many, ignored ones last (E4).

    Raises `RuntimeFailure` where the database is away or no sink has set it up.
    """
    with translated(_WHAT):
        engine = connect(settings.database_url)
        try:
            with engine.connect() as connection:
                if not inspect(connection).has_table(LeadExceptionTable.__tablename__):
                    raise RuntimeFailure(_WHAT, "it has no exceptions yet: no sink has run on it")
                counts = exceptions_by_status(connection, org)
                rows = exceptions(connection, org, show_ignored=show_ignored, limit=limit)
        finally:
            engine.dispose()
    return {"open": counts.get("open", 0), "ignored": counts.get("ignored", 0), "exceptions": rows}


def print_exceptions(seen: dict[str, Any]) -> None:
    """Print the desk as a table; into a file or a pipe, unbroken."""
    out = Console(width=None if sys.stdout.isatty() else _UNBOUNDED)
    rows = seen["exceptions"]
    if rows:
        table = Table(*COLUMNS.values(), box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(_shown(name, row[name])) for name in COLUMNS))
        out.print(table)
    more = seen["open"] + seen["ignored"] - len(rows)
    out.print(f"{seen['open']} open, {seen['ignored']} ignored" + (f"; {more} not shown" if more else ""))


def _shown(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "created_at":
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,.0f}" if column == "loan_amount" else str(value)
