"""Reads an ADF file (Auto-lead Data Format 1.0, XML) one prospect at a time. A resend is never a new lead.

Data without a field in the contract is kept under `attributes.adf`, with the file's own names. The file's prolog is
skipped, because the prolog of the standard's own example is rejected by XML parsers, and no DTD is wanted.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from msgspec.structs import replace

from application.importing.adf_text import LONGEST_PROSPECT, OUTSIDE, mended_xml, prospects_in
from application.importing.import_rows import ParsedLine, encode
from models.contacts import email, phone
from models.field_names import FULL_NAME, field_of, normal_name
from models.inbound import MAX_BYTES, MAX_DEPTH
from models.spelling import cleaned, decode_entities, split_name

_FAX: Final = "fax"
_FIRST: Final = "first_name"
_LAST: Final = "last_name"
_SUFFIX: Final = "suffix"
_PARTS: Final = {"given": _FIRST, "christian": _FIRST, "family": _LAST, "full": FULL_NAME, "whole": FULL_NAME}
"""Parts of names in ADF files that are no names of fields elsewhere."""
_ASIDE: Final = frozenset(
    {_SUFFIX, "middle", "middle_name", "mi", "title", "prefix", "salutation", "nickname", "maiden"}
)
"""Parts that are no name by themselves."""


class AdfElement:
    """An element with its attributes, text and children. Names are in lower case."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag.lower()
        self.attributes = {name.lower(): value.strip() for name, value in attributes.items() if value.strip()}
        self.parts: list[str] = []
        self.children: list[AdfElement] = []

    @property
    def text(self) -> str:
        """The element's own text, trimmed."""
        return " ".join("".join(self.parts).split())

    def all(self, *path: str) -> list["AdfElement"]:
        """Return the elements at a path below this one, in the order of the file."""
        elements = [self]
        for tag in path:
            elements = [child for node in elements for child in node.children if child.tag == tag]
        return elements

    def first(self, *path: str) -> str:
        """Return the first text at a path below this one, or an empty text."""
        return next((node.text for node in self.all(*path) if node.text), "")

    def plain(self) -> Any:
        """Return the element as JSON: a text if it has only text, otherwise an object; repeated tags become a list."""
        fields: dict[str, Any] = dict(self.attributes)
        for child in self.children:
            if (value := child.plain()) in ("", {}):
                continue
            if child.tag in fields:
                earlier = fields[child.tag]
                fields[child.tag] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
            else:
                fields[child.tag] = value
        if not fields:
            return self.text
        return {**fields, "text": self.text} if self.text else fields


class _Prospect:
    """The parser's target. Builds one prospect; `prospect` is None if it exceeds the bounds of a message."""

    def __init__(self) -> None:
        self.prospect: AdfElement | None = None
        self._stack: list[AdfElement] = []
        self._size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._grow(len(tag) + sum(map(len, attributes.values())))
        if len(self._stack) >= MAX_DEPTH // 2:
            raise _TooLargeError
        node = AdfElement(_local(tag), {_local(name): value for name, value in attributes.items()})
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.prospect = node
        self._stack.append(node)

    def data(self, text: str) -> None:
        """Add text to the current element."""
        self._grow(len(text))
        self._stack[-1].parts.append(text)

    def end(self, _tag: str) -> None:
        """End an element."""
        self._stack.pop()

    def close(self) -> None:
        """End the prospect."""

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_BYTES:
            raise _TooLargeError


class _TooLargeError(Exception):
    """A prospect exceeds the bounds of a message."""


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2].rpartition(":")[2]


def read(path: Path) -> Iterator[ParsedLine]:
    """Yield each prospect as a message or a refusal.

    A prospect that is no XML costs itself alone; reading goes on at the next one, also in a second document of the same
    file. A text outside of every prospect is refused: the tag of its prospect may be damaged. Raises `InvalidInput` for
    a file without an <adf> element or without a prospect.
    """
    with path.open("rb") as file:
        yield from read_open(file)


def read_open(file: BinaryIO) -> Iterator[ParsedLine]:
    """Yield each prospect of an open file, as `read` does."""
    for piece in prospects_in(file):
        if piece.is_prospect:
            parsed = _parsed_line(piece.line, piece.text)
            text = piece.text if parsed.message is None else ""
            yield replace(parsed, lines=piece.text.count("\n") + 1, text=text)
        else:
            yield ParsedLine(
                line=piece.line, reason=OUTSIDE, lines=piece.text.count("\n") + 1, text=piece.text
            )


def _parsed_line(line: int, text: str) -> ParsedLine:
    """Return the message of a prospect's text, or why it is none."""
    if len(text) > LONGEST_PROSPECT:
        return _message_of(line, None)
    if "<!DOCTYPE" in text.upper():
        return ParsedLine(line=line, reason="not XML: a document type is not read")
    target = _Prospect()
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    mended = mended_xml(text)
    try:
        parser.feed(mended.text)
        parser.close()
    except _TooLargeError:
        return _message_of(line, None)
    except (ParseError, DefusedXmlException) as error:
        return ParsedLine(line=line, reason=f"not XML: {_xml_error_text(error)}")
    parsed = _message_of(line, target.prospect)
    if parsed.message is not None and mended.undefined:
        remark = f"has entities or references that stand for no character: {', '.join(mended.undefined)}"
        parsed.message["attributes"]["remarks"] = {"adf": remark}
    return parsed


