"""Describes one account that may sign in, and reads it from a row."""

from datetime import datetime
from typing import Any

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account that may sign in. `role` counts while the org is open. `has_second_factor`: sign-in asks for codes.

    `password_until`: the password is an invitation's. It is refused from then on, and must be changed before.
    """

    email: str
    org: str
    rep_id: str
    role: str
    has_second_factor: bool = False
    password_until: datetime | None = None

    @property
    def invited(self) -> bool:
        """Whether the password is an invitation's, which the person must change."""
        return self.password_until is not None


def account_of(row: Any) -> Account:
    """Return the account of a row with the table's columns."""
    return Account(
        email=row.email,
        org=row.org,
        rep_id=row.rep_id,
        role=row.role,
        has_second_factor=row.totp_since is not None,
        password_until=row.password_until,
    )
