"""Reads the attributes that an org gives types, so that rules compare numbers as numbers and days as days (reading C4).

An attribute without a type is kept as it was sent; a rule then compares it by the rule's own value. A value that
cannot be read as its type is lost with a remark: it is kept as sent under `attributes.invalid`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final
from zoneinfo import ZoneInfo

from models import amounts, moments, normalize
from models.directory import AttributeType
from models.spelling import cleaned

Types = Mapping[str, AttributeType]
"""An org's attributes with a type, by name."""
_LONGEST_NUMBER: Final = 15
"""The most digits of a number that is exact as a float."""


def read_types(attributes: dict[str, Any], types: Types, zone: str) -> dict[str, Any]:
    """Return attributes with each typed one as its type; those that cannot be read are in `invalid`.

    `zone`: of a date without an offset.
    """
    typed, invalid = {**attributes}, dict[str, Any]()
    for name in attributes.keys() & types.keys():
        try:
            read = _READERS[types[name]](attributes[name], zone)
        except ValueError:
            invalid[name] = typed.pop(name)
            continue
        if read is None:
            del typed[name]
        else:
            typed[name] = read
    if invalid:
        sent_invalid = typed.get("invalid", {})
        typed["invalid"] = {
            **(sent_invalid if isinstance(sent_invalid, dict) else {"invalid": sent_invalid}),
            **invalid,
        }
    return typed


def _number(value: Any, _: str) -> int | float | None:
    """Read a number. Raises ValueError for what is none, and for more digits than are exact (V2)."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # as all readers of values
    if isinstance(value, str):
        text = cleaned(value).removesuffix("%").strip()
        if not text:
            return None
        sign, digits = (-1, text[1:]) if text.startswith(("-", "\N{MINUS SIGN}")) else (1, text)
        integer_part, _, part = digits.partition(".")
        if (integer_part + part).isascii() and integer_part.isdigit() and (part.isdigit() or not part):
            if len(integer_part + part) > _LONGEST_NUMBER:
                raise ValueError("has too many digits to be exact")
            return sign * (float(digits) if part.strip("0") else int(integer_part))
        read = amounts.amount(digits)
        return None if read is None else sign * read
    if value is None or isinstance(value, int | float):
        return value
    raise ValueError("must be a number")


def _text(value: Any, _: str) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str | int | float):
        return None if value is None else str(value)
    raise ValueError("must be text")


def _date(value: Any, zone: str) -> str | None:
    read = moments.vendor_time(value)
    if read is None:
        return None
    return (
        read.replace(tzinfo=read.tzinfo or ZoneInfo(zone)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    )


def _boolean(value: Any, _: str) -> bool | None:
    return normalize.flag(value)


_READERS: Final[dict[AttributeType, Callable[[Any, str], Any]]] = {
    "number": _number,
    "text": _text,
    "date": _date,
    "boolean": _boolean,
}
