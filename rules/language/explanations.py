"""Explains in words how a lead's value compares with a condition (X1)."""

from datetime import datetime
from typing import Any, Final

import msgspec

from models.lead import Lead
from rules.language.catalogue import FIELDS
from rules.language.conditions import as_number, as_text, compared_value, is_timed, static_test, timed_test
from rules.language.day_counts import days_since
from rules.language.instants import Amount, utc
from rules.language.operands import Operand
from rules.language.operators import COMPLEMENT, LISTS, NULLNESS, PAIRS, FieldType, Operator
from rules.language.tree import Condition

_LONGEST_VALUE: Final = 60
_LISTED: Final = 10

_PHRASES: Final = {
    Operator.LESS: "less than",
    Operator.AT_MOST: "at most",
    Operator.MORE: "more than",
    Operator.AT_LEAST: "at least",
    Operator.BETWEEN: "between",
    Operator.IN: "in",
    Operator.IN_LAST: "in the last",
    Operator.IN_NEXT: "in the next",
}
_DATE_PHRASES: Final = {
    Operator.LESS: "before",
    Operator.AT_MOST: "up to",
    Operator.MORE: "after",
    Operator.AT_LEAST: "from",
}
_VERBS: Final = {
    Operator.CONTAINS: ("contains", "does not contain"),
    Operator.BEGINS: ("begins with", "does not begin with"),
    Operator.ENDS: ("ends with", "does not end with"),
}


class ConditionOutcome(msgspec.Struct, frozen=True):
    """The outcome of one condition for one lead.

    `path`: the condition's path in the tree (`rules[2]`). `why`: for example `state is TX, not in RI`.
    """

    path: str
    field: str
    operator: str
    met: bool
    why: str


def outcome(condition: Condition, lead: Lead, now: datetime, path: str) -> ConditionOutcome:
    """Test one condition of a lead at `now` and return its outcome in words."""
    met = timed_test(condition)(lead, now)[0] if is_timed(condition) else static_test(condition)(lead)
    return ConditionOutcome(
        path, condition.field, condition.operator.value, met, _reason(condition, lead, now, met=met)
    )


def _reason(condition: Condition, lead: Lead, now: datetime, *, met: bool) -> str:
    field = FIELDS[condition.field]
    value, operator_asked = field.get(lead), condition.operator
    if value is None:
        return f"{field.name} is empty"
    if field.type is FieldType.DAYS:
        value = days_since(utc(value), now)
    statement = f"{field.name} is {_value_text(value)}"
    if operator_asked in NULLNESS:
        return statement
    if field.type is FieldType.ATTRIBUTE and not _comparable(value, compared_value(condition)):
        return f"{statement}, not to be compared with {_operand_text(condition)}"
    holds = met is not (operator_asked in COMPLEMENT)
    operator = COMPLEMENT.get(operator_asked, operator_asked)
    operand = _operand_text(condition)
    if verbs := _VERBS.get(operator):
        return f"{statement}, {verbs[0] if holds else verbs[1]} {operand}"
    if operator is Operator.EQUAL:
        return statement if holds else f"{statement}, not {operand}"
    phrase = (_DATE_PHRASES if field.type is FieldType.DATE else {}).get(operator) or _PHRASES[operator]
    return f"{statement}, {'' if holds else 'not '}{phrase} {operand}"


def _comparable(value: Any, operand: Operand) -> bool:
    first = operand[0] if isinstance(operand, tuple) else operand
    return (as_text if isinstance(first, str) else as_number)(value) is not None


def _operand_text(condition: Condition) -> str:
    value = condition.value
    if isinstance(value, Amount):
        return str(value)
    if not isinstance(value, tuple):
        return _value_text(value)
    if condition.operator in PAIRS:
        return " and ".join(map(_value_text, value))
    more_text = (
        f" and {len(value) - _LISTED} more" if condition.operator in LISTS and len(value) > _LISTED else ""
    )
    return ", ".join(map(_value_text, value[:_LISTED])) + more_text


def _value_text(value: Any) -> str:
    if isinstance(value, datetime):
        return utc(value).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
