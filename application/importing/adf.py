"""Reads an ADF file (Auto-lead Data Format 1.0, XML) one prospect at a time. A resend is never a new lead.

Data without a field in the contract is kept under `attributes.adf`, with the file's own names. The file's prolog is
skipped, because the prolog of the standard's own example is rejected by XML parsers, and no DTD is wanted.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from application.importing.rows import Found, encode
from models.errors import InvalidInput, Problem
from models.inbound import MAX_BYTES, MAX_DEPTH

_CHUNK: Final = 1 << 14
_PROLOG: Final = 1 << 16
_ROOT: Final = re.compile(rb"<\s*adf[\s/>]", re.IGNORECASE)
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
_FAX: Final = "fax"


class Node:
    """An element with its attributes, text and children. Names are in lower case."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag.lower()
        self.attributes = {name.lower(): value.strip() for name, value in attributes.items() if value.strip()}
        self.parts: list[str] = []
        self.children: list[Node] = []

    @property
    def text(self) -> str:
        """The element's own text, trimmed."""
        return " ".join("".join(self.parts).split())

    def all(self, *path: str) -> list["Node"]:
        """Return the elements at a path below this one, in the order of the file."""
        found = [self]
        for tag in path:
            found = [child for node in found for child in node.children if child.tag == tag]
        return found

    def first(self, *path: str) -> str:
        """Return the first text at a path below this one, or an empty text."""
        return next((node.text for node in self.all(*path) if node.text), "")

    def plain(self) -> Any:
        """Return the element as JSON: a text if it has only text, otherwise an object; repeated tags become a list."""
        found: dict[str, Any] = dict(self.attributes)
        for child in self.children:
            if (value := child.plain()) in ("", {}):
                continue
            if child.tag in found:
                earlier = found[child.tag]
                found[child.tag] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
            else:
                found[child.tag] = value
        if not found:
            return self.text
        return {**found, "text": self.text} if self.text else found


class _Prospects:
    """The parser's target. Collects whole prospects with their first lines, and nothing else of the file.

    `done` holds (line, prospect) since it was last emptied. The prospect is None if it exceeds the bounds of a
    message.
    """

    def __init__(self) -> None:
        self.expat: Any = None
        self.skipped = 0
        self.done: list[tuple[int, Node | None]] = []
        self._stack: list[Node | None] = []
        self._began = 0
        self._size = 0

    @property
    def line(self) -> int:
        """The parser's current line in the file."""
        return int(self.expat.CurrentLineNumber) + self.skipped

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element. Outside a prospect it is ignored."""
        if not self._stack:
            if tag.lower() != "prospect":
                return
            self._began, self._size = self.line, 0
        self._size += len(tag) + sum(map(len, attributes.values()))
        fits = self._size <= MAX_BYTES and len(self._stack) < MAX_DEPTH // 2
        if not fits:
            self._size = MAX_BYTES + 1
        node = Node(tag, attributes) if fits else None
        if node is not None and self._stack and (parent := self._stack[-1]) is not None:
            parent.children.append(node)
        self._stack.append(node)

    def data(self, text: str) -> None:
        """Add text to the current element."""
        if self._stack:
            self._size += len(text)
            if self._size <= MAX_BYTES and (node := self._stack[-1]) is not None:
                node.parts.append(text)

    def end(self, _tag: str) -> None:
        """End an element. At a prospect's end, add it to `done`."""
        if self._stack:
            node = self._stack.pop()
            if not self._stack:
                self.done.append((self._began, None if self._size > MAX_BYTES else node))

    def close(self) -> None:
        """End the file."""


