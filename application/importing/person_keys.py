"""Gives the rows of one person in a file one key, so that they lie in one partition and keep their order (V1, R6).

Two ids of one person in different partitions may be read in any order, and the later row would be the lead.
"""

from typing import Final

from application.importing.rows import Row
from models.persons import joining_handles

MOST: Final = 100_000
"""The most ids, phones and mail addresses that are remembered: those that were met last."""


class PersonKeys:
    """Remembers the keys of ids and handles. A row that brings two persons together gets the key of the first one."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}

    def key_of(self, row: Row) -> bytes:
        """Return the key of a row: that of an earlier row with its id, phone or mail address, else its lead id."""
        names = (row.lead_id, *(joining_handles(row.facts) if row.facts else ()))
        keys = self._keys
        key = next((known for name in names if (known := keys.pop(name, None)) is not None), None)
        key = key or row.lead_id.encode()
        for name in names:
            keys[name] = key
        while len(keys) > MOST:
            del keys[next(iter(keys))]
        return key
