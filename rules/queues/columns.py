"""Returns what a queue shows of a lead: its name and the queue's columns; in a blind queue only the name (Q3)."""

from typing import Any, Final

from models.directory import Queue
from models.facts import Facts
from models.lead import Lead
from rules.language.catalogue import FIELDS

NAME: Final = "name"
MAY_CALL: Final = "may_call"
"""The fixed key that is false in the row of a lead that must not be called. Other rows have no such key (M8)."""
PHONE: Final = "phone"
"""The fixed key of the prospect's name. No catalogue field may use it."""

UNNAMED: Final = "unnamed"


def name_of(facts: Facts) -> str:
    """Return first and last name, or `unnamed`.

    Unlike `Facts.prospect_name` it never falls back to phone, email or the vendor's id, because a blind queue would
    reveal them.
    """
    first, last = facts.first_name, facts.last_name
    if first and last:
        return f"{first} {last}"
    return first or last or UNNAMED


def shown_columns(lead: Lead, queue: Queue) -> dict[str, Any]:
    """Return what a queue's list shows of a lead: `name`, then the queue's columns in their order.

    A column that is not in the catalogue is left out. Publishing refuses such a column, and a list must not fail
    because of it. Where the queue shows the phone number of a lead that must not be called, `may_call` is false (M8).
    """
    columns: dict[str, Any] = {NAME: name_of(lead.facts)}
    for column in queue.columns:
        field = FIELDS.get(column)
        if field is not None and column != NAME:
            columns[column] = field.get(lead)
    if PHONE in columns and lead.silenced:
        columns[MAY_CALL] = False
    return columns
