"""A relay contradicts nothing that it made public before a kill: no older version follows a newer one (design.md)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.codec import encode_row
from models.decisions import OwnerChanged
from models.facts import Facts
from models.lead import Lead, LeadRow, Phase
from streams.topics import ASSIGNMENTS, DEAD_LETTERS, LEAD_JOURNAL
from tests.agents.conftest import START, Engine, partition_of

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster, Record
    from tests.streams.faust.conftest import Launch

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def assignment_record(lead_id: str, rep_id: str, *, off: int, version: int) -> Record:
    """Return the journal record of an assignment."""
    at = START + timedelta(seconds=off)
    lead = Lead(
        lead_id=lead_id,
        facts=Facts(vendor="acme", created_at=START),
        phase=Phase.OWNED,
        arrived_at=START,
        updated_at=at,
        owner=rep_id,
        assigned_at=at,
    )
    change = OwnerChanged(
        rep_id=rep_id, previous_rep_id=None, how="claim", via="queue/aged", why="first claim"
    )
    row = LeadRow(off=off, seq=version, lead=lead, at=at, cause=f"cause/{off}", decisions=(change,))
    key = lead_id.encode()
    return (partition_of(key), key, encode_row(row))


async def test_a_zombies_older_row_is_not_made_public_after_a_newer_one(
    cluster: Cluster, launch: Launch
) -> None:
    """The relay is killed after a commit; then a zombie repeats an older row.

    The restarted relay knows only the watermark beside the offset.
    """

    async def scenario(without: str) -> list[str]:
        engine = Engine(cluster, launch)
        await engine.make_topics()
        older, newer = (
            assignment_record("lead", rep, off=off, version=v) for rep, off, v in (("a", 3, 1), ("b", 9, 2))
        )
        partition = older[0]
        # published_watermark.py finds a relay's own messages in the public topics. Here it is told that there are none.
        environment = {"WITHOUT": without, "FAULTS": "nothing_was_sent", "INSTANCE": "relay-0"}
        await engine.send(LEAD_JOURNAL, [older, newer])
        async with engine.relay(**environment) as relay:
            await cluster.commits_reach(engine.group("relay"), engine.topic(LEAD_JOURNAL), {partition: 2})
            commits = await cluster.commits(engine.group("relay"), engine.topic(LEAD_JOURNAL))
            assert commits[partition] == (2, "" if without else "9")
            await relay.kill9()
        others = [assignment_record(f"other-{n}", "c", off=12, version=1) for n in range(9)]
        other = next(record for record in others if record[0] == partition)
        await engine.send(LEAD_JOURNAL, [older, other])
        async with engine.relay(**environment) as relay:
            expected = len([older, newer, other])

            async def is_published() -> bool:
                return len(await engine.records(ASSIGNMENTS)) >= expected

            await relay.until_async(is_published, "the other lead's is public")
            await cluster.commits_reach(engine.group("relay"), engine.topic(LEAD_JOURNAL), {partition: 4})
        messages = [json.loads(record.value) for record in await engine.records(ASSIGNMENTS)]
        return [public["rep_id"] for public in messages if public["lead_id"] == "lead"]

    patched, unpatched = await asyncio.gather(scenario(""), scenario("commit_metadata"))
    assert patched == ["a", "b"]
    assert unpatched == ["a", "b", "a"]


async def test_a_journal_record_nobody_can_read_is_a_dead_letter_and_the_next_is_public(
    engine: Engine,
) -> None:
    readable = assignment_record("lead", "a", off=9, version=1)
    unreadable = (b"\xff", b"{}", b'{"row":"lead","cause":"\xff"}', b"[" * 90_000)
    removed = (readable[0], b"removed", None)  # a tombstone: its row was removed, and it is no dead letter
    await engine.send(
        LEAD_JOURNAL,
        [*((readable[0], b"bad-%d" % n, value) for n, value in enumerate(unreadable)), removed, readable],
    )
    async with engine.relay() as relay:

        async def is_published() -> bool:
            return bool(await engine.records(ASSIGNMENTS))

        await relay.until_async(is_published, "the good one is public")
    letters = await engine.dead_letters()
    assert [value for _, value, _ in letters] == list(unreadable)
    assert {headers["error-class"] for _, _, headers in letters} == {"unreadable_row"}
    assert [headers["source-offset"] for _, _, headers in letters] == [str(n) for n in range(len(unreadable))]
    assert DEAD_LETTERS not in {headers["source-topic"] for _, _, headers in letters}
