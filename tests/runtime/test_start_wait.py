"""A start is waited for as long as it makes progress, however slow. A start without progress fails."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from application import restart_pauses
from models.errors import StartFailed
from runtime import ChildProcess, Supervisor
from runtime.process import free_port
from runtime.start_wait import cpu_seconds, reasons_in, wait_for
from streams.process_exit import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

IDLE_SECONDS = 2.0
"""How long the tests let a process make no progress."""

# Serves /ready: 503 with a reason, and 200 once what its first argument names is done; each step takes longer than
# IDLE_SECONDS in all, and each piece of one less.
SERVES = """
import http.server, json, sys, threading, time
how, port = sys.argv[1], int(sys.argv[2])
steps, ready = 0, False
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"ok": ready, "not_ready": [f"step {steps}"], "age": time.monotonic()}).encode()
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for _ in range(10):
    if how == "says": steps += 1
    if how == "writes": print("a line", flush=True)
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        if how != "computes": time.sleep(0.05)  # an idle process, which makes no progress by computing
ready = how != "nothing"
threading.Event().wait()
"""


def child(tmp_path: Path, how: str) -> ChildProcess:
    port = free_port()
    argv = [sys.executable, "-c", SERVES, how, str(port)]
    return ChildProcess("worker", argv, tmp_path / "worker.log", ready_url=f"http://127.0.0.1:{port}/ready")


@pytest.mark.parametrize("how", ["says", "writes", "computes"])
def test_what_gets_on_is_waited_for(tmp_path: Path, how: str) -> None:
    """It makes progress for four seconds; two seconds without progress are a failure."""
    with Supervisor([child(tmp_path, how)]) as watch:
        began = time.monotonic()
        watch.wait_ready(IDLE_SECONDS)
        assert time.monotonic() - began > IDLE_SECONDS


def test_what_got_nowhere_is_reported_with_its_reason(tmp_path: Path) -> None:
    with Supervisor([child(tmp_path, "nothing")]) as watch, pytest.raises(StartFailed) as failed:
        watch.wait_ready(IDLE_SECONDS)
    assert failed.value.reason.startswith("is not ready after ")
    assert "(step 0), and got nowhere for the last 2 s" in failed.value.reason


def test_what_goes_round_in_circles_is_reported_at_the_bound(tmp_path: Path) -> None:
    part = ChildProcess(
        "worker", [sys.executable, "-c", "while True: print('again')"], tmp_path / "worker.log"
    )
    part.ready_url = f"http://127.0.0.1:{free_port()}/ready"
    with Supervisor([part]) as watch, pytest.raises(StartFailed) as failed:
        watch.wait_ready(IDLE_SECONDS, longest_seconds=1.5 * IDLE_SECONDS)
    assert "does not answer yet" in failed.value.reason
    assert "though it gets on; the end of" in failed.value.reason


def test_what_is_waited_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.start_wait.SAY_SECONDS", 1.0)
    messages: list[str] = []
    part = child(tmp_path, "says")
    with Supervisor([part]):
        wait_for(part, say=messages.append)
    assert messages
    assert all(line.startswith("waiting for worker (") and "at most 900 s" in line for line in messages)


def test_a_process_of_ours_that_cannot_go_on_may_come_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost lease may come from a busy machine. A foreign program that exits three times will not recover."""
    monkeypatch.setattr(restart_pauses, "LONGEST_PAUSE_SECONDS", 0.2)
    ends = tmp_path / "ends"
    code = (
        "import pathlib, sys, time\n"
        "seen = pathlib.Path(sys.argv[1]); seen.touch()\n"
        "with seen.open('a') as more: more.write('x')\n"
        f"sys.exit({int(ExitCode.LEASE_LOST)}) if len(seen.read_text()) < 7 else time.sleep(600)"
    )
    part = ChildProcess("worker", [sys.executable, "-c", code, str(ends)], tmp_path / "worker.log")
    monkeypatch.setattr(
        ChildProcess, "ready", lambda self: self.pid is not None and len(ends.read_text()) == 7
    )
    ends.touch()
    with Supervisor([part], say=lambda _: None) as watch:
        watch.wait_ready()
        assert watch.states()["worker"].restarts == 6


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (
            b'{"ok": false, "not_ready": ["starting", "lease_stale"], "lease_age_seconds": 3.1}',
            "starting, lease_stale",
        ),
        (b'{"ok": false, "trouble": "Valkey: is at its memory limit"}', "Valkey: is at its memory limit"),
        (b'{"ok": false, "not_ready": ["Kafka"], "reasons": [{"what": "Kafka", "since": "now"}]}', "Kafka"),
        (b'{"ok": true, "not_ready": []}', ""),
        (b"[1]", ""),
        (b"<html>", ""),
    ],
)
def test_a_process_says_why_it_is_not_ready(body: bytes, reasons: str) -> None:
    assert reasons_in(body) == reasons


def test_computing_time_is_that_of_the_process() -> None:
    import os  # noqa: PLC0415  # only here

    before, end = cpu_seconds(os.getpid()), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert cpu_seconds(os.getpid()) > before
    assert cpu_seconds(2**22 + 1) == 0.0
