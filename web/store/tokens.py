"""API tokens of programs. Each is issued once, stored as a hash, and can be revoked at any time."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import insert, select, update

from web.store.hashes import hashed
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


class Tokens(Store):
    """Tokens of all orgs. Blocking: call it from a thread."""

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
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            token_id=secrets.token_hex(8),
            org=org,
            rep_id=rep_id,
            name=name,
            scopes=frozenset(scopes),
            created_by=by,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        values = {
            **msgspec.structs.asdict(token),
            "scopes": sorted(token.scopes),
            "secret_hash": hashed(secret),
        }
        with self.writing() as connection:
            connection.execute(insert(TokenTable).values(values))
        return secret, token

    def find(self, secret: str) -> Token | None:
        """Return the token of a secret, None if it is revoked or expired. Record that it was used."""
        now = datetime.now(UTC)
        query = select(*_COLUMNS).where(
            TokenTable.secret_hash == hashed(secret), TokenTable.revoked_at.is_(None)
        )
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        token = None if row is None else _token(row)
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.used_at is None or now - token.used_at > timedelta(minutes=1):
            with self.writing() as connection:
                connection.execute(
                    update(TokenTable).where(TokenTable.token_id == token.token_id).values(used_at=now)
                )
        return token

    def all(self, org: str) -> list[Token]:
        """Return an org's tokens that are not revoked, oldest first."""
        query = select(*_COLUMNS).where(TokenTable.org == org, TokenTable.revoked_at.is_(None))
        with self.reading() as connection:
            return [
                _token(row) for row in connection.execute(query.order_by(TokenTable.created_at)).mappings()
            ]

    def revoke(self, org: str, token_id: str) -> bool:
        """Revoke a token. Say whether there was one."""
        with self.writing() as connection:
            found = connection.execute(
                update(TokenTable)
                .where(
                    TokenTable.org == org, TokenTable.token_id == token_id, TokenTable.revoked_at.is_(None)
                )
                .values(revoked_at=datetime.now(UTC))
            )
            return found.rowcount > 0


def _token(row: Mapping[Any, Any]) -> Token:
    return Token(**{**row, "scopes": frozenset(row["scopes"])})
