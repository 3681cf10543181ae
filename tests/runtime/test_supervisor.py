"""A process that exits is restarted and reported. Stopped processes stay stopped, in reverse order of their start."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from application import restart_pauses as pauses
from models.errors import StartFailed
from runtime import ChildProcess, PartPhase, Supervisor, ValkeyServer
from runtime.last_exits import exit_file, read_exits
from runtime.process import free_port
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = PATIENCE_SECONDS

# Answers /ready with 503 until the file `open` exists, then with 200.
SERVES = """
import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path == "/ready" and pathlib.Path(sys.argv[2]).exists()
        self.send_response(200 if good else 503)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Says when it is up, and on SIGTERM writes its name into a file it shares with others.
NOTES = """
import pathlib, signal, sys
def note(*_):
    with open(sys.argv[1], "a") as shared: shared.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, note)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
while True: signal.pause()
"""
STUBBORN = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
while True: signal.pause()
"""


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_a_killed_child_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    messages: list[str] = []
    port = free_port()
    (tmp_path / "open").touch()
    argv = python(SERVES, port, tmp_path / "open")
    child = ChildProcess("worker", argv, tmp_path / "worker.log", ready_url=f"http://127.0.0.1:{port}/ready")
    with Supervisor([child], say=messages.append) as watch:
        watch.wait_ready(SECONDS)
        first_pid = child.pid
        assert first_pid is not None
        os.kill(first_pid, signal.SIGKILL)
        assert until(lambda: watch.states()["worker"].restarts == 1, SECONDS)
        watch.wait_ready(SECONDS)
        state = watch.states()["worker"]
        assert (state.phase, state.last_status) == (PartPhase.READY, -signal.SIGKILL)
        assert state.pid != first_pid
    assert messages == ["worker was ended by SIGKILL; starting it again in 0.2 s"]
    assert watch.states()["worker"].phase is PartPhase.STOPPED


def test_ready_is_what_the_child_says_of_itself(tmp_path: Path) -> None:
    port = free_port()
    argv = python(SERVES, port, tmp_path / "open")
    child = ChildProcess("worker", argv, tmp_path / "worker.log", ready_url=f"http://127.0.0.1:{port}/ready")
    with Supervisor([child]) as watch:
        with pytest.raises(StartFailed, match=r"worker: is not ready after .* nowhere for the last 0\.5 s"):
            watch.wait_ready(0.5)
        assert watch.states()["worker"].phase is PartPhase.STARTING
        (tmp_path / "open").touch()
        watch.wait_ready(SECONDS)


def test_a_child_that_keeps_exiting_is_reported_with_its_last_words_before_the_time_is_over(
    tmp_path: Path,
) -> None:
    messages: list[str] = []
    child = ChildProcess(
        "worker", python("raise SystemExit('no such topic: leads')"), tmp_path / "worker.log"
    )
    child.ready_url = f"http://127.0.0.1:{free_port()}/ready"
    with Supervisor([child], say=messages.append) as watch, pytest.raises(StartFailed) as failed:
        watch.wait_ready(longest_seconds=600.0)
    assert "keeps exiting, last with status 1" in failed.value.reason
    assert "no such topic: leads" in failed.value.reason
    assert messages[:3] == [
        f"worker exited with status 1; starting it again in {pause} s" for pause in (0.2, 0.4, 0.8)
    ]


def test_the_pause_is_bounded_and_it_never_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pauses, "LONGEST_PAUSE_SECONDS", 0.02)
    messages: list[str] = []
    with Supervisor(
        [ChildProcess("worker", python("raise SystemExit(75)"), tmp_path / "log")], say=messages.append
    ) as watch:
        assert until(lambda: watch.states()["worker"].restarts >= 6, SECONDS)
    assert messages[0] == "worker exited with status 75; starting it again in 0.01 s"
    assert set(messages[1:]) == {"worker exited with status 75; starting it again in 0.02 s"}


def test_a_program_that_cannot_be_started_is_said_and_tried_again(tmp_path: Path) -> None:
    messages: list[str] = []
    child = ChildProcess("worker", [str(tmp_path / "absent")], tmp_path / "worker.log")
    with Supervisor([child], say=messages.append):
        assert until(lambda: len(messages) >= 2, SECONDS)
    assert "No such file" in child.log_tail()


def test_parts_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    shared = tmp_path / "order"
    names = ["broker", "worker", "console"]
    parts = [ChildProcess(name, python(NOTES, shared, name), tmp_path / f"{name}.log") for name in names]
    with Supervisor(parts):
        for name in names:
            assert until((tmp_path / f"order.{name}").exists, SECONDS)
    assert shared.read_text().split() == ["console", "worker", "broker"]


def test_a_child_that_ignores_sigterm_is_killed_at_its_deadline(tmp_path: Path) -> None:
    up = tmp_path / "up"
    child = ChildProcess("stubborn", python(STUBBORN, up), tmp_path / "log", stop_seconds=0.2)
    with Supervisor([child]):
        assert until(up.exists, SECONDS)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def test_a_local_server_is_supervised_like_a_child(tmp_path: Path) -> None:
    messages: list[str] = []
    server = ValkeyServer(tmp_path / "valkey").start()
    url = server.url
    with Supervisor([server], say=messages.append) as watch:
        server.kill9()
        assert until(lambda: watch.states()["valkey"].restarts == 1, SECONDS)
        watch.wait_ready(SECONDS)
        assert server.url == url
    assert messages == ["valkey was ended by SIGKILL; starting it again in 0.2 s"]
    assert not server.running


def test_a_second_child_of_the_same_name_is_refused(tmp_path: Path) -> None:
    child = ChildProcess("worker", python("input()"), tmp_path / "log")
    with Supervisor([child]) as watch, pytest.raises(ValueError, match="worker"):
        watch.add(child)


# Ends like a firstclaim process that cannot go on.
LEAVES = """
from streams.process_exit import ExitCode, leave
leave(ExitCode.BRAKE, "leads", "20 records could not be decided")
"""


def test_why_a_process_ended_is_said_and_kept_and_a_brake_waits_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "FIRST_PAUSE_SECONDS", 600.0)
    monkeypatch.setattr(pauses, "FIRST_BRAKE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pauses, "LONGEST_BRAKE_PAUSE_SECONDS", 0.02)
    messages: list[str] = []
    child = ChildProcess(
        "worker-1", python(LEAVES), tmp_path / "log", exit_file=exit_file(tmp_path, "worker-1")
    )
    with Supervisor([child], say=messages.append) as watch:
        assert until(lambda: len(messages) >= 3, SECONDS)
        state = watch.states()["worker-1"]
    why = "worker-1 exited with status 79 (leads: 20 records could not be decided)"
    assert messages[0] == f"{why}; starting it again in 0.01 s"
    assert set(messages[1:]) == {f"{why}; starting it again in 0.02 s"}
    assert (state.last_status, state.last_reason) == (79, "leads: 20 records could not be decided")
    (process_exit,) = read_exits(tmp_path)
    assert (process_exit.part, process_exit.status, process_exit.what) == ("worker-1", 79, "leads")
    assert process_exit.restarts >= 2


def test_a_process_that_says_nothing_is_not_given_the_words_of_an_earlier_life(tmp_path: Path) -> None:
    file = exit_file(tmp_path, "worker-1")
    file.parent.mkdir()
    file.write_text('{"pid": 1, "what": "leads", "reason": "long ago"}')
    (file.parent / "broken.json").write_text("{")
    messages: list[str] = []
    child = ChildProcess("worker-1", python("raise SystemExit(3)"), tmp_path / "log", exit_file=file)
    with Supervisor([child], say=messages.append):
        assert until(lambda: bool(messages), SECONDS)
    assert messages[0] == "worker-1 exited with status 3; starting it again in 0.2 s"
    assert [
        (process_exit.part, process_exit.status, process_exit.reason) for process_exit in read_exits(tmp_path)
    ] == [("worker-1", 3, "")]
