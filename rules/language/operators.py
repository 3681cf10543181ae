"""Defines the operators of the rule language, with their complements and the field types they apply to."""

from enum import StrEnum
from typing import Final


class Operator(StrEnum):
    """react-querybuilder's operators, and three for dates relative to now (docs/contracts, `<rules>`)."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    BETWEEN = "between"
    NOT_BETWEEN = "notBetween"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    NOT_CONTAINS = "doesNotContain"
    BEGINS = "beginsWith"
    NOT_BEGINS = "doesNotBeginWith"
    ENDS = "endsWith"
    NOT_ENDS = "doesNotEndWith"
    NULL = "null"
    NOT_NULL = "notNull"
    IN_LAST = "inLast"
    NOT_IN_LAST = "notInLast"
    IN_NEXT = "inNext"


class FieldType(StrEnum):
    """The type of a field's value, which determines how it is compared."""

    TEXT = "text"
    """Compared without regard to case. The field's options are suggestions."""
    CHOICE = "choice"
    """Exactly one of the field's options."""
    NUMBER = "number"
    INTEGER = "integer"
    """A whole number, such as a count or a score."""
    DAYS = "days"
    """A whole number of days since an instant. Time alone changes it."""
    BOOLEAN = "boolean"
    DATE = "date"
    """An instant."""
    ATTRIBUTE = "attribute"
    """Any value that a vendor sent beyond the contract. It is compared with a number as a number, and with text as
    text."""


COMPLEMENT: Final = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_BETWEEN: Operator.BETWEEN,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_BEGINS: Operator.BEGINS,
    Operator.NOT_ENDS: Operator.ENDS,
    Operator.NOT_IN_LAST: Operator.IN_LAST,
}
"""negative -> positive. A non-null value meets exactly one of the two; null meets neither."""

NULLNESS: Final = (Operator.NULL, Operator.NOT_NULL)
PAIRS: Final = frozenset({Operator.BETWEEN, Operator.NOT_BETWEEN})
LISTS: Final = frozenset({Operator.IN, Operator.NOT_IN})
RELATIVE: Final = frozenset({Operator.IN_LAST, Operator.NOT_IN_LAST, Operator.IN_NEXT})
"""The operators on dates whose result time alone can change."""

_EQUALITY: Final = (Operator.EQUAL, Operator.NOT_EQUAL)
_ORDER: Final = (
    Operator.LESS,
    Operator.AT_MOST,
    Operator.MORE,
    Operator.AT_LEAST,
    Operator.BETWEEN,
    Operator.NOT_BETWEEN,
)
_LISTS: Final = (Operator.IN, Operator.NOT_IN)
_PARTS: Final = (
    Operator.CONTAINS,
    Operator.NOT_CONTAINS,
    Operator.BEGINS,
    Operator.NOT_BEGINS,
    Operator.ENDS,
    Operator.NOT_ENDS,
)

OPERATORS: Final = {
    FieldType.TEXT: (*_EQUALITY, *_LISTS, *_PARTS, *_ORDER, *NULLNESS),
    FieldType.CHOICE: (*_EQUALITY, *_LISTS, *NULLNESS),
    FieldType.NUMBER: (*_EQUALITY, *_ORDER, *_LISTS, *NULLNESS),
    FieldType.INTEGER: (*_EQUALITY, *_ORDER, *_LISTS, *NULLNESS),
    FieldType.DAYS: (*_EQUALITY, *_ORDER, *_LISTS, *NULLNESS),
    FieldType.BOOLEAN: (*_EQUALITY, *NULLNESS),
    FieldType.DATE: (
        Operator.IN_LAST,
        Operator.NOT_IN_LAST,
        Operator.IN_NEXT,
        *_EQUALITY,
        *_ORDER,
        *NULLNESS,
    ),
    FieldType.ATTRIBUTE: (*_EQUALITY, *_ORDER, *_LISTS, *_PARTS, *NULLNESS),
}
"""The operators for each field type, in the order in which a builder offers them."""

LABELS: Final = {
    Operator.EQUAL: "is",
    Operator.NOT_EQUAL: "is not",
    Operator.LESS: "is less than",
    Operator.AT_MOST: "is at most",
    Operator.MORE: "is more than",
    Operator.AT_LEAST: "is at least",
    Operator.BETWEEN: "is between",
    Operator.NOT_BETWEEN: "is not between",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.CONTAINS: "contains",
    Operator.NOT_CONTAINS: "does not contain",
    Operator.BEGINS: "begins with",
    Operator.NOT_BEGINS: "does not begin with",
    Operator.ENDS: "ends with",
    Operator.NOT_ENDS: "does not end with",
    Operator.NULL: "is empty",
    Operator.NOT_NULL: "is not empty",
    Operator.IN_LAST: "is in the last",
    Operator.NOT_IN_LAST: "is not in the last",
    Operator.IN_NEXT: "is in the next",
}
"""The display label of each operator."""