def _xml_error_text(error: Exception) -> str:
    """Return an XML error's text without its line number, which does not count from the file's start."""
    return type(error).__name__ if isinstance(error, DefusedXmlException) else str(error).split(":", 1)[0]


def _message_of(line: int, prospect: AdfElement | None) -> ParsedLine:
    """Return a prospect as a message.

    The external id is the vendor's own, with its source. Without one it is a digest of who asked and when. A prospect
    with neither an id nor a date is refused, because its resend could not be told from a new lead.
    """
    if prospect is None:
        return ParsedLine(line=line, reason=f"is larger than {MAX_BYTES} characters, or nested too deep")
    resent = prospect.attributes.pop("status", "").lower() == "resend"
    contact = min(_contacts(prospect), key=_preference, default=AdfElement("contact", {}))
    first, last, suffix = _names(contact)
    message: dict[str, Any] = {
        "external_id": _own_id(prospect),
        "created_at": prospect.first("requestdate"),
        "first_name": first,
        "last_name": last,
        "email": _readable(contact, "email", email),
        "phone": _readable(contact, "phone", phone),
        "state": _first_of(contact, "regioncode", "region", "state", "province"),
        "zip": _first_of(contact, "postalcode", "zip", "zipcode", "postal"),
        "loan_amount": _amount(prospect),
    }
    if not message["external_id"]:
        if resent and not message["created_at"]:
            reason = "a resend needs an id or a requestdate; without them it cannot be distinguished from a new lead"
            return ParsedLine(line=line, field="external_id", reason=reason)
        identity = [message[name] for name in ("created_at", "first_name", "last_name", "email", "phone")]
        if any(identity[1:]):
            message["external_id"] = f"adf-{hashlib.sha256(encode(identity)).hexdigest()[:32]}"
    attributes = {"adf": prospect.plain()} | ({"name_suffix": suffix} if suffix else {})
    return ParsedLine(
        line=line,
        message={name: value for name, value in message.items() if value} | {"attributes": attributes},
    )


def _own_id(prospect: AdfElement) -> str:
    """Return the id with the lowest sequence, with its system, because other systems may use the same id."""
    ids = [node for node in prospect.all("id") if node.text]
    first = min(ids, key=lambda node: node.attributes.get("sequence", "").zfill(9), default=None)
    if first is None:
        return ""
    source = first.attributes.get("source")
    return f"{source}:{first.text}" if source else first.text


def _preference(node: AdfElement) -> tuple[bool, bool]:
    """Order contacts and phones: the preferred or primary one first, a fax last."""
    marked = {node.attributes.get("preferredcontact", ""), node.attributes.get("primarycontact", "")}
    return node.attributes.get("type", "").lower() == _FAX, "1" not in marked


def _contacts(prospect: AdfElement) -> list[AdfElement]:
    """Return the contacts of the customer. Some programs leave the level of <contact> or of <customer> out."""
    return prospect.all("customer", "contact") or prospect.all("contact") or prospect.all("customer")


def _first_of(contact: AdfElement, *tags: str) -> str:
    """Return the first text under one of these tags of the address, or of the contact itself."""
    return next((text for tag in tags if (text := contact.first("address", tag) or contact.first(tag))), "")


def _readable(contact: AdfElement, tag: str, read: Callable[[str], Any]) -> str:
    """Return the first text of a tag that can be read, the preferred one first; else the first one (reading A11)."""
    texts = [element.text for element in sorted(contact.all(tag), key=_preference) if element.text]
    for text in texts:
        try:
            read(text)
        except ValueError:
            continue
        return text
    return texts[0] if texts else ""


def _names(contact: AdfElement) -> tuple[str, str, str]:
    """Return first name, last name and suffix; a full name is split (reading A10).

    The part of a name is an attribute (`part="surname"`), or the tag of an element inside or instead of <name>.
    """
    parts: dict[str, str] = {}
    for name in contact.all("name"):
        inner_parts = [(node.tag, node.text) for node in name.children]
        for part, text in (*inner_parts, (name.attributes.get("part", "full"), name.text)):
            if text:
                parts.setdefault(_part(part), text)
    for node in contact.children:
        if node.text and (part := _part(node.tag)) in (_FIRST, _LAST):
            parts.setdefault(part, node.text)
    given_name, family_name = parts.get(_FIRST, ""), parts.get(_LAST, "")
    unknown = (text for part, text in parts.items() if part not in {_FIRST, _LAST, *_ASIDE})
    first, last, suffix = split_name(cleaned(decode_entities(parts.get(FULL_NAME) or next(unknown, ""))))
    if family_name:
        return given_name, family_name, parts.get(_SUFFIX, "")
    return given_name or first, last, parts.get(_SUFFIX) or suffix


def _part(name: str) -> str:
    """Return what a part of a name is: a field of the contract, or its own name in lower case."""
    part = normal_name(name)
    field = _PARTS.get(part) or field_of(part)
    return field if field in (_FIRST, _LAST, FULL_NAME) else part


def _amount(prospect: AdfElement) -> str:
    amounts = prospect.all("vehicle", "finance", "amount")
    return next(
        (node.text for node in amounts if node.attributes.get("type", "total").lower() == "total"), ""
    )
