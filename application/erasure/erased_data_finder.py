"""Finds data of erased persons in any text, by the keyed hash of each phone number and mail address in it.

A person who was erased in one org may have leads in another one. So a text is searched for the erased persons of the
org that it belongs to, as far as that can be told.

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
_ORG: Final = re.compile(r'"org": ?"([^"\\]{1,200})"')
_NO_LEADS: Final[Mapping[str, str]] = {}
_US_DIGITS: Final = 10
_HASHED_KEPT: Final = 200_000
_NAMES: Final = ("name", "prospect_name")
_MAX_VALUES: Final = 100_000
"""The maximum number of JSON values of one text that are searched for names."""


class Finder:
    """Finds erased persons. `hashes`: by org, the hashes of erased persons. `leads`: the ids of erased leads.

    `lead_orgs`: the orgs of all leads, by which a text is assigned to an org.
    """

    def __init__(
        self,
        key: ErasureKey | None,
        hashes: Mapping[str, frozenset[str]],
        leads: Iterable[str],
        lead_orgs: Mapping[str, str] = _NO_LEADS,
    ) -> None:
        self._key = key
        self._hashes = {org: org_hashes for org, org_hashes in hashes.items() if org_hashes}
        self.leads = frozenset(leads)
        self._lead_orgs = lead_orgs
        self._orgs = frozenset(hashes) | frozenset(lead_orgs.values())
        self._orgs_with = lru_cache(maxsize=_HASHED_KEPT)(self._erased_in)

    @property
    def foreign(self) -> int:
        """The number of hashes of another key, which this finder cannot find."""
        own_key_id = self._key.key_id if self._key else ""
        return sum(
            hashed.split(":")[1] != own_key_id
            for org_hashes in self._hashes.values()
            for hashed in org_hashes
        )

    def __bool__(self) -> bool:
        return bool(self._hashes or self.leads)

    def orgs_of(self, text: str, *, key: str = "", of_lead: str | None = None) -> frozenset[str] | None:
        """Return the orgs that a text belongs to; None if that cannot be told.

        Leads that it names decide, then a field `org`, then a record's `key` that begins with an org.
        """
        lead_ids = {match[0] for match in _UUID.finditer(text)} | {of_lead or key}
        if orgs := {self._lead_orgs[lead_id] for lead_id in lead_ids if lead_id in self._lead_orgs}:
            return frozenset(orgs)
        if orgs := {match[1] for match in _ORG.finditer(text)}:
            return frozenset(orgs)
        first = key.partition("/")[0]
        return frozenset({first}) if first in self._orgs else None

    def find(
        self, text: str, *, of_lead: str | None = None, orgs: frozenset[str] | None = None
    ) -> tuple[str, ...]:
        """Return what of an erased person a text contains: `phone`, `email`, `name`, each once.

        `of_lead`: the lead that the text belongs to, if that is known from elsewhere. `orgs`: the orgs that it belongs
        to; None: it is searched for the erased persons of all orgs.
        """
        kinds: dict[str, None] = {}

        def is_erased(kind: str, value: str) -> bool:
            erased_in = self._orgs_with(kind, value)
            return bool(erased_in if orgs is None else erased_in & orgs)

        if self._key is not None and self._hashes:
            if any(
                is_erased(PHONE, number) for match in _PHONE.finditer(text) for number in _numbers(match[0])
            ):
                kinds[PHONE] = None
            if any(is_erased(EMAIL, match[0].lower().rstrip(".")) for match in _EMAIL.finditer(text)):
                kinds[EMAIL] = None
            if (of_lead in self.leads or self.names_erased_lead(text)) and any(
                is_erased(NAME, name) for name in _names(text)
            ):
                kinds[NAME] = None
        return tuple(kinds)

    def names_erased_lead(self, text: str) -> bool:
        """Say whether a text contains the id of an erased lead."""
        return any(match[0] in self.leads for match in _UUID.finditer(text))

    def _erased_in(self, kind: str, value: str) -> frozenset[str]:
        if self._key is None or not value:
            return frozenset()
        key = self._key
        return frozenset(
            org for org, org_hashes in self._hashes.items() if key.hash_of(org, kind, value) in org_hashes
        )


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
    for _ in range(_MAX_VALUES):
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
