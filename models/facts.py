"""The facts of a prospect as the vendor sent them, normalised, in one frozen record.

Later changes are stored elsewhere.
"""

from datetime import datetime
from typing import Any, Final

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one prospect, normalised (docs/contracts, `lead-arrivals`).

    `phone` is E.164, `state` a two-letter code, `loan_amount` whole currency units. `created_at` is aware; it is the
    vendor's time, or the arrival's time if the vendor gave none. `time_zone` is an IANA name, derived from zip, phone
    or state if it was not sent.
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
        """First and last name, or else the best other handle. Never empty (E2, Q3)."""
        name = " ".join(part for part in (self.first_name, self.last_name) if part)
        return name or self.external_id or self.email or self.phone or "unnamed"


ITS_ARRIVAL: Final = frozenset({"vendor", "campaign", "external_id", "created_at", "assigned_to"})
"""The fields that belong to one arrival and not to the prospect."""


def completed(old: Facts, new: Facts, *, without: frozenset[str] = frozenset()) -> Facts:
    """Return `old` with its empty fields filled from `new`. A repeat may complete a lead but never overwrites it.

    `without`: fields that are not filled.
    """
    filled: dict[str, Any] = {
        name: value
        for name in Facts.__struct_fields__
        if name not in without and getattr(old, name) is None and (value := getattr(new, name)) is not None
    }
    if missing := {key: value for key, value in new.attributes.items() if key not in old.attributes}:
        filled["attributes"] = {**old.attributes, **missing}
    return msgspec.structs.replace(old, **filled) if filled else old
