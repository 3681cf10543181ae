"""No output contains secrets of the settings: of commands, waiting processes, refused settings or tracebacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import redis

from models.errors import ConfigError
from runtime.valkey import ValkeyServer
from streams.masking import MaskedStream, masked_url, remember, without_secrets
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS, until
from web.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = Path(__file__).parents[2]
VALKEY, DATABASE, CONSOLE, SASL, OIDC = (
    "va!key/Geheim-1",
    "da:tabase@Geheim-2",
    "console Geheim-3",
    "sasl-Geheim-4",
    "oidc-Geheim-5",
)
WORD = "Geheim"
"""A word in every secret, and nowhere else."""
CLOSED = "127.0.0.1:1"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment full of secrets; no server answers at its addresses."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "PYTHONPATH": str(REPO),
        "FIRSTCLAIM_STATE_DIR": str(folder),
        "REDIS_URL": f"redis://:{quote(VALKEY, safe='')}@{CLOSED}/0",
        "DATABASE_URL": f"postgresql://crm:{quote(DATABASE, safe='')}@{CLOSED}/crm?sslpassword={DATABASE}",
        "FIRSTCLAIM_CONSOLE_DATABASE_URL": f"postgresql+psycopg://console:{quote(CONSOLE)}@{CLOSED}/console",
        "KAFKA_BOOTSTRAP_SERVERS": CLOSED,
        "FIRSTCLAIM_OIDC_ISSUER": "https://sso.example",
        "FIRSTCLAIM_OIDC_CLIENT_ID": "firstclaim",
        "FIRSTCLAIM_OIDC_CLIENT_SECRET": OIDC,
        **more,
    }


SASL_SETTINGS = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "firstclaim",
    "KAFKA_SASL_PASSWORD": SASL,
}
COMMANDS = {
    "doctor": (["doctor"], SASL_SETTINGS),
    "doctor as JSON": (["doctor", "--json"], {}),
    "status": (["status", "--json"], {}),
    "debug": (["status"], {"FIRSTCLAIM_DEBUG": "1"}),
    "a port that is none": (["doctor"], {"REDIS_URL": f"redis://:{VALKEY}@127.0.0.1:{VALKEY}/0"}),
    "a database that is none": (["doctor"], {"DATABASE_URL": f"postgresql://u:{DATABASE}@h:{DATABASE}/x"}),
    "no scheme": (["doctor"], {"REDIS_URL": f"{VALKEY}@127.0.0.1"}),
    "a console database that is none": (
        ["account", "list"],
        {"FIRSTCLAIM_CONSOLE_DATABASE_URL": f"x://{CONSOLE}@h:{CONSOLE}"},
    ),
    "accounts": (["account", "list", "--org", "default"], {}),
    "SASL without a name": (["doctor"], {"KAFKA_SASL_PASSWORD": SASL}),
}


def said_in(folder: Path, output: str) -> str:
    """Return an output and everything that was written to the state folder."""
    files = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    return "\n".join([output, *files])


@pytest.mark.parametrize(("arguments", "variables"), COMMANDS.values(), ids=COMMANDS)
def test_no_command_prints_a_secret(tmp_path: Path, arguments: list[str], variables: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=tmp_path,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode != 0
    assert ended.stdout + ended.stderr
    assert WORD not in said_in(tmp_path, ended.stdout + ended.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["board", "sink", "console"])
def test_no_process_that_waits_or_fails_prints_a_secret(tmp_path: Path, kafka: str, name: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", name, "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka, FIRSTCLAIM_DEBUG="1"),
        stdout=(tmp_path / "out").open("w"),
        stderr=subprocess.STDOUT,
    )

    def has_spoken() -> bool:
        text = (tmp_path / "out").read_text()
        return process.poll() is not None or any(word in text for word in ("refused", "waits", "waited"))

    assert until(has_spoken), f"{name} has said nothing"
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_SECONDS)
    output = (tmp_path / "out").read_text()
    assert output.strip()
    assert WORD not in said_in(tmp_path, output)


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """Yield a Valkey that requires a password."""
    with ValkeyServer(tmp_path_factory.mktemp("asks") / "valkey") as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", VALKEY)
        yield server
        with redis.Redis.from_url(server.url, password=VALKEY) as client:
            client.config_set("requirepass", "")


@pytest.mark.slow
def test_up_names_the_valkey_without_its_password(tmp_path: Path, valkey: ValkeyServer, kafka: str) -> None:
    address = valkey.url.partition("://")[2]
    variables = environment(
        tmp_path,
        KAFKA_BOOTSTRAP_SERVERS=kafka,
        REDIS_URL=f"redis://:{quote(VALKEY, safe='')}@{address}",
        DATABASE_URL=f"sqlite:///{tmp_path / 'crm.sqlite'}",
    )
    output_file = tmp_path / "out"
    up = subprocess.Popen(
        [sys.executable, "-m", "cli", "up", "--workers", "1"],
        cwd=tmp_path,
        env=variables,
        stdout=output_file.open("w"),
        stderr=subprocess.STDOUT,
    )
    assert until(lambda: up.poll() is not None or "Valkey redis://" in output_file.read_text()), (
        output_file.read_text()
    )
    up.send_signal(signal.SIGTERM)
    up.wait(PATIENCE_SECONDS)
    assert f"Valkey redis://:***@{address}" in output_file.read_text()
    assert WORD not in said_in(tmp_path, output_file.read_text())


def test_settings_show_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path, **SASL_SETTINGS).items():
        monkeypatch.setenv(name, value)
    settings, web = Settings.read(), WebSettings.read()
    for shown in (repr(settings), str(settings), repr(web), str(web), f"{settings!r:>10}"):
        assert WORD not in shown
        assert "***" in shown
    assert WORD in settings.redis_url  # clients get it


@pytest.mark.parametrize("port", ["x", "99999999", "1:2"])
def test_a_url_that_cannot_be_taken_apart_is_refused_without_being_named(port: str) -> None:
    for field, scheme in (("redis_url", "redis"), ("database_url", "postgresql")):
        with pytest.raises(ConfigError) as refused:
            Settings.read(**{field: f"{scheme}://:{WORD}@h:{port}"})
        assert WORD not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://:pw@h/0", "redis://:***@h/0"),
        ("redis://user@h/0", "redis://user@h/0"),
        ("postgresql://u:p@ss/w@h/db", "postgresql://u:***@h/db"),
        (
            "postgresql://h/db?user=u&password=x&sslmode=require",
            "postgresql://h/db?user=u&password=***&sslmode=require",
        ),
        ("sqlite:////tmp/a@b.sqlite", "sqlite:////tmp/a@b.sqlite"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked_url(url) == shown


def test_a_known_secret_is_struck_out_however_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    remember('pässword "Geheim"/6')
    MaskedStream(sys.stdout).write('p\u00e4ssword "Geheim"/6 and p%C3%A4ssword%20%22Geheim%22%2F6\n')
    assert capsys.readouterr().out == "*** and ***\n"
    assert without_secrets('{"a": "p\\u00e4ssword \\"Geheim\\"/6"}') == '{"a": "***"}'
