"""A stack starts the servers that are not given, ends with its parent however that dies, and resumes where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import ConfigError
from runtime import LocalStack, find_running
from runtime.process import command_line
from streams.ports import is_free
from streams.settings import Settings
from tests.fixtures.waiting import PATIENCE_SECONDS, until

SECONDS = PATIENCE_SECONDS

STACK = """
import json, sys, time
from runtime import LocalStack
stack = LocalStack()
stack.start()
print(json.dumps({server.name: server.pid for server in stack.servers}), flush=True)
sys.stdin.read()
"""


@pytest.mark.kafka
def test_servers_end_when_their_parent_is_killed_and_the_next_one_goes_on(tmp_path: Path) -> None:
    settings = Settings.read(state_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/crm.sqlite")
    server_variables = {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}
    environment = {
        name: value for name, value in settings.environment().items() if name not in server_variables
    }
    parent = subprocess.Popen(
        [sys.executable, "-c", STACK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name not in server_variables} | environment,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    pids: dict[str, int] = json.loads(parent.stdout.readline())
    assert pids.keys() == {"kafka", "valkey"}
    # A command in another terminal finds them while they run.
    running = find_running(settings.model_copy())
    assert not is_free(int(running.kafka_bootstrap_servers.rpartition(":")[2]))
    parent.kill()
    parent.communicate()
    if sys.platform == "linux":
        for pid in pids.values():
            assert until(lambda pid=pid: not command_line(pid), SECONDS)  # type: ignore[misc]
    plain = Settings.model_construct(**settings.model_dump(), _fields_set={"state_dir"})
    with LocalStack(settings=plain) as again:
        assert again.kafka_bootstrap_servers == running.kafka_bootstrap_servers
        assert again.redis_url == running.redis_url
        assert again.database_url.endswith("crm.sqlite")


def test_the_stack_starts_only_what_is_not_given(tmp_path: Path) -> None:
    external = Settings.read(kafka_bootstrap_servers="kafka.example:9092", redis_url="redis://valkey.example")
    with LocalStack(tmp_path, settings=external) as settings:
        assert settings.kafka_bootstrap_servers == "kafka.example:9092"
        assert settings.redis_url == "redis://valkey.example"
        assert settings.state_dir == tmp_path


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kafka_security_protocol": "SSL"}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"replication_factor": 3}, "FIRSTCLAIM_REPLICATION_FACTOR"),
    ],
)
def test_settings_for_a_cluster_are_not_given_to_the_local_broker(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, object], field: str
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(ConfigError) as refused:
        LocalStack(settings=Settings.read(**values))
    assert refused.value.field == field


def test_one_server_that_fails_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "postgres").write_text("a file where the folder should be")
    stack = LocalStack(tmp_path, kafka=False, postgres=True)
    with pytest.raises(ConfigError, match="postgres"):
        stack.start()
    assert stack.valkey is not None
    assert not stack.valkey.running


def test_commands_need_no_program_of_a_postgres_that_was_never_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come with an extra, so an installed wheel has none."""
    monkeypatch.setattr("runtime.postgres._WHEEL", "not_installed")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = Settings.read(state_dir=tmp_path)
    assert find_running(settings).database_url == settings.database_url
