"""Finds the prospects in the text of an ADF file and mends what vendors' programs get wrong in XML (reading A6, A7)."""

import codecs
import html
import re
import sys
from collections.abc import Iterator
from html.entities import html5
from typing import BinaryIO, Final, NamedTuple

from application.importing.import_rows import LONGEST_TEXT
from application.importing.text_encoding import wide_encoding
from models.errors import InvalidInput, Problem
from models.inbound import MAX_BYTES

_CHUNK: Final = 1 << 14
_PROLOG: Final = 1 << 16
_ROOT: Final = re.compile(r"<\s*(?:[\w.-]+:)?adf[\s/>]", re.IGNORECASE)
_ROOT_END: Final = re.compile(r"</\s*(?:[\w.-]+:)?adf\s*>", re.IGNORECASE)
_NO_DATA: Final = re.compile(
    r"<\?[^>]*>|<!--.*?-->|<!DOCTYPE[^>]*>|</?\s*(?:[\w.-]+:)?adf(?:\s[^<>]*|/)?>", re.IGNORECASE | re.DOTALL
)
_BEGIN: Final = re.compile(r"<(?:[\w.-]+:)?prospect(?=[\s/>])", re.IGNORECASE)
_END: Final = re.compile(r"</(?:[\w.-]+:)?prospect\s*>", re.IGNORECASE)
_LONGEST_TAG: Final = 200
OUTSIDE: Final = "is outside of every <prospect>"
LONGEST_PROSPECT: Final = 2 * MAX_BYTES
"""The most characters of a prospect. A longer one is refused."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CDATA: Final = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_TAG: Final = re.compile(r"<[^<>!?]*>")
_PREFIX: Final = re.compile(r"(^</?|\s)(?!xmlns)[\w.-]{1,40}:(?=[\w.-]+(?:\s*=|[\s/>]))")
_AMPERSAND: Final = re.compile(r"&(#0*\d{1,7};|#[xX]0*[0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{0,31};)?")
_PAIR: Final = re.compile(
    r"&#([xX][dD][89abAB][0-9a-fA-F]{2}|5[56]\d{3});&#([xX][dD][c-fC-F][0-9a-fA-F]{2}|5[67]\d{3});"
)
"""A character beyond U+FFFF that a program wrote as the two halves of its UTF-16."""
_CP1252_REFERENCES: Final = range(0x80, 0xA0)
"""References to these mean cp1252, as in HTML: `&#146;` is an apostrophe."""
_MAX_UNDEFINED: Final = 5
_XML_ENTITIES: Final = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_ENCODING: Final = re.compile(rb"""encoding\s*=\s*["']([\w.-]{1,40})["']""", re.IGNORECASE)
_ENCODINGS: Final = frozenset(
    {
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "ascii",
        "iso8859-1",
        "iso8859-2",
        "iso8859-15",
        "cp1250",
        "cp1252",
        "mac-roman",
    }
)
"""The encodings that a file may declare, by Python's names. Other Python codecs are not encodings of text (`hex`,
`rot13`, `undefined`), or can only decode a whole file."""


class ProspectText(NamedTuple):
    """A part of a file: a prospect, or a text outside of every prospect. `line`: its first line, from 1."""

    line: int
    text: str
    is_prospect: bool = True


def prospects_in(file: BinaryIO) -> Iterator[ProspectText]:
    """Yield each prospect, and each text between them. Raises `InvalidInput` for a file without any."""
    head = file.read(_PROLOG)
    decoder = _decoder(head)
    if _ROOT.search(decoder.decode(head)) is None:
        raise InvalidInput((Problem(path="file", reason="there is no <adf> element at its beginning"),))
    decoder.reset()
    file.seek(0)
    has_any = False
    for piece in _pieces(file, decoder):
        has_any = True
        yield piece
    if not has_any:
        raise InvalidInput((Problem(path="file", reason="there is no <prospect> in it"),))


def _pieces(file: BinaryIO, decoder: codecs.IncrementalDecoder) -> Iterator[ProspectText]:
    """Yield the prospects and the texts between them. A prospect without its end ends where the next one begins.

    Of a prospect that exceeds the bounds only a part is kept, which is then refused.
    """
    text, line, dropped, has_more = "", 1, 0, True
    between = _Between()
    while True:
        begin = _BEGIN.search(text)
        if begin is None:
            length = max(len(text) - _LONGEST_TAG, 0) if has_more else len(text)
            between.add(line, text[:length])
            if not has_more:
                yield from between.pieces()
                return
            line += text.count("\n", 0, length)
            text = text[length:]
        else:
            between.add(line, text[: begin.start()])
            yield from between.pieces()
            line += text.count("\n", 0, begin.start())
            text = text[begin.start() :]
            end = _END.search(text, 1)
            following = _BEGIN.search(text, len("<prospect"), end.start() if end else len(text))
            if following is not None or end is not None or not has_more:
                stop = following.start() if following else end.end() if end else len(text)
                yield ProspectText(line, text[:stop])
                line += text.count("\n", 0, stop) + dropped
                text, dropped = text[stop:], 0
                continue
            if len(text) > LONGEST_PROSPECT + _LONGEST_TAG:
                # The middle of it is dropped; its end or the next prospect is still to be found.
                dropped += text.count("\n", LONGEST_PROSPECT, len(text) - _LONGEST_TAG)
                text = text[:LONGEST_PROSPECT] + text[-_LONGEST_TAG:]
        piece = file.read(_CHUNK)
        has_more = bool(piece)
        text += decoder.decode(piece, final=not piece)


class _Between:
    """Collects the text between two prospects, within a bound."""

    def __init__(self) -> None:
        self._line = 1
        self._text = ""
        self._is_prolog = True

    def add(self, line: int, text: str) -> None:
        """Add the next text. Of more than the bound, the beginning is kept."""
        if not self._text:
            self._line = line
        self._text += text[: LONGEST_TEXT + _PROLOG - len(self._text)]

    def pieces(self) -> Iterator[ProspectText]:
        """Yield the text if it holds anything but white space, `<adf>`, comments and instructions; then begin anew.

        After the end of an <adf> element, a text without any tag is none of the vendor's data. The prolog is skipped.
        """
        text, begin = self._text, 0
        if self._is_prolog and (root := _ROOT.search(text)):
            begin = root.start()
        self._text, self._is_prolog = "", False
        closed = max((match.end() for match in _ROOT_END.finditer(text)), default=len(text))
        for start, end in ((begin, closed), (closed, len(text))):
            part = _NO_DATA.sub(" ", text[start:end])
            if (start == begin or "<" in part) and _TAG.sub(" ", part).strip():
                line = self._line + text.count("\n", 0, start) + _blank_lines(text[start:end])
                yield ProspectText(line, text[start:end].strip()[:LONGEST_TEXT], is_prospect=False)


def _blank_lines(text: str) -> int:
    """Return how many lines a text begins with before its first character that is not white."""
    return text.count("\n", 0, len(text) - len(text.lstrip()))


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    """Return the decoder of a file. Bytes that are no UTF-8 are kept, and read as cp1252 with their prospect."""
    if (wide := wide_encoding(head)) is not None:
        return codecs.getincrementaldecoder(wide)("replace")
    root = re.search(rb"<\s*(?:[\w.-]+:)?adf[\s/>]", head, re.IGNORECASE)
    declared = _ENCODING.search(head[: root.start()] if root else head)
    name = declared[1].decode() if declared else "utf-8"
    try:
        codec = codecs.lookup(name)
    except LookupError:
        raise InvalidInput((Problem(path="file", reason=f"its encoding {name} is unknown"),)) from None
    if codec.name not in _ENCODINGS:
        encodings = ", ".join(sorted(_ENCODINGS))
        reason = f"its encoding {name} is none that ADF files are read in; there are {encodings}"
        raise InvalidInput((Problem(path="file", reason=reason),))
    if codec.name in ("utf-8", "ascii") or codec.name.startswith("utf-16"):
        # What declares UTF-16 and is not UTF-16 is UTF-8: a program wrote the text of another one to a file.
        return codecs.getincrementaldecoder("utf-8")("surrogateescape")
    return codecs.getincrementaldecoder(name)("replace")


class MendedXml(NamedTuple):
    """A prospect's text as XML. `undefined`: entities and references in it that are no characters, the first few."""

    text: str
    undefined: tuple[str, ...]


def mended_xml(text: str) -> MendedXml:
    """Return a prospect's text as XML, without what vendors' programs get wrong.

    Bytes that were no UTF-8 are read as cp1252. Bare ampersands, HTML's entities and characters that XML forbids are
    mended, and prefixes of namespaces removed. An entity that nobody defined stays as text, because no document type
    is read; a reference to what is no character is left out.
    """
    if _SURROGATE.search(text):
        text = text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    undefined: dict[str, None] = {}
    parts = [_mended(part, undefined) for part in _CDATA.split(text)]
    return MendedXml("".join(parts), tuple(undefined))


def _mended(part: str, undefined: dict[str, None]) -> str:
    if part.startswith("<![CDATA["):
        return _NO_XML.sub("", part)

    def entity(match: re.Match[str]) -> str:
        written = _as_xml(match[1])
        if written is None:
            if len(undefined) < _MAX_UNDEFINED:
                undefined[match[0]] = None
            return "" if match[1].startswith("#") else f"&amp;{match[1]}"
        return written

    part = _AMPERSAND.sub(entity, _PAIR.sub(_joined, _NO_XML.sub("", part)))
    return _TAG.sub(lambda tag: _PREFIX.sub(r"\1", tag[0]), part)


def _as_xml(name: str | None) -> str | None:
    """Return an entity or a reference as XML reads it; None if it is no character. `name`: None for a bare `&`."""
    if name is None:
        return "&amp;"
    if name in _XML_ENTITIES:
        return f"&{name}"
    if not name.startswith("#"):
        characters = html5.get(name) or html5.get(name.lower())
        return None if characters is None else "".join(f"&#{ord(character)};" for character in characters)
    code = _code(name[1:-1])
    if code in _CP1252_REFERENCES:
        return html.unescape(f"&#{code};")
    is_character = code <= sys.maxunicode and not _SURROGATE.match(chr(code)) and not _NO_XML.match(chr(code))
    return f"&#{code};" if is_character else None


def _code(digits: str) -> int:
    return int(digits[1:], 16) if digits[0] in "xX" else int(digits)


def _joined(match: re.Match[str]) -> str:
    halves = [_code(digits) for digits in match.groups()]
    try:
        joined = b"".join(half.to_bytes(2, "big") for half in halves).decode("utf-16-be")
    except UnicodeDecodeError:
        return match[0]
    return f"&#{ord(joined)};" if len(joined) == 1 else match[0]
