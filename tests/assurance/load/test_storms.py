"""Storms on a running system: everybody presses 1 at once, and leads take turns while a worker is killed."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from application.directory.publish import publish
from application.journal_snapshot import until_known
from assurance.fairness import judge, turns_of
from assurance.linearizability import check
from assurance.load import OperationHistory, rings, turns
from assurance.verify import verify
from streams.topic_reader import read_topic
from streams.topics import ORG_JOURNAL
from tests.assurance.verify.running import check_no_findings, running
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from application.directory.objects import WantedAction
    from assurance.chaos.supervised_processes import SupervisedProcesses
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

RINGS, CREW = 6, 12
LEADS, REPS = 150, 6
KNOWN_SECONDS = PATIENCE_SECONDS


async def test_s1_s3_r7_a_storm_of_rings_and_a_run_of_turns() -> None:
    async with running() as (settings, victims):
        await ringing(settings)
        arrived = await taking_turns(settings, victims)
        check_no_findings(await verify(settings), leads=RINGS + arrived)


async def ringing(settings: Settings) -> None:
    """Everybody presses 1 at once: one winner each, all others are told, one mail each (S1-S3)."""
    await publish_and_wait(settings, rings.ORG, rings.objects(CREW))
    history = OperationHistory()
    result = await rings.ring(settings, rings=RINGS, reps=CREW, history=history)
    assert (result.won, result.told_no_longer, result.mails, result.withdrawn) == (
        RINGS,
        RINGS * (CREW - 1),
        RINGS,
        RINGS * CREW,
    )
    assert result.unknown == 0
    assert check(history.ops) == []


async def taking_turns(settings: Settings, victims: SupervisedProcesses) -> int:
    """Reps come and go and a worker is killed; who is there throughout is never more than one ahead (R7)."""
    await publish_and_wait(settings, turns.ORG, turns.objects(REPS))
    turn_task = asyncio.create_task(turns.turns(settings, leads=LEADS, reps=REPS))
    await until_offered(settings)
    victims.signal(["worker-1"], signal.SIGKILL)
    try:
        result = await turn_task
    except TimeoutError as late:
        await victims.ready()
        report = await verify(settings)
        pytest.fail(f"{late}: {report.phases}, {report.lines()}")
    assert result.taken == result.leads == LEADS + LEADS // 6
    turns_by_group = await turns_of(settings, turns.ORG)
    even = judge(turns_by_group[turns.EVEN], dict.fromkeys(turns.steady(REPS), 1))
    weighted = judge(turns_by_group[turns.WEIGHTED], turns.WEIGHTS)
    assert (even.turns, even.most_apart) == (LEADS, 1)
    assert (weighted.turns, weighted.off_share <= 1) == (LEADS // 6, True)
    await victims.ready()
    return result.leads


async def publish_and_wait(settings: Settings, org: str, objects: WantedAction) -> None:
    await publish(settings, org, objects)
    await until_known(settings, org, objects, KNOWN_SECONDS)


async def until_offered(settings: Settings) -> None:
    """Wait until the first of the leads that take turns is offered."""
    async for record in read_topic(settings, ORG_JOURNAL, until_end=False):
        if b'"round_robin"' in (record.value or b"") and b'"offer_made"' in (record.value or b""):
            return
