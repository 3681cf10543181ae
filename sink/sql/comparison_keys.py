"""Computes values that rules compare and no column holds, so that SQL compares as the Python closures do.

A text compares by its folded form. For ASCII that is the lower case, which every database computes alike. For other
texts Python's folded form is stored here, so that the database's own case rules play no part. Attributes that a
vendor sent beyond the contract have no column, so all of them are stored here, ready to be compared. Keys of the
object:

- `FIELD`: the folded text of a text field that contains more than ASCII;
- `created_at`: false where the vendor gave none; the column then holds the time of arrival;
- `attributes.NAME`: an attribute as folded text;
- `number attributes.NAME`: an attribute that came as a number;
- `read attributes.NAME`: an attribute that came as text and reads as a number;
- `value attributes.NAME`: true for an attribute that exists and is neither (a list, an object).
"""

import sys
from typing import Any, Final

from models.lead import Lead
from models.spelling import folded
from rules.language.catalogue import ATTRIBUTES, FIELDS
from rules.language.conditions import as_number, as_text
from rules.language.operators import FieldType

NUMBER: Final = "number "
READ: Final = "read "
VALUE: Final = "value "

_TEXTS: Final = tuple(field for field in FIELDS.values() if field.type is FieldType.TEXT)
_LARGEST: Final = sys.float_info.max
_ESCAPES: Final = str.maketrans({"%": "%25", '"': "%22", "\\": "%5C"})


def comparison_keys(lead: Lead, *, is_ascii: bool = False) -> dict[str, Any]:
    """Return the comparison keys of a lead. Many leads have none. `is_ascii`: no text of it has more than ASCII."""
    keys: dict[str, Any] = {}
    for field in () if is_ascii else _TEXTS:
        value = field.get(lead)
        if value is not None and not value.isascii():
            keys[field.name] = folded(value)
    if lead.facts.created_at is None:
        keys["created_at"] = False
    for name, value in lead.facts.attributes.items():
        keys.update(_attribute(key_of(ATTRIBUTES + name), value))
    return keys


def key_of(name: str) -> str:
    """Return a field's key in the object, without characters that some JSON paths cannot have."""
    return name.translate(_ESCAPES)


def _attribute(key: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    text, number = as_text(value), as_number(value)
    if text is None:
        return {VALUE + key: True}
    if number is None:
        return {key: text}
    return {key: text, (READ if isinstance(value, str) else NUMBER) + key: _double(number)}


def _double(value: float) -> float:
    """Return the number as databases can compute it. Rules name only numbers well below the largest."""
    try:
        number = float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST
    return min(max(number, -_LARGEST), _LARGEST)
