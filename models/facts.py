"""Defines the facts of a prospect as the vendor sent them, normalised, in one frozen record.

Later changes are stored elsewhere.
"""

from datetime import datetime
from typing import Any, Final

import msgspec


class Facts(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The facts of one prospect, normalised (docs/contracts, `lead-arrivals`).

    `phone` is E.164, `phone_extension` its extension in digits, `state` a two-letter code, `loan_amount` whole
    currency units. `created_at` is aware; it is the vendor's time, or the arrival's time if the vendor gave none.
    `time_zone` is an IANA name, derived from zip, state and phone if it was not sent; None if they leave more than
    one zone (models/location.py).
    """

    vendor: str
    org: str = "default"
    campaign: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    phone_extension: str | None = None
    state: str | None = None
    zip: str | None = None
    loan_purpose: str | None = None
    loan_amount: int | float | None = None
    credit_score: int | None = None
    property_type: str | None = None
    created_at: datetime | None = None
    assigned_to: str | None = None
    silenced: bool = False
    consent: bool | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = {}

    @property
    def prospect_name(self) -> str:
        """First and last name, or else the best other handle. Never empty (E2, Q3)."""
        name = " ".join(part for part in (self.first_name, self.last_name) if part)
        return name or self.external_id or self.email or self.phone or "unnamed"


ITS_ARRIVAL: Final = frozenset({"vendor", "campaign", "external_id", "created_at", "assigned_to"})
"""The fields that belong to one arrival and not to the prospect."""


MAX_ATTRIBUTES_BYTES: Final = 128 * 1024
"""The maximum of a lead's attributes over all its arrivals, as bytes of JSON. Attributes beyond it are kept with the
decision about their arrival, so that the lead's row always has room for further events."""

Attributes = dict[str, Any]


def completed_facts(
    old: Facts, new: Facts, *, without: frozenset[str] = frozenset()
) -> tuple[Facts, Attributes]:
    """Return `old` with its empty fields filled from `new`, and the attributes of `new` for which there is no room.

    A repeat may complete a lead but never overwrites it. `without`: fields that are not filled.
    """
    filled: dict[str, Any] = {
        name: value
        for name in Facts.__struct_fields__
        if name not in without and getattr(old, name) is None and (value := getattr(new, name)) is not None
    }
    if old.phone is not None and old.phone != new.phone:
        filled.pop("phone_extension", None)  # it is of another phone
    left_over: Attributes = {}
    if missing := {key: value for key, value in new.attributes.items() if key not in old.attributes}:
        fitting, left_over = _fitting(old.attributes, missing)
        if fitting:
            filled["attributes"] = {**old.attributes, **fitting}
    return (msgspec.structs.replace(old, **filled) if filled else old), left_over


def bounded_facts(facts: Facts) -> tuple[Facts, Attributes]:
    """Return the facts of a new lead, and the attributes for which there is no room."""
    fitting, left_over = _fitting({}, facts.attributes)
    return (
        (msgspec.structs.replace(facts, attributes=fitting), left_over) if left_over else (facts, left_over)
    )


def _fitting(present: Attributes, more: Attributes) -> tuple[Attributes, Attributes]:
    """Split `more` into the attributes that fit beside `present`, in the order they were sent, and all others."""
    if not more or _size(present) + _size(more) <= MAX_ATTRIBUTES_BYTES:
        return more, {}
    fitting: Attributes = {}
    room = MAX_ATTRIBUTES_BYTES - _size(present)
    for key, value in more.items():
        if (size := _size({key: value})) <= room:
            fitting[key] = value
            room -= size
    return fitting, {key: value for key, value in more.items() if key not in fitting}


def _size(attributes: Attributes) -> int:
    return len(msgspec.json.encode(attributes)) if attributes else 0
