"""A running system is consistent, also after a storm and a kill. Falsified data is found."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import text

from assurance.linearizability import check
from assurance.load import LoadClient, OperationHistory, race, storm
from assurance.verify import FindingKind, verify
from board import keys
from board.connection import connect
from board.writer import BoardWriter
from models.ids import lead_id as id_of
from models.public import ASSIGNMENTS, LEAD_DECISIONS, LEAD_EXCEPTIONS
from sink import database_engine as crm
from streams.topic_reader import read_topic
from streams.topics import LEAD_ARRIVALS
from tests.assurance.verify.running import check_no_findings, running
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from assurance.chaos.supervised_processes import SupervisedProcesses
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LEADS, REPS = 60, 5


async def test_q8_a_storm_then_a_race_then_forgeries() -> None:
    async with running() as (settings, victims):
        await run_storms(settings, victims)
        await check_poison(settings)
        await another_inquiry_to_an_open_exception(settings)
        await races(settings)
        await forgeries(settings)
        await a_reader_that_is_gone(settings, victims)
        await a_relay_that_is_gone(settings, victims)


async def run_storms(settings: Settings, victims: SupervisedProcesses) -> None:
    """Everybody claims every lead at once, and then again while relay and worker are killed."""
    history = OperationHistory()
    result = await storm(settings, leads=LEADS, reps=REPS, history=history)
    assert (result.won, result.lost, result.told_first) == (LEADS, LEADS * (REPS - 1), LEADS * (REPS - 1))
    assert (result.refused, result.unknown) == (0, 0)
    assert sum(result.winners.values()) == LEADS
    report = await verify(settings)
    check_no_findings(report, leads=LEADS)
    assert report.phases == {"owned": LEADS}
    assert report.crm_rows["assignment"] == report.board_positions == LEADS

    storming = asyncio.create_task(storm(settings, leads=LEADS, reps=REPS, history=history, seed=1))
    await has_begun(settings)
    victims.signal(["relay", "worker-2"], signal.SIGKILL)
    result = await storming
    assert (result.won, result.told_first) == (LEADS, LEADS * (REPS - 1))
    check_no_findings(await verify(settings), leads=2 * LEADS)
    assert check(history.ops) == []


async def has_begun(settings: Settings) -> None:
    """Wait until the second storm's first answers are there."""
    answers = 0
    async for _ in read_topic(settings, LEAD_DECISIONS, until_end=False):
        answers += 1
        if answers > LEADS * REPS:
            return


async def check_poison(settings: Settings) -> None:
    """Exactly the poison is among the dead letters."""
    async with LoadClient(settings) as client:
        await (await client.put(LEAD_ARRIVALS, b"{bad", key=b"x"))
        await (
            await client.put(
                LEAD_ARRIVALS, b'{"vendor": "acme", "external_id": "silent", "phone": "4014194247"}'
            )
        )
    report = await verify(settings)
    check_no_findings(report, leads=2 * LEADS + 1)
    assert report.dead_letters == 1
    assert report.phases["exception"] == 1  # the org has no queue


async def another_inquiry_to_an_open_exception(settings: Settings) -> None:
    """Check that another inquiry of a lead at the desk gives one version in topic and database (E2, R6)."""
    async with LoadClient(settings) as client:
        again = b'{"vendor": "other", "external_id": "again", "phone": "4014194247", "last_name": "Silent"}'
        await (await client.put(LEAD_ARRIVALS, again))
    report = await verify(settings)
    check_no_findings(report, leads=2 * LEADS + 1)
    assert report.inquiries == 1
    newest: Any = None
    lead_id = id_of("default", "acme", "silent", {})
    async for record in read_topic(settings, LEAD_EXCEPTIONS):
        if record.key == lead_id.encode():  # a lead of the storm may have been at the desk, too
            newest = msgspec.json.decode(record.value)
    engine = crm.connect(settings.database_url)
    with engine.connect() as connection:
        query = text("SELECT version, prospect_name FROM lead_exception WHERE lead_id = :lead_id")
        stored = connection.execute(query, {"lead_id": lead_id}).one()
    engine.dispose()
    assert tuple(stored) == (newest["version"], newest["prospect_name"])
    assert newest["prospect_name"] == "Silent"


