"""Reads phone numbers and mail addresses as people and programs write them (A9, A13, A15, K7).

A phone number is exact or unreadable, never another one: a number that a spreadsheet rounded is refused. Raises
ValueError with the reason, worded to follow the field's name.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import idna
import phonenumbers

from models import us_numbers
from models.normalize import as_text, at_most
from models.spelling import cleaned, decode_entities

EMAIL_LENGTH: Final = 254  # RFC 5321, path length without the angle brackets
"""The maximum length of a mail address, in characters."""
_LONGEST: Final = 400
"""The maximum length of a text in which a number or an address is looked for, in characters."""
_NUMBER_LENGTH: Final = 60
_ROUNDED: Final = "is a number that a spreadsheet rounded"
_MAX_PARTS: Final = 5
_LONGEST_NUMBER: Final = 13
"""A text with more digits, without its extension's, may hold more than one number."""

_SCIENTIFIC: Final = re.compile(r"\+?(\d)(?:[.,](\d*))?[eE]\+?(\d{1,2})")
_WITHOUT_FRACTION: Final = re.compile(r"(\+?\d{7,15})[.,]0+")
_LABELS: Final = (
    "home|house|cell|cellular|cellphone|mobile|mob|work|office|business|day|daytime|evening|night|main|primary"
    "|secondary|alternate|preferred|direct|phone|ph|tel|telephone|voice|landline|number|no|us|usa|h|c|w|m|o|p|t"
)
_LABEL_BEFORE: Final = re.compile(rf"(?:\(?\b(?:{_LABELS})\b\)?[\s.:#-]*)+", re.IGNORECASE)
_AFTER_DIGIT: Final = re.compile(rf"(?<=\d)(?:[\s,:-]*[(\[]?\b(?:{_LABELS})\b[)\]]?[\s.]*)+$", re.IGNORECASE)
_SEVERAL: Final = re.compile(r"\s*(?:[/;,|\n]|\bor\b|\band\b|&)\s*", re.IGNORECASE)
_FAX: Final = re.compile(r"\bfax\b", re.IGNORECASE)

_EMAIL: Final = re.compile(r"[^@\s<>\"(),;:\\\[\]]+@[^@\s.<>\"(),;:\\\[\]]+(\.[^@\s.<>\"(),;:\\\[\]]+)+")
_PLAIN_ADDRESS: Final = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE
)
"""An address in which nothing is to be cleaned."""
_BRACKETED: Final = re.compile(r"<\s*([^<>]+?)\s*>")
_COMMENT: Final = re.compile(r"\s*\([^()]*\)\s*$")
_BETWEEN_ADDRESSES: Final = re.compile(r"[;,\s<>()\[\]{}\"|]+")
_LABEL: Final = re.compile(r"[a-z][a-z-]{0,19}:\s*")
"""What a program or a person writes before an address: `email:`, `smtp:`, `work:`."""
_ENCLOSED: Final = frozenset({"()", "[]", "{}", "<>"})
_DOMAIN: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.ASCII)


def phone(value: Any) -> str | None:
    """Read a phone number and return it as E.164. Without a country code it is a US number."""
    read = phone_parts(value)
    return read.number if read else None


class PhoneParts(NamedTuple):
    """A phone number in E.164, its extension, and whether the text may hold more than this number."""

    number: str
    extension: str | None = None
    more: bool = False


def phone_parts(value: Any) -> PhoneParts | None:
    """Read a phone number with its extension."""
    text = _digits(value) if isinstance(value, float) else as_text(value)
    return None if text is None else _phone_parts(at_most(text, _LONGEST))


def _digits(value: float) -> str:
    """Return the digits of a number, exactly as it was sent. A `ScientificNumber` remembers its text."""
    literal = getattr(value, "literal", None)
    if literal is not None:
        return str(literal)
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):  # noqa: PLR0124  # NaN
        raise ValueError("is not a phone number")
    return str(int(value))


@lru_cache(maxsize=4096)
def _phone_parts(text: str) -> PhoneParts | None:
    if (ordinary := us_numbers.e164(text)) is not None:
        return PhoneParts(ordinary)
    text = cleaned(unicodedata.normalize("NFKC", text))
    if not text:
        return None
    number, extension = _first_of(text)
    digits = sum(character.isdecimal() for character in text) - len(extension or "")
    return PhoneParts(number, extension, digits > _LONGEST_NUMBER)


