"""No record can stop the records after it. A bad record becomes a dead letter that names its place and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.codec import encode_event
from models.decisions import Answered
from models.events import RulesChanged
from models.lead import LeadRow
from streams.topics import DIRECTORY, LEAD_ARRIVALS, LEAD_LOG
from tests.agents.conftest import (
    PARTITIONS,
    as_json,
    lead_arrival,
    locks_of,
    log_records,
    partition_of,
    queue,
    requested_action,
    results_by_action,
)

if TYPE_CHECKING:
    from tests.agents.conftest import Engine
    from tests.streams.faust.cluster import Record

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KNOWN = b"known"
HOME = partition_of(KNOWN)
ELSEWHERE = 1 - HOME


def as_known(key: bytes | None, lead_id: str = "known", partition: int = HOME) -> Record:
    """Return an action of one lead under another key, or in another partition."""
    return (partition, key, encode_event(requested_action(lead_id, "note", note="hello")))


# (the record appended to the log, error class, a piece of the reason)
CASES: dict[str, tuple[Record, str, str]] = {
    "no JSON": ((HOME, b"a", b"\xff\xfe"), "unreadable_event", "malformed"),
    "text that is not UTF-8": (
        (HOME, b"a", b'{"type":"rules_changed","lead_id":"a","cause":"\xff","version":1}'),
        "unreadable_event",
        "UTF-8",
    ),
    "another type": ((HOME, b"a", b'{"type":"stranger"}'), "unreadable_event", "stranger"),
    "a null": ((HOME, b"a", None), "unreadable_event", ""),
    "nested too deeply": (
        (
            HOME,
            b"a",
            encode_event(requested_action("a", "note", attributes={"a": 1})).replace(
                b'"a":1', b'"a":' + b"[" * 90_000
            ),
        ),
        "unreadable_event",
        "deep",
    ),
    "no key": (as_known(None), "misplaced_event", "key None is not the lead id known"),
    "another lead's key": (as_known(KNOWN, "other"), "misplaced_event", "b'known' is not the lead id other"),
    "a new lead under another key": (
        as_known(b"new", "other"),
        "misplaced_event",
        "is not the lead id other",
    ),
    "another partition": (
        as_known(KNOWN, partition=ELSEWHERE),
        "misplaced_event",
        f"in partition {ELSEWHERE}; the key belongs to {HOME}",
    ),
    "a directory object's key": (
        as_known(f"directory/{HOME}/default/queue/aged".encode(), f"directory/{HOME}/default/queue/aged"),
        "misplaced_event",
        "is a directory object, not a lead",
    ),
    "the machine fails": (
        (HOME, KNOWN, encode_event(requested_action("known", "note", note="boom"))),
        "fatal_error",
        "ZeroDivisionError('boom')",
    ),
    "a row too large": (
        log_records(lead_arrival("large", attributes={"page": "x" * 960_000}))[0],
        "record_too_large",
        "bytes; 950000 are allowed",
    ),
}


async def test_x4_every_bad_event_is_a_dead_letter_and_everything_else_is_decided(engine: Engine) -> None:
    await engine.tell(queue(), lead_arrival("known"))
    await engine.send(LEAD_LOG, [record for record, _, _ in CASES.values()])
    boom = as_json({"vendor": "acme", "last_name": "boom"})
    large = as_json({"vendor": "acme", "last_name": "Jones", "page": "x" * 1_010_000})
    await engine.send(LEAD_ARRIVALS, [(0, None, boom), (1, None, large), (0, None, b"{")])
    await engine.send(DIRECTORY, [(0, b"default/queue/bad", b'{"inclusion": 5}')])
    # After them, each partition gets a good record.
    after = [f"after-{n}" for n in range(20)]
    assert {partition_of(lead.encode()) for lead in after} == set(range(PARTITIONS))
    await engine.tell(
        *(lead_arrival(lead) for lead in after), *(requested_action(lead, "claim") for lead in after)
    )
    await engine.tell(
        requested_action("known", "claim", queue_id="aged"),
        requested_action("known", "note", "spy", note="boom", org="other"),
    )
    async with engine.worker(FAULTS="the_machine_fails the_intake_fails") as worker:

        async def all_decided() -> bool:
            rows, letters = await engine.rows(), await engine.dead_letters()
            claimed = all(results_by_action(rows[lead]) for lead in (*after, "known") if lead in rows)
            return claimed and {*after, "known"} <= rows.keys() and len(letters) >= len(CASES) + 5

        await worker.until_async(all_decided, "all is decided or buried")
    rows, letters = await engine.rows(), await engine.dead_letters()
    for name, ((partition, key, value), error_class, reason) in CASES.items():
        (headers,) = [
            headers
            for k, v, headers in letters
            if (k, v) == (key, value) and headers["source-partition"] == str(partition)
        ]
        assert headers["error-class"] == error_class, name
        assert reason in headers["reason"], name
        assert headers["source-topic"] == engine.topic(LEAD_LOG)
    from_intake = {
        value: headers for _, value, headers in letters if headers["source-topic"] != engine.topic(LEAD_LOG)
    }
    assert from_intake[boom]["error-class"] == "fatal_error"
    assert from_intake[large]["error-class"] == "too_large"
    assert from_intake[b"{"]["error-class"] == "not_json"
    assert from_intake[b'{"inclusion": 5}']["error-class"] == "invalid_publication"
    assert len(letters) == len(CASES) + 5
    # They leave no other trace: the action is answered, the lead is unchanged, and it can be claimed.
    assert results_by_action(rows["known"]) == {"claim/known/rep-7": "won"}
    asks = {row.cause: row for _, row in await engine.journal() if isinstance(row, LeadRow)}
    (answer,) = asks["note/known/rep-7"].decisions
    assert (answer.result, answer.reason) == ("refused", "fatal_error")  # type: ignore[union-attr]
    # Another org learns neither the lead's owner and version nor what our code raised.
    (answer,) = asks["note/known/spy"].decisions
    assert isinstance(answer, Answered)
    assert (answer.result, answer.reason) == ("refused", "fatal_error")
    assert (answer.org, answer.owner, answer.version) == ("other", None, 0)
    assert "boom" not in (answer.why or "")
    large_row = rows["large"]
    assert isinstance(large_row, LeadRow)
    assert large_row.lead is None
    for lead in after:
        assert results_by_action(rows[lead]) == {f"claim/{lead}/rep-7": "won"}


async def test_x3_a_deadline_the_machine_fails_on_is_told_once(engine: Engine) -> None:
    """If the deadline were appended again, it would fail again for ever."""
    await engine.tell(
        locks_of(0.005), lead_arrival("late", last_name="boom"), requested_action("late", "view")
    )
    async with engine.worker(FAULTS="the_machine_fails") as worker:

        async def buried() -> bool:
            row = (await engine.rows()).get("late")
            is_answered = isinstance(row, LeadRow) and row.cause.startswith("deadline/")
            return is_answered and bool(await engine.dead_letters())

        await worker.until_async(buried, "the deadline is buried, and the lead is told")
    row = (await engine.rows())["late"]
    assert isinstance(row, LeadRow)
    assert row.lead is not None
    assert row.lead.deadlines == ()
    assert row.cause.startswith("deadline/late/lock/")
    (letter,) = await engine.dead_letters()
    assert letter[2]["error-class"] == "fatal_error"


async def test_an_agent_that_raises_ends_the_process_and_its_event_comes_again(engine: Engine) -> None:
    """Fact 1: stock Faust acknowledges the event in a `finally`. The supervisor restarts a process that exits."""
    await engine.tell(lead_arrival("first"), RulesChanged(lead_id="first", cause="rules", version=1))
    async with engine.worker(FAULTS="the_agent_fails", INSTANCE="worker-0") as worker:
        assert await worker.exit_code() == 70
    assert "ZeroDivisionError('boom at 0')" in worker.log.read_text()
    assert await engine.cluster.commits(engine.group("worker"), engine.topic(LEAD_LOG)) == {}
    async with engine.worker(INSTANCE="worker-0") as worker:

        async def decided() -> bool:
            return "first" in await engine.rows()

        await worker.until_async(decided, "the lead is there")
