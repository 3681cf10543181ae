"""Computes sort keys. A queue is always read in ascending order of its keys, whatever its direction (Q1, Q7).

Ties are broken by lead id. A key is a band followed by an ASCII text that orders as the value does:

- `1` leads with a value, `2` leads without one (last in both directions), `3` leads deferred by a callback
  without a time, by when that was (D4)
- `0` leads whose promised call is due, by its time, in work queues and personal queues (D4, M7). In a work queue such a
  lead has no owner.
- Descending order inverts every digit, so a reader does not need the direction to read a list in order.
- Text is ordered by code point of its casefolded form, up to its first 60 bytes. Among an attribute's values,
  numbers come before text in ascending order and after it in descending order.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from models.directory import SortOrder
from models.errors import Problem, RuleErrors
from models.lead import Lead
from rules.language.catalogue import FIELDS
from rules.language.conditions import as_number, as_text
from rules.language.instants import utc
from rules.language.operators import FieldType

DUE: Final = "0"
VALUE: Final = "1"
NO_VALUE: Final = "2"
DEFERRED: Final = "3"
DIRECTIONS: Final = ("asc", "desc")

MAX_BYTES: Final = 60
"""The number of bytes of a text that take part in the order. It keeps keys short in rows, lists and messages."""

SortKey = Callable[[Lead], str]

_EPOCH: Final = datetime.min.replace(tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DATE_DIGITS: Final = 18
_ALL: Final = (1 << 64) - 1
_SIGN: Final = 1 << 63
_AFTER_ALL_DIGITS: Final = "~"
_TURNED: Final = str.maketrans("0123456789abcdef", "fedcba9876543210")


@lru_cache(maxsize=1024)
def sort_key(order: SortOrder) -> SortKey:
    """Return the function that computes a lead's key in a queue of this order.

    Raises `RuleErrors` for an unknown field. Equal orders get the same function, so that a caller with many queues can
    compute each key once.
    """
    field = FIELDS.get(order.field)
    if field is None:
        raise RuleErrors((Problem(path="sort.field", field=order.field, reason="there is no such field"),))
    if order.direction not in DIRECTIONS:
        raise RuleErrors((Problem(path="sort.direction", reason="must be asc or desc", field=order.field),))
    get, spell, descending = field.get, _SPELLINGS[field.type], order.direction == "desc"

    def key(lead: Lead) -> str:
        if lead.deferred_at is not None:
            return DEFERRED + spell_date(lead.deferred_at, False)
        value = get(lead)
        spelled = None if value is None else spell(value, descending)
        return NO_VALUE if spelled is None else VALUE + spelled

    return key


@lru_cache(maxsize=1024)
def work_key(order: SortOrder) -> SortKey:
    """Return the function that computes a lead's key in a work queue of this order: due calls come first (M7).

    Raises `RuleErrors` for an unknown field. Equal orders get the same function.
    """
    usual = sort_key(order)

    def key(lead: Lead) -> str:
        if lead.callback_at is not None and lead.call_is_due:
            return DUE + spell_date(lead.callback_at, False)
        return usual(lead)

    return key


def spell_number(value: float, descending: bool) -> str:
    """Return 16 hex digits that order as numbers do, within the precision of a float."""
    try:
        bits: int = struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))[0]
    except OverflowError:
        bits = struct.unpack(">Q", struct.pack(">d", float("inf") if value > 0 else float("-inf")))[0]
    ordered = bits ^ _ALL if bits & _SIGN else bits | _SIGN
    return f"{ordered ^ _ALL if descending else ordered:016x}"


def spell_date(value: datetime, descending: bool) -> str:
    """Return 18 digits that order as instants do, to the microsecond."""
    count = (utc(value) - _EPOCH) // _MICROSECOND
    return f"{10**_DATE_DIGITS - 1 - count if descending else count:0{_DATE_DIGITS}d}"


def spell_days(since: datetime, descending: bool) -> str:
    """Return 18 digits that order as the time since an instant does: the longer ago, the more days."""
    return spell_date(since, not descending)


def spell_text(value: str, descending: bool) -> str:
    """Return hex digits that order as the casefolded text does.

    In descending order a text comes before its own prefix.
    """
    digits = value.casefold().encode("utf-8", "replace")[:MAX_BYTES].hex()
    return digits.translate(_TURNED) + _AFTER_ALL_DIGITS if descending else digits


def spell_boolean(value: bool, descending: bool) -> str:
    """Return `0` or `1`. In ascending order false comes before true."""
    return "1" if value is not descending else "0"


def spell_attribute(value: Any, descending: bool) -> str | None:
    """Return the key of a vendor's attribute; None for lists and objects, which have no order."""
    number = as_number(value) if not isinstance(value, str) else None
    if number is not None:
        return spell_boolean(False, descending) + spell_number(number, descending)
    text = as_text(value)
    return None if text is None else spell_boolean(True, descending) + spell_text(text, descending)


_SPELLINGS: Final[dict[FieldType, Callable[[Any, bool], str | None]]] = {
    FieldType.TEXT: spell_text,
    FieldType.CHOICE: spell_text,
    FieldType.NUMBER: spell_number,
    FieldType.INTEGER: spell_number,
    FieldType.DAYS: spell_days,
    FieldType.BOOLEAN: spell_boolean,
    FieldType.DATE: spell_date,
    FieldType.ATTRIBUTE: spell_attribute,
}
