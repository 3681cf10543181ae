"""Says in words in which order a list is."""

from collections.abc import Mapping
from typing import Final

from rules.language.catalogue import FIELDS
from rules.language.operators import FieldType

_FIRST: Final = {
    FieldType.DATE: ("the oldest first", "the newest first"),
    FieldType.NUMBER: ("the lowest first", "the highest first"),
    FieldType.INTEGER: ("the lowest first", "the highest first"),
    FieldType.DAYS: ("the fewest first", "the most first"),
    FieldType.BOOLEAN: ("no first", "yes first"),
}
_ALPHABET: Final = ("A to Z", "Z to A")
OWN_QUEUE: Final = "offers, then calls that are due, then the leads to work"


def sorted_by(order: Mapping[str, str]) -> str:
    """Return the order of a queue in words, such as `Loan amount, the highest first`."""
    name, direction = order.get("field", "arrived_at"), order.get("direction", "asc")
    field = FIELDS.get(name)
    label = name if field is None else field.label
    ascending, descending = _ALPHABET if field is None else _FIRST.get(field.type, _ALPHABET)
    return f"{label}, {descending if direction == 'desc' else ascending}"
