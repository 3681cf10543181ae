"""Files in a state folder are readable only by their owner, whatever the umask and whoever creates them."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from runtime import LocalStack, ValkeyServer
from runtime.process import spawn
from sink.database_engine import connect
from streams.file_permissions import close_state_folder, private_folder, private_umask, write_private
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = PATIENCE_SECONDS


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    """Set a umask under which new files are open to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Return the paths of a folder, including itself, to which others have any right."""
    return [f"{path} {mode(path):o}" for path in (folder, *folder.rglob("*")) if mode(path) & 0o077]


def test_a_stacks_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "state"
    with LocalStack(folder, settings=Settings.model_construct(state_dir=folder), kafka=False) as settings:
        engine = connect(settings.database_url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE lead (name text)"))
            connection.execute(text("INSERT INTO lead VALUES ('Jeremy')"))
            assert {path.name for path in folder.glob("crm.sqlite*")} == {
                "crm.sqlite",
                "crm.sqlite-wal",
                "crm.sqlite-shm",
            }
        assert (folder / "valkey" / "data").is_dir()
        assert open_to_others(folder) == []
        assert mode(tmp_path / "above") == 0o700
        engine.dispose()


def test_what_a_program_of_ours_makes_is_its_owners_alone(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-c",
        "import sys; open(sys.argv[1], 'w').close(); print('said')",
        str(tmp_path / "made"),
    ]
    log = tmp_path / "its.log"
    assert spawn(argv, log).wait(SECONDS) == 0
    assert (mode(tmp_path / "made"), mode(log)) == (0o600, 0o600)


def test_what_an_earlier_version_left_open_is_closed_and_said(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "kafka" / "data" / "lead-log-0").mkdir(parents=True)
    (state / "log").mkdir()
    for name in ("kafka/data/lead-log-0/00.log", "log/worker-1.log", "console.sqlite", "crm.sqlite-wal"):
        (state / name).write_text("leads")
    assert close_state_folder(state) == [
        f"8 files and folders in {state} were open to other users; now only you may read them",
        f"{state} was open to other users; now it is yours alone",
    ]
    assert open_to_others(state) == []
    assert close_state_folder(state) == []


def test_somebodys_own_folder_keeps_its_mode_and_it_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "letters").mkdir(parents=True)
    (home / "crm.sqlite").write_text("leads")
    warnings = close_state_folder(home)
    assert (mode(home), mode(home / "letters"), mode(home / "crm.sqlite")) == (0o777, 0o777, 0o600)
    assert "keeps its mode 777, because letters in it is not ours" in warnings[-1]


def test_links_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("somebody's")
    state = tmp_path / "state"
    (state / "log").mkdir(parents=True)
    (state / "log" / "old").symlink_to(elsewhere)
    (state / "kafka").symlink_to(elsewhere)
    close_state_folder(state)
    assert (mode(elsewhere), mode(elsewhere / "file")) == (0o777, 0o666)


def test_a_file_that_was_open_is_closed_when_it_is_written(tmp_path: Path) -> None:
    secret = tmp_path / "ports.json"
    secret.write_text("old and longer")
    write_private(secret, "new")
    assert (secret.read_text(), mode(secret)) == ("new", 0o600)
    private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    private_umask()
    (tmp_path / "later").touch()
    assert mode(tmp_path / "later") == 0o600


def test_a_database_in_memory_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite://", "sqlite:///:memory:"):
        with connect(url).connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_keeps_running_on_a_folder_that_was_closed(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "valkey"
    with ValkeyServer(folder):
        pass
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    close_state_folder(tmp_path / "state")
    with ValkeyServer(folder) as server:
        assert until(server.ready, SECONDS)
