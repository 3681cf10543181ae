"""Stores the accounts that may sign in: one per rep, found by mail address or by a provider's confirmed identity."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from models.errors import InvalidInput, Problem
from web.store.account import Account, account_of
from web.store.addresses import address_of
from web.store.hashes import hash_of
from web.store.passwords import hash_generated, hash_password, matches
from web.store.second_factors import forget
from web.store.store import Store
from web.store.tables import AccountTable, SessionTable, TokenTable


class Accounts(Store):
    """All accounts. Blocking. Methods that check passwords are slow: run them in the hash pool."""

    def put(self, account: Account, password: str | None) -> None:
        """Add an account, or change it. `password` None keeps the password. Raises `InvalidInput`."""
        email = address_of(account.email)
        password_hash = None if password is None else hash_password(password, "password", email=email)
        with self.writing() as connection:
            if not _keep(connection, account, password_hash):
                raise InvalidInput((Problem(path="email", reason="belongs to another account"),))

    def invite(self, account: Account, password: str | None, *, until: datetime | None = None) -> bool:
        """Add an account, or give a rep's account a new address and password. False if another rep has the address.

        `password` None: the person can sign in only by OIDC. `until`: when the password ends if it is not changed.
        """
        password_hash = None if password is None else hash_generated(password)
        with self.writing() as connection:
            if not _keep(connection, account, password_hash, until=until):
                return False
            _end_sessions(connection, address_of(account.email))
            return True

    def change_password(self, email: str, password: str, *, keep: str) -> None:
        """Replace an account's password, and end its sessions except the one with the secret `keep`.

        Raises `InvalidInput` for the field `new`.
        """
        password_hash = hash_password(password, "new", email=email)
        with self.writing() as connection:
            of_the_account = AccountTable.email == email
            values = {"password_hash": password_hash, "password_until": None}
            connection.execute(update(AccountTable).where(of_the_account).values(values))
            others = (SessionTable.email == email, SessionTable.secret_hash != hash_of(keep))
            connection.execute(delete(SessionTable).where(*others))

    def disable(self, email: str) -> bool:
        """Disable an account. End its sessions, and the tokens that act as its rep.

        Its second factor is deleted. Say whether there was such an account.
        """
        email, now = address_of(email), datetime.now(UTC)
        with self.writing() as connection:
            _end_sessions(connection, email)
            table = AccountTable
            query = select(table.org, table.rep_id).where(table.email == email, table.disabled_at.is_(None))
            whose = connection.execute(query).first()
            if whose is None:
                return False
            connection.execute(update(table).where(table.email == email).values(disabled_at=now))
            connection.execute(
                update(TokenTable)
                .where(
                    TokenTable.org == whose.org,
                    TokenTable.rep_id == whose.rep_id,
                    TokenTable.revoked_at.is_(None),
                )
                .values(revoked_at=now)
            )
            forget(connection, whose.org, whose.rep_id)
            return True

    def accounts(self, org: str) -> list[Account]:
        """Return an org's enabled accounts, by address."""
        of_the_org = (AccountTable.org == org, AccountTable.disabled_at.is_(None))
        query = select(*AccountTable.__table__.columns).where(*of_the_org).order_by(AccountTable.email)
        with self.reading() as connection:
            return [account_of(row) for row in connection.execute(query)]

    def has_any(self) -> bool:
        """Say whether any account of any org may sign in."""
        query = select(AccountTable.email).where(AccountTable.disabled_at.is_(None)).limit(1)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    def check(self, email: str, password: str) -> Account | None:
        """Return the account of this address and password, None if there is none."""
        row = self._row(email)
        # The password is hashed even if the account does not exist, so that both answers take the same time.
        if not matches(password, row.password_hash if row is not None else None) or row is None:
            return None
        return account_of(row)

    def find(self, email: str) -> Account | None:
        """Return the account of an address."""
        row = self._row(email)
        return None if row is None else account_of(row)

    def vouched(self, issuer: str, subject: str, email: str | None) -> Account | None:
        """Return the account that is bound to a provider's subject.

        An account that is not bound yet is bound at the first sign-in by its address: `email`, the verified address,
        None if the provider verifies none. From then on only the subject counts.
        """
        table = AccountTable
        with self.writing() as connection:
            bound = (table.oidc_issuer == issuer, table.oidc_subject == subject)
            row = connection.execute(select(*table.__table__.columns).where(*bound)).first()
            if row is not None:
                return None if row.disabled_at is not None else account_of(row)
            if email is None:
                return None
            conditions = (
                table.email == address_of(email),
                table.disabled_at.is_(None),
                table.oidc_subject.is_(None),
            )
            row = connection.execute(select(*table.__table__.columns).where(*conditions)).first()
            if row is None:
                return None
            values = {"oidc_issuer": issuer, "oidc_subject": subject}
            connection.execute(update(table).where(table.email == row.email).values(values))
            return account_of(row)

    def notices_read(self, email: str, *, at: datetime | None = None) -> datetime | None:
        """Return until when a person has read what happened to the account. `at`: from now on it is until then."""
        of_it = AccountTable.email == email
        with self.writing() if at is not None else self.reading() as connection:
            if at is not None:
                connection.execute(update(AccountTable).where(of_it).values(notices_read_at=at))
            read_until: datetime | None = connection.scalar(select(AccountTable.notices_read_at).where(of_it))
            return read_until

    def unbind(self, email: str) -> bool:
        """Remove an account's binding, so that its next OIDC sign-in binds it again. Say whether it was bound."""
        bound = (AccountTable.email == address_of(email), AccountTable.oidc_subject.is_not(None))
        with self.writing() as connection:
            values = {"oidc_issuer": None, "oidc_subject": None}
            return connection.execute(update(AccountTable).where(*bound).values(values)).rowcount > 0

    def _row(self, email: str) -> Any:
        may_sign_in = (AccountTable.email == address_of(email), AccountTable.disabled_at.is_(None))
        with self.reading() as connection:
            return connection.execute(select(*AccountTable.__table__.columns).where(*may_sign_in)).first()


def _keep(
    connection: Connection, account: Account, password_hash: str | None, *, until: datetime | None = None
) -> bool:
    """Write a rep's only account under its newest address. False if another rep has that address.

    `until`: when the new password ends; None: it does not.
    """
    table, email = AccountTable, address_of(account.email)
    whose = connection.execute(select(table.org, table.rep_id).where(table.email == email)).first()
    if whose is not None and (whose.org, whose.rep_id) != (account.org, account.rep_id):
        return False
    values: dict[str, Any] = {"email": email, "role": account.role, "disabled_at": None}
    if password_hash is not None:
        values |= {"password_hash": password_hash, "password_until": until}
    of_the_rep = (table.org == account.org, table.rep_id == account.rep_id)
    former = connection.execute(select(table.email, table.disabled_at).where(*of_the_rep)).first()
    if former is None:
        values |= {"org": account.org, "rep_id": account.rep_id, "created_at": datetime.now(UTC)}
        connection.execute(insert(table).values(**values))
        return True
    if former.email != email or former.disabled_at is not None:
        # A new address may mean a new person, so the old binding to a provider's subject is removed.
        values |= {"oidc_issuer": None, "oidc_subject": None}
        _end_sessions(connection, former.email)
    connection.execute(update(table).where(*of_the_rep).values(**values))
    return True


def _end_sessions(connection: Connection, email: str) -> None:
    connection.execute(delete(SessionTable).where(SessionTable.email == email))
