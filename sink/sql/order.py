"""Translates a queue's order to SQL. It equals the order of `rules.queues.sort_key`; ties by lead id (Q1, Q7, D4)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, not_

from models.directory import SortOrder
from rules.language.catalogue import FIELDS, Field
from rules.language.operators import FieldType
from sink.sql.field_expressions import Expression, LeadColumns
from sink.tables import LeadTable


def queue_order(sort: SortOrder, dialect: str, *, due_first: bool = False) -> list[ColumnElement[Any]]:
    """Return the expressions to order `LeadTable` by. The order's field and direction must exist.

    `due_first`: leads whose promised call is due come first, by its time, as in work queues (M7).
    Due calls at the same time are in the order of the leads' ids, as the engine's keys are.
    """
    field, columns = FIELDS[sort.field], LeadColumns(dialect)
    values = _values(field, columns)
    deferred = LeadTable.deferred_at.expression
    not_deferred = deferred.is_(None)
    missing = and_(*(value.is_(None) for value in values[-2:]))
    # In both directions, leads without a value come after those with one, and deferred leads come last.
    bands: list[Expression] = [not_(not_deferred), deferred, and_(not_deferred, missing)]
    keys = [case((not_deferred, value)) for value in values]
    if due_first:
        promised = LeadTable.callback_at.expression
        # A row that is not older than the promised time was written when the call became due, or later.
        due = and_(promised.is_not(None), promised <= LeadTable.updated_at.expression)
        usual = not_(due)
        bands = [usual, case((due, promised)), *(case((usual, band)) for band in bands)]
        keys = [case((usual, key)) for key in keys]
    # More days are an earlier instant.
    descending = (sort.direction == "desc") is not (field.type is FieldType.DAYS)
    return [*bands, *(key.desc() if descending else key for key in keys), columns.by_id()]


def _values(field: Field, columns: LeadColumns) -> list[Expression]:
    """Return what to order by, ascending. For an attribute: whether it is a text, the number, the text."""
    if field.type in {FieldType.TEXT, FieldType.CHOICE}:
        return [columns.first_bytes(columns.folded(field))]
    if field.type is not FieldType.ATTRIBUTE:
        return [columns.raw(field)]
    number = columns.sent_number(field)
    text = case((number.is_(None), columns.first_bytes(columns.folded(field))))
    return [number.is_(None), number, text]
