"""Stores links by which people set a password: each is valid once, for some time, and is stored as a hash."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from models.errors import FirstclaimError
from web.store.account import Account, account_of
from web.store.hashes import hash_of
from web.store.passwords import hash_password
from web.store.store import Store
from web.store.tables import AccountTable, PasswordLinkTable, SessionTable

MAX_LINKS: Final = 10
"""How many links of one address are valid at a time. A further one replaces the oldest."""


class LinkOverError(FirstclaimError):
    """The link is unknown, used or too old, or its account is disabled."""


class PasswordLinks(Store):
    """The links of all accounts. Blocking: call it from a thread; `use` from the hash pool."""

    def make(self, email: str, *, lasts: timedelta) -> str:
        """Make a link for an address in its normal form. Return its secret. Links that are over are deleted."""
        secret, now, table = secrets.token_urlsafe(32), datetime.now(UTC), PasswordLinkTable
        with self.writing() as connection:
            connection.execute(delete(table).where(table.expires_at <= now))
            of_it = select(table.secret_hash).where(table.email == email).order_by(table.created_at)
            count = connection.scalar(select(func.count()).where(table.email == email)) or 0
            if count >= MAX_LINKS:
                oldest = list(connection.scalars(of_it.limit(count - MAX_LINKS + 1)))
                connection.execute(delete(table).where(table.secret_hash.in_(oldest)))
            values = {
                "secret_hash": hash_of(secret),
                "email": email,
                "created_at": now,
                "expires_at": now + lasts,
            }
            connection.execute(insert(table).values(values))
        return secret

    def find(self, secret: str) -> Account | None:
        """Return the account whose password a link sets; None if the link has expired or was used."""
        table = PasswordLinkTable
        query = (
            select(*AccountTable.__table__.columns)
            .join(table, table.email == AccountTable.email)
            .where(
                table.secret_hash == hash_of(secret),
                table.expires_at > datetime.now(UTC),
                AccountTable.disabled_at.is_(None),
            )
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else account_of(row)

    def use(self, secret: str, password: str) -> Account:
        """Set the password of a link's account, end all of its sessions and links. Return the account.

        Raises `LinkOverError`, and `InvalidInput` for the field `password`; then the link stays.
        """
        account = self.find(secret)
        if account is None:
            raise LinkOverError("the link has expired or was used")
        password_hash = hash_password(password, "password", email=account.email)
        table, of_it = PasswordLinkTable, AccountTable.email == account.email
        with self.writing() as connection:
            # Of two at once, one deletes the link.
            used = delete(table).where(
                table.secret_hash == hash_of(secret), table.expires_at > datetime.now(UTC)
            )
            if connection.execute(used).rowcount != 1:
                raise LinkOverError("the link has expired or was used")
            values = {"password_hash": password_hash, "password_until": None}
            if (
                connection.execute(
                    update(AccountTable).where(of_it, AccountTable.disabled_at.is_(None)).values(values)
                ).rowcount
                != 1
            ):
                raise LinkOverError("the account is disabled")
            connection.execute(delete(table).where(table.email == account.email))
            connection.execute(delete(SessionTable).where(SessionTable.email == account.email))
        return account
