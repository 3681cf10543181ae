"""Secrets of second factors are encrypted in the database, and keys are replaced without a second factor lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyotp
import pytest
from sqlalchemy import create_engine, inspect, select, text, update

from models.errors import ConfigError
from runtime.process import free_port
from runtime.up import child
from sink.database_engine import connect
from streams.settings import Settings
from tests.cli.in_process import call
from tests.web.console_store import empty_database
from web.settings import WebSettings
from web.store.account import Account
from web.store.accounts import Accounts
from web.store.migrate import upgrade
from web.store.sealing import Seals, Vault, new_key, vault
from web.store.second_factors import SecondFactors
from web.store.tables import AccountTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

MIA = Account(email="mia@x.org", org="default", rep_id="mia", role="admin")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield an empty database."""
    with empty_database(request, tmp_path) as engine:
        yield engine


def stored_secret(store: Engine) -> str:
    with store.connect() as connection:
        secret: str | None = connection.scalar(select(AccountTable.totp_secret))
    assert secret is not None
    return secret


def test_a_copy_of_the_database_has_no_secret_of_a_second_factor(store: Engine) -> None:
    """Before, whoever could read the database could compute everybody's codes."""
    keys = Vault([new_key()], variable="test")
    Accounts(store).put(MIA, None)
    factors = SecondFactors(store, keys)
    secret = factors.prepare(MIA)
    assert secret is not None
    assert secret not in stored_secret(store)
    assert factors.confirm(MIA, pyotp.TOTP(secret).now()) is not None
    with pytest.raises(ConfigError, match="none of these keys"):
        SecondFactors(store, Vault([new_key()], variable="test")).accept(MIA, pyotp.TOTP(secret).now())


def test_a_secret_of_an_earlier_version_is_encrypted_at_the_start_and_still_works(store: Engine) -> None:
    Accounts(store).put(MIA, None)
    secret = pyotp.random_base32()
    with store.execution_options(writes=True).begin() as connection:
        connection.execute(update(AccountTable).values(totp_secret=secret))
    keys = Vault([new_key()], variable="test")
    assert Seals(store).check_and_renew(keys) == 2, "the secret and the known text"
    assert secret not in stored_secret(store)
    assert SecondFactors(store, keys).confirm(MIA, pyotp.TOTP(secret).now()) is not None
    assert Seals(store).check_and_renew(keys) == 0


def test_keys_are_replaced_by_naming_the_new_one_first_and_a_wrong_one_changes_nothing(store: Engine) -> None:
    old, new = new_key(), new_key()
    Accounts(store).put(MIA, None)
    secret = SecondFactors(store, Vault([old], variable="test")).prepare(MIA)
    Seals(store).check_and_renew(Vault([old], variable="test"))
    before = stored_secret(store)
    with pytest.raises(ConfigError, match="none of these keys decrypts the console's database"):
        Seals(store).check_and_renew(Vault([new], variable="test"))
    assert stored_secret(store) == before
    assert Seals(store).check_and_renew(Vault([new, old], variable="test")) == 2
    assert Seals(store).check_and_renew(Vault([new], variable="test")) == 0
    factors = SecondFactors(store, Vault([new], variable="test"))
    assert factors.confirm(MIA, pyotp.TOTP(secret or "").now()) is not None


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    web = WebSettings.read(state_dir=tmp_path / "state")
    first_vault = vault(web)
    file = tmp_path / "state" / "console.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["console.key"]
    assert vault(web).unseal(first_vault.seal("x")) == "x"
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="may be read by others"):
        vault(web)
    file.chmod(0o600)
    file.write_text("no key")
    with pytest.raises(ConfigError, match="FIRSTCLAIM_CONSOLE_KEY_FILE"):
        vault(web)
    printed = call("console-key", ["console-key"])
    assert vault(WebSettings.read(console_keys=printed.out.strip())).unseal is not None


@pytest.mark.slow
def test_a_console_with_another_key_does_not_start_and_says_which_setting(tmp_path: Path) -> None:
    settings = Settings.read(state_dir=tmp_path, kafka_bootstrap_servers=f"127.0.0.1:{free_port()}")
    url = WebSettings.read(state_dir=tmp_path).console_database_url
    upgrade(url)
    store = connect(url)
    Seals(store).check_and_renew(Vault([new_key()], variable="test"))
    store.dispose()
    console = child("console", ["console"], settings, free_port())
    console.launch()
    try:
        assert console.process is not None
        assert console.process.wait(120) == 78
        assert "FIRSTCLAIM_CONSOLE_KEY_FILE" in console.log_file.read_text()
    finally:
        console.stop()


def test_tokens_without_an_end_get_one_by_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    upgrade(url, "v0004_sign_in")
    engine = create_engine(url)
    values = "'t', 'h', 'default', 'bob', 'CRM', '[]', 'ann', '2026-01-01T00:00:00.000000+00:00'"
    names = "token_id, secret_hash, org, rep_id, name, scopes, created_by, created_at"
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO api_token ({names}) VALUES ({values})"))  # noqa: S608  # of this test
    upgrade(url)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT expires_at FROM api_token")) > "2027"
        assert {"password_until", "notices_read_at"} <= {
            column["name"] for column in inspect(connection).get_columns("account")
        }
    engine.dispose()
