"""Writes the report of an uploaded file, a line for each row, and the mapping that a person chose for its columns."""

import csv
import io
from typing import Any, Final

from application.importing.forecast import RowFate
from application.importing.import_rows import ImportRow
from application.importing.mapping import Mapping
from models.field_names import FULL_NAME
from web.services.spreadsheet_text import defused_text
from web.services.vendor_posts import remarks_of

HEADER: Final = ("line", "external_id", "lead_id", "fate", "reason", "remarks", "answer")
_WHOLE_NAME: Final = "first_name, last_name"
NOT_KNOWN: Final = "not known yet"
"""The answer where the engine has not answered by the end of the upload, or has turned an erased person away."""
ATTRIBUTE: Final = "attribute"
UNREAD: Final = "unread"


def value_of(choices: dict[str, str], vendor: str, stored: dict[str, Any] | None) -> dict[str, Any]:
    """Return the mapping of a person's choices: column -> a field, `attribute`, or `unread`.

    A field that the kept mapping reads from the same column keeps its further keys, such as a date's format. Of several
    columns for a field the first that is not empty counts. Raises `InvalidInput` for a field that does not exist.
    """
    fields: dict[str, list[str]] = {}
    for column, choice in choices.items():
        if choice not in (ATTRIBUTE, UNREAD):
            fields.setdefault(FULL_NAME if choice == _WHOLE_NAME else choice, []).append(column)
    value: dict[str, Any] = {}
    for field, columns in fields.items():
        former = (stored or {}).get(field)
        same = isinstance(former, dict) and former.get("column") in (columns, columns[0])
        value[field] = {**(former if same and isinstance(former, dict) else {}), "column": columns}
    value.setdefault("vendor", {"constant": vendor})
    if UNREAD in choices.values():
        value["attributes"] = [column for column, choice in choices.items() if choice == ATTRIBUTE]
    Mapping(value)
    return value


def report_line(row: ImportRow, fate: RowFate, kind: str | None = None) -> tuple[str, ...]:
    """Return the line of a row. `kind`: what to write instead of the fate."""
    external_id = row.facts.external_id if row.facts else (row.refused_message or {}).get("external_id")
    remarks = "; ".join(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, dict) else value}"
        for name, value in remarks_of(row).items()
    )
    cells = (external_id or "", fate.lead_id or "", kind or fate.kind, fate.why, remarks)
    return str(row.line), *(defused_text(str(cell)) for cell in cells)


def answer_of(line: tuple[str, ...], arrival_id: str, leads: dict[str, str]) -> tuple[str, ...]:
    """Return a line with the engine's answer. `leads`: arrival id -> the id of its lead, as the engine decided."""
    lead_id = leads.get(arrival_id)
    if lead_id is None:
        return *line, NOT_KNOWN
    return *line, f"lead {lead_id}" if lead_id == arrival_id else f"inquiry of lead {lead_id}"


def csv_of(lines: list[tuple[str, ...]]) -> str:
    """Return lines as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()
