"""Maps columns of a file to fields of the contract. Each mistake in a mapping is named by key and reason.

```yaml
external_id: mql_id                    # a field of lead-arrivals: the column it comes from
full_name: contact                     # first and last name in one
created_at:
  column: first_contact_date           # or a list of columns: the first that can be read
  format: "%d-%m-%Y"                   # as Python's strptime reads it, or epoch: seconds since 1970; else RFC 3339
  time_zone: America/Sao_Paulo         # of times without an offset; UTC without it
state: {column: st, default: RI}       # where the column is empty
campaign: {constant: spring-fair}      # the same for every row
phone: {column: tel, required: true}   # a row without it is refused
attributes: [landing_page_id, origin]  # kept under these names; {name: column} renames; "*", the default: all others
required: [mql_id]                     # columns that a row must have
leads: entry.changes.value             # of a JSON document: the path to its leads, through lists; found without it
reply: leadconduit                     # of the HTTP door: the form of its answer; `firstclaim` without it
```

A column of a JSON document may be a path (`contact.email`). A form's list of answers (`field_data`) is columns.
"""

from collections import abc
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from application.directory import yaml_text
from application.directory.yaml_text import read_bounded
from models import moments, normalize
from models.errors import InvalidInput, Problem
from models.field_names import FULL_NAME
from models.inbound import Arrival
from rules.inbound.fields import can_be_read, flatten_answers

Scalar = str | bool | int | Annotated[float, Field(allow_inf_nan=False)]
FIELDS: Final = tuple(name for name in Arrival.model_fields if name != "attributes")
"""The fields of the contract that a mapping can fill."""
_FILLABLE: Final = (*FIELDS, FULL_NAME)
"""What a mapping can fill. A whole name becomes first and last name."""
_REASONS: Final = {
    "extra_forbidden": "there is no such key; a mapping has the fields of lead-arrivals, "
    "attributes, required, leads, reply",
    "missing": "is missing",
}
Row = abc.Mapping[str, Any]
"""A row's cells by column."""
EPOCH: Final = "epoch"
"""The format of a time in seconds since 1970."""
_COLUMNS_NAMED: Final = 50
_SAMPLE: Final = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)


class UnusableCell(ValueError):  # noqa: N818  # the name says what the error is about
    """A cell of a row that cannot be used. `field`: the contract's field. The message is the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class UnreadCell(UnusableCell):
    """A cell that is not in the format that the mapping names. The row is sent without it. `cell`: what it holds."""

    def __init__(self, field: str, reason: str, cell: str) -> None:
        super().__init__(field, reason)
        self.cell = cell


def _columns(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _zone(value: str | None) -> str | None:
    return normalize.zone(value)


Columns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_columns)]


class FieldSource(BaseModel):
    """Where a field's value comes from: columns (the first that can be read), or a constant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Columns = ()
    constant: Scalar | None = None
    default: Scalar | None = None
    format: str | None = None
    time_zone: Annotated[str | None, AfterValidator(_zone)] = None
    required: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"column": value}
        if not isinstance(value, dict):
            raise ValueError("must be a column's name, or an object with column or constant")  # noqa: TRY004
        return value

    @field_validator("format")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        try:
            if value not in (None, EPOCH):
                datetime.strptime(_SAMPLE.strftime(value), value)  # noqa: DTZ007  # checks only the format
        except ValueError as error:
            raise ValueError(f"is not a date format: {error}") from error
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.column) == (self.constant is not None):
            raise ValueError("needs either a column or a constant")
        if self.constant is not None and (self.default is not None or self.required or self.format):
            raise ValueError("has a constant, so default, required and format must be left out")
        return self

    def value(self, field: str, row: Row) -> Any:
        """Return the value of this field in a row, or None if it is empty. Raises `UnusableCell`.

        If no column can be read, it is the first that is not empty.
        """
        if self.constant is not None:
            return self.constant
        cells = [cell for _, cell in self.filled(row)]
        if cells:
            cell = next((cell for cell in cells if can_be_read(field, cell)), cells[0])
            return self._time(field, str(cell)) if self.format or self.time_zone else cell
        if self.required:
            raise UnusableCell(field, f"is empty in column {' and '.join(self.column)}")
        return self.default

    def filled(self, row: Row) -> list[tuple[str, Any]]:
        """Return the columns that are not empty in a row, with their cells."""
        cells = ((column, cell_of(row, column)) for column in self.column)
        stripped = ((column, cell.strip() if isinstance(cell, str) else cell) for column, cell in cells)
        return [(column, cell) for column, cell in stripped if cell not in (None, "")]

    def _time(self, field: str, cell: str) -> str:
        try:
            if self.format == EPOCH:
                return datetime.fromtimestamp(float(cell), UTC).isoformat()
            read = (
                datetime.strptime(cell, self.format)  # noqa: DTZ007  # the time zone is set below
                if self.format
                else moments.vendor_time(cell)
            )
        except (ValueError, OverflowError, OSError):
            read = None
        if read is None:
            raise UnreadCell(field, f"is not a time like {self.format or 'RFC 3339 has it'}", cell)
        if read.tzinfo is None and self.time_zone is not None:
            read = read.replace(tzinfo=ZoneInfo(self.time_zone))
        return read.isoformat()


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: Annotated[
        Literal["*"] | dict[str, str] | tuple[str, ...], Field(union_mode="left_to_right")
    ] = "*"
    required: Columns = ()
    leads: Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[^.]+(\.[^.]+)*$")] = None
    reply: Literal["firstclaim", "leadconduit"] = "firstclaim"


