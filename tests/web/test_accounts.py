"""The console's own database has one account a rep, sessions and tokens, and keeps secrets as hashes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from sqlalchemy import text

from models.errors import InvalidInput
from tests.web import console_store
from tests.web.console_store import KEYS, MIA, PASSWORD
from web.store.account import Account
from web.store.addresses import address_of
from web.store.attempts import buckets
from web.store.second_factors import SecondFactors
from web.store.sessions import Sessions

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from web.store.accounts import Accounts
    from web.store.tokens import Tokens

store, accounts = console_store.store, console_store.accounts
sessions, tokens = console_store.sessions, console_store.tokens
quick = pytest.mark.usefixtures("quick_hashes")
"""For tests that are about accounts and not about the hash of a password."""


def test_who_has_the_password_signs_in_and_nobody_else(accounts: Accounts) -> None:
    accounts.put(MIA, PASSWORD)
    assert accounts.check("Mia@X.org ", PASSWORD) == MIA
    assert accounts.check("mia@x.org", "another one") is None
    assert accounts.check("nobody@x.org", PASSWORD) is None


def test_a_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidInput, match="fewer than 12"):
        accounts.put(MIA, "short")


@quick
def test_a_rep_has_one_account_and_a_new_address_ends_the_sessions_of_the_old(
    accounts: Accounts, sessions: Sessions
) -> None:
    accounts.put(MIA, PASSWORD)
    secret, _ = sessions.begin(MIA)
    moved = Account(email="mia@y.org", org="default", rep_id="mia", role="admin")
    assert accounts.invite(moved, PASSWORD)
    assert accounts.accounts("default") == [moved]
    assert sessions.find(secret) is None
    assert accounts.check("mia@x.org", PASSWORD) is None


@quick
def test_another_reps_address_is_not_taken_over(accounts: Accounts) -> None:
    accounts.put(MIA, PASSWORD)
    thief = Account(email="mia@x.org", org="default", rep_id="rep-7", role="rep")
    assert not accounts.invite(thief, PASSWORD)
    with pytest.raises(InvalidInput, match="belongs to another account"):
        accounts.put(thief, PASSWORD)
    assert accounts.accounts("default") == [MIA]


@quick
def test_a_new_password_ends_the_sessions_of_all_other_browsers(
    accounts: Accounts, sessions: Sessions
) -> None:
    accounts.put(MIA, PASSWORD)
    current, other_session = sessions.begin(MIA)[0], sessions.begin(MIA)[0]
    with pytest.raises(InvalidInput, match="new: has fewer than 12"):
        accounts.change_password(MIA.email, "short", keep=current)
    accounts.change_password(MIA.email, "another horse battery", keep=current)
    assert sessions.find(current) is not None
    assert sessions.find(other_session) is None
    assert accounts.check(MIA.email, PASSWORD) is None
    assert accounts.check(MIA.email, "another horse battery") == MIA


@quick
def test_a_session_ends_by_signing_out_by_time_and_with_its_account(
    accounts: Accounts, sessions: Sessions, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    secret, session = sessions.begin(MIA)
    known_session = sessions.find(secret)
    assert known_session is not None
    assert (known_session.account, known_session.csrf) == (MIA, session.csrf)
    sessions.end(secret)
    assert sessions.find(secret) is None
    brief = Sessions(store, hours=-1)
    assert sessions.find(brief.begin(MIA)[0]) is None
    second, _ = sessions.begin(MIA)
    assert accounts.disable("mia@x.org")
    assert sessions.find(second) is None
    assert not accounts.disable("mia@x.org")


def test_a_token_is_known_by_its_secret_until_it_is_revoked_or_over(tokens: Tokens) -> None:
    secret, token = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    known_token = tokens.find(secret)
    assert known_token is not None
    assert (known_token.rep_id, known_token.scopes) == ("mia", frozenset({"leads:act"}))
    assert tokens.find(secret[:-1] + "x") is None
    assert not tokens.revoke("other", token.token_id)
    assert tokens.revoke("default", token.token_id)
    assert tokens.find(secret) is None
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert (
        tokens.find(tokens.issue("default", "mia", "old", {"leads:act"}, by="mia", expires_at=past)[0])
        is None
    )


def test_no_secret_is_in_the_database(
    accounts: Accounts, sessions: Sessions, tokens: Tokens, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    session, _ = sessions.begin(MIA)
    token, _ = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    with store.connect() as connection:
        stored = "".join(
            str(row)
            for table in ("account", "session", "api_token")
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # names of ours
        )
    for secret in (PASSWORD, session, token):
        assert secret not in stored


@quick
@pytest.mark.parametrize(
    "spelled",
    [" mia@x.org", "MIA@x.org\t", "mia@x.org\u200b", "\uff4dia@x.org", "mia@\uff58.org", "\u00a0mia@X.ORG"],
)
def test_an_address_has_one_normal_form_everywhere(accounts: Accounts, spelled: str) -> None:
    accounts.put(MIA, PASSWORD)
    assert accounts.check(spelled, PASSWORD) == MIA
    assert accounts.find(spelled) == MIA
    thief = Account(email=spelled, org="default", rep_id="rep-7", role="rep")
    assert not accounts.invite(thief, PASSWORD), "it is mia's"
    assert [bucket.name for bucket in buckets(address_of(spelled), "::1")] == [
        bucket.name for bucket in buckets(MIA.email, "::1")
    ]
    assert accounts.disable(spelled)


@quick
@pytest.mark.parametrize(
    "common",
    [
        "passwordpassword",
        "qwertyuiop123",
        "Password1234!",
        "123456789012",
        "\uff30assword1234",
        "aaaaaaaaaaaa",
    ],
)
def test_a_password_that_is_tried_first_is_refused(accounts: Accounts, common: str) -> None:
    with pytest.raises(InvalidInput, match="password: "):
        accounts.put(MIA, common)


@quick
def test_disabling_ends_sessions_tokens_and_second_factor_at_once(
    accounts: Accounts, sessions: Sessions, tokens: Tokens, store: Engine
) -> None:
    """The tokens of somebody who was switched off went on working."""
    accounts.put(MIA, PASSWORD)
    session, _ = sessions.begin(MIA)
    token, _ = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    other_token, _ = tokens.issue("default", "bob", "the CRM", {"leads:act"}, by="mia")
    factors = SecondFactors(store, KEYS)
    factors.confirm(MIA, pyotp.TOTP(factors.prepare(MIA) or "").now())
    assert accounts.disable(MIA.email)
    assert (sessions.find(session), tokens.find(token)) == (None, None)
    assert tokens.find(other_token) is not None
    accounts.put(MIA, PASSWORD)
    assert accounts.check(MIA.email, PASSWORD) == MIA
