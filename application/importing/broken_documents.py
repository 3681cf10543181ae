"""Reads what can be read of a JSON document that is broken, so that a broken lead costs itself alone (V1).

Each lead of a broken list is read by itself. What cannot be read is refused with its text, up to the next lead: an
object that begins with the same name as the list's first object.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from models.errors import Refused
from models.inbound import MAX_BYTES
from rules.inbound.envelope import parse_json
from rules.inbound.lenient import first_value

WORK: Final = 4
"""How many times the characters of a document are looked at, at most. The rest is then refused in one piece."""
_MIN_WORK: Final = 1 << 20
_STEP: Final = 1 << 14
_WINDOW: Final = _STEP + MAX_BYTES
"""How many characters the decoder gets. A longer object is no message."""
_NAME: Final = r'"(?:[^"\\]|\\.){0,200}"'
_LIST: Final = re.compile(r"[\s\ufeff]*(?:\{\s*" + _NAME + r"\s*:\s*){0,6}\[\s*(?=\{)")
"""The beginning of a list of objects, bare or inside other objects."""
_FIRST_NAME: Final = re.compile(r"\{\s*(" + _NAME + r")\s*:")
_DAMAGED_BEGINNING: Final = re.compile(r"[^:\[]{0,200}\[\s*(?=\{)")
_BETWEEN: Final = re.compile(r"[\s,]*")
_ENDING: Final = re.compile(r"[\s,\]}]*")
_LINES_LOOKED_AT: Final = 20


class DocumentPart(msgspec.Struct, frozen=True):
    """A part of a document: a lead's `value`, or None for a text that cannot be read."""

    text: str
    value: Any = None
    reason: str = ""


def is_json_lines(content: bytes) -> bool:
    """Say whether at least half of the first lines that are not empty are each an object by itself."""
    lines = [line for line in content[:_MIN_WORK].splitlines() if line.strip()][:_LINES_LOOKED_AT]
    return sum(map(_is_object, lines)) * 2 >= len(lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except Refused:
        return False


def parts_of(text: str) -> Iterator[DocumentPart]:
    """Yield the leads and the unreadable parts of a broken document, in order. Nothing of its text is left out.

    A text that is no list is one unreadable part.
    """
    begin = _LIST.match(text) or _DAMAGED_BEGINNING.match(text)
    if begin is None:
        yield DocumentPart(text, reason="not JSON: no list of leads is found in it")
        return
    at, work_left = begin.end(), max(WORK * len(text), _MIN_WORK)
    name = _FIRST_NAME.match(text, at)
    next_lead = re.compile(r"[\]},\[]\s*(?=\{\s*" + (re.escape(name[1]) if name else _NAME) + r"\s*:)")
    lead_names: frozenset[str] = frozenset()
    is_sound, window = True, _Window(text)
    while (at := _skipped(text, at)) < len(text):
        value, end, reason = window.read(at)
        work_left -= end - at
        if isinstance(value, dict) and (is_sound or len(lead_names & value.keys()) * 2 >= len(lead_names)):
            lead_names, is_sound = lead_names or frozenset(value), True
            yield DocumentPart(text[at:end], value)
            at = end
            continue
        is_sound = False
        match = next_lead.search(text, at + 1) if work_left > 0 else None
        end = match.end() if match else len(text)
        work_left -= end - at
        if not _ENDING.fullmatch(text, at, end):
            yield DocumentPart(text[at:end].rstrip(), reason=reason or "is only a part of a lead")
        at = end


def _skipped(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


class _Window:
    """Reads objects of a text in a part of it, because each error of the decoder counts the lines before it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._begin, self._part = 0, text[:_WINDOW]

    def read(self, at: int) -> tuple[Any, int, str]:
        """Return the object at a position, where it ends, and why there is none."""
        if self._text[at] != "{":
            return None, at + 1, "not JSON: a lead is expected here"
        if at - self._begin > _STEP:
            self._begin, self._part = at, self._text[at : at + _WINDOW]
        try:
            value, end = first_value(self._part, at - self._begin)
        except RecursionError:
            return None, self._begin + len(self._part), "not JSON: is nested too deep"
        except ValueError as error:
            end = getattr(error, "pos", len(self._part))
            return None, self._begin + end, f"not JSON: {getattr(error, 'msg', error)}"
        return value, self._begin + end, ""