def _first_of(text: str) -> tuple[str, str | None]:
    """Return the first number in a text that can be read; raises ValueError where there is none."""
    try:
        return _parsed(text)
    except ValueError:
        several = [part for part in _SEVERAL.split(text, maxsplit=_MAX_PARTS) if part]
        if len(several) == 1:
            raise
        for part in several:
            try:
                return _parsed(part)
            except ValueError:
                continue
        raise


def _parsed(text: str) -> tuple[str, str | None]:
    text = _exact(text.strip().lstrip("'").strip('"'))
    if _FAX.search(text):
        raise ValueError("is a fax number")
    if label := _LABEL_BEFORE.match(text):
        text = text[label.end() :]
    text = _AFTER_DIGIT.sub("", text).strip()
    if text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(at_most(text, _NUMBER_LENGTH), "US")
    except phonenumbers.NumberParseException as error:
        raise ValueError("is not a phone number") from error
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not (phonenumbers.is_valid_number(number) or us_numbers.is_ordinary(written)):
        raise ValueError("is not a phone number in use")
    return written, number.extension or None


def _exact(text: str) -> str:
    """Return a number that a program wrote as a decimal as its digits; raises ValueError if it is rounded.

    `4.014194247E+09` has all its digits. `4.01419E+09` and `2.12555123E9` do not say their last ones.
    """
    if integral := _WITHOUT_FRACTION.fullmatch(text):
        return integral[1]
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return text
    fraction, exponent = match[2] or "", int(match[3])
    if len(fraction) < exponent or fraction[exponent:].strip("0"):
        raise ValueError(_ROUNDED)
    return match[1] + fraction[:exponent]


def extension(value: Any) -> str | None:
    """Read a phone's extension: 1 to 11 digits, with or without `x` or `ext`."""
    text = as_text(int(value) if isinstance(value, float) and value == int(value) else value)
    if text is None or not (text := cleaned(unicodedata.normalize("NFKC", text))):
        return None
    match = re.fullmatch(r"(?:x|ext|extension|#)?[\s.:#]*(\d{1,11})(?:\.0+)?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError("is not an extension of 1 to 11 digits")
    return match[1]


def email(value: Any) -> str | None:
    """Read a mail address in lower case, of the form something@domain.tld. Its existence is not checked.

    `mailto:`, a display name, quotes and what separates addresses are removed; of several addresses the first is
    read. A domain is kept as punycode. Plus tags and dots stay, because they keep people apart.
    """
    text = as_text(value)
    if text is None:
        return None
    if len(text) <= EMAIL_LENGTH and _PLAIN_ADDRESS.fullmatch(text):
        return text.lower()
    if not (text := cleaned(decode_entities(unicodedata.normalize("NFKC", text)))):
        return None
    for part in _addresses_in(at_most(text, _LONGEST)):
        address = _bare_address(part)
        if _is_address(address) and (ascii_address := with_ascii_domain(address)) is not None:
            return ascii_address
    raise ValueError("is not a mail address")


def _addresses_in(text: str) -> Iterator[str]:
    """Yield the parts of a text that may be an address, the most likely one first.

    An address in angle brackets is meant before one in the display name; a comment in parentheses may be a name, or
    the address of a name.
    """
    inner = _BRACKETED.search(text)
    yield inner[1] if inner else _COMMENT.sub("", text)
    for part in _BETWEEN_ADDRESSES.split(text):
        if part.count("@") > 1:
            yield from part.split("/")
        elif "@" in part:
            yield part


def _bare_address(text: str) -> str:
    address = text.strip().strip("'\"`<>").strip().lower()
    while address[:1] + address[-1:] in _ENCLOSED:
        address = address[1:-1].strip()
    if address.startswith("mailto:"):
        address = address[7:].partition("?")[0]
    elif label := _LABEL.match(address):
        address = address[label.end() :]
    return address.strip().strip("'\"").rstrip(";,.:?!").strip()


def _is_address(address: str) -> bool:
    return len(address) <= EMAIL_LENGTH and _EMAIL.fullmatch(address) is not None


def with_ascii_domain(address: str) -> str | None:
    """Return an address with its domain as punycode, which every mail server takes; None if it is no domain."""
    local_part, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    address = f"{unicodedata.normalize('NFC', local_part)}@{domain}"
    return address if len(address) <= EMAIL_LENGTH and _DOMAIN.fullmatch(domain) else None
