"""Reads a file of JSON lines: one message on each line, with the fields of the contract or of a mapping."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from application.importing.import_rows import LONGEST_TEXT, ParsedLine
from application.importing.mapping import Mapping, UnusableCell
from application.importing.text_encoding import decoded_text, encoding_of, wide_encoding
from models import normalize
from models.errors import Refused
from models.inbound import MAX_BYTES
from rules.inbound.envelope import parse_json

_HEAD: Final = 4096


def read(path: Path, mapping: Mapping | None) -> Iterator[ParsedLine]:
    """Yield the message or the refusal of each line. A line too long for a message is refused and skipped."""
    with path.open("rb") as file:
        is_wide = wide_encoding(file.read(_HEAD)) is not None
    opened = path.open(encoding=encoding_of(path).name, newline="\n") if is_wide else path.open("rb")
    with opened as file:
        yield from _lines(file.readline, mapping)


def _lines(readline: Callable[[int], bytes | str], mapping: Mapping | None) -> Iterator[ParsedLine]:
    line = 0
    while value := _as_bytes(readline(MAX_BYTES + 1)):
        line += 1
        long, beginning = len(value) > MAX_BYTES, value[:LONGEST_TEXT]
        while len(value) > MAX_BYTES and not value.endswith(b"\n"):
            value = _as_bytes(readline(MAX_BYTES + 1))
        if long:
            text = beginning.decode(errors="replace")
            yield ParsedLine(line=line, reason=f"is longer than {MAX_BYTES} bytes", text=text)
        elif value.strip():
            yield _parsed_line(line, value, mapping)


def _as_bytes(line: bytes | str) -> bytes:
    return line.encode(errors="replace") if isinstance(line, str) else line


def _parsed_line(line: int, value: bytes, mapping: Mapping | None) -> ParsedLine:
    try:
        message: Any = parse_json(value)
        if not isinstance(message, dict):
            reason = f"must be a JSON object, not {normalize.kind_of(message)}"
            return ParsedLine(line=line, reason=reason, text=_text(value))
        return ParsedLine(line=line, message=mapping.message(message) if mapping else message)
    except Refused as refused:
        return ParsedLine(line=line, field=refused.field, reason=refused.reason, text=_text(value))
    except UnusableCell as cell:
        return ParsedLine(line=line, field=cell.field, reason=str(cell), text=_text(value))


def _text(value: bytes) -> str:
    return decoded_text(value.rstrip(b"\r\n"))
