"""Recognises ordinary phone numbers of the United States at once, because parsing one takes a tenth of a millisecond.

An ordinary number belongs to a fixed line or a mobile phone. The pattern is the one of `phonenumbers`, so both give
the same answer. Only area codes that are newer than its data are added. Every other number is parsed.
"""

import re
from typing import Final

from phonenumbers import PhoneMetadata

_WRITTEN: Final = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(([0-9]{3})\) ?|([0-9]{3})[ .-]?)([0-9]{3})[ .-]?([0-9]{4})", re.ASCII
)


OVERLAYS: Final = {
    "436": "440",  # Ohio
    "457": "318",  # Louisiana
    "465": "718",  # New York
    "483": "334",  # Alabama
    "621": "713",  # Texas
    "624": "716",  # New York
    "679": "313",  # Michigan
    "729": "423",  # Tennessee
    "837": "530",  # California
    "861": "309",  # Illinois
    "924": "507",  # Minnesota
}
"""New area codes that `phonenumbers` does not know -> the one whose places each shares (NANPA's planning letters)."""


def _pattern() -> str:
    """Return the pattern of fixed lines, which is also that of mobile phones. If unknown, it matches nothing."""
    metadata = PhoneMetadata.metadata_for_region("US", None)
    described = metadata.fixed_line if metadata else None
    return (described.national_number_pattern if described else None) or "(?!)"


_ORDINARY: Final = re.compile(rf"\+1(?:{_pattern()}|(?:{'|'.join(OVERLAYS)})[2-9]\d{{6}})", re.ASCII)


def e164(text: str) -> str | None:
    """Return an ordinary US number in E.164; None if the text is another number, has an extension or is no number."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    area, bare_area, exchange, line = match.groups()
    number = f"+1{area or bare_area}{exchange}{line}"
    return number if is_ordinary(number) else None


def is_ordinary(number: str) -> bool:
    """Say whether a number in E.164 is one of a fixed line or a mobile phone of the United States."""
    return _ORDINARY.fullmatch(number) is not None
