"""Stores API tokens of programs. Each is issued once, stored as a hash, and can be revoked at any time."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Engine, insert, or_, select, update

from web.store.hashes import hash_of
from web.store.store import Store
from web.store.tables import TokenTable

TOKEN_PREFIX: Final = "fc_"  # noqa: S105  # marks the tokens for scanners of leaked secrets


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A program's token, without its secret."""

    token_id: str
    org: str
    rep_id: str
    name: str
    scopes: frozenset[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None


_COLUMNS: Final = [TokenTable.__table__.c[name] for name in Token.__struct_fields__]


DEFAULT_DAYS: Final = 90
"""How long a token is valid if nobody says how long."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How often the last use of a token is written at most."""


class Tokens(Store):
    """Tokens of all orgs. `days`: how long one is valid without an end of its own. Blocking: call it from a thread."""

    def __init__(self, engine: Engine, *, days: float = DEFAULT_DAYS) -> None:
        super().__init__(engine)
        self._lasts = timedelta(days=days)

    def issue(
        self,
        org: str,
        rep_id: str,
        name: str,
        scopes: Iterable[str],
        *,
        by: str,
        expires_at: datetime | None = None,
    ) -> tuple[str, Token]:
        """Create a token that acts as a rep. Return its secret, which is shown once."""
        secret, now = TOKEN_PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
        token = Token(
            token_id=secrets.token_hex(8),
            org=org,
            rep_id=rep_id,
            name=name,
            scopes=frozenset(scopes),
            created_by=by,
            created_at=now,
            expires_at=expires_at or now + self._lasts,
        )
        values = {
            **msgspec.structs.asdict(token),
            "scopes": sorted(token.scopes),
            "secret_hash": hash_of(secret),
        }
        with self.writing() as connection:
            connection.execute(insert(TokenTable).values(values))
        return secret, token

    def find(self, secret: str) -> Token | None:
        """Return the token of a secret, None if it is revoked or expired. Record that it was used."""
        now = datetime.now(UTC)
        query = select(*_COLUMNS).where(
            TokenTable.secret_hash == hash_of(secret), TokenTable.revoked_at.is_(None)
        )
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        token = None if row is None else _token(row)
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.used_at is None or now - token.used_at > NOTED_EVERY:
            # Another request may have written it since it was read.
            unnoted = or_(TokenTable.used_at.is_(None), TokenTable.used_at < now - NOTED_EVERY)
            of_it = TokenTable.token_id == token.token_id
            with self.writing() as connection:
                connection.execute(update(TokenTable).where(of_it, unnoted).values(used_at=now))
        return token

    def all(self, org: str, rep_id: str | None = None) -> list[Token]:
        """Return an org's tokens that are not revoked, oldest first. `rep_id`: only those that act as this rep."""
        query = select(*_COLUMNS).where(*_rows_of(org, rep_id)).order_by(TokenTable.created_at)
        with self.reading() as connection:
            return [_token(row) for row in connection.execute(query).mappings()]

    def names(self, org: str, token_ids: Iterable[str]) -> dict[str, str]:
        """Return the names of tokens by id, also of revoked ones."""
        conditions = (TokenTable.org == org, TokenTable.token_id.in_(list(token_ids)))
        query = select(TokenTable.token_id, TokenTable.name).where(*conditions)
        with self.reading() as connection:
            return {row.token_id: row.name for row in connection.execute(query)}

    def revoke(self, org: str, token_id: str, rep_id: str | None = None) -> Token | None:
        """Revoke a token and return it, None if there was none. `rep_id`: only if it acts as this rep."""
        conditions = (*_rows_of(org, rep_id), TokenTable.token_id == token_id)
        with self.writing() as connection:
            row = connection.execute(select(*_COLUMNS).where(*conditions)).mappings().first()
            if row is None:
                return None
            connection.execute(update(TokenTable).where(*conditions).values(revoked_at=datetime.now(UTC)))
            return _token(row)


def _rows_of(org: str, rep_id: str | None) -> tuple[ColumnElement[bool], ...]:
    own = () if rep_id is None else (TokenTable.rep_id == rep_id,)
    return (TokenTable.org == org, TokenTable.revoked_at.is_(None), *own)


def _token(row: Mapping[Any, Any]) -> Token:
    return Token(**{**row, "scopes": frozenset(row["scopes"])})
