"""Makes the class of each kind of mail header once.

Python's `HeaderRegistry` makes a new class for each header that it makes or looks up: about thirty for a mail, of 2 KB
each. A class refers to itself, so it stays until Python searches for garbage.
"""

from email.headerregistry import HeaderRegistry
from email.policy import SMTP
from typing import Any, Final


class HeaderClasses(HeaderRegistry):
    """Finds a header's class by its name. It holds at most one class for each kind of header, `len(registry) + 1`."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[type[Any], Any] = {}

    def __getitem__(self, name: str) -> Any:
        kind = self.registry.get(name.lower(), self.default_class)
        made = self._made.get(kind)
        if made is None:
            made = self._made[kind] = super().__getitem__(name)
        return made


POLICY: Final = SMTP.clone(header_factory=HeaderClasses())
"""The policy of every mail that a courier sends."""
