"""A measurement, chaos and a storm make their stack in the state folder that is named, and leave nothing there."""

from pathlib import Path

import pytest

from models.errors import ConfigError
from runtime.own_folder import own_folder
from runtime.postgres import PostgresServer
from runtime.server import LocalServer
from runtime.valkey import ValkeyServer


def test_a_stack_of_one_run_is_in_the_state_folder_and_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("FIRSTCLAIM_STATE_DIR", str(state))
    with own_folder("storm") as folder:
        assert folder.parent == state
        (folder / "kafka").mkdir()
        (state / "crm.sqlite").touch()
    assert [path.name for path in state.iterdir()] == ["crm.sqlite"]
    monkeypatch.delenv("FIRSTCLAIM_STATE_DIR")
    monkeypatch.chdir(tmp_path)
    with own_folder("storm") as folder:
        assert tmp_path not in folder.parents
    assert not folder.exists()


def test_postgress_user_can_pass_through_a_state_folder_that_is_made_and_through_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTCLAIM_STATE_DIR", str(tmp_path / "a" / "state"))
    with own_folder("chaos", passable=True) as folder:
        modes = {part.stat().st_mode & 0o777 for part in (folder.parent, folder.parent.parent)}
        assert modes == {0o711}
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("FIRSTCLAIM_STATE_DIR", str(closed))
    with own_folder("chaos", passable=True):
        assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", [PostgresServer, ValkeyServer])
def test_a_file_in_the_place_of_a_servers_folder_is_named(kind: type[LocalServer], tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(ConfigError, match=rf"{tmp_path / 'taken'} is a file, and {kind.name} keeps its data"):
        kind(tmp_path / "taken").start()
