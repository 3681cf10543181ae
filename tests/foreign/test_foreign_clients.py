"""docs/cases.md P1 to P10 and D16 by librdkafka, kcat and Java: each has the expected outcome, and no process ends.

All messages go through one running system, so damage by one case also shows in the others.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from sink.database_engine import connect
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS, until
from tests.foreign import cases, transactions
from tests.foreign.cases import TOO_LARGE, UNREADABLE, Sent, id_of, lead
from tests.foreign.clients import SECONDS, Record
from tests.foreign.outcome import restarts
from tests.foreign.transactions import HANGS_MS, begin_transaction
from web.settings import WebSettings
from web.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.up import RunningStack
    from tests.foreign.cases import Clients
    from tests.foreign.outcome import Outcome

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MORE_MEMORY_KB: Final = 64 * 1024
NAMED_SECONDS: Final = 60.0 + PATIENCE_SECONDS
"""A transaction is named after it has been open for longer than a working one."""
INFLATED: Final = {
    "300 MB gzip": ("gzip", [300_000_000]),
    "300 MB zstd": ("zstd", [300_000_000]),
    "150 MB lz4": ("lz4", [150_000_000]),
    "200 records of 1 MB gzip": ("gzip", [1_000_000] * 200),
}


@pytest.mark.parametrize("name", [*cases.CASES, *transactions.CASES])
def test_each_case_is_a_lead_or_an_answer_or_a_dead_letter(outcome: Outcome, name: str) -> None:
    assert outcome.differences(name) == []


def test_good_leads_between_the_cases_arrive(outcome: Outcome) -> None:
    assert outcome.missing_leads() == {}


def test_no_process_ended(outcome: Outcome) -> None:
    assert restarts(outcome.stack) == {}


def test_p10_an_empty_object_wipes_no_rep(outcome: Outcome) -> None:
    exported = firstclaim(outcome.stack, "directory", "export")
    assert exported.code == 0, exported.err
    assert "Nora Four" in exported.out


def test_status_verify_and_dead_letters_exit_0(outcome: Outcome) -> None:
    for arguments in (("status",), ("verify",), ("dead-letters", "list", "--limit", "1000")):
        result = firstclaim(outcome.stack, *arguments, "--json")
        assert result.code == 0, f"{arguments}: {result.out[-3000:]}{result.err[-3000:]}"


@pytest.fixture(scope="module")
def console(stack: RunningStack) -> Iterator[httpx.Client]:
    """Yield a program with a token at the console."""
    store = connect(WebSettings.read(state_dir=stack.settings.state_dir).console_database_url)
    secret, _ = Tokens(store).issue("default", "ada", "test", {"operations:read"}, by="test")
    headers = {"authorization": f"Bearer {secret}", "accept": "application/json"}
    url = f"http://127.0.0.1:{stack.ports['console']}"
    with httpx.Client(base_url=url, headers=headers, timeout=SECONDS) as client:
        yield client
    store.dispose()


def test_p5_the_console_shows_every_letter(outcome: Outcome, console: httpx.Client) -> None:
    assert console.get("/sign-in").status_code == HTTPStatus.OK
    listed = console.get("/api/v1/operations/dead-letters")
    assert listed.status_code == HTTPStatus.OK, listed.text
    letters = listed.json()
    assert len(letters) >= min(len(outcome.letters), 100)
    for letter in letters:
        shown = console.get(f"/api/v1/operations/dead-letters/{letter['place']}")
        assert shown.status_code == HTTPStatus.OK, (letter, shown.text)


def memory_kb(pid: int, figure: str) -> int:
    """Return the kernel's figure of a process's memory."""
    match = re.search(rf"^{figure}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


@pytest.mark.parametrize("case_name", INFLATED)
def test_p3_what_inflates_costs_little_memory(outcome: Outcome, case_name: str) -> None:
    """The worker's peak memory comes from the kernel, which was reset before, so no moment is missed."""
    codec, sizes = INFLATED[case_name]
    pid = outcome.stack.supervisor.states()["worker-1"].pid
    assert pid is not None
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory_kb(pid, "VmRSS")

    def inflating(clients: Clients, _: str) -> Sent:
        producer = clients.librdkafka.producer(codec, batch_size=900_000_000, linger_ms=5_000)
        records = (Record(b"x" * size) for size in sizes)
        positions = clients.librdkafka.send_by(producer, LEAD_ARRIVALS, records, partition=1)
        return Sent(positions=positions, letters=None, classes=TOO_LARGE | UNREADABLE)

    outcome.send({case_name: inflating})
    assert outcome.differences(case_name) == []
    assert outcome.letters_of(outcome.sent[case_name])
    assert outcome.missing_leads() == {}
    assert restarts(outcome.stack) == {}
    assert memory_kb(pid, "VmHWM") - before < MORE_MEMORY_KB


