"""Reads bytes as one JSON object within bounds, bare or in a CloudEvents 1.0 envelope.

The bounds: UTF-8, finite numbers, and the depth and length limits of models/inbound.py. The result is the message as
sent; `storable` converts it to what databases can store. Both modes of the Kafka binding are read: binary (`ce_`
headers beside the object) and structured (the object is `data` of the envelope). A broken envelope is refused with the
attribute's name.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from models import moments, normalize
from models.errors import Refused
from models.inbound import MAX_BYTES, MAX_DEPTH, MAX_TEXT

Headers = Mapping[str, bytes | None]

NULL_REMOVES_NOTHING: Final = (
    "is the text null, which removes nothing: send a record without a value (a tombstone) to remove"
)
"""The reason for refusing JSON's null where a tombstone is expected."""
_REQUIRED: Final = ("specversion", "id", "source", "type")
_STRUCTURED: Final = "application/cloudevents"
_BATCH: Final = "application/cloudevents-batch"
_BOM: Final = b"\xef\xbb\xbf"
_KEY_LENGTH: Final = 200
_ATTRIBUTE_LENGTH: Final = 1_000
_INT64: Final = 2**63
_DECODE: Final = msgspec.json.Decoder(Any).decode


class Envelope(msgspec.Struct, frozen=True):
    """One message as sent. `event_id`: CloudEvents source and id, the same in a repeat; None for a bare message."""

    message: dict[str, Any]
    event_id: str | None = None


def open_envelope(
    value: bytes | None, headers: Headers, parse: Callable[[bytes], Any] | None = None
) -> Envelope:
    """Return the object inside `value`. For any bytes, the only error it raises is Refused.

    `parse`: reads the bytes as JSON; `parsed` where not given.
    """
    parse = parse or parse_json
    attributes = {
        name[3:].lower(): _header(name, raw) for name, raw in headers.items() if name[:3].lower() == "ce_"
    }
    content_type = _content_type(headers)
    if value is None or not value.removeprefix(_BOM).strip():
        raise Refused("empty", "", "the message has no value")
    if content_type.startswith(_BATCH):
        raise Refused("invalid_envelope", "content-type", "must not be a batch; send one event per message")
    document = parse(value)
    if not isinstance(document, dict):
        many = f" of {len(document)}; send each as a message of its own" if isinstance(document, list) else ""
        raise Refused(
            "not_an_object", "", f"the message must be a JSON object, not {normalize.kind_of(document)}{many}"
        )
    if attributes and not content_type.startswith(_STRUCTURED):
        if content_type:
            attributes["datacontenttype"] = content_type
        return Envelope(document, _checked(attributes))
    if content_type.startswith(_STRUCTURED) or _looks_structured(document):
        return Envelope(_data(document, parse), _checked(document))
    return Envelope(document)


