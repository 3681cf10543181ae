"""Remembers versions of objects that people were shown, so that a rejected edit can name what changed (Q6, R1)."""

from collections import OrderedDict
from typing import Final

from application.directory.changes import Difference, differences
from application.directory.objects import Value
from rules.queues.rule_book import Key

KEPT: Final = 5_000


class ShownVersions:
    """The values of the versions that were shown most recently to anybody."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[str, Key, int], Value] = OrderedDict()

    def note(self, org: str, key: Key, version: int, value: Value) -> None:
        """Remember a version that is shown."""
        self._values[org, key, version] = value
        self._values.move_to_end((org, key, version))
        if len(self._values) > KEPT:
            self._values.popitem(last=False)

    def since(self, org: str, key: Key, version: int, now: Value | None) -> list[Difference] | None:
        """Return what changed since a version was shown; None if that version is no longer remembered."""
        before = self._values.get((org, key, version))
        return None if before is None else list(differences(before, now or {}))
