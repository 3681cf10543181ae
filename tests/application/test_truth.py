"""`status`, `crm rebuild` and bulk handling of dead letters report the truth on a running stack."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text

from application import problems
from application.lag import READS
from assurance.load import LoadClient
from assurance.verify import verify
from runtime import ChildProcess
from runtime.up import RunningStack, everything
from sink.database_engine import connect
from streams import clients
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import CommandResult, call
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LEADS = 12
SECONDS = PATIENCE_SECONDS


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Yield a stack with some leads on the exceptions desk. Commands find it by its state folder.

    The leads are there because the org has no queue.
    """
    state_dir = tmp_path_factory.mktemp("stack")
    with everything(workers=1, state_dir=state_dir, say=lambda _: None) as running:
        asyncio.run(send_leads(running))
        before = os.environ.get("FIRSTCLAIM_STATE_DIR")
        os.environ["FIRSTCLAIM_STATE_DIR"] = str(state_dir)
        yield running
        if before is None:
            del os.environ["FIRSTCLAIM_STATE_DIR"]
        else:
            os.environ["FIRSTCLAIM_STATE_DIR"] = before


async def send_leads(stack: RunningStack) -> None:
    """Send leads; a rep owns some of them from the start."""
    async with LoadClient(stack.settings) as client:
        for n in range(LEADS):
            owner = {"assigned_to": "rep-1"} if n % 3 == 0 else {}
            await client.arrive({"vendor": "acme", "external_id": f"truth-{n}", **owner})
    assert (await verify(stack.settings)).ok


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "PATIENCE_SECONDS", 4.0)


OTHER_KAFKA: Final = "Kafka's data is not what this database was filled from; `firstclaim crm rebuild`"


def firstclaim(*arguments: str) -> tuple[CommandResult, dict[str, Any]]:
    """Run a command; return its output and its last line."""
    answer = call(arguments[0], [*arguments, "--json"])
    return answer, json.loads(answer.out.strip().splitlines()[-1])


def reasons(report: dict[str, Any], subject: str) -> str:
    """Return the problems of one subject."""
    return "; ".join(problem["reason"] for problem in report["problems"] if problem["what"] == subject)


def test_an_idle_stack_is_well_and_every_stage_has_its_lag(stack: RunningStack) -> None:
    answer, report = firstclaim("status")
    assert (answer.code, report["ok"], report["problems"], report["trouble"]) == (0, True, [], [])
    assert report["lag"] == dict.fromkeys(READS, 0)
    assert report["leads"] == LEADS
    assert "Everything works." in answer.out
    assert stack.settings.state_dir.joinpath("processes", "sink.json").exists()


