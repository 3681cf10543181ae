"""Reads a lead's JSON where one value of it cannot be kept, so that only that value is lost (reading B8, A13).

Half of a surrogate pair, a number beyond a double, NaN, and control characters inside text make a document that is no
JSON. Here each of them becomes an `UnreadableValue`, and the rest is read as usual. A number with an exponent becomes a
`ScientificNumber`, because the digits that it lacks must not be taken for zeros.
"""

import json
import math
import re
from typing import Any, Final, Self

import msgspec

from models.errors import Refused
from models.inbound import MAX_DEPTH
from rules.inbound.envelope import check_bounds, parse_json

_BOM: Final = "\ufeff"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST_NUMBER: Final = 400


class UnreadableValue(str):
    """A value that cannot be kept, as text that can: U+FFFD stands for what is no character."""

    __slots__ = ()


class ScientificNumber(float):
    """A number that was sent with an exponent. `literal`: as it was sent."""

    literal: str

    def __new__(cls, literal: str) -> Self:
        """Return the number of a literal."""
        number = super().__new__(cls, literal)
        number.literal = literal
        return number


def parsed_lead(value: bytes) -> Any:
    """Return the JSON document in these bytes, checked against the bounds; raises `Refused`."""
    try:
        return parse_json(value, _DECODE)
    except Refused as refused:
        if refused.error_class != "not_json":
            raise
        try:
            return _leniently(value)
        except (ValueError, RecursionError):
            raise refused from None


def document_of(value: bytes) -> Any:
    """Return the JSON document of a file of leads, of any size; raises `ValueError` or `RecursionError`."""
    return _without_surrogates(_loaded(value))


def _leniently(value: bytes) -> Any:
    document = _loaded(value)
    check_bounds(document, "", MAX_DEPTH)
    return _without_surrogates(document)


def _loaded(value: bytes) -> Any:
    return _DECODER.decode(value.decode().removeprefix(_BOM))


def first_value(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a position of a text, and where it ends.

    Raises `ValueError` or `RecursionError`.
    """
    value, end = _DECODER.raw_decode(text, at)
    return _without_surrogates(value), end


def _int(literal: str) -> Any:
    return int(literal) if len(literal) <= _LONGEST_NUMBER else UnreadableValue(literal)


def _float(literal: str) -> Any:
    if not math.isfinite(number := float(literal)):
        return UnreadableValue(literal)
    return ScientificNumber(literal) if "e" in literal or "E" in literal else number


_DECODER: Final = json.JSONDecoder(
    strict=False, parse_float=_float, parse_int=_int, parse_constant=UnreadableValue
)
_DECODE: Final = msgspec.json.Decoder(Any, float_hook=_float).decode


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", key): _without_surrogates(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(inner) for inner in value]
    if isinstance(value, str) and not isinstance(value, UnreadableValue) and _SURROGATE.search(value):
        return UnreadableValue(_SURROGATE.sub("\ufffd", value))
    return value


def unreadable_paths(value: Any, path: str = "") -> list[str]:
    """Return the paths of all values inside that could not be kept."""
    if isinstance(value, UnreadableValue):
        return [path]
    if isinstance(value, dict):
        return [
            inner_path
            for key, inner in value.items()
            for inner_path in unreadable_paths(inner, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [
            inner_path
            for index, inner in enumerate(value)
            for inner_path in unreadable_paths(inner, f"{path}[{index}]")
        ]
    return []
