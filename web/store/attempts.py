"""How many tries to sign in are left, by account, by host and in all; kept in the database, for all consoles.

Each name has a bucket that fills up again. A try takes one from each of its buckets before the password is looked at.
One that succeeds gives them back, so only failures count. A bucket that is full again is forgotten.
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
"""Longer than any bucket takes to fill up. At most 36,500 tries get in within it, with two rows each and one in all."""
_LOCK: Final = 0x66616C6C
"""Key of the Postgres advisory lock that makes tries one by one; SQLite's BEGIN IMMEDIATE is a lock by itself."""
_PREFIX: Final = 64
"""An IPv6 customer has a whole network of so many bits."""


class Bucket(msgspec.Struct, frozen=True):
    """`burst` tries at once, and then one every `seconds`."""

    name: str
    burst: float
    seconds: float


def buckets(email: str, host: str) -> tuple[Bucket, ...]:
    """Return the buckets of a try: `email` in its normal form, `host` the address it comes from."""
    return (
        Bucket(f"account {email}"[:400], 10, 60.0),
        Bucket(f"host {network(host)}", 50, 2.0),
        Bucket("all", 500, 0.1),
    )


def network(host: str) -> str:
    """Return what counts as one host: the address, of IPv6 its network."""
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
    """The buckets. Blocking; the web asks from a thread."""

    def take(self, wanted: Sequence[Bucket]) -> float:
        """Take one from each bucket and return 0; take none and return the seconds to wait if one is empty."""
        now = time.time()
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            query = select(AttemptTable.name, AttemptTable.left, AttemptTable.at).where(
                AttemptTable.name.in_([one.name for one in wanted])
            )
            there = {row.name: (row.left, row.at) for row in connection.execute(query)}
            left = {one.name: _filled(one, there.get(one.name), now) for one in wanted}
            if waits := [(1 - left[one.name]) * one.seconds for one in wanted if left[one.name] < 1]:
                return max(waits)
            connection.execute(delete(AttemptTable).where(AttemptTable.at < now - KEPT_SECONDS))
            rows: list[dict[str, Any]] = [
                {"name": name, "left": value - 1, "at": now} for name, value in left.items()
            ]
            added = self.insert(AttemptTable).values(rows)
            kept = {"left": added.excluded.left, "at": added.excluded.at}
            connection.execute(added.on_conflict_do_update(index_elements=["name"], set_=kept))
        return 0.0

    def give_back(self, taken: Sequence[Bucket]) -> None:
        """Give back what a try took that succeeded, or that was not made."""
        with self.writing() as connection:
            for one in taken:
                left = AttemptTable.left + 1
                connection.execute(
                    update(AttemptTable).where(AttemptTable.name == one.name).values(left=left)
                )


def _filled(bucket: Bucket, there: tuple[float, float] | None, now: float) -> float:
    if there is None:
        return bucket.burst
    left, at = there
    return min(bucket.burst, left + max(0.0, now - at) / bucket.seconds)
