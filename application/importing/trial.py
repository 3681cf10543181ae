"""Reads a file of leads as `send` does and reports what its columns become. Nothing is sent (V4).

A column becomes a field, is kept under `attributes`, or is unread: the mapping leaves it out, or it is named like a
field and none of its values can be read.
"""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as RowCells
from pathlib import Path
from typing import Any, Final

import msgspec

from application.importing import adf, documents, import_tables, lines, sheets
from application.importing.file_reading import Format, format_of, rows_of
from application.importing.import_rows import AS_SENT, ImportRow, ParsedLine, RowRefusal
from application.importing.mapping import FIELDS, Mapping, cell_of
from models.directory import OrgSettings
from models.errors import InvalidInput, Problem
from models.field_names import FULL_NAME, field_of
from rules.inbound.fields import find_fields, flatten_answers
from rules.inbound.nested import with_nested
from rules.inbound.wrapped import unwrapped_lead

MAX_COLUMNS: Final = 2_000
"""The most columns that are reported. A JSON file may name other fields in each lead."""
SAMPLES: Final = 3
LONGEST_SAMPLE: Final = 80
MAX_REFUSALS: Final = 100
"""The most refused rows that are named. All are counted."""
_WHOLE_NAME: Final = "first_name, last_name"


class ValueSample(msgspec.Struct, frozen=True):
    """One value of a column: as it was sent, and as it was read; `read` is None where it could not be."""

    sent: str
    read: Any = None


class ColumnTrial(msgspec.Struct):
    """What became of a column. `field`: the field it becomes, None for others. `rows`: rows with a value.

    `unreadable`: rows whose value could not be read as the field. `dropped`: rows whose value is kept nowhere.
    """

    column: str
    field: str | None = None
    rows: int = 0
    unreadable: int = 0
    dropped: int = 0
    samples: list[ValueSample] = []

    @property
    def becomes(self) -> str:
        """`field`, `attribute` or `unread`."""
        if self.dropped or (self.field and self.unreadable == self.rows):
            return "unread"
        return "field" if self.field else "attribute"


class Trial(msgspec.Struct):
    """What a file would become. `leads`: the first leads as they would be read, with their ids."""

    columns: dict[str, ColumnTrial] = {}
    leads: list[dict[str, Any]] = []
    accepted: int = 0
    refused: int = 0
    refusals: list[RowRefusal] = []
    more_columns: int = 0

    @property
    def unread(self) -> list[str]:
        """The columns whose values would be lost."""
        return [name for name, column in self.columns.items() if column.becomes == "unread"]

    def report(self) -> dict[str, Any]:
        """Return the trial as a JSON object."""
        return {
            "columns": [
                {
                    "column": column.column,
                    "becomes": column.becomes,
                    "field": column.field,
                    "rows": column.rows,
                    "unreadable": column.unreadable,
                    "samples": [msgspec.to_builtins(sample) for sample in column.samples],
                }
                for column in self.columns.values()
            ],
            "unread": self.unread,
            "more_columns": self.more_columns,
            "accepted": self.accepted,
            "refused": self.refused,
            "refusals": [msgspec.to_builtins(refusal) for refusal in self.refusals],
            "leads": self.leads,
        }


class Observer(Mapping):
    """A mapping that remembers the cells of the row that it turned into a message last.

    `inner`: the mapping to use; without one, columns are fields by their names. `by_names`: the rows are a table's.
    """

    def __init__(self, inner: Mapping | None, *, by_names: bool) -> None:
        self.inner, self._by_names = inner, by_names
        self.leads = inner.leads if inner else None
        self.sources = inner.sources if inner else {}
        self.cells: RowCells[str, Any] = {}

    def columns(self) -> dict[str, str]:
        """Return the columns that the mapping needs."""
        return self.inner.columns() if self.inner else {}

    def check_columns(self, present: tuple[str, ...]) -> None:
        """Check a header as `send` does."""
        if self.inner:
            self.inner.check_columns(present)
        else:
            import_tables.require_known(present)

    def message(self, row: RowCells[str, Any]) -> dict[str, Any]:
        """Return the message of a row as `send` does."""
        self.cells = row
        if self.inner:
            return self.inner.message(row)
        return import_tables.by_names({**row}) if self._by_names else {**row}


def try_file(
    path: Path,
    mapping: Mapping | None,
    vendor: str,
    *,
    campaign: str | None = None,
    org: str | None = None,
    leads: int = 5,
    settings: OrgSettings = AS_SENT,
    on_row: Callable[[ImportRow], None] = lambda _: None,
) -> Trial:
    """Read a file to its end and report what it would become. `leads`: how many leads to show. `on_row`: gets each row.

    `settings`: of the org, by which its engine will read the leads (reading C4).

    Raises `InvalidInput` where `send` does.
    """
    kind = format_of(path)
    observer = Observer(mapping, by_names=kind in ("csv", "xlsx"))
    trial = Trial()
    defaults = {"vendor": vendor, "campaign": campaign or "", "org": org or ""}
    for row in rows_of(_parsed_lines(kind, path, observer), mapping, kind, defaults, settings):
        cells, observer.cells = (row.message or {} if kind == "adf" else observer.cells), {}
        _count(trial, row, leads)
        _add_row(trial, row, cells, None if kind == "adf" else mapping)
        on_row(row)
    return trial


