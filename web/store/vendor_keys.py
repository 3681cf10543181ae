"""Stores keys with which vendors post leads. Each belongs to one org and one vendor, is shown once, can be revoked."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, insert, select, update

from models import normalize
from models.errors import InvalidInput, Problem
from web.store.hashes import hash_of
from web.store.sealing import Vault
from web.store.store import Store
from web.store.tables import VendorKeyTable

KEY_PREFIX: Final = "fcv_"
"""Marks the keys for scanners of leaked secrets."""
MAX_KEYS: Final = 1_000
"""The most keys of an org that work at a time."""
SHORTEST_SIGNING_SECRET: Final = 16
LONGEST_SIGNING_SECRET: Final = 256
RESERVED: Final = frozenset({"actions", "choices", "lists"})
"""Names that are other routes under `/api/v1/leads`."""


class VendorKey(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's key, without its secret. `signs`: its posts must be signed."""

    key_id: str
    org: str
    vendor: str
    name: str
    signs: bool
    created_by: str
    created_at: datetime
    used_at: datetime | None = None
    accepted: int = 0
    refused: int = 0


_COLUMNS: Final = [
    *(VendorKeyTable.__table__.c[name] for name in VendorKey.__struct_fields__ if name != "signs"),
    VendorKeyTable.__table__.c.signing_secret,
]


class VendorKeys(Store):
    """The keys of all orgs. `keys` encrypt the signing secrets. Blocking: call it from a thread."""

    def __init__(self, engine: Engine, keys: Vault) -> None:
        super().__init__(engine)
        self._keys = keys

    def issue(
        self, org: str, vendor: str, name: str, *, by: str, signing_secret: str | None = None
    ) -> tuple[str, VendorKey]:
        """Create a key. Return its secret, which is shown once.

        Raises `InvalidInput` for a reserved vendor name, a signing secret of a wrong length, and too many keys.
        """
        if vendor in RESERVED:
            raise _refused("vendor", f"{vendor} is another route's name; choose another name")
        if signing_secret is not None and not (
            SHORTEST_SIGNING_SECRET <= len(signing_secret) <= LONGEST_SIGNING_SECRET
        ):
            reason = f"must have {SHORTEST_SIGNING_SECRET} to {LONGEST_SIGNING_SECRET} characters"
            raise _refused("signing_secret", reason)
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        key = VendorKey(
            key_id=secrets.token_hex(8),
            org=org,
            vendor=vendor,
            name=name,
            signs=signing_secret is not None,
            created_by=by,
            created_at=datetime.now(UTC),
        )
        values = {
            **{column: value for column, value in msgspec.structs.asdict(key).items() if column != "signs"},
            "secret_hash": hash_of(secret),
            "signing_secret": None if signing_secret is None else self._keys.seal(signing_secret),
        }
        with self.writing() as connection:
            of_org = select(VendorKeyTable.key_id).where(
                VendorKeyTable.org == org, VendorKeyTable.revoked_at.is_(None)
            )
            if len(connection.execute(of_org.limit(MAX_KEYS)).all()) >= MAX_KEYS:
                raise _refused("vendor", f"{org} has {MAX_KEYS} keys already; revoke some")
            connection.execute(insert(VendorKeyTable).values(values))
        return secret, key

    def find(self, secret: str) -> tuple[VendorKey, str | None] | None:
        """Return the key of a secret and its signing secret; None if it is unknown or revoked."""
        return self._find(VendorKeyTable.secret_hash == hash_of(secret))

    def find_signing(self, key_id: str) -> tuple[VendorKey, str | None] | None:
        """Return a key by its id if its posts must be signed: then the signature proves who posts."""
        return self._find(VendorKeyTable.key_id == key_id, VendorKeyTable.signing_secret.is_not(None))

    def _find(self, *conditions: Any) -> tuple[VendorKey, str | None] | None:
        query = select(*_COLUMNS).where(*conditions, VendorKeyTable.revoked_at.is_(None))
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        sealed = row["signing_secret"]
        return _key(row), None if sealed is None else self._keys.unseal(sealed)

    def count(self, key_id: str, *, accepted: int, refused: int) -> None:
        """Add the leads of a post to a key's counts, and note its use."""
        table = VendorKeyTable
        values = {
            "accepted": table.accepted + accepted,
            "refused": table.refused + refused,
            "used_at": datetime.now(UTC),
        }
        with self.writing() as connection:
            connection.execute(update(table).where(table.key_id == key_id).values(values))

    def all(self, org: str, vendor: str | None = None) -> list[VendorKey]:
        """Return an org's keys that work, oldest first; with `vendor` only that vendor's."""
        of_vendor = () if vendor is None else (VendorKeyTable.vendor == vendor,)
        conditions = (VendorKeyTable.org == org, VendorKeyTable.revoked_at.is_(None), *of_vendor)
        query = select(*_COLUMNS).where(*conditions).order_by(VendorKeyTable.created_at)
        with self.reading() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def revoke(self, org: str, key_id: str) -> VendorKey | None:
        """Revoke a key and return it, None if there was none. Its signing secret is removed."""
        table = VendorKeyTable
        conditions = (table.org == org, table.key_id == key_id, table.revoked_at.is_(None))
        with self.writing() as connection:
            row = connection.execute(select(*_COLUMNS).where(*conditions)).mappings().first()
            if row is None:
                return None
            values = {"revoked_at": datetime.now(UTC), "signing_secret": None}
            connection.execute(update(table).where(*conditions).values(values))
            return _key(row)


def vendor_named(name: str) -> str | None:
    """Return a vendor's name in normal form, None if it is none."""
    try:
        return normalize.vendor(name)
    except ValueError:
        return None


def vendor_of(name: str) -> str:
    """Return a vendor's name in normal form. Raises `InvalidInput`."""
    try:
        return normalize.vendor(name)
    except ValueError as error:
        raise _refused("vendor", str(error)) from error


def _key(row: Mapping[Any, Any]) -> VendorKey:
    values = {name: value for name, value in row.items() if name != "signing_secret"}
    return VendorKey(**values, signs=row["signing_secret"] is not None)


def _refused(field: str, reason: str) -> InvalidInput:
    return InvalidInput((Problem(path=field, field=field, reason=reason),))
