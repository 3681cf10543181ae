"""One case of docs/reading.md: a file of leads as a vendor sends it, and the leads that are read of it."""

from typing import Any, Final, NamedTuple

Leads = tuple[dict[str, Any], ...]

ANN: Final[dict[str, Any]] = {"first_name": "Ann", "last_name": "Doe", "phone": "+14014194247"}
BOB: Final[dict[str, Any]] = {"first_name": "Bob", "last_name": "Roe", "phone": "+12125551234"}
BOTH: Final = (ANN, BOB)
WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le")
"""Encodings that a file without a mark may be mistaken for."""


class FileCase(NamedTuple):
    """One file. `shape`: what is special about it. `leads`: the facts that are read, one lead each.

    `refused`: the lines that are refused. `shown`: the content as the page shows it, where the bytes are no text.
    """

    case: str
    shape: str
    name: str
    content: str | bytes
    leads: Leads
    refused: tuple[int, ...] = ()
    shown: str = ""

    @property
    def value(self) -> bytes:
        """The file's bytes."""
        return self.content.encode() if isinstance(self.content, str) else self.content