def require_read(path: Path, mapping: Mapping | None, vendor: str, *, org: str | None = None) -> None:
    """Raise `InvalidInput` with each column of a file whose values would be lost."""
    trial = try_file(path, mapping, vendor, org=org, leads=0)
    if trial.unread:
        reasons = {
            name: "the mapping leaves it out"
            if trial.columns[name].dropped
            else _unreadable(trial.columns[name])
            for name in trial.unread
        }
        raise InvalidInput(tuple(Problem(path=name, reason=reason) for name, reason in reasons.items()))


def _unreadable(column: ColumnTrial) -> str:
    sample = column.samples[0].sent if column.samples else ""
    return f"no value can be read as {column.field}, such as {sample!r}"


def _parsed_lines(kind: Format, path: Path, observer: Observer) -> Iterator[ParsedLine]:
    match kind:
        case "adf":
            return adf.read(path)
        case "csv":
            return import_tables.read(path, observer)
        case "json":
            return documents.read(path, observer)
        case "xlsx":
            return sheets.read(path, observer)
        case "jsonl":
            return lines.read(path, observer)


def _count(trial: Trial, row: ImportRow, limit: int) -> None:
    if row.refusal is not None:
        trial.refused += 1
        if len(trial.refusals) < MAX_REFUSALS:
            trial.refusals.append(row.refusal)
        return
    trial.accepted += 1
    if len(trial.leads) < limit:
        facts = {name: value for name, value in msgspec.to_builtins(row.facts).items() if value is not None}
        trial.leads.append({"line": row.line, "lead_id": row.lead_id, **facts})


def _add_row(trial: Trial, row: ImportRow, sent: RowCells[str, Any], mapping: Mapping | None) -> None:
    """Add one row to what is known of its columns."""
    sent = sent if mapping else with_nested(unwrapped_lead(sent) or sent)
    cells = {name: cell for name, cell in flatten_answers(sent).items() if cell not in (None, "")}
    invalid = row.facts.attributes.get("invalid") if row.facts else None
    invalid = invalid if isinstance(invalid, dict) else {}
    used = _by_mapping(cells, mapping) if mapping else _by_name(cells)
    for name, cell in cells.items():
        column = trial.columns.get(name)
        if column is None:
            if len(trial.columns) >= MAX_COLUMNS:
                trial.more_columns += 1
                continue
            column = trial.columns[name] = ColumnTrial(name, samples=[])
        field = used.get(name)
        column.rows += 1
        if field is None:
            column.dropped += mapping is not None and not _is_kept(name, mapping)
            attribute = _kept_name(name, mapping)
            is_lost = row.facts is not None and attribute in invalid
            column.unreadable += is_lost
            _sample(column, cell, None if is_lost else _typed(row, attribute, cell))
            continue
        column.field = field
        is_lost = row.facts is not None and (name in invalid or field in invalid)
        column.unreadable += is_lost
        _sample(column, cell, None if is_lost else _read(row, field))


def _by_name(cells: RowCells[str, Any]) -> dict[str, str]:
    """Return the field that each column becomes by its name."""
    fields = find_fields(cells)
    used = {fields.names.get(name, name): name for name in fields.fields if name in FIELDS and name in cells}
    used |= {fields.names[name]: name for name in fields.fields if name in fields.names}
    used |= {name: field for name in fields.invalid if (field := field_of(name)) is not None}
    used |= {name: _WHOLE_NAME for name in cells if field_of(name) == FULL_NAME}
    return used


def _by_mapping(cells: RowCells[str, Any], mapping: Mapping) -> dict[str, str]:
    """Return the field that each column becomes by a mapping: of several columns the first that is not empty."""
    used: dict[str, str] = {}
    for field, source in mapping.sources.items():
        chosen = next((column for column in source.column if cell_of(cells, column) not in (None, "")), None)
        if chosen is not None:
            used[chosen if chosen in cells else chosen.partition(".")[0]] = (
                _WHOLE_NAME if field == FULL_NAME else field
            )
    return used


def _is_kept(column: str, mapping: Mapping) -> bool:
    """Say whether a column without a field is kept under `attributes`, or is an alternative of a field."""
    of_fields = {name.partition(".")[0] for source in mapping.sources.values() for name in source.column}
    renamed = mapping.attributes
    return (
        renamed is None
        or column in of_fields
        or column in {name.partition(".")[0] for name in renamed.values()}
    )


def _kept_name(column: str, mapping: Mapping | None) -> str:
    """Return the name of the attribute that a column becomes."""
    renamed = (mapping.attributes if mapping else None) or {}
    return next((name for name, source in renamed.items() if source == column), column)


def _typed(row: ImportRow, attribute: str, sent: Any) -> Any:
    """Return an attribute as the org's type of it was read (reading C4)."""
    return sent if row.facts is None else row.facts.attributes.get(attribute, sent)


def _read(row: ImportRow, field: str) -> Any:
    if row.facts is None:
        return None
    if field == _WHOLE_NAME:
        return " ".join(filter(None, (row.facts.first_name, row.facts.last_name)))
    return msgspec.to_builtins(getattr(row.facts, field, None))


def _sample(column: ColumnTrial, sent: Any, read: Any) -> None:
    text = sent if isinstance(sent, str) else msgspec.json.encode(sent).decode(errors="replace")
    new_sample = ValueSample(text[:LONGEST_SAMPLE], read[:LONGEST_SAMPLE] if isinstance(read, str) else read)
    if len(column.samples) < SAMPLES and all(sample.sent != new_sample.sent for sample in column.samples):
        column.samples.append(new_sample)
