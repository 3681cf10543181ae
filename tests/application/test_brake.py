"""A release with a bug in one rule of each stage stops at the brake and names it. After the fix nothing is lost.

Everything is real: Kafka, Valkey, each process, the supervisor of `firstclaim up`, the commands.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from application import restart_pauses as pauses
from application.lag import Lags
from models.codec import decode_row
from models.lead import LeadRow
from runtime.last_exits import read_exits
from runtime.up import everything
from streams import clients
from streams.dead_letter_reading import StoredDeadLetter, read_letter
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS, LEAD_ARRIVALS, LEAD_JOURNAL
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime import ChildProcess
    from runtime.up import RunningStack

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LIMIT: Final = 6
PATIENCE: Final = PATIENCE_SECONDS
DIRECTORY: Final = """\
reps:
  rep-1: {name: Ann, role: rep, licensed_states: [RI]}
groups:
  west: {method: round_robin, members: [{rep_id: rep-1}], claim_window_seconds: 900}
campaigns:
  c: {name: C, group_id: west}
"""
FAILED: Final = [f"boom {stage}-{n}" for stage in ("lead", "org", "intake", "relay") for n in range(2)]
"""Six failures of the worker, and two of the relay, which has its own brake."""


def arrival(name: str, n: int, **more: Any) -> bytes:
    """Return a lead as a vendor sends it; the buggy release fails on some first names."""
    sent = {
        "vendor": "v",
        "external_id": f"{name}-{n}",
        "first_name": name,
        "last_name": f"{name} {n}",
        **more,
    }
    return json.dumps({"state": "RI", **sent}).encode()


async def send(stack: RunningStack, *values: bytes) -> None:
    """Send arrivals."""
    async with clients.producer(stack.settings) as producer:
        for value in values:
            await producer.send_and_wait(LEAD_ARRIVALS, value)


def roll_out(child: ChildProcess, argv: list[str]) -> None:
    """Replace a process by another release from now on."""
    child.argv = argv
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)


async def letters(stack: RunningStack) -> list[StoredDeadLetter]:
    """Return the dead letters that our own code could not decide."""
    async with aclosing(read_topic(stack.settings, DEAD_LETTERS)) as records:
        return [letter async for record in records if (letter := read_letter(record)).is_fatal]


async def leads(stack: RunningStack) -> dict[str, LeadRow]:
    """Return the newest row of each existing lead, by its vendor's id."""
    by_external_id: dict[str, LeadRow] = {}
    async with aclosing(read_topic(stack.settings, LEAD_JOURNAL)) as records:
        async for record in records:
            row = decode_row(record.value)
            if isinstance(row, LeadRow) and row.lead is not None:
                by_external_id[row.lead.facts.external_id or ""] = row
    return by_external_id


async def all_is_committed(stack: RunningStack) -> bool:
    """Return whether every stage has committed everything."""
    lags = Lags(stack.settings)
    await lags.start()
    try:
        return not any((await lags.of_stages()).values())
    finally:
        await lags.close()


async def until(check: Any, question: str) -> Any:
    """Return the answer to a question as soon as it is true."""
    return await eventually(check, question, every=0.5)  # most of the questions read whole topics


