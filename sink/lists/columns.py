"""What a list shows: its columns, each with the kind of filter that fits it (E2, S6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, func

Expression = ColumnElement[Any]


class Kind(StrEnum):
    """What a column holds, and so how it is filtered."""

    TEXT = "text"
    """Filtered by what it contains."""
    CHOICE = "choice"
    """One of few values: filtered by several of them, or by having none."""
    FLAG = "flag"
    """Yes or no, filtered like a choice."""
    AMOUNT = "amount"
    """A number, filtered by a range; both ends belong to it."""
    DATE = "date"
    """An aware instant, filtered by a range; its end does not belong to it."""


RANGES = frozenset({Kind.AMOUNT, Kind.DATE})
FOLDED = frozenset({Kind.TEXT, Kind.CHOICE})


@dataclass(frozen=True)
class Column:
    """One column. `read`: its expression. `nullable`: whether a row may lack it. `unit`: what an amount counts.

    `names`: what its values are the ids of, `rep` or `campaign`, for those who show names instead.
    """

    name: str
    label: str
    kind: Kind
    read: Expression
    nullable: bool = True
    unit: str | None = None
    names: str | None = None

    @property
    def order(self) -> Expression:
        """What it is sorted by: text without regard to case."""
        return func.lower(self.read) if self.kind in FOLDED else self.read


@dataclass(frozen=True)
class Listing:
    """A list of rows of one table. `row_id`: unique, and what ties are broken by.

    `search`: columns that a search looks through; `digits`: the one that a search for a number looks through.
    `sort`: the column it is sorted by unless another is asked for; `-` before it: the largest first. `extra`: what else
    of a row is told. `indexed`: columns that an index of their own finds. `scan`: the index by which SQLite is to go
    through an org's rows where no such column helps: in the order in which they lie, and not in that of their dates.
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
