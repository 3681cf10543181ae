"""Says in which encoding a file of leads is, and decodes it. One wrong byte spoils no other row (reading A4, A17).

UTF-16 and UTF-32 are known by their byte order mark, or without it by their zero bytes. Other files are
UTF-8, cp1252, or Latin-1, which never fails.
"""

import codecs
import re
from pathlib import Path
from typing import Final, NamedTuple

from models.errors import InvalidInput, Problem

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD: Final = 4096
"""How many bytes are looked at to find the encoding of a file without a byte order mark."""
_ZERO_BYTES: Final = {
    "utf-32-le": (False, True, True, True),
    "utf-32-be": (True, True, True, False),
    "utf-16-le": (False, True, False, True),
    "utf-16-be": (True, False, True, False),
}
"""Encoding -> which of four bytes are zero in text of ASCII."""
_CHUNK: Final = 1 << 16
_SHIFTED_LEAST: Final = 8
_SHIFTED: Final = re.compile(
    f"[{''.join(chr(code << 8) for code in (9, 10, 13, *range(32, 127)))}]{{{_SHIFTED_LEAST},}}"
)
"""ASCII in UTF-16 from which one byte is missing: characters whose lower byte is zero, one after another."""
_AS_CP1252: Final = "firstclaim.cp1252"


class Encoding(NamedTuple):
    """How the bytes of a file are decoded: the codec's name, and how it treats bytes that it cannot decode."""

    name: str
    errors: str = "strict"


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are no UTF-8 as cp1252, or as Latin-1 if they are no cp1252 either."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    invalid = error.object[error.start : error.end]
    try:
        return invalid.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return invalid.decode("latin-1"), error.end


codecs.register_error(_AS_CP1252, _as_cp1252)


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if a file begins with bytes of one of them, also without a byte order mark."""
    for byte_order_mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(byte_order_mark):
            return name
    head = head[: len(head) // 4 * 4]
    if b"\x00" not in head:
        return None
    zeros = [head[at::4].count(0) * 2 for at in range(4)]
    for name, expected in _ZERO_BYTES.items():
        if all(
            count * 4 > len(head) if zero else not count for count, zero in zip(zeros, expected, strict=True)
        ):
            return name
    return None


def encoding_of(path: Path) -> Encoding:
    """Return the encoding of a file: UTF-16 or UTF-32, UTF-8, cp1252, else Latin-1, which never fails.

    UTF-16 that has lost or gained one byte somewhere is broken: all that follows would be read as other characters.
    A file that is mostly UTF-8 is read as UTF-8, and its other bytes as cp1252, so that one wrong byte spoils no other
    row. The whole file is read, a piece at a time, because one accented letter near the end decides. Raises
    `InvalidInput` for broken UTF-16.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    wide = wide_encoding(head)
    if wide is None and head.count(0) * 4 > len(head):
        raise InvalidInput(
            (Problem(path="file", reason="seems to be UTF-16 with a byte too many or too few"),)
        )
    if wide is not None:
        if not _decodes(path, wide):
            name = wide[: len("utf-16")].upper()
            reason = f"begins as {name} and is not {name} to its end"
            raise InvalidInput((Problem(path="file", reason=reason),))
        return Encoding(wide)
    if _decodes(path, "utf-8"):
        return Encoding("utf-8-sig")
    if _is_mostly_utf8(path):
        return Encoding("utf-8-sig", _AS_CP1252)
    return Encoding("cp1252") if _decodes(path, "cp1252") else Encoding("latin-1")


def decoded_text(content: bytes) -> str:
    """Return the text of some bytes, by the same rules as `encoding_of`. A broken character of UTF-16 is U+FFFD."""
    if (wide := wide_encoding(content[:_HEAD])) is not None:
        return content.decode(wide, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        lead = _lead_of_utf8(content.decode("utf-8", "surrogateescape"))
    return content.decode("utf-8", _AS_CP1252) if lead > 0 else content.decode("cp1252", "replace")


def _lead_of_utf8(text: str) -> int:
    """Return how many characters beyond ASCII are UTF-8, less the bytes that are none (surrogates)."""
    if text.isascii():
        return 0
    non_ascii = [character for character in text if not character.isascii()]
    return len(non_ascii) - 2 * sum("\udc80" <= character <= "\udcff" for character in non_ascii)


def _is_mostly_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    lead = 0
    with path.open("rb") as file:
        has_more = True
        while has_more:
            piece = file.read(_CHUNK)
            has_more = bool(piece)
            lead += _lead_of_utf8(decoder.decode(piece, final=not has_more))
    return lead > 0


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    text = ""
    try:
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                text = text[-_SHIFTED_LEAST:] + decoder.decode(piece)
                if encoding.startswith("utf-16") and _SHIFTED.search(text):
                    return False
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