def test_a_stage_that_does_not_move_is_named_and_one_that_works_is_not(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped relay stays a member of its group for a while, but makes no progress."""
    pid = stack.children["relay"].pid
    assert pid is not None
    monkeypatch.setattr(problems, "PATIENCE_SECONDS", 0.0)
    os.kill(pid, signal.SIGSTOP)
    try:
        asyncio.run(one_more(stack, "stopped"))
        is_named = until(
            lambda: "relay" in {problem["what"] for problem in firstclaim("status")[1]["problems"]}, SECONDS
        )
        assert is_named
        answer, report = firstclaim("status")
        assert answer.code == 1
        assert "relay: does not " in answer.out
    finally:
        os.kill(pid, signal.SIGCONT)
    monkeypatch.setattr(problems, "PATIENCE_SECONDS", SECONDS)
    answer, report = firstclaim("status")  # a relay that makes progress is not named, however long that takes
    assert (answer.code, report["lag"]["relay"]) == (0, 0), report


async def one_more(stack: RunningStack, name: str) -> None:
    """Send a lead."""
    async with clients.producer(stack.settings) as producer:
        value = json.dumps({"vendor": "acme", "external_id": name}).encode()
        await producer.send_and_wait(LEAD_ARRIVALS, value)


def test_a_process_that_keeps_ending_is_named_with_its_last_words(stack: RunningStack) -> None:
    code = "import sys; print('no such topic: leads'); sys.exit(78)"
    broken = ChildProcess(
        "broken", [sys.executable, "-c", code], stack.settings.state_dir / "log" / "broken.log"
    )
    stack.supervisor.add(broken)
    try:
        assert until(lambda: stack.supervisor.states()["broken"].restarts >= problems.OFTEN, SECONDS)
        answer, report = firstclaim("status")
        assert answer.code == 1
        assert "keeps ending" in reasons(report, "broken")
        assert "exited with status 78: no such topic: leads" in reasons(report, "broken")
        assert "broken: keeps ending" in answer.out
    finally:
        broken.argv = [sys.executable, "-c", "import signal; signal.pause()"]
        assert until(lambda: broken.pid is not None, SECONDS)
        (stack.settings.state_dir / "processes" / "broken.json").unlink()


def test_a_database_that_was_lost_or_changed_comes_back_while_the_sink_runs(stack: RunningStack) -> None:
    """Rows are missing, forged and from the future.

    Afterwards verify finds nothing, and the sink continues by itself.
    """
    before = rows(stack)
    change_database(
        stack,
        "DELETE FROM lead WHERE phase = 'exception'",
        "DELETE FROM assignment",
        "UPDATE lead SET version = 99, owner = 'rep-9'",
        "DELETE FROM decision",
        "UPDATE lead_exception SET status = 'ignored', version = 99",
    )
    assert not asyncio.run(verify(stack.settings)).ok
    answer, dry = firstclaim("crm", "rebuild", "--dry-run")
    assert (answer.code, dry["plan"]["discards_history"]) == (0, False)
    assert "The journal keeps the newest state of every lead for ever" in answer.err
    assert call("crm rebuild", ["crm", "rebuild"]).code == 1  # nobody confirmed
    assert not asyncio.run(verify(stack.settings)).ok
    answer, result = firstclaim("crm", "rebuild", "--yes")
    assert answer.code == 0, answer
    assert result["ok"]
    assert "The CRM database is back" in answer.err
    asyncio.run(one_more(stack, "after the rebuild"))
    report = asyncio.run(verify(stack.settings))
    assert report.ok, report.lines()
    assert rows(stack)["assignment"] == before["assignment"]


def test_a_database_of_another_kafka_is_named_with_the_way_out_and_the_way_out_works(
    stack: RunningStack,
) -> None:
    ahead = "UPDATE sink_offset SET next_offset = next_offset + 100000"
    change_database(stack, ahead)
    sink = stack.children["sink"]
    assert sink.pid is not None
    os.kill(sink.pid, signal.SIGKILL)

    def is_named() -> bool:
        answer, report = firstclaim("status")
        return answer.code == 1 and OTHER_KAFKA in reasons(report, "sink")

    assert until(is_named, SECONDS), "the sink that starts again says so"
    answer, result = firstclaim("crm", "rebuild", "--yes")
    assert (answer.code, result["history_kept"]) == (0, False), answer
    assert "Emptied as well, because this Kafka is not the one they were filled from" in answer.err
    assert until(sink.ready, SECONDS)
    report = asyncio.run(verify(stack.settings))
    assert report.ok, report.lines()


def test_letters_are_dealt_with_in_bulk_and_one_failure_stops_no_other(stack: RunningStack) -> None:
    """They are selected by class, vendor and time. A handled letter is left out until somebody asks for it again."""
    asyncio.run(send_unacceptable(stack))
    command = ("dead-letters", "skip", "--class", "nothing_identifying", "--vendor", "bulk")
    assert until(lambda: firstclaim(*command, "--dry-run")[1]["skipped"] == 3, SECONDS)
    assert until(
        lambda: firstclaim("dead-letters", "skip", "--class", "not_json", "--dry-run")[1]["skipped"] == 1,
        SECONDS,
    )
    assert firstclaim(*command, "--until", "2020-01-01")[1]["skipped"] == 0
    answer, skipped = firstclaim(*command, "--why", "a test of theirs")
    assert (answer.code, skipped["skipped"], skipped["failed"]) == (0, 3, 0)
    again = firstclaim(*command)[1]
    assert (again["skipped"], list(again["left_out"].values())) == (0, [3])
    marks = [letter["mark"] for letter in firstclaim("dead-letters", "list")[1]["letters"]]
    assert {mark["what"] for mark in marks if mark} == {"skipped"}
    answer, sent = firstclaim("dead-letters", "replay", "--all")
    assert (answer.code, sent["replayed"], sent["left_out"]) == (
        0,
        1,
        {"skipped before; --again takes them, too": 3},
    )
    assert firstclaim("dead-letters", "replay", "--all", "--vendor", "nobody")[1]["selected"] == 0


async def send_unacceptable(stack: RunningStack) -> None:
    """Send messages that cannot be accepted: three of one vendor, and one that is no JSON."""
    async with clients.producer(stack.settings) as producer:
        for _ in range(3):
            await producer.send_and_wait(LEAD_ARRIVALS, b'{"vendor": "bulk"}')
        await producer.send_and_wait(LEAD_ARRIVALS, b"{")


def rows(stack: RunningStack) -> dict[str, list[Any]]:
    """Return the owner of each lead."""
    engine = connect(stack.settings.database_url)
    with engine.connect() as connection:
        owners = connection.execute(
            text("SELECT lead_id, rep_id, version FROM assignment ORDER BY lead_id")
        ).all()
    engine.dispose()
    return {"assignment": list(owners)}


def change_database(stack: RunningStack, *statements: str) -> None:
    """Change the database directly."""
    engine = connect(stack.settings.database_url)
    with engine.execution_options(writes=True).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