async def scenario(stack: RunningStack, messages: list[str]) -> None:
    """Run the scenario: the bad release, the brake, the fix, the replay."""
    worker, relay = stack.children["worker-1"], stack.children["relay"]
    good = {child.name: list(child.argv) for child in (worker, relay)}
    for child in (worker, relay):
        roll_out(child, [sys.executable, "-m", "tests.application.buggy", *child.argv[3:]])

    # Events on which any stage fails become dead letters. So do vendors' errors, which never count for the brake.
    await send(stack, *(b"{" for _ in range(3 * LIMIT)))
    named = [name.rpartition("-") for name in FAILED]
    await send(
        stack, *(arrival(name, int(n), campaign=None if "relay" in name else "c") for name, _, n in named)
    )

    async def all_buried() -> bool:
        return len({letter.source for letter in await letters(stack)}) == len(FAILED)

    await until(all_buried, "eight are buried")
    await until(partial(all_is_committed, stack), "and passed")
    assert {letter.stage for letter in await letters(stack)} == {"intake", "orgs", "leads", "relay"}
    assert not read_exits(stack.settings.state_dir) or read_exits(stack.settings.state_dir)[0].status != 79

    # One more failure, and the process stops. After a restart it does not write another six dead letters.
    later_arrivals = [arrival("boom lead", n) for n in range(2, 12)] + [arrival("well", n) for n in range(3)]
    await send(stack, *later_arrivals)

    async def stopped_often() -> bool:
        return sum("status 79" in line for line in messages) >= 3

    await until(stopped_often, "the worker is started again and stops again")
    lines = [line for line in messages if "status 79" in line]
    assert all("6 records could not be decided within 3600 s" in line for line in lines)
    assert all("KeyError('boom')" in line and "lead-log-" in line and "leads:" in line for line in lines)
    (ended,) = [
        process_exit
        for process_exit in read_exits(stack.settings.state_dir)
        if process_exit.part == "worker-1"
    ]
    assert (ended.status, ended.what) == (79, "leads")
    assert len({letter.source for letter in await letters(stack)}) == len(FAILED)
    for line in lines[:2]:
        sys.stdout.write(f"{line}\n")

    # After the fix, open events are decided by themselves, and dead letters once they are replayed.
    worker.argv = good[worker.name]
    roll_out(relay, good[relay.name])
    decided_names = {f"boom lead-{n}" for n in range(2, 12)} | {f"well-{n}" for n in range(3)}

    async def decided() -> bool:
        return decided_names <= (await leads(stack)).keys()

    await until(decided, "what the brake kept is decided")
    assert not {"boom lead-0", "boom intake-0"} & (await leads(stack)).keys()
    again = await asyncio.to_thread(
        firstclaim, stack, "dead-letters", "replay", "--all", "--class", "fatal_error", "--json"
    )
    assert again.code == 0, again.err
    replayed = again.last_line
    assert (replayed["ok"], replayed["replayed"], replayed["failed"]) == (True, len(FAILED), 0), replayed
    decided_names |= set(FAILED)

    async def offered() -> bool:
        rows = await leads(stack)
        waiting_leads = [
            rows[name].lead for name in decided_names if name in rows and not name.startswith("well")
        ]
        return decided_names <= rows.keys() and all(
            lead is not None
            and lead.open_distribution is not None
            and lead.open_distribution.stage == "offered"
            for lead in waiting_leads
            if lead is not None and lead.facts.campaign == "c"
        )

    await until(offered, "all leads are there, and those of the campaign are offered")
    verified = await asyncio.to_thread(firstclaim, stack, "verify", "--json")
    sys.stdout.write(f"{again.out}{verified.out}")
    result = verified.last_line
    assert (result["ok"], result["leads"], result["findings"]) == (True, len(decided_names), [])


def test_e1_a_bad_release_stops_at_the_brake_and_after_the_mend_every_event_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1 `fatal_error`, X7: the brake bounds how many events become dead letters. It is never a day of leads."""
    monkeypatch.setenv("FIRSTCLAIM_FATAL_ERROR_LIMIT", str(LIMIT))
    monkeypatch.setenv("FIRSTCLAIM_FATAL_ERROR_WINDOW_SECONDS", "3600")
    monkeypatch.setattr(pauses, "FIRST_BRAKE_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(pauses, "LONGEST_BRAKE_PAUSE_SECONDS", 0.5)
    messages: list[str] = []
    with everything(workers=1, state_dir=tmp_path / "state", say=messages.append) as stack:
        (tmp_path / "directory.yaml").write_text(DIRECTORY)
        applied = firstclaim(stack, "directory", "apply", tmp_path / "directory.yaml", "--json")
        assert applied.code == 0, applied.err
        asyncio.run(scenario(stack, messages))
