"""The board follows Kafka whatever happens to Valkey, to the board itself and to the relay."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis.asyncio

from board import keys, service
from board.connection import connect
from board.expected import BoardTopics
from board.reader import REBUILT, Reader
from board.rebuild import RebuildInProgressError, rebuild
from models.contact_decisions import CallbackDue
from models.decisions import QueueEntered, QueueLeft
from models.errors import RetryableError
from models.lead import Lead
from runtime.valkey import ValkeyServer
from streams.settings import Settings
from streams.topic_reader import extent, read_topic
from tests.board.engine import (
    AT,
    ORG,
    PARTITIONS,
    Engine,
    claim_decision,
    claimed_lead,
    ids,
    lead,
    running_board,
    until,
)
from tests.fixtures.servers import make_kafka

QUEUE = {"queue_id": "aged", "name": "Aged", "claimable": True, "columns": ["state"]}


def queue_entered(queue_id: str, sort_key: str, state: str = "RI") -> QueueEntered:
    columns = {"name": "Lead", "state": state}
    return QueueEntered(queue_id=queue_id, sort_key=sort_key, rules_version=1, why="", columns=columns)


async def fill_queue(engine: Engine, count: int) -> list[Lead]:
    """Let the given number of leads enter the queue `aged`, the last one at the top."""
    leads = [lead(n, {"aged": f"{100 - n:03}"}) for n in range(count)]
    for n, entering in enumerate(leads):
        await engine.decide(entering, queue_entered("aged", f"{100 - n:03}"))
    return leads


async def test_q9_d3_a_claimed_lead_leaves_the_list_and_is_in_the_claimers_queue_only(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    reader = Reader(client)
    async with running_board(engine, client) as board:
        await engine.publish("aged", value=QUEUE)
        first, second = await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 3)
        page = await reader.page(ORG, "aged")
        assert [row.lead_id for row in page.rows] == [second.lead_id, first.lead_id]
        assert [row.columns for row in page.rows] == [{"name": "Lead", "state": "RI"}] * 2
        await engine.decide(
            claimed_lead(first, "rep-7"), claim_decision("rep-7"), QueueLeft(queue_id="aged", why="")
        )
        await until(lambda: board.state.applied == 5)
        assert await ids(reader, "aged") == [second.lead_id]
        assert {name async for _, name in reader.lists()} == {"aged", "rep/rep-7"}
        await until(lambda: board.state.ready()[0])


async def test_a_board_with_nothing_to_read_is_ready_before_the_first_change(
    engine: Engine, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_IDLE_SECONDS", 3_600.0)
    async with running_board(engine, client) as board:
        assert board.state.caught_up


async def test_d4_a_call_that_is_due_comes_to_the_top_of_the_reps_queue(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    first, second = claimed_lead(lead(1), "rep-7"), claimed_lead(lead(2), "rep-7")
    async with running_board(engine, client) as board:
        await engine.decide(first, claim_decision("rep-7"))
        await engine.decide(second, claim_decision("rep-7"))
        await until(lambda: board.state.applied == 2)
        assert await ids(Reader(client), "rep/rep-7") == [first.lead_id, second.lead_id]
        await engine.decide(msgspec.structs.replace(second, callback_at=AT), CallbackDue(rep_id="rep-7"))
        await until(lambda: board.state.applied == 3)
        assert await ids(Reader(client), "rep/rep-7") == [second.lead_id, first.lead_id]


async def test_a_wiped_valkey_is_noticed_while_nothing_happens_and_rebuilt_from_the_journal(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    reader = Reader(client)
    async with running_board(engine, client) as board:
        await engine.publish("aged", value=QUEUE)
        first, second, third = await fill_queue(engine, 3)
        await engine.decide(
            claimed_lead(first, "rep-7"), claim_decision("rep-7"), QueueLeft(queue_id="aged", why="")
        )
        await until(lambda: board.state.applied == 6)
        before = await client.get(keys.CURRENT)
        await client.flushdb()
        await until(lambda: client.get(keys.CURRENT))
        assert await client.get(keys.CURRENT) != before
        await until(lambda: board.state.ready()[0])
        page = await reader.page(ORG, "aged")
        assert [row.lead_id for row in page.rows] == [third.lead_id, second.lead_id]
        assert [row.columns for row in page.rows] == [
            {"name": "Lead 2", "state": "RI"},
            {"name": "Lead 1", "state": "RI"},
        ]
        assert page.queue is not None
        assert page.queue.claimable
        assert await ids(reader, "rep/rep-7") == [first.lead_id]
        assert [entry.change for entry in await reader.feed(ORG, "0-0")] == [REBUILT]
        await engine.decide(
            claimed_lead(second, "rep-8"), claim_decision("rep-8"), QueueLeft(queue_id="aged", why="")
        )
        await until(lambda: ids(reader, "rep/rep-8"))
        assert await ids(reader, "aged") == [third.lead_id]


async def test_q9_a_rebuild_while_the_relay_is_behind_brings_nothing_back(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    """The rebuilt lists contain what the relay has not sent yet. When the relay sends it, nothing changes."""
    reader = Reader(client)
    engine.held_messages = []
    (claimed,) = await fill_queue(engine, 1)
    await engine.decide(
        claimed_lead(claimed, "rep-7"), claim_decision("rep-7"), QueueLeft(queue_id="aged", why="")
    )
    await rebuild(engine.settings, client=client, sources=engine.sources)
    assert await ids(reader, "rep/rep-7") == [claimed.lead_id]
    after = await reader.newest(ORG)
    async with running_board(engine, client) as board:
        await engine.relay()
        await engine.decide(lead(5, {"aged": "k"}), queue_entered("aged", "k"))
        await until(lambda: board.state.applied == 1)
    assert await ids(reader, "aged") == [lead(5).lead_id]
    # The claimed lead was never back in the list.
    assert {entry.lead_id for entry in await reader.feed(ORG, after)} == {lead(5).lead_id}


async def test_a_rebuild_beside_a_live_board_removes_what_should_not_be_there_and_loses_nothing(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    reader = Reader(client)
    async with running_board(engine, client) as board:
        leads = await fill_queue(engine, 5)
        await until(lambda: board.state.applied == 5)
        old = board.state.generation
        assert old is not None
        await client.hset(keys.rows(old, ORG, "aged"), "ghost", keys.row(9, "0", b'{"name":"Ghost"}'))
        await client.zadd(keys.order(old, ORG, "aged"), {keys.member("0", "ghost"): 0})

        async def live() -> None:
            for n in range(100, 130):
                await engine.decide(lead(n, {"aged": f"{n}"}), queue_entered("aged", f"{n}"))

        _, report = await asyncio.gather(
            live(), rebuild(engine.settings, client=client, sources=engine.sources)
        )
        assert report.generation != old
        await until(lambda: board.state.generation == report.generation and board.state.ready()[0])
        await until(lambda: _size(reader, 35))
        expected = {entered.lead_id for entered in leads} | {lead(n).lead_id for n in range(100, 130)}
        assert set(await ids(reader, "aged")) == expected
        assert await client.get(keys.REBUILDING) is None
        keys_left = [key async for key in client.scan_iter(match=f"{keys.prefix(old)}*")]
        assert keys_left == []


async def _size(reader: Reader, size: int) -> bool:
    return (await reader.page(ORG, "aged")).size == size


async def test_a_board_of_an_older_layout_is_rebuilt_and_swept_away(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    """Layout 1 was named by the string `board`."""
    (waiting_lead,) = await fill_queue(engine, 1)
    await client.set("board", "old")
    await client.hset("board:old:rows:acme/aged", waiting_lead.lead_id, "1 1 k{}")
    async with running_board(engine, client):
        assert await ids(Reader(client), "aged") == [waiting_lead.lead_id]
    assert await client.get("board") is None
    assert [key async for key in client.scan_iter(match="board:old:*")] == []


async def test_one_rebuild_at_a_time(engine: Engine, client: redis.asyncio.Redis) -> None:
    await client.set(keys.REBUILDING, "another")
    with pytest.raises(RebuildInProgressError):
        await rebuild(engine.settings, client=client, sources=engine.sources)
    assert await client.get(keys.REBUILDING) == b"another"
    assert await client.get(keys.CURRENT) is None


async def test_two_boards_apply_each_change_once(engine: Engine, client: redis.asyncio.Redis) -> None:
    await rebuild(engine.settings, client=client, sources=engine.sources)
    after = await Reader(client).newest(ORG)
    async with running_board(engine, client) as first_board, running_board(engine, client) as second_board:
        await fill_queue(engine, 20)
        await until(lambda: first_board.state.applied + second_board.state.applied == 20)
        await until(lambda: first_board.state.ready()[0] and second_board.state.ready()[0])
        entries = await Reader(client).feed(ORG, after)
        assert len(entries) == len({entry.lead_id for entry in entries}) == 20
        assert first_board.state.applied + second_board.state.applied == 20


async def test_a_record_that_is_no_change_is_left_out(engine: Engine, client: redis.asyncio.Redis) -> None:
    async with running_board(engine, client) as board:
        await engine.send_raw(b"not json")
        await engine.send_raw(None)
        await fill_queue(engine, 1)
        await until(lambda: board.state.applied == 1)


async def test_a_board_that_is_ahead_of_kafka_is_rebuilt(engine: Engine, client: redis.asyncio.Redis) -> None:
    """The topic was deleted and created again, or retention removed what the board was about to read."""
    (waiting_lead,) = await fill_queue(engine, 1)
    await client.set(keys.CURRENT, "old")
    await client.hset(keys.offsets("old"), mapping={str(p): 1000 for p in range(PARTITIONS)})
    async with running_board(engine, client) as board:
        assert board.state.generation != "old"
        assert await ids(Reader(client), "aged") == [waiting_lead.lead_id]


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


async def test_a_valkey_that_is_away_is_waited_for_and_caught_up_with(
    engine: Engine, own_valkey: ValkeyServer
) -> None:
    client = connect(own_valkey.url)
    reader = Reader(client)
    async with running_board(engine, client) as board:
        await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 2)
        await until(lambda: board.state.ready()[0])
        await asyncio.to_thread(own_valkey.kill9)
        await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
        await until(lambda: not board.state.ready()[0])
        assert board.state.trouble is not None
        assert "Valkey" in board.state.trouble
        with pytest.raises(RetryableError):
            await reader.page(ORG, "aged")
        await asyncio.to_thread(own_valkey.start)
        await until(lambda: board.state.ready()[0])
        assert await ids(reader, "aged") == [lead(50).lead_id, lead(1).lead_id, lead(0).lead_id]
    await client.aclose()


@pytest.mark.slow
async def test_a_kafka_that_is_away_is_said_and_waited_for(tmp_path: Path, board_url: str) -> None:
    with make_kafka(tmp_path / "kafka") as broker:
        settings = Settings.read(kafka_bootstrap_servers=broker.address, redis_url=board_url)
        client = connect(board_url)
        async with Engine(settings, BoardTopics()) as engine, running_board(engine, client) as board:
            await fill_queue(engine, 1)
            await until(lambda: board.state.applied == 1)
            await asyncio.to_thread(broker.kill9)
            await until(lambda: not board.state.ready()[0])
            assert board.state.trouble is not None
            assert "Kafka" in board.state.trouble
            assert await ids(Reader(client), "aged") == [lead(0).lead_id]
            await asyncio.to_thread(broker.start)
            await engine.decide(lead(1, {"aged": "0"}), queue_entered("aged", "0"))
            await until(lambda: board.state.ready()[0] and board.state.applied == 2, 60)
            assert await ids(Reader(client), "aged") == [lead(1).lead_id, lead(0).lead_id]
        await client.aclose()


async def test_a_topic_is_read_to_its_end_as_it_was_and_once(engine: Engine) -> None:
    await fill_queue(engine, 7)
    progress: list[tuple[int, int]] = []
    records = [
        record
        async for record in read_topic(
            engine.settings, engine.sources.journal, progress=lambda *x: progress.append(x)
        )
    ]
    assert {record.key.decode() for record in records} == {lead(n).lead_id for n in range(7)}
    assert len(records) == 7
    assert progress[-1] == (7, 7)
    partition_records = [
        record async for record in read_topic(engine.settings, engine.sources.journal, partitions=[1])
    ]
    assert {record.partition for record in partition_records} == {1}
    parts = await extent(engine.settings, engine.sources.journal)
    assert sum(end for _, end in parts.values()) == 7


async def test_reading_a_topic_that_does_not_exist_says_which(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.topic_reader.START_SECONDS", 1)
    settings = Settings.read(kafka_bootstrap_servers=kafka)
    with pytest.raises(RetryableError, match="no-such-topic"):
        [record async for record in read_topic(settings, "no-such-topic")]
