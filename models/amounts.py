"""Reads amounts of money as people write them. Of a range the lower bound is read (A15).

Raises ValueError with the reason, worded to follow the field's name.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from models.normalize import kind_of
from models.spelling import cleaned

LARGEST: Final = 1_000_000_000_000
"""The largest amount, in whole currency units."""
_LENGTH: Final = 80
_TIMES: Final = {
    "k": 1_000,
    "thousand": 1_000,
    "m": 1_000_000,
    "mm": 1_000_000,
    "mil": 1_000_000,
    "million": 1_000_000,
}
_ONE: Final = (
    r"(?:USD|US\$|\$)?\s*(\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(\.\d{1,2}|\.\d\d0{2,}|\.)?"
    r"\s*(K|MM|M|thousand|million|mil)?\s*(?:USD|dollars)?"
)
_AMOUNT: Final = re.compile(rf"(?:about|approx\.?|approximately|~)?\s*{_ONE}", re.ASCII | re.IGNORECASE)
_AT_LEAST: Final = re.compile(
    rf"(?:over|above|more than|at least|from|>=?)\s*{_ONE}|{_ONE}\s*(?:\+|plus|and up|or more|and above|and over)",
    re.ASCII | re.IGNORECASE,
)
_RANGE: Final = re.compile(
    rf"(?:between|from)?\s*{_ONE}\s*(?:-|\bto\b|\band\b)\s*{_ONE}", re.ASCII | re.IGNORECASE
)
_SCIENTIFIC: Final = re.compile(r"\d(?:\.\d{1,15})?[eE]\+?\d{1,2}", re.ASCII)
_DASHES: Final = str.maketrans(dict.fromkeys((*map(chr, range(0x2010, 0x2016)), "\N{MINUS SIGN}"), "-"))


def amount(value: Any) -> int | float | None:
    """Read whole currency units: 310000, "$310,000", "310k", "310,000.50 USD"; from 0 to 10^12.

    "$300,000 to $350,000", "250-300k" and "$500K+" are read as their lower bound.
    """
    read = amount_and_bound(value)
    return None if read is None else read[0]


def amount_and_bound(value: Any) -> tuple[int | float, bool] | None:
    """Read an amount, and whether it is the lower bound of a range."""
    if value is None:
        return None
    bound = False
    if isinstance(value, str):
        text = cleaned(unicodedata.normalize("NFKC", value)).translate(_DASHES)
        if not text:
            return None
        parsed, bound = _read(text) if len(text) <= _LENGTH else (None, False)
        if parsed is None:
            raise ValueError("is not an amount")
        number: int | float = parsed
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {kind_of(value)}")  # noqa: TRY004  # pydantic collects ValueErrors
    else:
        number = value
    if not 0 <= number <= LARGEST:
        raise ValueError(f"must be between 0 and {LARGEST}")
    return (int(number) if number == int(number) else float(number)), bound


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[int | float | None, bool]:
    if match := _AMOUNT.fullmatch(text):
        return _number(match[1], match[2], match[3]), False
    if match := _AT_LEAST.fullmatch(text):
        parts = match.groups()
        integer_part, fraction, times = parts[:3] if parts[0] else parts[3:]
        return _number(integer_part, fraction, times), True
    if match := _RANGE.fullmatch(text):
        low, high = _number(*match.groups()[:3]), _number(*match.groups()[3:])
        if (
            low is not None
            and high is not None
            and match[6]
            and not match[3]
            and low < _number(match[4], match[5], None)
        ):
            low = _number(match[1], match[2], match[6])  # 250-300k
        return (low, True) if low is not None and high is not None and low <= high else (None, False)
    if _SCIENTIFIC.fullmatch(text):
        exact = Decimal(text)
        return (int(exact), False) if exact == exact.to_integral_value() else (None, False)
    return None, False


def _number(integer_part: str, fraction: str | None, times: str | None) -> int | float:
    exact = Decimal(integer_part.replace(",", "").replace(" ", "") + (fraction or "").rstrip("."))
    exact *= _TIMES[times.lower()] if times else 1
    return int(exact) if exact == exact.to_integral_value() else float(exact)
