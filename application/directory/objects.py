"""Normalises the objects of one org as the engine stores them, in the order of a file."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from models.errors import Problem, PublicationErrors, Refused
from rules.inbound.envelope import storable
from rules.inbound.intake import accept_publication as as_taken
from rules.inbound.publication import accept_publication
from rules.queues.rule_book import Key

SECTIONS: Final = {
    "settings": "settings",
    "reps": "rep",
    "groups": "group",
    "campaigns": "campaign",
    "queues": "queue",
}
"""A file's sections and the kinds of their objects, in the order they are written and published."""
SECTION_OF: Final = {kind: section for section, kind in SECTIONS.items()}
SETTINGS: Final = ("settings", "settings")
"""The key of an org's settings, of which there is one object."""

Value = dict[str, Any]
Objects = Mapping[Key, Value]
WantedAction = Mapping[Key, Value | None]
"""The objects of a file. None removes the object."""

_ORDER: Final = {kind: index for index, kind in enumerate(SECTION_OF)}
_DIGITS: Final = re.compile(r"(\d+)", re.ASCII)
_NO_JSON: Final = (TypeError, ValueError, ArithmeticError, RecursionError)
"""What an encoder raises for a value that JSON cannot hold: a wrong type, a cycle, a lone surrogate."""


def normal(org: str, kind: str, object_id: str, value: Any) -> Value | None:
    """Return an object as the engine stores it once it is published. None where it is removed.

    Raises `PublicationErrors` with every problem, by its path in the object.
    """
    accepted = accept_publication(kind, object_id, value)
    try:
        # Use the bytes and the same function as intake, so that what passes here is no dead letter there.
        body = None if accepted is None else msgspec.json.encode(storable(accepted))
        return as_taken(f"{org}/{kind}/{object_id}".encode(), body, {}, version=0).value
    except Refused as refused:
        problem = Problem(path="" if refused.field == "key" else refused.field, reason=refused.reason)
    except _NO_JSON as error:
        problem = Problem(path="", reason=f"cannot be written as JSON: {error}")
    raise PublicationErrors((problem,))


def path_of(key: Key, inside: str = "") -> str:
    """Return the path in a file of an object, or of something inside it: `reps.rep-7.filter.rules[0]`."""
    kind, object_id = key
    path = SECTION_OF[kind] if key == SETTINGS else f"{SECTION_OF[kind]}.{object_id}"
    return f"{path}.{inside}" if inside else path


def ordered(keys: Iterable[Key]) -> list[Key]:
    """Return keys in the order of the sections, and within one in natural order: rep-2 before rep-10."""
    return sorted(keys, key=lambda key: (_ORDER[key[0]], _counted(key[1]), key[1]))


def _counted(text: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part.casefold())
        for part in _DIGITS.split(text)
        if part
    ]
