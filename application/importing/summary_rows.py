"""Recognises a table's summary rows, such as a "Total" at its end, so that none of them becomes a lead (V1)."""

import re
from typing import Any, Final

from models import contacts
from models.field_names import field_of

REASON: Final = "is a summary of the table and no lead"
_LONGEST: Final = 60
"""The longest cell of a summary row, in characters. It also bounds the work of the patterns below."""
_SUMMARY_WORDS: Final = re.compile(
    r"(grand|sub|over-?all|report|page)?[\s-]*(totals?|sums?|averages?|avg\.?|means?|counts?|summary)"
    r"(\s+(of|number of|leads?|rows?|records?|amount|count))*\s*[:=]?\s*[\d.,]*",
    re.IGNORECASE,
)
_END: Final = re.compile(r"[-*=\s]*end of (file|report|data|list)[-*=.\s]*", re.IGNORECASE)
_FIGURE: Final = re.compile(
    r"[-+(]?\s*[$€£]?\s*[\d][\d.,\s]*\s*[%)kKmM]?|[-*=]+|n/?a|leads?|rows?|records?", re.IGNORECASE
)


def is_summary(cells: dict[str, Any], phones: frozenset[str] = frozenset()) -> bool:
    """Say whether a row begins with a word like "Total", has only figures beside it, and no phone or mail address.

    `phones`: columns that a mapping reads as the phone.
    """
    filled_cells = [(name, str(cell)) for name, cell in cells.items() if cell not in (None, "")]
    if not filled_cells:
        return False
    if any(len(cell) > _LONGEST for _, cell in filled_cells):
        return False
    (_, first), *others = filled_cells
    if not (_SUMMARY_WORDS.fullmatch(first) or _END.fullmatch(first)):
        return False
    return all(_FIGURE.fullmatch(cell) for _, cell in others) and not any(
        is_phone(cell) for name, cell in others if name in phones or field_of(name) == "phone"
    )


def is_email(cell: str) -> bool:
    """Say whether a cell can be read as a mail address."""
    try:
        return "@" in cell and contacts.email(cell) is not None
    except ValueError:
        return False


def is_phone(cell: str) -> bool:
    """Say whether a cell can be read as a phone."""
    try:
        return contacts.phone(cell) is not None
    except ValueError:
        return False
