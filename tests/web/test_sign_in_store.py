"""The console's own database keeps sessions, second factors, tries and identities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from sqlalchemy import text, update

from sink.database_engine import connect
from tests.web import console_store
from tests.web.console_store import KEYS, MIA, PASSWORD
from web.services.device import device_of
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.attempts import Attempts, buckets, network
from web.store.migrate import upgrade
from web.store.second_factors import SecondFactors
from web.store.sessions import MAX_SESSIONS, Sessions
from web.store.tables import SessionTable

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

store, accounts, sessions = console_store.store, console_store.accounts, console_store.sessions
pytestmark = pytest.mark.usefixtures("quick_hashes")


def test_a_session_ends_without_use_and_looking_does_not_prolong_it(
    accounts: Accounts, store: Engine
) -> None:
    accounts.put(MIA, PASSWORD)
    sessions = Sessions(store, idle_minutes=10)
    secret, _ = sessions.begin(MIA)

    def move_back(minutes: float) -> None:
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        with store.begin() as connection:
            connection.execute(update(SessionTable).values(used_at=at))

    move_back(9)
    assert sessions.find(secret, used=False) is not None
    known_session = sessions.find(secret)
    assert known_session is not None
    assert datetime.now(UTC) - known_session.used_at > timedelta(minutes=8), "looking was no use"
    again = sessions.find(secret)
    assert again is not None
    assert datetime.now(UTC) - again.used_at < timedelta(minutes=1)
    move_back(11)
    assert sessions.find(secret) is None
    assert sessions.of(MIA.email) == []


def test_an_account_has_a_bounded_number_of_sessions(accounts: Accounts, sessions: Sessions) -> None:
    accounts.put(MIA, PASSWORD)
    oldest, _ = sessions.begin(MIA)
    for _ in range(MAX_SESSIONS):
        sessions.begin(MIA)
    assert len(sessions.of(MIA.email)) == MAX_SESSIONS
    assert sessions.find(oldest) is None


def test_a_code_is_accepted_once_and_a_recovery_code_too(accounts: Accounts, store: Engine) -> None:
    accounts.put(MIA, PASSWORD)
    factors = SecondFactors(store, KEYS)
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
        stored = str(connection.execute(text("SELECT * FROM recovery_code")).all())
    assert not any(recovery_code.replace("-", "") in stored for recovery_code in codes)


def test_tries_are_counted_in_the_database_and_successes_given_back(store: Engine) -> None:
    """Restarts and other consoles know them; who is refused by one bucket takes nothing from the others."""
    first_console, second_console = Attempts(store), Attempts(store)
    mias_buckets = buckets(MIA.email, "10.0.0.1")
    for number in range(10):
        assert (first_console if number % 2 else second_console).take(mias_buckets) == 0
    assert 0 < first_console.take(buckets(MIA.email, "10.0.0.2")) <= 60
    for number in range(40):
        assert second_console.take(buckets(f"guess-{number}@x.org", "10.0.0.1")) == 0
    assert second_console.take(buckets("another@x.org", "10.0.0.1")) > 0
    assert second_console.take(buckets("another@x.org", "10.0.0.3")) == 0
    first_console.give_back(mias_buckets)
    assert second_console.take(mias_buckets) == 0


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0 (Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("an old laptop", "an old laptop"),
        ("", "unknown browser"),
    ],
)
def test_a_session_is_named_as_its_person_knows_it(user_agent: str, expected: str) -> None:
    assert device_of(user_agent) == expected


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
    assert [account.email for account in accounts.accounts("default")] == [
        "bob@x.org",
        "mia@x.org",
        "\uff42ob@x.org",
    ]
    bob = accounts.find("bob@x.org")
    assert bob is not None
    assert bob.rep_id == "rep-1"
    engine.dispose()
