"""No command ends in a traceback. Each runs without servers, with some of them, and with poison in all topics."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiokafka import AIOKafkaProducer

from application import problems
from application.audit import write
from runtime import LocalStack
from runtime.process import free_port, spawn, stop_process
from streams import engine_client, topic_reader
from streams.topics import DEAD_LETTERS, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS, provision
from tests.cli.every_command import RUNS_ON, SECONDS, arguments, leaves
from tests.cli.in_process import CommandResult, call, use_state_dir
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.up import RunningStack
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

CODES: Final = {0, 1, 2, 70, 78}
ACCOUNTS: Final = frozenset(
    {
        "account add",
        "account list",
        "account disable",
        "account reset",
        "token issue",
        "token list",
        "token revoke",
        "vendor key issue",
        "vendor key list",
        "vendor key revoke",
        "vendor mapping set",
        "vendor mapping show",
        "vendor mapping remove",
    }
)
"""Commands that need only the console's database, which they create."""
STAND_ALONE: Final = frozenset({"acls", "push-key", "signing-key", "console-key", "vendor try"})
"""Commands that only print a table or make a key, and use no server."""
PROCESSES: Final = {
    **{name: (name,) for name in ("worker", "relay", "sink", "board", "console")},
    "courier": ("courier", "--channel", "mail"),
}
"""Process -> its command."""
LARGE: Final = 1_900_000
IN_VAIN_SECONDS: Final = "0.1"
"""How long a command waits for an answer that nobody gives."""


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_PASSWORD", "a long enough password")


