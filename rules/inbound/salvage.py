"""Finds named fields in a JSON object that is too large, too deep or too broken to read as a whole.

Only the object's own fields are found, not those of nested objects. Nothing is read after the point where the text is
no longer JSON, because that part may be the text of a value. If a field occurs twice, the last one counts, as in any
JSON reader. The work is bounded by `MAX_SCANNED` and `MAX_STEPS`; fields beyond these bounds are not found.
"""

import re
from collections.abc import Collection
from json import JSONDecoder
from typing import Any, Final

import msgspec

MAX_SCANNED: Final = 1024 * 1024
"""The maximum number of bytes read: the default maximum size of a record in a topic."""
MAX_STEPS: Final = 200_000
"""The maximum number of fields, and of brackets and strings inside them, that are skipped: about a tenth of a
second."""

_STRINGS: Final = JSONDecoder(strict=False)
"""Reads a string, even if it contains line breaks."""
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null|-?Infinity|NaN")
_BETWEEN: Final = re.compile(r"(?:[ \t\r\n,:]+|-?[0-9][0-9.eE+-]*|true|false|null|-?Infinity|NaN)*")
"""Matches what may occur between the brackets and strings of a value."""
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,199})")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class NestedField(msgspec.Struct, frozen=True):
    """A field that is an object or a list. `begin`: where it begins in the text."""

    begin: int


class UnreadableField(msgspec.Struct, frozen=True):
    """A field whose text is not UTF-8, or whose number is not a whole number."""


class SalvagedFields(msgspec.Struct, frozen=True):
    """The fields that were found.

    `is_whole`: the object was read to its end, so a field that was not found does not exist.

    `fields`: text, whole numbers, true, false and null as they are; anything else as `NestedField` or
    `UnreadableField`.
    """

    text: str
    fields: dict[str, Any]
    is_whole: bool


def salvage(value: bytes, names: Collection[str]) -> SalvagedFields:
    """Return the named fields of the object in `value`; never raises."""
    text = value[:MAX_SCANNED].decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return salvage_at(text, 0, names)


def salvage_at(text: str, begin: int, names: Collection[str]) -> SalvagedFields:
    """Return the named fields of the object that begins at `begin`; never raises."""
    scan = _Scan(text, begin)
    fields: dict[str, Any] = {}
    try:
        is_whole = scan.members(fields, names)
    except (ValueError, IndexError):  # the text is not JSON here, or it ends
        is_whole = False
    return SalvagedFields(text, fields, is_whole)


class _Scan:
    """Reads JSON from a position. Its methods raise `ValueError` or `IndexError` if the text ends or is not JSON."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at
        self._steps = MAX_STEPS

    def members(self, fields: dict[str, Any], names: Collection[str]) -> bool:
        """Read an object and keep the wanted fields; return True if its end was reached."""
        self._expect("{")
        if self._next() == "}":
            return True
        while True:
            self._step()
            if self._next() != '"':
                raise ValueError(self._at)
            name = self._string()
            self._expect(":")
            self._next()
            value = self._value()
            if self._next() not in ",}":
                raise ValueError(self._at)
            if name in names:
                fields[name] = value
            if self._text[self._at] == "}":
                return True
            self._at += 1

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise ValueError(self._at)

    def _next(self) -> str:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise ValueError(self._at)
        self._at += 1

    def _string(self) -> str:
        text, self._at = _STRINGS.raw_decode(self._text, self._at)
        return str(text)

    def _value(self) -> Any:
        begin = self._at
        if self._text[begin] == '"':
            text = self._string()
            return UnreadableField() if _SURROGATE.search(text) else text
        if self._text[begin] in "{[":
            self._pass_over()
            return NestedField(begin)
        scalar = _SCALAR.match(self._text, begin)
        if scalar is None:
            raise ValueError(begin)
        self._at = scalar.end()
        literals = {"true": True, "false": False, "null": None}
        if scalar[0] in literals:
            return literals[scalar[0]]
        return int(scalar[0]) if _INTEGER.fullmatch(scalar[0]) else UnreadableField()

    def _pass_over(self) -> None:
        """Skip an object or a list of any depth without building it."""
        opened: list[str] = []
        while True:
            self._step()
            character = self._text[self._at]
            if character == '"':
                self._string()
            elif character in "{[":
                opened.append("}" if character == "{" else "]")
                self._at += 1
            elif character == opened.pop():
                self._at += 1
                if not opened:
                    return
            else:
                raise ValueError(self._at)
            separator = _BETWEEN.match(self._text, self._at)
            self._at = separator.end() if separator else self._at