async def races(settings: Settings) -> None:
    """Reps claim what the board shows until there is nothing left."""
    async with LoadClient(settings, follow_queues=True) as client:
        await client.publish("queue", "all", {"queue_id": "all", "claimable": True})
        for n in range(20):
            await client.arrive({"vendor": "acme", "external_id": f"race-{n}"})
        await eventually(lambda: len(client.queue_leads.get("all", ())) == 21, "all leads stand in the queue")
    result = await race(settings, reps=4)
    assert result.won == 21
    assert result.told_first == result.lost
    assert result.unknown == 0
    check_no_findings(await verify(settings), leads=2 * LEADS + 21)


async def forgeries(settings: Settings) -> None:
    """Falsify each store; each is named."""
    record: Any = None
    async for record in read_topic(settings, ASSIGNMENTS):
        lead_id = record.key.decode()
        break
    message = msgspec.json.decode(record.value)
    async with LoadClient(settings) as client:
        forged = msgspec.json.encode({**message, "rep_id": "rep-9"})
        await (await client.put(ASSIGNMENTS, forged, key=record.key, headers=list(record.headers)))
    engine = crm.connect(settings.database_url)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(
            text("UPDATE lead SET owner = 'rep-9' WHERE lead_id = :lead_id"), {"lead_id": lead_id}
        )
    engine.dispose()
    valkey: Any = connect(settings.redis_url)
    generation = await BoardWriter(valkey).generation()
    assert generation is not None
    member = keys.member("1", lead_id)
    await valkey.zadd(keys.order(generation.id, "storm", "storm"), {member: 0})
    await valkey.aclose()
    report = await verify(settings)
    assert not report.ok
    assert set(report.counts) >= {"published_differs", "crm_differs", "board_unasked"}
    assert {finding.lead_id for finding in report.findings} == {lead_id}
    assert report.of_kind(FindingKind.CONTRADICTED) >= 3
    assert report.of_kind(FindingKind.LOST) == 0
    lines = report.lines(most=2)
    assert [line.split(" ")[0] for line in lines[:2]] == [finding.code for finding in report.findings[:2]]
    assert lines[2] == ", ".join(f"{count} {code}" for code, count in sorted(report.counts.items()))
    assert lines[3] == report.lateness.line()
    assert [line.endswith("NOT all agree") for line in lines[4:]] == [True]
    assert report.as_dict()["ok"] is False
    assert report.as_dict(most=1)["findings"][0]["code"] in report.counts


async def a_reader_that_is_gone(settings: Settings, victims: SupervisedProcesses) -> None:
    """Check that a stopped sink is reported as behind."""
    victims.signal(["sink"], signal.SIGSTOP)
    async with LoadClient(settings) as client:
        await client.arrive({"vendor": "acme", "external_id": "late"})
    report = await verify(settings, wait_seconds=3)
    assert report.of_kind(FindingKind.BEHIND) == 1
    assert "sink" in next(finding.what for finding in report.findings if finding.code == "behind")
    victims.signal(["sink"], signal.SIGCONT)


async def a_relay_that_is_gone(settings: Settings, victims: SupervisedProcesses) -> None:
    """Check that records that a relay has not forwarded yet count neither as lost nor as a contradiction."""
    before = await verify(settings)
    victims.signal(["relay"], signal.SIGSTOP)
    async with LoadClient(settings) as client:
        await client.arrive({"vendor": "acme", "external_id": "later", "assigned_to": "rep-1"})
    report = await verify(settings, wait_seconds=5)
    assert report.moving > 0
    assert {code: n - before.counts.get(code, 0) for code, n in report.counts.items()} == {
        **dict.fromkeys(before.counts, 0),
        "behind": 1,
    }
    victims.signal(["relay"], signal.SIGCONT)
