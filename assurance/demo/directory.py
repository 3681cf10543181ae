"""Gives the directory of the demo's org: the lender in the file beside this module, by default open at any hour."""

from pathlib import Path
from typing import Any, Final

from application.directory.directory_file import read_directory
from application.directory.objects import Objects, Value
from rules.queues.rule_book import Key

LENDER: Final = Path(__file__).with_name("lender.yaml")
WINDOW_SECONDS: Final = 20
"""The longest offer or ring while the directory is open at any hour."""
LOCK_MINUTES: Final = 5
OPENED: Final = (
    f"the lender's doors are open at any hour: no working hours, pauses and caps, offers last {WINDOW_SECONDS} s "
    f"at most, locks {LOCK_MINUTES} min (--hours: as its directory says)"
)
"""What `opened` changes, in one line."""
YOURS: Final = "rep-1"
"""The loan officer that the demo does not simulate. Whoever signs in may use it."""


def lender() -> dict[Key, Value]:
    """Return the lender's directory in publication order: 3 teams, 24 loan officers, 6 groups, 5 campaigns."""
    _, objects = read_directory(LENDER.read_bytes(), LENDER.name)
    return {key: value for key, value in objects.items() if value is not None}


def opened(
    objects: Objects, *, window_seconds: int = WINDOW_SECONDS, lock_minutes: float = LOCK_MINUTES
) -> dict[Key, Value]:
    """Return the directory without hours and caps, so that a demo is never idle at night or after noon.

    Working hours, pauses, daily caps and caps of open leads are left out; with them a long demo would fill every
    desk. Windows and locks are shortened. Licences, filters, weights and absences stay as they are.
    """
    changed: dict[str, dict[str, Any]] = {
        "rep": {"hours": None, "max_per_day": None, "max_open": None},
        "group": {"pause": None, "claim_window_seconds": window_seconds, "ring_seconds": window_seconds},
        "settings": {"lock_minutes": lock_minutes},
    }
    return {key: _capped_object(value, changed.get(key[0], {})) for key, value in objects.items()}


def officers(objects: Objects) -> list[str]:
    """Return the ids of those who work leads. Managers and admins do not."""
    return [
        object_id
        for (kind, object_id), value in objects.items()
        if kind == "rep" and value.get("role", "rep") == "rep"
    ]


def _capped_object(value: Value, most: dict[str, Any]) -> Value:
    """Return an object without the fields that are None in `most`; other fields of `most` are capped."""
    limits = {name: limit for name, limit in most.items() if limit is not None}
    uncapped = {name: part for name, part in value.items() if name not in most}
    return uncapped | {name: min(value.get(name, limit), limit) for name, limit in limits.items()}
