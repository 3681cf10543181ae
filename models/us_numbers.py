"""Recognises ordinary phone numbers of the United States at once, because parsing one takes a tenth of a millisecond.

An ordinary number belongs to a fixed line or a mobile phone. The pattern is the one of `phonenumbers`, so both give
the same answer. Every other number is parsed.
"""

import re
from typing import Final

from phonenumbers import PhoneMetadata

_WRITTEN: Final = re.compile(
    r"(?:\+?1[ .-]?)?(?:\(([0-9]{3})\) ?|([0-9]{3})[ .-]?)([0-9]{3})[ .-]?([0-9]{4})", re.ASCII
)


def _pattern() -> str:
    """Return the pattern of fixed lines, which is also that of mobile phones. If unknown, it matches nothing."""
    metadata = PhoneMetadata.metadata_for_region("US", None)
    described = metadata.fixed_line if metadata else None
    return (described.national_number_pattern if described else None) or "(?!)"


_ORDINARY: Final = re.compile(rf"\+1(?:{_pattern()})", re.ASCII)


def e164(text: str) -> str | None:
    """Return an ordinary US number in E.164; None if the text is another number, has an extension or is no number."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    area, bare_area, exchange, line = found.groups()
    number = f"+1{area or bare_area}{exchange}{line}"
    return number if is_ordinary(number) else None


def is_ordinary(number: str) -> bool:
    """Say whether a number in E.164 is one of a fixed line or a mobile phone of the United States."""
    return _ORDINARY.fullmatch(number) is not None
