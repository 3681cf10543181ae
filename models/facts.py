"""The facts of a prospect as the vendor sent them, normalised, in one frozen record. Nothing later is in it."""

from datetime import datetime
from typing import Any, Final

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prospect, normalised (docs/contracts, `lead-arrivals`).

    `phone` is E.164, `state` a two-letter code, `loan_amount` whole currency units, `created_at` aware (the vendor's
    clock; the arrival's where the vendor gave none), `time_zone` an IANA name derived from zip, phone or state.
    """

    vendor: str
    org: str = "default"
    campaign: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
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
        """First and last name, or the best other handle there is: never empty (E2, Q3)."""
        name = " ".join(part for part in (self.first_name, self.last_name) if part)
        return name or self.external_id or self.email or self.phone or "unnamed"


ITS_ARRIVAL: Final = frozenset({"vendor", "campaign", "external_id", "created_at", "assigned_to"})
"""What is true of one arrival, and not of the prospect."""


def completed(old: Facts, new: Facts, *, without: frozenset[str] = frozenset()) -> Facts:
    """Return `old` with its empty fields filled from `new`. A repeat may complete a lead but never overwrites it.

    `without`: fields that are left as they are.
    """
    filled: dict[str, Any] = {
        name: value
        for name in Facts.__struct_fields__
        if name not in without and getattr(old, name) is None and (value := getattr(new, name)) is not None
    }
    if missing := {key: value for key, value in new.attributes.items() if key not in old.attributes}:
        filled["attributes"] = {**old.attributes, **missing}
    return msgspec.structs.replace(old, **filled) if filled else old