def read(path: Path) -> Iterator[Found]:
    """Yield each prospect as a message. Broken XML gives a refusal with the line, and ends the file."""
    target = _Prospects()
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    target.expat = parser.parser
    with path.open("rb") as file:
        head = file.read(_PROLOG)
        root = _ROOT.search(head)
        if root is None:
            raise InvalidInput((Problem(path="file", reason="there is no <adf> element at its beginning"),))
        prolog, piece = head[: root.start()], head[root.start() :]
        target.skipped = prolog.count(b"\n")
        decoder = _decoder(prolog)
        while True:
            try:
                parser.feed(decoder.decode(piece, final=not piece))
                if not piece:
                    parser.close()
            except (ParseError, DefusedXmlException, UnicodeDecodeError) as error:
                yield from (_message_of(line, prospect) for line, prospect in target.done)
                yield Found(line=target.line, reason=f"not XML from here on: {_xml_error_text(error)}")
                return
            yield from (_message_of(line, prospect) for line, prospect in target.done)
            target.done.clear()
            if not piece:
                return
            piece = file.read(_CHUNK)


def _decoder(prolog: bytes) -> codecs.IncrementalDecoder:
    named = _ENCODING.search(prolog)
    name = named[1].decode() if named else "utf-8"
    try:
        codec = codecs.lookup(name)
    except LookupError:
        raise InvalidInput((Problem(path="file", reason=f"its encoding {name} is unknown"),)) from None
    if codec.name not in _ENCODINGS:
        known = ", ".join(sorted(_ENCODINGS))
        reason = f"its encoding {name} is none that ADF files are read in; there are {known}"
        raise InvalidInput((Problem(path="file", reason=reason),))
    return codecs.getincrementaldecoder(name)()


def _xml_error_text(error: Exception) -> str:
    """Return an XML error's text without its line number, which does not count from the file's start."""
    return type(error).__name__ if isinstance(error, DefusedXmlException) else str(error).split(":", 1)[0]


def _message_of(line: int, prospect: Node | None) -> Found:
    """Return a prospect as a message.

    The external id is the vendor's own, with its source. Without one it is a digest of who asked and when. A prospect
    with neither an id nor a date is refused, because its resend could not be told from a new lead.
    """
    if prospect is None:
        return Found(line=line, reason=f"is larger than {MAX_BYTES} characters, or nested too deep")
    resent = prospect.attributes.pop("status", "").lower() == "resend"
    contact = next(iter(prospect.all("customer", "contact")), Node("contact", {}))
    first, last = _names(contact)
    phones = sorted(contact.all("phone"), key=lambda phone: phone.attributes.get("type", "").lower() == _FAX)
    message: dict[str, Any] = {
        "external_id": _own_id(prospect),
        "created_at": prospect.first("requestdate"),
        "first_name": first,
        "last_name": last,
        "email": contact.first("email"),
        "phone": next((phone.text for phone in phones if phone.text), ""),
        "state": contact.first("address", "regioncode"),
        "zip": contact.first("address", "postalcode"),
        "loan_amount": _amount(prospect),
    }
    if not message["external_id"]:
        if resent and not message["created_at"]:
            reason = "a resend needs an id or a requestdate; without them it cannot be distinguished from a new lead"
            return Found(line=line, field="external_id", reason=reason)
        who = [message[name] for name in ("created_at", "first_name", "last_name", "email", "phone")]
        if any(who[1:]):
            message["external_id"] = f"adf-{hashlib.sha256(encode(who)).hexdigest()[:32]}"
    kept = prospect.plain()
    return Found(
        line=line,
        message={name: value for name, value in message.items() if value} | {"attributes": {"adf": kept}},
    )


def _own_id(prospect: Node) -> str:
    """Return the id with the lowest sequence, with its system, because other systems may use the same id."""
    ids = [node for node in prospect.all("id") if node.text]
    first = min(ids, key=lambda node: node.attributes.get("sequence", "").zfill(9), default=None)
    if first is None:
        return ""
    source = first.attributes.get("source")
    return f"{source}:{first.text}" if source else first.text


def _names(contact: Node) -> tuple[str, str]:
    """Return first and last name. The last word of a full name is the last name."""
    parts = {node.attributes.get("part", "full").lower(): node.text for node in reversed(contact.all("name"))}
    given, family = parts.get("first", ""), parts.get("last", "")
    if not (given or family):
        given, _, family = parts.get("full", "").rpartition(" ")
    return given, family


def _amount(prospect: Node) -> str:
    amounts = prospect.all("vehicle", "finance", "amount")
    return next(
        (node.text for node in amounts if node.attributes.get("type", "total").lower() == "total"), ""
    )
