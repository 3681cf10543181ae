"""What a rule reads of a lead where a column does not say it by itself, so that SQL compares as closures do.

A text compares by its folded form. Of ASCII that is its lower case, which every database knows; of anything else
Python's is kept here, so that no database's own idea of case takes part. Keys of the object:

- `FIELD`: the folded text of a text field that has more than ASCII in it;
- `created_at`: false where the vendor gave none, and the column says when the lead arrived instead;
- `attributes.NAME`: an attribute as folded text, where its JSON would be spelled otherwise;
- `#attributes.NAME`: an attribute as a number, where it came as text or is beyond what a database counts.
"""

import sys
from typing import Any, Final

from models.lead import Lead
from rules.catalogue import ATTRIBUTES, FIELDS
from rules.conditions import as_number, as_text
from rules.operators import FieldType

AS_NUMBER: Final = "#"
"""Goes before the name of an attribute that is read as a number."""

_TEXTS: Final = tuple(field for field in FIELDS.values() if field.type is FieldType.TEXT)
_INT64: Final = 2**63
_EXACT: Final = 2**53
_LARGEST: Final = sys.float_info.max


def asked(lead: Lead) -> dict[str, Any]:
    """Return what the columns of a lead do not say; empty for most of them."""
    found: dict[str, Any] = {}
    for field in _TEXTS:
        value = field.get(lead)
        if value is not None and not value.isascii():
            found[field.name] = value.casefold()
    if lead.facts.created_at is None:
        found["created_at"] = False
    for name, value in lead.facts.attributes.items():
        if isinstance(value, str):
            if not value.isascii():
                found[ATTRIBUTES + name] = value.casefold()
            if (number := as_number(value)) is not None:
                found[AS_NUMBER + ATTRIBUTES + name] = number
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if isinstance(value, float) or not -_INT64 <= value < _INT64:
                found[ATTRIBUTES + name] = as_text(value)
            if not -_EXACT <= value <= _EXACT:
                found[AS_NUMBER + ATTRIBUTES + name] = _double(value)
    return found


def _double(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = _LARGEST if value > 0 else -_LARGEST
    return min(max(number, -_LARGEST), _LARGEST)
