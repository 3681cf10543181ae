"""Checks the value of a condition against its field's type before anything is compiled (Q6)."""

import math
import re
from typing import Any, Final

from models.spelling import folded
from rules.language.catalogue import Field
from rules.language.day_counts import MAX_DAYS
from rules.language.instants import MAX_AMOUNT, Amount, Unit, span
from rules.language.operators import LISTS, PAIRS, RELATIVE, FieldType, Operator

MAX_TEXT: Final = 500
"""The maximum length of one text operand, in characters."""
MAX_LIST: Final = 1_000
"""The maximum number of values in one list."""
MAX_MAGNITUDE: Final = 10**15
"""A larger number is an error. Whole numbers up to this limit are also exact as floats."""

Scalar = bool | int | float | str
Operand = Scalar | tuple[Scalar, ...] | Amount | None

NUMBER: Final = re.compile(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", re.ASCII)
"""Text that an attribute or a rule has for a number."""
_LONGEST_VALUE: Final = 40
_PARTS: Final = frozenset(
    {
        Operator.CONTAINS,
        Operator.NOT_CONTAINS,
        Operator.BEGINS,
        Operator.NOT_BEGINS,
        Operator.ENDS,
        Operator.NOT_ENDS,
    }
)


class OperandError(ValueError):
    """The value cannot be compared with the field. The message gives the reason."""


def clipped_text(value: Any) -> str:
    """Return a value for an error message, cut if it is long."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…"
    if isinstance(value, (dict, list)):
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value)}"
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE
    ):
        return "a huge number"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value)[:_LONGEST_VALUE]


def operand(field: Field, operator: Operator, value: Any) -> Operand:
    """Return a condition's value, checked and frozen; raises `OperandError` with the reason.

    Texts are kept as written, so that a tree prints as it was published.
    """
    if operator in RELATIVE:
        return _amount(value)
    if operator in PAIRS:
        return _pair(field, value)
    if operator in LISTS:
        return _list(field, value)
    if operator in _PARTS:
        return _text(value)
    return _scalar(field, value)


def _scalar(field: Field, value: Any) -> Scalar:
    match field.type:
        case FieldType.TEXT:
            return _text(value)
        case FieldType.CHOICE:
            return _choice(field, value)
        case FieldType.NUMBER:
            return _number(value)
        case FieldType.INTEGER:
            return _whole_number(value)
        case FieldType.DAYS:
            return _days(value)
        case FieldType.BOOLEAN:
            if not isinstance(value, bool):
                raise OperandError(f"expected true or false, got {clipped_text(value)}")
            return value
        case FieldType.DATE:
            return _date(value)
        case FieldType.ATTRIBUTE:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _number(value)
            return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise OperandError(f"expected a text, got {clipped_text(value)}")
    if not value.strip():
        raise OperandError("the text is empty")
    if len(value) > MAX_TEXT:
        raise OperandError(f"the text has {len(value)} characters, at most {MAX_TEXT} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise OperandError("the text is not valid Unicode") from error
    return value


def _choice(field: Field, value: Any) -> str:
    text = _text(value)
    if text in field.options:
        return text
    suggestion = next(
        (option for option in field.options if option.casefold() == text.strip().casefold()), None
    )
    hint = f", did you mean {suggestion}?" if suggestion else ""
    raise OperandError(f"{clipped_text(text)} is not one of its values{hint}")


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise OperandError(f"expected a number, got {clipped_text(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise OperandError("expected a finite number")
    if not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        raise OperandError(f"the number is beyond {MAX_MAGNITUDE:,}")
    return value


def _whole_number(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise OperandError(f"expected a whole number, got {clipped_text(value)}")
    return int(number)


def _days(value: Any) -> int:
    days = _whole_number(value)
    if not 0 <= days <= MAX_DAYS:
        raise OperandError(f"expected 0 to {MAX_DAYS} days, got {clipped_text(value)}")
    return days


def _date(value: Any) -> str:
    text = _text(value)
    try:
        span(text)
    except ValueError as error:
        raise OperandError(f"{clipped_text(text)}: {error}") from error
    return text


def _amount(value: Any) -> Amount:
    if not isinstance(value, dict):
        raise OperandError(f"expected amount and unit, got {clipped_text(value)}")
    amount, unit = value.get("amount"), value.get("unit")
    if unknown := sorted(clipped_text(key) for key in value if key not in ("amount", "unit")):
        raise OperandError(f"other keys than amount and unit are not allowed: {', '.join(unknown[:5])}")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise OperandError(f"amount must be a whole number from 1, got {clipped_text(amount)}")
    if unit not in tuple(Unit):
        raise OperandError(f"unit must be one of {', '.join(Unit)}, got {clipped_text(unit)}")
    if amount > MAX_AMOUNT.total_seconds() or (parsed := Amount(amount, Unit(unit))).length > MAX_AMOUNT:
        raise OperandError("the time is longer than a hundred years")
    return parsed


def _list(field: Field, value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list):
        raise OperandError(f"expected a list, got {clipped_text(value)}")
    if not value:
        raise OperandError("the list is empty")
    if len(value) > MAX_LIST:
        raise OperandError(f"the list has {len(value)} values, at most {MAX_LIST} are allowed")
    scalars: list[Scalar] = []
    for index, element in enumerate(value):
        try:
            scalars.append(_scalar(field, element))
        except OperandError as error:
            raise OperandError(f"value {index + 1}: {error}") from error
    _one_kind(scalars)
    return tuple(scalars)


def _pair(field: Field, value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004  # a pair
        raise OperandError(f"expected a list of two, from and to, got {clipped_text(value)}")
    low, high = _list(field, value)
    numbers = field.type is FieldType.ATTRIBUTE and all(NUMBER.fullmatch(str(end)) for end in (low, high))
    if float(low) > float(high) if numbers else _rank(field, low) > _rank(field, high):
        raise OperandError(f"{clipped_text(low)} is after {clipped_text(high)}: from must not exceed to")
    return low, high


def _one_kind(values: list[Scalar]) -> None:
    # Only an attribute's values can differ in kind, and the attribute is read as one kind.
    if len({isinstance(value, str) for value in values}) > 1:
        raise OperandError("the list mixes texts and numbers; use one kind")


def _rank(field: Field, value: Scalar) -> Any:
    if field.type is FieldType.DATE:
        return span(str(value)).start
    return folded(value) if isinstance(value, str) else value
