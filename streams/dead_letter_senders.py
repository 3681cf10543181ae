"""Finds out who sent the message of a dead letter: its org and its vendor. It never raises, whatever the letter is."""

from typing import Any, Final

import msgspec

from models import normalize
from streams.dead_letter_reading import StoredDeadLetter, text
from streams.topics import DIRECTORY, DO_NOT_CONTACT

_ORGS: Final = (("org",), ("data", "org"), ("facts", "org"), ("lead", "facts", "org"))
"""Where a message names its org: in itself, in a CloudEvents envelope, or in a record between stages."""
_KEYED: Final = frozenset({DIRECTORY, DO_NOT_CONTACT})
"""Topics whose keys begin with the org."""


def org_of(letter: StoredDeadLetter) -> str | None:
    """Return the org of a dead letter: the one that its message names, or the default one if it names none.

    Return None for a message that cannot be read, or whose org cannot. It may be any org's, so no org may see it.
    """
    if letter.source_topic in _KEYED:
        return _org(text(letter.key).partition("/")[0])
    try:
        value = msgspec.json.decode(letter.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    for path in _ORGS:
        org: Any = value
        for name in path:
            org = org.get(name) if isinstance(org, dict) else None
        if org is not None:
            return _org(org)
    return _org(None)


def vendor_in(letter: StoredDeadLetter) -> str:
    """Return the vendor that a dead letter's message names, in normal form; empty if it names none that can be one."""
    try:
        value = msgspec.json.decode(letter.value or b"")
        vendor = value.get("vendor") if isinstance(value, dict) else None
        return "" if vendor is None else normalize.vendor(vendor)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return ""


def _org(org: Any) -> str | None:
    try:
        return normalize.org(org)
    except ValueError:
        return None
