"""Translates a queue's order to SQL. It equals the order of `rules.queues.sort_key`; ties by lead id (Q1, Q7, D4)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, not_

from models.directory import SortOrder
from rules.language.catalogue import FIELDS, Field
from rules.language.operators import FieldType
from sink.sql.fields import Expression, LeadColumns
from sink.tables import LeadTable


def queue_order(sort: SortOrder, dialect: str) -> list[ColumnElement[Any]]:
    """Return the expressions to order `LeadTable` by. The order's field and direction must exist."""
    field, columns = FIELDS[sort.field], LeadColumns(dialect)
    values = _values(field, columns)
    deferred = LeadTable.deferred_at.expression
    here = deferred.is_(None)
    missing = and_(*(value.is_(None) for value in values[-2:]))
    # In both directions, leads without a value come after those with one, and deferred leads come last.
    bands: list[Expression] = [not_(here), deferred, and_(here, missing)]
    keys = [case((here, value)) for value in values]
    return [*bands, *(key.desc() if sort.direction == "desc" else key for key in keys), columns.by_id()]


def _values(field: Field, columns: LeadColumns) -> list[Expression]:
    """Return what to order by, ascending. For an attribute: whether it is a text, the number, the text."""
    if field.type in {FieldType.TEXT, FieldType.CHOICE}:
        return [columns.first_bytes(columns.folded(field))]
    if field.type is not FieldType.ATTRIBUTE:
        return [columns.raw(field)]
    number = columns.sent_number(field)
    text = case((number.is_(None), columns.first_bytes(columns.folded(field))))
    return [number.is_(None), number, text]
