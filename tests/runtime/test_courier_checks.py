"""The doctor asks a real mail server, reads real keys, and says of each what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from couriers.push.settings import make_key, public_key_of
from runtime.courier_checks import console_keys, courier_checks
from runtime.process import free_port
from sink.database_engine import connect
from tests.couriers.mail_server import mail_server
from web.settings import WebSettings
from web.store.migrate import upgrade
from web.store.sealing import Seals, new_key, vault

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.checks import Check


def one_check() -> Check:
    [check] = courier_checks()
    return check


def test_a_machine_without_couriers_is_asked_nothing() -> None:
    assert list(courier_checks()) == []


@pytest.mark.parametrize(
    ("change", "ok", "expected", "sign_ins"),
    [
        ({}, True, "accepts courier, encrypted by TLSv1", {True}),
        ({"FIRSTCLAIM_SMTP_PASSWORD": "another"}, False, "535", {False}),
        ({"FIRSTCLAIM_SMTP_CAFILE": ""}, False, "CERTIFICATE_VERIFY_FAILED", set()),
        ({"FIRSTCLAIM_SMTP_SECURITY": "tls"}, False, "SSL", set()),
        ({"FIRSTCLAIM_SMTP_PORT": "closed"}, False, "onnect", set()),
        ({"FIRSTCLAIM_SMTP_PASSWORD": ""}, False, "needs a password", set()),
    ],
)
def test_the_mail_server_is_asked_to_accept_the_courier_and_gets_no_mail(
    change: dict[str, str],
    ok: bool,
    expected: str,
    sign_ins: set[bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with mail_server(tmp_path) as server:
        for name, value in (server.environment() | change).items():
            monkeypatch.setenv(name, str(free_port()) if value == "closed" else value)
        check = one_check()
        assert (check.name, check.ok) == ("mail server", ok), check
        assert expected in check.detail
        assert ("FIRSTCLAIM_SMTP_" in check.hint) is not ok
        assert "a-secret" not in check.detail + check.hint
        assert server.accepted == []
        assert set(server.sign_ins) == sign_ins


def test_push_keys_of_two_pairs_are_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public = public_key_of(make_key(tmp_path / "push.pem"))
    monkeypatch.setenv("FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE", str(tmp_path / "push.pem"))
    assert one_check().ok
    monkeypatch.setenv("FIRSTCLAIM_PUSH_PUBLIC_KEY", public)
    assert one_check().ok
    monkeypatch.setenv("FIRSTCLAIM_PUSH_PUBLIC_KEY", public_key_of(make_key(tmp_path / "other.pem")))
    check = one_check()
    assert not check.ok
    assert public in check.hint
    (tmp_path / "push.pem").write_text("-----BEGIN NOTHING-----")
    assert "FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE" in one_check().hint


def test_a_telephone_system_that_does_not_answer_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_ARI_URL", f"http://127.0.0.1:{free_port()}/ari")
    check = one_check()
    assert not check.ok
    assert "PASSWORD: is missing" in check.detail
    monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_PASSWORD", "secret-word")
    check = one_check()
    assert not check.ok
    assert "FIRSTCLAIM_TELEPHONE_ARI_URL" in check.hint
    assert "secret-word" not in check.detail


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("asterisk", "FIRSTCLAIM_TELEPHONE_ARI_URL"), ("twilio", "FIRSTCLAIM_TELEPHONE_API_URL")],
)
def test_an_address_of_the_telephone_system_with_a_password_is_a_finding(
    provider: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is shown, and is the system's name on `calls`."""
    monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_PROVIDER", provider)
    monkeypatch.setenv("FIRSTCLAIM_TELEPHONE_PASSWORD", "other-word")
    monkeypatch.setenv(variable, f"http://courier:secret-word@127.0.0.1:{free_port()}/ari")
    check = one_check()
    assert not check.ok
    assert variable in check.hint
    assert "-word" not in check.detail + check.hint


def test_the_consoles_keys_must_be_those_of_its_database(tmp_path: Path) -> None:
    first, second = new_key(), new_key()
    database = f"sqlite:///{tmp_path / 'console.sqlite'}"
    web = WebSettings.read(state_dir=tmp_path, console_database_url=database)
    assert "first start makes it" in console_keys(web).detail
    assert list(tmp_path.iterdir()) == []  # nothing was made
    with_first = WebSettings.read(state_dir=tmp_path, console_database_url=database, console_keys=first)
    assert "not made yet" in console_keys(with_first).detail
    upgrade(database)
    assert "not made yet" in console_keys(with_first).detail
    Seals(connect(database)).check_and_renew(vault(with_first))
    assert "open the database" in console_keys(with_first).detail
    with_second = WebSettings.read(state_dir=tmp_path, console_database_url=database, console_keys=second)
    check = console_keys(with_second)
    assert not check.ok
    assert "FIRSTCLAIM_CONSOLE_KEYS" in check.hint
    assert second not in check.detail + check.hint
    with_both = WebSettings.read(
        state_dir=tmp_path, console_database_url=database, console_keys=f"{second},{first}"
    )
    assert console_keys(with_both).ok