def test_p7_a_hanging_transaction_is_named_by_status(outcome: Outcome) -> None:
    """While it is open, the records after it wait. After it is aborted, there is no problem left."""
    hanging = begin_transaction(outcome.clients, timeout_ms=HANGS_MS)
    sent = Sent(absent=[id_of("hanging")])
    try:
        sent.positions = outcome.clients.librdkafka.send_by(
            hanging, LEAD_ARRIVALS, [Record(lead("hanging"))], partition=0
        )
        outcome.clients.librdkafka.send(LEAD_ARRIVALS, [Record(lead("waits"))], partition=0)
        named: list[str] = []

        def is_named() -> bool:
            result = firstclaim(outcome.stack, "status", "--json")
            named[:] = [result.out + result.err]
            return result.code == 1 and "transaction" in named[0] and LEAD_ARRIVALS in named[0]

        assert until(is_named, NAMED_SECONDS), named
        assert json.loads(named[0].strip().splitlines()[-1])
        assert "transactional id" in named[0], named
        outcome.read_state()
        assert id_of("waits") not in outcome.rows
    finally:
        hanging.abort_transaction(SECONDS)
    outcome.sent["hanging"] = sent
    outcome.control_leads["hanging"] = id_of("waits")
    outcome.wait(["hanging"])
    assert outcome.missing_leads() == {}
    assert outcome.differences("hanging") == []
    result = firstclaim(outcome.stack, "status")
    assert result.code == 0, result.out


def test_p6_a_letter_too_large_to_be_sent_again_stops_no_replay(outcome: Outcome) -> None:
    outcome.send({"1.9 MB": lambda clients, _: _sent_whole(clients)})
    assert outcome.differences("1.9 MB") == []
    (letter,) = outcome.letters_of(outcome.sent["1.9 MB"])
    single = firstclaim(outcome.stack, "dead-letters", "replay", f"{letter.partition()}:{letter.offset()}")
    assert "Traceback" not in single.err
    assert single.code in {0, 1}, single.err
    all_letters = firstclaim(outcome.stack, "dead-letters", "replay", "--all", "--json")
    assert "Traceback" not in all_letters.err
    assert all_letters.code in {0, 1}, all_letters.err
    report = json.loads(all_letters.out.strip().splitlines()[-1])
    assert report["selected"] >= sum(sent.letters or 0 for sent in outcome.sent.values()), report
    assert report["replayed"] + sum(report["left_out"].values()) + report["failed"] == report["selected"], (
        report
    )
    assert report["replayed"] > 0, report
    assert report["ok"] is (all_letters.code == 0), report


def _sent_whole(clients: Clients) -> Sent:
    positions = clients.librdkafka.send(LEAD_ARRIVALS, [Record(b"x" * 1_900_000)], "gzip")
    return Sent(positions=positions, letters=1, classes=TOO_LARGE | UNREADABLE, cut_from=None)


def test_in_the_end_no_process_ended_and_all_agrees(outcome: Outcome) -> None:
    outcome.send({})
    assert restarts(outcome.stack) == {}
    result = firstclaim(outcome.stack, "verify", "--json")
    assert result.code == 0, result.out[-3000:]