@contextmanager
def little_patience() -> Iterator[None]:
    """Wait briefly for progress, which does not come, as no worker runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "PATIENCE_SECONDS", 1.0)
        yield


def every_in_vain(folder: Path, *, without: str = "", has_topics: bool = False) -> dict[str, CommandResult]:
    """Run every command as `every` does, with short waits for what will not come.

    That is progress and an answer, as no worker runs, and, unless it `has_topics`, the first metadata of a topic.
    """
    with little_patience(), pytest.MonkeyPatch.context() as patch:
        if not has_topics:
            patch.setattr(topic_reader, "START_SECONDS", 1.0)
            patch.setattr(engine_client, "START_SECONDS", 1.0)
            patch.setattr(write, "START_SECONDS", 1.0)
        return run_every_command(folder, without=without, seconds=IN_VAIN_SECONDS)


def run_every_command(folder: Path, *, without: str = "", seconds: str = SECONDS) -> dict[str, CommandResult]:
    """Run every command once, but not the one named `without`. `seconds`: how long each waits for an answer.

    None may end in a traceback, and each failure gives its reason in one sentence.
    """
    outputs, wrong = {}, []
    for name, command in leaves():
        if name in RUNS_ON or name == without:
            continue
        result = outputs[name] = call(name, arguments(name, command, folder, seconds))
        text = result.out + result.err
        named = result.code not in (70, 78) or result.err.strip().splitlines()[-1].startswith("firstclaim: ")
        bad = "Traceback" in text or "a fault of firstclaim" in text or "Unclosed" in text
        if result.code not in CODES or bad or not named:
            wrong.append(result)
    assert wrong == []
    assert len(outputs) > 20
    return outputs


def test_where_nothing_runs_every_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    outputs = every_in_vain(tmp_path)
    wrong = {name for name, result in outputs.items() if result.code == 0} - ACCOUNTS - STAND_ALONE
    assert wrong == set(), "these say that they did it"
    assert outputs["status"].code == 1
    assert "Kafka: does not answer at 127.0.0.1" in outputs["status"].out
    assert "Valkey: does not answer" in outputs["status"].out
    assert "Dead letters" not in outputs["status"].out, "nobody could count them"


@pytest.mark.parametrize("command", [["claim", "7", "--rep", "ann"], ["why", "7"], ["trace", "7"]])
def test_a_lead_id_that_is_none_is_refused_before_kafka_is_asked(command: list[str]) -> None:
    refused = call(command[0], command)
    assert refused.code == 2
    assert "LEAD must be a UUID" in refused.err


def test_a_vendor_without_a_name_is_asked_for_its_name() -> None:
    assert (
        "NAME: is missing: --for vendor needs the name of the vendor"
        in call("acls", ["acls", "--for", "vendor"]).err
    )


def test_a_setting_that_is_refused_is_named_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTCLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "somebody")
    outputs = every_in_vain(tmp_path)
    named = {name for name, result in outputs.items() if "KAFKA_SECURITY_PROTOCOL" in result.err + result.out}
    assert outputs.keys() - named <= ACCOUNTS | STAND_ALONE | {
        "do-not-contact add",
        "do-not-contact remove",
        "do-not-contact check",
        "route",
    }
    # Ports are free ones, because another program may have a default port.
    processes = {name: (*command, "--port", "0") for name, command in PROCESSES.items()}
    for name, command in {**processes, "up": ("up", "--console-port", "0"), "race": ("race",)}.items():
        result = call(name, [*command])
        assert result.code == 78, result
        assert "KAFKA_SECURITY_PROTOCOL" in result.err
        assert "Traceback" not in result.err


def test_a_process_waits_where_nothing_runs_and_ends_when_it_is_told(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FIRSTCLAIM_STATE_DIR": str(tmp_path / "state"),
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "FIRSTCLAIM_SMTP_HOST": "127.0.0.1",
    }
    logs = {name: tmp_path / f"{name}.log" for name in PROCESSES}
    running = {
        name: spawn(
            [sys.executable, "-m", "cli", *PROCESSES[name], "--port", "0"], log, environment=environment
        )
        for name, log in logs.items()
    }
    try:
        for name, log in logs.items():
            assert until(partial(_has_spoken, log), 120), name
    finally:
        for process in running.values():
            stop_process(process, signal.SIGTERM, 30)
    for name, log in logs.items():
        assert "Traceback" not in log.read_text(), name


def _has_spoken(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


def test_where_half_of_it_runs_every_command_says_what_is_missing(tmp_path: Path) -> None:
    """Kafka without a topic and no database; then without Valkey; then with a database that lost a table."""
    state_dir = tmp_path / "state"
    local = LocalStack(state_dir)
    settings = local.start()
    try:
        with use_state_dir(state_dir):
            outputs = every_in_vain(tmp_path, without="topics")  # it would make them
            assert {name for name, result in outputs.items() if result.code == 0} <= {
                *ACCOUNTS,
                *STAND_ALONE,
                "doctor",
                "directory apply",
                "send",
            }
            assert outputs["status"].code == 1
            assert "topic lead-arrivals: does not exist" in outputs["status"].out
            assert "CRM database: has no tables yet" in outputs["status"].out
            assert "worker: does not run" in outputs["status"].out
            asyncio.run(provision(settings))
            assert local.valkey is not None
            local.valkey.stop()
            outputs = every_in_vain(tmp_path, has_topics=True)
            assert outputs["status"].code == outputs["doctor"].code == 1
            assert "Valkey: " in outputs["status"].out
            assert call("crm", ["crm", "rebuild", "--yes"]).code == 0
            with sqlite3.connect(state_dir / "crm.sqlite") as database:
                database.execute("DROP TABLE decision")
            outputs = every_in_vain(tmp_path, has_topics=True)
            assert outputs["status"].code == outputs["doctor"].code == 1
            assert "CRM database: lacks the table decision: `firstclaim crm rebuild`" in outputs["status"].out
            assert "lacks the table decision" in outputs["doctor"].out
            assert call("crm", ["crm", "rebuild", "--yes"]).code == 0
            with little_patience():
                assert "lacks the table" not in call("status", ["status"]).out
    finally:
        local.stop()


def test_among_poison_every_command_does_its_work(stack: RunningStack, tmp_path: Path) -> None:
    """Null headers, bytes that are no UTF-8, a letter of 1.9 MB, nonsense on every topic: seen, counted, left alone."""
    with use_state_dir(stack.settings.state_dir):
        asyncio.run(send_poison(stack.settings))
        outputs = run_every_command(tmp_path)
        for name in ("status", "doctor", "dead-letters list", "directory export", "dead-letters show"):
            assert outputs[name].code == 0, outputs[name]
        # One letter is larger than its topic takes: named, the others are sent.
        replayed = outputs["dead-letters replay"]
        assert replayed.code == 1, replayed
        assert "takes no record of its size" in replayed.err
        assert "sent again" in replayed.out


async def send_poison(settings: Settings) -> None:
    """Put poison on every topic that anybody may write to, and letters as no maker of ours writes them.

    Their places are far behind the end of their topic, so that no other letter comes from there.
    """
    options: dict[str, Any] = settings.aiokafka_options()
    letter_headers = [
        ("error-class", b"too_large"),
        ("reason", b"\xff\xfe"),
        ("source-topic", LEAD_ARRIVALS.encode()),
        ("source-partition", b"0"),
        ("source-offset", b"7000000"),
        ("failed-at", b"yesterday"),
    ]
    async with AIOKafkaProducer(**options, acks="all", max_request_size=4_000_000) as producer:
        for topic in (LEAD_ARRIVALS, LEAD_ACTIONS, LEAD_DECISIONS):
            for value in (b"x", b"\xff\xfe", b'{"vendor":"m","x":"\xff"}', b"[" * 5_000, b"null"):
                await producer.send_and_wait(topic, value, headers=[("trace", b"\xff")])
        for headers in ([], [("error-class", b"\xff")], [(name, b"") for name, _ in letter_headers]):
            await producer.send_and_wait(DEAD_LETTERS, b"\xff\x00", b"\xff", headers=headers, partition=0)
        await producer.send_and_wait(DEAD_LETTERS, b"y" * LARGE, headers=letter_headers, partition=0)
        small = [*letter_headers[:4], ("source-offset", b"8000000"), letter_headers[5]]
        await producer.send_and_wait(DEAD_LETTERS, b"z", headers=small, partition=0)
