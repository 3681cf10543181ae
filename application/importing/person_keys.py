"""Gives the rows of one person in a file one key, so that they lie in one partition and keep their order (V1, R6).

Two ids of one person in different partitions may be read in any order, and the later row would be the lead.
"""

from typing import Final

from application.importing.import_rows import ImportRow
from models.persons import joining_handles

MAX_NAMES: Final = 100_000
"""The most ids, phones and mail addresses that are remembered: those that were met last, at least half as many."""


class PersonKeys:
    """Remembers the keys of ids and handles. A row that brings two persons together gets the key of the first one."""

    def __init__(self) -> None:
        self._new: dict[str, bytes] = {}
        self._old: dict[str, bytes] = {}
        """Two halves. When the newer one is full, the older one is forgotten."""

    def key_of(self, row: ImportRow) -> bytes:
        """Return the key of a row: that of an earlier row with its id, phone or mail address, else its lead id."""
        new, old, facts = self._new, self._old, row.facts
        names = [row.lead_id]
        if facts is not None:
            names += [name for name in (facts.phone, facts.email) if name is not None]
        key: bytes | None = None
        if any(name in new or name in old for name in names):
            # Only a name that was met before may join, so only then it is looked at (K1).
            joining = "" if facts is None else " ".join(joining_handles(facts))
            keys = (
                new.get(name) or old.get(name) for name in names if name == row.lead_id or name in joining
            )
            key = next((candidate for candidate in keys if candidate is not None), None)
        key = key or row.lead_id.encode()
        for name in names:
            new[name] = key
        if len(new) > MAX_NAMES // 2:
            self._new, self._old = {}, new
        return key
