"""Finds data of erased persons in any text, by the keyed hash of each phone number and mail address in it.

Names are compared only in fields that hold a name, and only count where the text also names the erased lead: many
people have the same name. What belongs to an erased lead must also have no facts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from models.erasure import NAME, ErasureKey, plain_name
from models.persons import EMAIL, PHONE

_PHONE: Final = re.compile(r"\+?[0-9](?:[0-9]|[ ().\-](?=[ ().\-]{0,2}[0-9(])){6,24}")
_EMAIL: Final = re.compile(
    r"[^\s\"'<>@,;:/\\|()\[\]{}=\x00-\x1f]{1,64}@[^\s\"'<>@,;:/\\|()\[\]{}=\x00-\x1f]{3,190}"
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_US_DIGITS: Final = 10
_HASHED_KEPT: Final = 200_000
_NAMES: Final = ("name", "prospect_name")
_MOST_VALUES: Final = 100_000
"""The maximum number of JSON values of one text that are searched for names."""


class Finder:
    """Finds erased persons. `hashes`: by org, the hashes of erased persons. `leads`: the ids of erased leads."""

    def __init__(
        self, key: ErasureKey | None, hashes: Mapping[str, frozenset[str]], leads: Iterable[str]
    ) -> None:
        self._key = key
        self._hashes = {org: known for org, known in hashes.items() if known}
        self.leads = frozenset(leads)
        self._known = lru_cache(maxsize=_HASHED_KEPT)(self._is_erased)

    @property
    def foreign(self) -> int:
        """The number of hashes of another key, which this finder cannot find."""
        own = self._key.key_id if self._key else ""
        return sum(each.split(":")[1] != own for known in self._hashes.values() for each in known)

    def __bool__(self) -> bool:
        return bool(self._hashes or self.leads)

    def find(self, text: str, *, of_lead: str | None = None) -> tuple[str, ...]:
        """Return what of an erased person a text contains: `phone`, `email`, `name`, each once.

        `of_lead`: the lead that the text belongs to, if that is known from elsewhere.
        """
        found: dict[str, None] = {}
        if self._key is not None and self._hashes:
            if any(
                self._known(PHONE, number) for match in _PHONE.finditer(text) for number in _numbers(match[0])
            ):
                found[PHONE] = None
            if any(self._known(EMAIL, match[0].lower().rstrip(".")) for match in _EMAIL.finditer(text)):
                found[EMAIL] = None
            if (of_lead in self.leads or self.names_erased_lead(text)) and any(
                self._known(NAME, name) for name in _names(text)
            ):
                found[NAME] = None
        return tuple(found)

    def names_erased_lead(self, text: str) -> bool:
        """Say whether a text contains the id of an erased lead."""
        return any(match[0] in self.leads for match in _UUID.finditer(text))

    def _is_erased(self, kind: str, value: str) -> bool:
        if self._key is None or not value:
            return False
        return any(self._key.hash_of(org, kind, value) in known for org, known in self._hashes.items())


def _numbers(text: str) -> Iterator[str]:
    """Yield the E.164 forms that a run of digits may have."""
    digits = "".join(filter(str.isdigit, text))
    if text.startswith("+"):
        yield f"+{digits}"
    if len(digits) == _US_DIGITS:
        yield f"+1{digits}"
    if len(digits) == _US_DIGITS + 1 and digits.startswith("1"):
        yield f"+{digits}"


def _names(text: str) -> Iterator[str]:
    """Yield the names in the fields of every JSON object in a text that is JSON or ends with it."""
    start = text.find("{")
    if start < 0:
        return
    try:
        values: list[Any] = [msgspec.json.decode(text[start:])]
    except (msgspec.MsgspecError, RecursionError):
        return
    for _ in range(_MOST_VALUES):
        if not values:
            return
        value = values.pop()
        if isinstance(value, dict):
            values.extend(value.values())
            parts = [value.get(part) for part in ("first_name", "last_name")]
            yield plain_name(*(part for part in parts if isinstance(part, str)))
            yield from (plain_name(value[name]) for name in _NAMES if isinstance(value.get(name), str))
        elif isinstance(value, list):
            values.extend(value)
