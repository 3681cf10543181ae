"""Every command is about the stack of the folder that `--state-dir` names; what cannot be is one line."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from assurance.demo.sign_ins import PASSWORD
from cli import app
from cli.state_dir import VARIABLE, use_state_dir
from streams.ports import check_port
from streams.settings import Settings

REPO = Path(__file__).parents[2]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command of the registry with how it is called, groups that do something themselves included."""
    if getattr(command, "invoke_without_command", True):
        yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


COMMANDS = dict(commands(get_command(app)))


def firstclaim(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the command as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**os.environ, **environment},
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_command_takes_the_option_state_dir() -> None:
    assert len(COMMANDS) > 30
    assert ("board",) in COMMANDS
    assert ("account", "add") in COMMANDS
    without = [
        " ".join(path)
        for path, command in COMMANDS.items()
        if "--state-dir" not in {option for parameter in command.params for option in parameter.opts}
    ]
    assert without == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_refuses_a_file_in_its_place(path: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, [*path, "--state-dir", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert "--state-dir" in result.output or "Missing argument" in result.output


def test_it_holds_while_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/outer")
    with use_state_dir(tmp_path):
        assert Settings.read().state_dir == tmp_path
    assert os.environ[VARIABLE] == "/outer"
    monkeypatch.delenv(VARIABLE)
    with use_state_dir(tmp_path / "other"):
        assert Settings.read().state_dir == tmp_path / "other"
    assert VARIABLE not in os.environ


def test_an_account_is_made_where_it_says(tmp_path: Path) -> None:
    """Read back by another process, which finds the folder in the environment."""
    folder = str(tmp_path / "here")
    process = firstclaim(
        *("account", "add", "mia@lender.example", "--rep", "mia", "--role", "rep", "--state-dir", folder),
        FIRSTCLAIM_PASSWORD=PASSWORD,
    )
    assert process.wait(120) == 0, process.communicate()[1]
    listed = firstclaim("account", "list", FIRSTCLAIM_STATE_DIR=folder)
    assert listed.communicate(timeout=120)[0] == "mia@lender.example  mia  rep\n"


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        commands = {
            **dict.fromkeys(("worker", "relay", "sink", "board", "courier", "console"), "--port"),
            **dict.fromkeys(("up", "demo"), "--console-port"),
        }
        # All at once: each is a second of starting Python.
        needs = {"courier": ("--channel", "mail")}
        running = {
            name: firstclaim(name, *needs.get(name, ()), option, port, "--state-dir", str(tmp_path / name))
            for name, option in commands.items()
        }
        for name, process in running.items():
            _, errors = process.communicate(timeout=120)
            lines = errors.strip().splitlines()
            assert process.returncode == 78, (name, errors)
            assert lines[-1] == (
                f"firstclaim: {commands[name]}: port {port} of 127.0.0.1 is in use by another program; "
                "name another port, or 0 for any free one"
            )
            assert len(lines) == (2 if name == "demo" else 1), errors  # the demo has said what it starts


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("203.0.113.1", 8000, "is no address to listen on here"),
        ("no-such-host.invalid", 8000, "is no address"),
    ],
)
def test_an_address_that_is_not_this_machines_is_one_line(host: str, port: int, reason: str) -> None:
    with pytest.raises(Exception, match=f"--port: {host}:{port} {reason}"):
        check_port(port, "--port", host)
    check_port(0, "--port")
