"""Counts the sign-in attempts that are left, by account, by host and in total, in the database for all consoles.

Each name has a bucket that refills over time. An attempt takes one token from each of its buckets before the password
is checked. A successful attempt gives them back, so only failures count. A bucket that is full again is deleted.
"""

import time
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, select, update

from web.store.store import Store
from web.store.tables import AttemptTable

KEPT_SECONDS: Final = 3600.0
"""Longer than any bucket takes to refill. Within it at most 36,500 attempts pass, with two rows each and one in all."""
_LOCK: Final = 0x66616C6C
"""Key of the Postgres advisory lock that serializes attempts. On SQLite, BEGIN IMMEDIATE is the lock."""
_PREFIX: Final = 64
"""The prefix length of the network that one IPv6 customer usually has."""


class AttemptLimit(msgspec.Struct, frozen=True):
    """A bucket: `burst` attempts at once, and then one every `seconds`."""

    name: str
    burst: float
    seconds: float


def buckets(email: str, host: str) -> tuple[AttemptLimit, ...]:
    """Return the buckets of an attempt: `email` in its normal form, `host` the client's address."""
    return (
        AttemptLimit(f"account {email}"[:400], 10, 60.0),
        AttemptLimit(f"host {network(host)}", 50, 2.0),
        AttemptLimit("all", 500, 0.1),
    )


def network(host: str) -> str:
    """Return the name that counts as one host: the address, or for IPv6 its network."""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _PREFIX << _PREFIX))
    return str(address)


class Attempts(Store):
    """The buckets in the database. Blocking: call it from a thread."""

    def take(self, limits: Sequence[AttemptLimit]) -> float:
        """Take one token from each bucket and return 0. If one is empty, take none and return the seconds to wait."""
        now = time.time()
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            query = select(AttemptTable.name, AttemptTable.left, AttemptTable.at).where(
                AttemptTable.name.in_([limit.name for limit in limits])
            )
            stored = {row.name: (row.left, row.at) for row in connection.execute(query)}
            tokens_left = {limit.name: _filled(limit, stored.get(limit.name), now) for limit in limits}
            if waits := [
                (1 - tokens_left[limit.name]) * limit.seconds
                for limit in limits
                if tokens_left[limit.name] < 1
            ]:
                return max(waits)
            connection.execute(delete(AttemptTable).where(AttemptTable.at < now - KEPT_SECONDS))
            rows: list[dict[str, Any]] = [
                {"name": name, "left": value - 1, "at": now} for name, value in tokens_left.items()
            ]
            added = self.insert(AttemptTable).values(rows)
            values = {"left": added.excluded.left, "at": added.excluded.at}
            connection.execute(added.on_conflict_do_update(index_elements=["name"], set_=values))
        return 0.0

    def give_back(self, limits: Sequence[AttemptLimit]) -> None:
        """Give back the tokens of an attempt that succeeded or was not made."""
        with self.writing() as connection:
            for limit in limits:
                tokens_left = AttemptTable.left + 1
                connection.execute(
                    update(AttemptTable).where(AttemptTable.name == limit.name).values(left=tokens_left)
                )


def _filled(bucket: AttemptLimit, stored: tuple[float, float] | None, now: float) -> float:
    if stored is None:
        return bucket.burst
    tokens_left, at = stored
    return min(bucket.burst, tokens_left + max(0.0, now - at) / bucket.seconds)