def parse_json(value: bytes, decode: Callable[[bytes], Any] = _DECODE) -> Any:
    """Return the JSON document in these bytes, checked against the bounds; raises Refused.

    `decode`: reads the bytes; raises `msgspec.MsgspecError` or ValueError.
    """
    if len(value) > MAX_BYTES:
        raise Refused("too_large", "", f"the message has {len(value)} bytes; {MAX_BYTES} are allowed")
    try:
        document = decode(value.removeprefix(_BOM))
    except RecursionError:
        raise Refused("too_deep", "", f"is nested deeper than {MAX_DEPTH}") from None
    except UnicodeDecodeError as error:
        raise Refused("not_json", "", f"not UTF-8 at byte {error.start}: {error.reason}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused("not_json", "", printable(f"not JSON: {error}")) from None
    check_bounds(document, "", MAX_DEPTH)
    return document


def check_bounds(value: Any, path: str, depth: int) -> None:
    """Raise Refused if text, names or nesting exceed the bounds. `path`: the path from the message to this value."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Refused("too_long", printable(path), f"is longer than {MAX_TEXT} characters")
    elif isinstance(value, dict):
        if depth == 0:
            raise Refused("too_deep", printable(path), f"is nested deeper than {MAX_DEPTH}")
        for key, inner in value.items():
            if len(key) > _KEY_LENGTH:
                raise Refused(
                    "too_long", printable(path), f"has a field name longer than {_KEY_LENGTH} characters"
                )
            if (len(inner) > MAX_TEXT) if isinstance(inner, str) else isinstance(inner, dict | list):
                check_bounds(inner, f"{path}.{key}" if path else key, depth - 1)
    elif isinstance(value, list):
        if depth == 0:
            raise Refused("too_deep", printable(path), f"is nested deeper than {MAX_DEPTH}")
        for inner in value:
            if (len(inner) > MAX_TEXT) if isinstance(inner, str) else isinstance(inner, dict | list):
                check_bounds(inner, path, depth - 1)


def is_null(value: bytes) -> bool:
    """Say whether these bytes are JSON's null."""
    return value.removeprefix(_BOM).strip() == b"null"


def digest(content: bytes) -> str:
    """Return an id for content without one. The same content always gets the same id."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def storable(value: Any) -> Any:
    """Return a value that every database can store: text without NUL, integers beyond 64 bits as text."""
    if isinstance(value, str):
        # A subclass of str is text that could not be kept as it was (rules/inbound/lenient.py).
        return value.replace("\x00", "") if "\x00" in value else str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return str(value)
    return float(value) if isinstance(value, float) else value


def printable(text: str) -> str:
    """Return a sender's text in a form fit for headers and logs: printable, at most 200 characters."""
    printed = text if text.isprintable() else repr(text)[1:-1]
    return printed if len(printed) <= _KEY_LENGTH else f"{printed[: _KEY_LENGTH - 1]}…"


def _header(name: str, raw: bytes | None) -> str:
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise Refused("invalid_envelope", name, "is not UTF-8") from None


def _content_type(headers: Headers) -> str:
    for name, raw in headers.items():
        if name.lower() == "content-type":
            return _header(name, raw).strip().lower()
    return ""


def _looks_structured(document: dict[str, Any]) -> bool:
    return "specversion" in document and ("data" in document or "data_base64" in document)


def _checked(attributes: Mapping[str, Any]) -> str:
    """Return source and id of a well-formed envelope; raises Refused with the attribute's name."""
    for name in _REQUIRED:
        value = attributes.get(name)
        if value is None or value == "":
            raise Refused("invalid_envelope", name, "is missing from the CloudEvents envelope")
        if not isinstance(value, str):
            raise Refused("invalid_envelope", name, f"must be text, not {normalize.kind_of(value)}")
        if not value.isprintable() or len(value) > _ATTRIBUTE_LENGTH:
            raise Refused(
                "invalid_envelope", name, f"must be printable, up to {_ATTRIBUTE_LENGTH} characters"
            )
    if attributes["specversion"] != "1.0":
        raise Refused("invalid_envelope", "specversion", "must be 1.0")
    try:
        moments.instant(attributes.get("time"))
    except ValueError as error:
        raise Refused("invalid_envelope", "time", str(error)) from None
    kind = attributes.get("datacontenttype")
    if kind is not None and not (isinstance(kind, str) and "json" in kind):
        raise Refused("invalid_envelope", "datacontenttype", "must be application/json")
    event_id = f"{attributes['source']}#{attributes['id']}"
    return event_id if len(event_id) <= _KEY_LENGTH else digest(event_id.encode())


def _data(document: dict[str, Any], parse: Callable[[bytes], Any]) -> dict[str, Any]:
    """Return the object in a structured envelope; raises Refused."""
    if "data" in document and "data_base64" in document:
        raise Refused("invalid_envelope", "data_base64", "must be left out, because data is given")
    data = document.get("data")
    if "data_base64" in document:
        encoded = document["data_base64"]
        if not isinstance(encoded, str):
            raise Refused(
                "invalid_envelope", "data_base64", f"must be text, not {normalize.kind_of(encoded)}"
            )
        try:
            data = parse(base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise Refused("invalid_envelope", "data_base64", "is not base64") from None
        except ValueError:
            raise Refused("invalid_envelope", "data_base64", "is not ASCII") from None
    if not isinstance(data, dict):
        raise Refused("not_an_object", "data", f"must be a JSON object, not {normalize.kind_of(data)}")
    return data
