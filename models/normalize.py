"""Reads values in the forms that senders use and returns one normal form; raises ValueError with the reason.

Every reader takes any JSON value and returns the normal form, or None for "not given" (null, blank). Reasons are worded
to follow the field's name: "must be text, not a list". A wrong type also raises ValueError, because pydantic collects
only ValueErrors.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from models.spelling import cleaned, decode_entities

NAME_LENGTH: Final = 200
"""The maximum length of a name, an id or a word of a vocabulary, in characters."""
NOTE_LENGTH: Final = 10_000
"""The maximum length of a note, in characters."""
WHY_LENGTH: Final = 1_000
"""The maximum length of a reason that a person gives, in characters."""
_NUMBER_LENGTH: Final = 40
_LARGEST_SCORE: Final = 999
_LARGEST_INTEGER: Final = 2**63 - 1

_KINDS: Final[dict[type, str]] = {
    bool: "true or false",
    dict: "an object",
    list: "a list",
    float: "a number with a fraction",
    int: "a number",
    str: "text",
}
_YES: Final = frozenset({"true", "yes", "y", "1", "on", "t"})
_NO: Final = frozenset({"false", "no", "n", "0", "off", "f"})
_CLEAN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
"""Text in which nothing is to be cleaned."""
_CLEAN_NAME: Final = re.compile(r"[!-%'-;=-~]+(?: [!-%'-;=-~]+)*")
"""The same, without what begins an HTML entity or a form's test value."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TEST_VALUE: Final = re.compile(r"<test lead: dummy data for [^<>]*>", re.IGNORECASE)
"""What a social network's form sends instead of a value when it is tried."""
_WITHOUT_FRACTION: Final = re.compile(r"(?<=\d)\.0+$", re.ASCII)
"""What programs add to a whole number that they hold as a float."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WORD_BREAKS: Final = re.compile(r"[\s\-_/]+")
_ORG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def kind_of(value: object) -> str:
    """Name a JSON value's type, for use in a reason."""
    return _KINDS.get(float if isinstance(value, float) else type(value), "null")


def text(limit: int = NAME_LENGTH, *, line: bool = True) -> Callable[[Any], str | None]:
    """Return a reader of text of at most `limit` characters. Whole numbers are accepted as text.

    Characters that nobody sees are removed, and accents are composed (K7).

    `line`: white space inside is reduced to single spaces; otherwise line breaks are kept.
    """

    def read(value: Any) -> str | None:
        value = as_text(value)
        if value is None:
            return None
        if len(value) <= limit and _CLEAN.fullmatch(value):
            return str(value)
        value = cleaned(value, line=line)
        return at_most(value, limit) if value else None

    return read


def person_name(value: Any) -> str | None:
    """Read a name of a person. HTML entities that a web form put into it are decoded (B6)."""
    value = as_text(value)
    if value is None:
        return None
    if len(value) <= NAME_LENGTH and _CLEAN_NAME.fullmatch(value):
        return str(value)
    if not (value := cleaned(decode_entities(value))):
        return None
    if _TEST_VALUE.fullmatch(value):
        raise ValueError("is a form's test value")
    return at_most(value, NAME_LENGTH)


def as_text(value: Any) -> str | None:
    """Return the text of a string or a whole number without NUL, which no database stores."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.replace("\x00", "") if "\x00" in value else value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"must be text, not {kind_of(value)}")


def at_most(value: str, limit: int) -> str:
    """Return text of at most `limit` characters; raises ValueError for longer text."""
    if len(value) > limit:
        raise ValueError(f"is longer than {limit} characters")
    return value


def identifier(value: Any) -> str | None:
    """Read an id that is repeated to others exactly as it came. It is not trimmed and has no control characters."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {kind_of(value)}")  # noqa: TRY004  # see the module docstring
    if _CONTROL.search(value):
        raise ValueError("contains control characters")
    return at_most(value, NAME_LENGTH) if value.strip() else None


def org(value: Any) -> str:
    """Read an org's id. It is part of keys and lead ids, so it has no slash and no spaces.

    Not given means `default`.
    """
    if value is None or value == "":
        return "default"
    if not isinstance(value, str) or not _ORG.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores")
    return value


def vendor(value: Any) -> str:
    """Read a vendor's id. A slash is refused, because `a/b` + `c` and `a` + `b/c` would give the same lead id."""
    name = text()(value)
    if name is None:
        raise ValueError("is missing")
    if "/" in name:
        raise ValueError("must not contain a slash")
    return name


def lead_id(value: Any) -> str:
    """Read a lead id: a UUID in its canonical text form, in any case."""
    if value is None or value == "":
        raise ValueError("is missing")
    if isinstance(value, str) and _UUID.fullmatch(lower := value.strip().lower()):
        return lower
    raise ValueError("must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e")


def other_lead_id(value: Any) -> str | None:
    """Read the id of another lead, like `lead_id`; nothing and empty text are None."""
    return None if value is None or value == "" else lead_id(value)


def whole_number(low: int, high: int = _LARGEST_INTEGER) -> Callable[[Any], int | None]:
    """Return a reader of whole numbers from `low` to `high` inclusive. It also accepts text."""

    def read(value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, str):
            if not (value := _WITHOUT_FRACTION.sub("", value.strip())):
                return None
            if not (value.isascii() and value.isdecimal() and len(value) <= _NUMBER_LENGTH):
                raise ValueError("must be a whole number")
            value = int(value)
        elif isinstance(value, float):
            if not (math.isfinite(value) and value == int(value)):
                raise ValueError("must be a whole number")
            value = int(value)
        elif isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number, not {kind_of(value)}")  # noqa: TRY004  # see the module docstring
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return int(value)

    return read


credit_score = whole_number(1, _LARGEST_SCORE)
"""Reads a credit score of any scale in use."""


def word(value: Any) -> str | None:
    """Read a word for comparison in rules: "Cash-Out Refinance" becomes `cash_out_refinance`."""
    value = as_text(value)
    if value is None:
        return None
    return _word(value) if len(value) <= NAME_LENGTH else _spelled(value)


def _spelled(text: str) -> str | None:
    spelled = _WORD_BREAKS.sub("_", text.strip().lower()).strip("_")
    return at_most(spelled, NAME_LENGTH) if spelled else None


_word: Final = lru_cache(maxsize=1024)(_spelled)


def flag(value: Any) -> bool | None:
    """Read yes or no: booleans, 0 and 1, and the usual words."""
    if value is None or isinstance(value, bool):
        return value
    spelled = str(value).strip().lower() if isinstance(value, int | str) else ""
    if not spelled and isinstance(value, str):
        return None
    if spelled in _YES:
        return True
    if spelled in _NO:
        return False
    raise ValueError("must be yes or no, true or false")


def zone(value: Any) -> str | None:
    """Read an IANA time zone name."""
    name = text()(value)
    if name is not None and name not in _zones():
        raise ValueError("is not a time zone like America/New_York")
    return name


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def mapping(value: Any) -> dict[str, Any]:
    """Read an object; not given means an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"must be an object, not {kind_of(value)}")  # noqa: TRY004  # see the module docstring
    return value
