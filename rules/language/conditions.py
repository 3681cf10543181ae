"""Compiles one condition into a closure. For a relative date, the closure also returns until when the result holds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from models.lead import Lead
from models.spelling import comparable, folded
from rules.language.catalogue import FIELDS, Field
from rules.language.day_counts import day_count_test
from rules.language.instants import Amount, DateSpan, span, utc
from rules.language.operands import NUMBER, Operand
from rules.language.operators import COMPLEMENT, LISTS, NULLNESS, PAIRS, RELATIVE, FieldType, Operator
from rules.language.tree import Condition

Check = Callable[[Any], bool]
"""Says whether a non-null value meets the positive form of an operator."""
Read = Callable[[Lead], Any]
"""Reads a field for comparison; None if there is nothing to compare."""
StaticTest = Callable[[Lead], bool]
Answer = tuple[bool, datetime | None]
"""A result, and the next instant at which time alone changes it; None if it never changes."""
TimedTest = Callable[[Lead, datetime], Answer]

MET: Final[Answer] = (True, None)
UNMET: Final[Answer] = (False, None)

_NOW: Final = timedelta(0)
_INSTANTS: Final = frozenset({FieldType.DATE, FieldType.DAYS})
"""The types whose fields hold an instant."""
_ORDER: Final = frozenset({Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST, *PAIRS})


def is_timed(condition: Condition) -> bool:
    """Say whether time alone can change the condition's result."""
    if FIELDS[condition.field].type is FieldType.DAYS:
        return condition.operator not in NULLNESS
    return condition.operator in RELATIVE


def reader(field: Field, value: Operand) -> Read:
    """Return a reader of a field for comparison with a value of this kind: text casefolded, instants in UTC."""
    get = field.get
    if field.type is FieldType.TEXT:
        return lambda lead: None if (content := get(lead)) is None else folded(content)
    if field.type in _INSTANTS:
        return lambda lead: None if (content := get(lead)) is None else utc(content)
    if field.type is FieldType.ATTRIBUTE:
        first = value[0] if isinstance(value, tuple) else value
        convert = as_text if isinstance(first, str) else as_number
        return lambda lead: convert(get(lead))
    return get


def compared_value(condition: Condition) -> Operand:
    """Return the value that a condition compares with.

    An attribute is greater or less than a number, also where the rule has the number as text (reading C4). A text has
    the spelling of the texts that intake cleans (K7): it may be pasted with characters that nobody sees.
    """
    if FIELDS[condition.field].type is FieldType.TEXT:
        if isinstance(condition.value, tuple):
            return tuple(
                comparable(element) if isinstance(element, str) else element for element in condition.value
            )
        return comparable(condition.value) if isinstance(condition.value, str) else condition.value
    if FIELDS[condition.field].type is not FieldType.ATTRIBUTE or condition.operator not in _ORDER:
        return condition.value
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    numbers = tuple(as_number(value) for value in values)
    if any(number is None for number in numbers):
        return condition.value
    known_numbers = tuple(number for number in numbers if number is not None)
    return known_numbers if isinstance(condition.value, tuple) else known_numbers[0]