_FILLS: Final[dict[str, Any]] = dict.fromkeys(_FILLABLE, (FieldSource | None, None))
_Sources = create_model("_Sources", __base__=_Mapping, **_FILLS)


class Mapping:
    """A checked mapping. `message(row)` returns the row as an arrival message."""

    def __init__(self, document: Any) -> None:
        """Check `document`, a mapping as read from YAML. Raises `InvalidInput` with every problem."""
        if not isinstance(document, dict):
            raise InvalidInput((Problem(path="", reason="a mapping must be an object of fields"),))
        try:
            read = _Sources.model_validate(document)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            raise InvalidInput(tuple(map(_problem, problems))) from None
        self.sources: dict[str, FieldSource] = {
            name: source for name in _FILLABLE if (source := getattr(read, name)) is not None
        }
        if not self.sources:
            raise InvalidInput((Problem(path="", reason="maps no field of lead-arrivals"),))
        for name, source in self.sources.items():
            if name != "created_at" and (source.format or source.time_zone):
                reason = "only created_at is a time"
                raise InvalidInput(
                    (Problem(path=f"{name}.{'format' if source.format else 'time_zone'}", reason=reason),)
                )
        self.required: tuple[str, ...] = read.required
        self.leads: str | None = read.leads
        self.reply: str = read.reply
        attributes = read.attributes
        self.attributes: dict[str, str] | None = (
            None
            if attributes == "*"
            else attributes
            if isinstance(attributes, dict)
            else {name: name for name in attributes}
        )

    def columns(self) -> dict[str, str]:
        """Return every column that the mapping needs, and the key that needs it."""
        columns_named = {column: name for name, source in self.sources.items() for column in source.column}
        columns_named |= {column: f"attributes.{name}" for name, column in (self.attributes or {}).items()}
        return columns_named | dict.fromkeys(self.required, "required")

    def check_columns(self, present: tuple[str, ...]) -> None:
        """Raise `InvalidInput` where the file lacks a column that the mapping needs."""
        columns_text, columns = columns_as_text(present), frozenset(present)
        missing = [
            Problem(path=key, reason=f"there is no column {column}; there are {columns_text}")
            for column, key in self.columns().items()
            if column not in columns
        ]
        if missing:
            raise InvalidInput(tuple(missing))

    def message(self, row: Row) -> dict[str, Any]:
        """Return the arrival message of a row, without fields that have no value. Raises `UnusableCell`."""
        sent, row = row, flatten_answers(row)
        for column in self.required:
            if cell_of(row, column) in (None, "") and cell_of(sent, column) in (None, "", []):
                raise UnusableCell(column, "is empty")
        values, invalid = self._values(row)
        attribute_columns = self.attributes
        if attribute_columns is None:
            used = {column for source in self.sources.values() for column in source.column}
            used -= {
                column
                for name, source in self.sources.items()
                for column, cell in source.filled(row)
                if cell != values[name] and not can_be_read(name, cell)
                if not (source.format or source.time_zone)
            }
            attribute_columns = {column: column for column in row if column not in used}
        cells = ((name, cell_of(row, column)) for name, column in attribute_columns.items())
        attributes = {name: cell for name, cell in cells if cell not in (None, "")}
        if invalid:
            attributes["invalid"] = invalid
        message = {name: value for name, value in values.items() if value is not None}
        return {**message, "attributes": attributes} if attributes else message

    def _values(self, row: Row) -> tuple[dict[str, Any], dict[str, str]]:
        """Return each field's value, and the cells that are not in the mapping's format (V2), by field."""
        values: dict[str, Any] = {}
        invalid: dict[str, str] = {}
        for name, source in self.sources.items():
            try:
                values[name] = source.value(name, row)
            except UnreadCell as error:
                values[name], invalid[name] = None, error.cell
        return values, invalid


def cell_of(row: Row, column: str) -> Any:
    """Return the value of a column, None where there is none. In nested objects a column may be a path (`a.b`)."""
    if column in row or "." not in column:
        return row.get(column)
    cell: Any = row
    for name in column.split("."):
        cell = cell.get(name) if isinstance(cell, dict) else None
    return cell


def load(path: Path) -> Mapping:
    """Read a mapping from a YAML file. Raises `InvalidInput` with the key or line, and the reason."""
    return Mapping(read_yaml(path))


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file within bounds. Raises `InvalidInput` with the line and the reason."""
    try:
        with path.open("rb") as file:
            content = read_bounded(file)
    except OSError as error:
        raise InvalidInput((Problem(path=str(path), reason=f"cannot be read: {error.strerror}"),)) from error
    try:
        return yaml_text.load(content)
    except ValueError as error:
        raise InvalidInput((Problem(path=str(path), reason=f"is not YAML: {error}"),)) from error


def columns_as_text(columns: tuple[str, ...]) -> str:
    """Return columns as text for a reason. Of many, only the first are named."""
    more_text = f" and {len(columns) - _COLUMNS_NAMED} more" if len(columns) > _COLUMNS_NAMED else ""
    return ", ".join(columns[:_COLUMNS_NAMED]) + more_text


def _problem(error: Any) -> Problem:
    path = ".".join(str(part) for part in error["loc"])
    reason = _REASONS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return Problem(path=path, reason=reason)
