"""Defines the columns of a list, each with the kind of filter that fits it (E2, S6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, func

Expression = ColumnElement[Any]


class ColumnKind(StrEnum):
    """What a column holds. It decides how the column is filtered."""

    TEXT = "text"
    """Filtered by a text that it contains."""
    CHOICE = "choice"
    """One of few values. Filtered by several of them, or by having none."""
    FLAG = "flag"
    """Yes or no. Filtered like a choice."""
    AMOUNT = "amount"
    """A number. Filtered by a range that includes both ends."""
    DATE = "date"
    """An aware instant. Filtered by a range that excludes its end."""


RANGES = frozenset({ColumnKind.AMOUNT, ColumnKind.DATE})
FOLDED = frozenset({ColumnKind.TEXT, ColumnKind.CHOICE})


@dataclass(frozen=True)
class Column:
    """One column. `read`: its expression. `nullable`: a row may have no value. `unit`: the unit of an amount.

    `names` is `rep` or `campaign` if the values are ids of these, so that a page can show names instead. It is
    `group` if they are ids of campaigns, and a page shows the groups to which these distribute.
    """

    name: str
    label: str
    kind: ColumnKind
    read: Expression
    nullable: bool = True
    unit: str | None = None
    names: str | None = None

    @property
    def order(self) -> Expression:
        """Return the expression to sort by. Text is sorted without regard to case."""
        return func.lower(self.read) if self.kind in FOLDED else self.read


@dataclass(frozen=True)
class ListDefinition:
    """A list of rows of one table. `row_id` is unique and breaks ties.

    `search`: the columns that a text search reads. `digits`: the column that a search for a number reads. `sort`: the
    default order; a leading `-` means descending. `extra`: further values of a row that are returned. `indexed`:
    columns that have an index of their own. `scan`: the index by which SQLite scans an org's rows where no such
    column helps; it follows the order in which the rows are stored, not the order of their dates.
    """

    row_id: Expression
    columns: tuple[Column, ...]
    sort: str
    search: tuple[str, ...] = ()
    digits: str | None = None
    extra: Mapping[str, Expression] = field(default_factory=dict)
    indexed: frozenset[str] = frozenset()
    scan: str | None = None

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}