def as_number(value: Any) -> int | float | None:
    """Read an attribute as a number, even if it was sent as text; None if it is not a number."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def as_text(value: Any) -> str | None:
    """Read an attribute as casefolded text, spelled as in JSON; None for lists and objects."""
    if isinstance(value, str):
        return folded(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None


def keys(condition: Condition) -> frozenset[Any] | None:
    """Return the only values that meet the condition, as its reader returns them.

    Return None if the condition is not a plain equality or list.
    """
    if condition.operator not in (Operator.EQUAL, Operator.IN) or FIELDS[condition.field].type in _INSTANTS:
        return None
    compared = compared_value(condition)
    values = compared if isinstance(compared, tuple) else (compared,)
    return frozenset(map(_folded(FIELDS[condition.field]), values))


def static_test(condition: Condition) -> StaticTest:
    """Compile a condition whose result time alone cannot change."""
    field = FIELDS[condition.field]
    if condition.operator is Operator.NULL:
        return lambda lead: field.get(lead) is None
    if condition.operator is Operator.NOT_NULL:
        return lambda lead: field.get(lead) is not None
    read, check = reader(field, compared_value(condition)), check_of(condition)
    if condition.operator in COMPLEMENT:
        return lambda lead: (value := read(lead)) is not None and not check(value)
    return lambda lead: (value := read(lead)) is not None and check(value)


def timed_test(condition: Condition) -> TimedTest:
    """Compile a relative date or a number of days. At the returned instant the result has already changed."""
    if FIELDS[condition.field].type is FieldType.DAYS:
        return _day_count(condition)
    if not isinstance(condition.value, Amount):
        raise TypeError(f"{condition.operator} needs an amount of time")
    read, length = reader(FIELDS[condition.field], None), condition.value.length
    if condition.operator is Operator.IN_NEXT:
        return _in_next(read, length)
    return _in_last(read, length, inside=condition.operator is Operator.IN_LAST)


def _day_count(condition: Condition) -> TimedTest:
    check, negated = check_of(condition), condition.operator in COMPLEMENT
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    compared = [value for value in values if isinstance(value, int)]
    return day_count_test(
        reader(FIELDS[condition.field], None), lambda days: check(days) is not negated, compared
    )


def _in_last(read: Read, length: timedelta, *, inside: bool) -> TimedTest:
    outside, after = not inside, (not inside, None)

    def test(lead: Lead, now: datetime) -> Answer:
        value = read(lead)
        if value is None:
            return UNMET
        age = now - value
        if age >= length:
            return after
        if age < _NOW:
            return outside, value
        return inside, value + length

    return test


def _in_next(read: Read, length: timedelta) -> TimedTest:
    def test(lead: Lead, now: datetime) -> Answer:
        value = read(lead)
        if value is None:
            return UNMET
        ahead = value - now
        if ahead <= _NOW:
            return UNMET
        return (True, value) if ahead <= length else (False, value - length)

    return test


def check_of(condition: Condition) -> Check:
    """Return the check for the positive form of a condition's operator (`in` for `notIn`)."""
    operator = COMPLEMENT.get(condition.operator, condition.operator)
    field = FIELDS[condition.field]
    if field.type is FieldType.DATE:
        return _date_check(operator, condition.value, condition.time_zone)
    fold, value = _folded(field), compared_value(condition)
    if operator in LISTS or operator in PAIRS:
        values = tuple(map(fold, value if isinstance(value, tuple) else ()))
        return frozenset(values).__contains__ if operator in LISTS else _between(*values)
    return _CHECKS[operator](fold(value))


def _folded(field: Field) -> Callable[[Any], Any]:
    # A choice is compared exactly. Every other text is casefolded, as its reader does.
    if field.type is FieldType.CHOICE:
        return lambda value: value
    return lambda value: folded(value) if isinstance(value, str) else value


def _between(low: Any, high: Any) -> Check:
    return lambda value: low <= value <= high


def _date_check(operator: Operator, value: Operand, time_zone: str) -> Check:
    if operator is Operator.BETWEEN and isinstance(value, tuple):
        first, last = (span(str(text), time_zone) for text in value)
        return _within(DateSpan(first.start, last.end))
    at = span(str(value), time_zone)
    if operator is Operator.EQUAL:
        return _within(at)
    start, end = at.start, at.end
    return {
        Operator.LESS: lambda instant: instant < start,
        Operator.AT_MOST: lambda instant: instant < end,
        Operator.MORE: lambda instant: instant >= end,
        Operator.AT_LEAST: lambda instant: instant >= start,
    }[operator]


def _within(at: DateSpan) -> Check:
    start, end = at.start, at.end
    return lambda instant: start <= instant < end


_CHECKS: Final[dict[Operator, Callable[[Any], Check]]] = {
    Operator.EQUAL: lambda operand: lambda value: value == operand,
    Operator.LESS: lambda operand: lambda value: value < operand,
    Operator.AT_MOST: lambda operand: lambda value: value <= operand,
    Operator.MORE: lambda operand: lambda value: value > operand,
    Operator.AT_LEAST: lambda operand: lambda value: value >= operand,
    Operator.CONTAINS: lambda operand: lambda value: operand in value,
    Operator.BEGINS: lambda operand: lambda value: value.startswith(operand),
    Operator.ENDS: lambda operand: lambda value: value.endswith(operand),
}
