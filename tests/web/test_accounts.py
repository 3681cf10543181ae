"""Accounts, sessions and tokens in the console's own database: one account a rep, and secrets kept as hashes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyotp
import pytest
from sqlalchemy import text, update

from models.errors import InvalidInput
from sink.engine import connect
from web.services.device import device_of
from web.store.accounts import Account, Accounts
from web.store.addresses import address_of
from web.store.attempts import Attempts, buckets, network
from web.store.migrate import upgrade
from web.store.second_factors import SecondFactors
from web.store.sessions import MOST, Sessions
from web.store.tables import SessionTable
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

PASSWORD: Final = "correct horse battery"  # noqa: S105  # of an account that lives as long as a test
MIA: Final = Account(email="mia@x.org", org="default", rep_id="mia", role="admin")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    """Yield an empty database."""
    url = f"sqlite:///{tmp_path / 'console.sqlite'}"
    upgrade(url)
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def accounts(store: Engine) -> Accounts:
    """Return its accounts."""
    return Accounts(store)


@pytest.fixture
def sessions(store: Engine) -> Sessions:
    """Return its sessions."""
    return Sessions(store)


@pytest.fixture
def tokens(store: Engine) -> Tokens:
    """Return its tokens."""
    return Tokens(store)


def test_who_has_the_password_signs_in_and_nobody_else(accounts: Accounts) -> None:
    accounts.put(MIA, PASSWORD)
    assert accounts.check("Mia@X.org ", PASSWORD) == MIA
    assert accounts.check("mia@x.org", "another one") is None
    assert accounts.check("nobody@x.org", PASSWORD) is None


def test_a_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidInput, match="fewer than 12"):
        accounts.put(MIA, "short")


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


def test_another_reps_address_is_not_taken_over(accounts: Accounts) -> None:
    accounts.put(MIA, PASSWORD)
    thief = Account(email="mia@x.org", org="default", rep_id="rep-7", role="rep")
    assert not accounts.invite(thief, PASSWORD)
    with pytest.raises(InvalidInput, match="somebody else's"):
        accounts.put(thief, PASSWORD)
    assert accounts.accounts("default") == [MIA]


def test_a_new_password_ends_the_sessions_of_all_other_browsers(
    accounts: Accounts, sessions: Sessions
) -> None:
    accounts.put(MIA, PASSWORD)
    here, there = sessions.begin(MIA)[0], sessions.begin(MIA)[0]
    with pytest.raises(InvalidInput, match="new: has fewer than 12"):
        accounts.change_password(MIA.email, "short", keep=here)
    accounts.change_password(MIA.email, "another horse battery", keep=here)
    assert sessions.find(here) is not None
    assert sessions.find(there) is None
    assert accounts.check(MIA.email, PASSWORD) is None
    assert accounts.check(MIA.email, "another horse battery") == MIA


def test_a_session_ends_by_signing_out_by_time_and_with_its_account(
    accounts: Accounts, sessions: Sessions, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    first, session = sessions.begin(MIA)
    found = sessions.find(first)
    assert found is not None
    assert (found.account, found.csrf) == (MIA, session.csrf)
    sessions.end(first)
    assert sessions.find(first) is None
    brief = Sessions(store, hours=-1)
    assert sessions.find(brief.begin(MIA)[0]) is None
    second, _ = sessions.begin(MIA)
    assert accounts.disable("mia@x.org")
    assert sessions.find(second) is None
    assert not accounts.disable("mia@x.org")


def test_a_token_is_known_by_its_secret_until_it_is_revoked_or_over(tokens: Tokens) -> None:
    secret, token = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    found = tokens.find(secret)
    assert found is not None
    assert (found.rep_id, found.scopes) == ("mia", frozenset({"leads:act"}))
    assert tokens.find(secret[:-1] + "x") is None
    assert not tokens.revoke("other", token.token_id)
    assert tokens.revoke("default", token.token_id)
    assert tokens.find(secret) is None
    over = datetime.now(UTC) - timedelta(seconds=1)
    assert (
        tokens.find(tokens.issue("default", "mia", "old", {"leads:act"}, by="mia", expires_at=over)[0])
        is None
    )


def test_no_secret_is_in_the_database(
    accounts: Accounts, sessions: Sessions, tokens: Tokens, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    session, _ = sessions.begin(MIA)
    token, _ = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    with store.connect() as connection:
        kept = "".join(
            str(row)
            for table in ("account", "session", "api_token")
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # names of ours
        )
    for secret in (PASSWORD, session, token):
        assert secret not in kept


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
    assert [one.name for one in buckets(address_of(spelled), "::1")] == [
        one.name for one in buckets(MIA.email, "::1")
    ]
    assert accounts.disable(spelled)


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


def test_disabling_ends_sessions_tokens_and_second_factor_at_once(
    accounts: Accounts, sessions: Sessions, tokens: Tokens, store: Engine
) -> None:
    """The tokens of somebody who was switched off went on working."""
    accounts.put(MIA, PASSWORD)
    session, _ = sessions.begin(MIA)
    token, _ = tokens.issue("default", "mia", "the CRM", {"leads:act"}, by="mia")
    other, _ = tokens.issue("default", "bob", "the CRM", {"leads:act"}, by="mia")
    factors = SecondFactors(store)
    factors.confirm(MIA, pyotp.TOTP(factors.prepare(MIA) or "").now())
    assert accounts.disable(MIA.email)
    assert (sessions.find(session), tokens.find(token)) == (None, None)
    assert tokens.find(other) is not None
    accounts.put(MIA, PASSWORD)
    assert accounts.check(MIA.email, PASSWORD) == MIA


def test_a_session_ends_without_use_and_looking_does_not_prolong_it(
    accounts: Accounts, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    sessions = Sessions(store, idle_minutes=10)
    secret, _ = sessions.begin(MIA)

    def back(minutes: float) -> None:
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        with store.begin() as connection:
            connection.execute(update(SessionTable).values(used_at=at))

    back(9)
    assert sessions.find(secret, used=False) is not None
    found = sessions.find(secret)
    assert found is not None
    assert datetime.now(UTC) - found.used_at > timedelta(minutes=8), "looking was no use"
    again = sessions.find(secret)
    assert again is not None
    assert datetime.now(UTC) - again.used_at < timedelta(minutes=1)
    back(11)
    assert sessions.find(secret) is None
    assert sessions.of(MIA.email) == []


def test_an_account_has_a_bounded_number_of_sessions(accounts: Accounts, sessions: Sessions) -> None:
    accounts.put(MIA, PASSWORD)
    first, _ = sessions.begin(MIA)
    for _ in range(MOST):
        sessions.begin(MIA)
    assert len(sessions.of(MIA.email)) == MOST
    assert sessions.find(first) is None


def test_a_code_is_accepted_once_and_a_recovery_code_too(accounts: Accounts, store: Engine) -> None:
    accounts.put(MIA, PASSWORD)
    factors = SecondFactors(store)
    secret = factors.prepare(MIA)
    assert secret is not None
    code = pyotp.TOTP(secret).now()
    assert not factors.accept(MIA, code), "it does not count yet"
    assert factors.confirm(MIA, "12345x") is None
    codes = factors.confirm(MIA, code)
    assert codes is not None
    assert factors.prepare(MIA) is None, "one that counts is not replaced"
    assert not factors.accept(MIA, code), "the confirming code is used up"
    later = pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30))
    assert factors.accept(MIA, f"{later[:3]} {later[3:]}")
    assert not factors.accept(MIA, later)
    assert factors.accept(MIA, codes[0].lower())
    assert not factors.accept(MIA, codes[0])
    assert factors.left(MIA) == len(codes) - 1
    with store.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM recovery_code")).all())
    assert not any(one.replace("-", "") in kept for one in codes)


def test_tries_are_counted_in_the_database_and_successes_given_back(store: Engine) -> None:
    """Restarts and other consoles know them; who is refused by one bucket takes nothing from the others."""
    first, second = Attempts(store), Attempts(store)
    of_mia = buckets(MIA.email, "10.0.0.1")
    for number in range(10):
        assert (first if number % 2 else second).take(of_mia) == 0
    assert 0 < first.take(buckets(MIA.email, "10.0.0.2")) <= 60
    for number in range(40):
        assert second.take(buckets(f"guess-{number}@x.org", "10.0.0.1")) == 0
    assert second.take(buckets("another@x.org", "10.0.0.1")) > 0
    assert second.take(buckets("another@x.org", "10.0.0.3")) == 0
    first.give_back(of_mia)
    assert second.take(of_mia) == 0


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("an old laptop", "an old laptop"),
        ("", "unknown browser"),
    ],
)
def test_a_session_is_named_as_its_person_knows_it(agent: str, said: str) -> None:
    assert device_of(agent) == said


def test_an_ipv6_customer_is_one_host() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("::ffff:10.0.0.1") == "10.0.0.1"


def test_an_identity_is_bound_once_and_a_mail_change_moves_no_account(accounts: Accounts) -> None:
    bob = Account(email="bob@x.org", org="default", rep_id="bob", role="rep")
    accounts.put(MIA, PASSWORD)
    accounts.put(bob, PASSWORD)
    assert accounts.vouched("https://a", "s-1", None) is None, "no verified address, no account"
    assert accounts.vouched("https://a", "s-1", "Mia@X.org") == MIA
    assert accounts.vouched("https://a", "s-1", "bob@x.org") == MIA, "the subject counts, not the address"
    assert accounts.vouched("https://a", "s-2", "mia@x.org") is None, "mia's is bound to s-1"
    assert accounts.vouched("https://b", "s-1", "mia@x.org") is None, "another issuer's s-1 is another person"
    assert accounts.unbind("mia@x.org")
    assert accounts.vouched("https://a", "s-2", "mia@x.org") == MIA
    accounts.disable("mia@x.org")
    assert accounts.vouched("https://a", "s-2", "mia@x.org") is None


def test_the_schema_before_becomes_the_newest_one_with_its_accounts(tmp_path: Path) -> None:
    """An address of an older version is kept in its normal form; of two that are one, the plain one stays."""
    url = f"sqlite:///{tmp_path / 'console.sqlite'}"
    upgrade(url, to="v0003_custom_views")
    engine = connect(url)
    row = "INSERT INTO account (email, org, rep_id, role, created_at) VALUES (:e, 'default', :r, 'rep', '2026-01-01')"
    with engine.begin() as connection:
        for number, email in enumerate(("\uff4dia@x.org", "bob@x.org", "\uff42ob@x.org")):
            connection.execute(text(row), {"e": email, "r": f"rep-{number}"})
    upgrade(url)
    accounts = Accounts(engine)
    assert [one.email for one in accounts.accounts("default")] == ["bob@x.org", "mia@x.org", "\uff42ob@x.org"]
    found = accounts.find("bob@x.org")
    assert found is not None
    assert found.rep_id == "rep-1"
    engine.dispose()
