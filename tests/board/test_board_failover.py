"""Valkey fails over: what a promoted replica lacks is applied again, and nobody who follows the feed is left behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis.asyncio

from assurance.load.list_window import ListWindow
from board import connection, keys
from board import rebuild as rebuild_module
from board.connection import connect
from board.feed import position
from board.reader import REBUILT, Reader
from board.rebuild import rebuild
from board.writer import BoardChange, BoardWriter, ServerChanged
from models.errors import RetryableError
from runtime.valkey import ValkeyServer
from runtime.valkey_group import ValkeyGroup
from tests.board.engine import ORG, Engine, ids, lead, running_board, until
from tests.board.test_board_service import fill_queue, queue_entered
from tests.fixtures.stalling_proxy import StallingProxy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(server_folder: Path) -> Iterator[ValkeyGroup]:
    with ValkeyGroup(server_folder / "valkey-group") as running:
        yield running


@pytest.fixture
async def client(group: ValkeyGroup) -> AsyncIterator[redis.asyncio.Redis]:
    """Yield a client by the sentinels. The board is empty before, and the group is whole."""
    await asyncio.to_thread(group.until_whole)
    valkey_client = connect(group.url)
    await valkey_client.flushdb()
    yield valkey_client
    await valkey_client.aclose()


def server_of(server: ValkeyServer) -> Any:
    return redis.asyncio.Redis.from_url(server.url, socket_timeout=5.0)


async def cut_replication(group: ValkeyGroup) -> None:
    """Let the replica get nothing more from the primary, though both run: it asks with a password that there is not."""
    primary = group.primary()
    (replica,) = (server for server in group.servers if server is not primary)
    async with server_of(replica) as replica_client, server_of(primary) as primary_client:
        await replica_client.config_set("masterauth", "unknown")
        await primary_client.execute_command("CLIENT", "KILL", "TYPE", "replica")

        async def is_cut() -> bool:
            return bool((await replica_client.info("replication"))["master_link_status"] == "down")

        await until(is_cut)
        await replica_client.config_set("masterauth", "unknown")


async def join_again(group: ValkeyGroup, former: ValkeyServer) -> None:
    """Start a killed primary again, and wait until it copies the promoted one."""
    promoted = group.primary()
    async with server_of(promoted) as promoted_client:
        await promoted_client.config_set("masterauth", "")
    await asyncio.to_thread(former.start)
    await asyncio.to_thread(group.until_whole)


async def test_q9_what_a_promoted_replica_lacks_is_applied_again_though_nothing_else_happens(
    engine: Engine, group: ValkeyGroup, client: redis.asyncio.Redis
) -> None:
    """The lost change is of a partition that has no later change, so no position of a later batch shows the loss."""
    reader = Reader(client)
    engine.settings = engine.settings.model_copy(update={"redis_url": group.url})
    async with running_board(engine, client) as board:
        await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 2)
        durable = await reader.newest(ORG)
        page = ListWindow.of(await reader.page(ORG, "aged"), 0)
        await until(lambda: _replica_has(group, durable))
        await cut_replication(group)
        await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
        await until(lambda: board.state.applied == 3)
        ahead = ListWindow.of(await reader.page(ORG, "aged"), 0)
        (lost,) = await reader.feed(ORG, durable)
        assert (ahead.as_of, ahead.leads[0]) == (lost.id, lead(50).lead_id)
        former = group.primary()
        await asyncio.to_thread(former.kill9)
        await asyncio.to_thread(group.until_promoted, former)
        assert await until(lambda: _listed_leads(reader)) == [
            lead(50).lead_id,
            lead(1).lead_id,
            lead(0).lead_id,
        ]
        await until(lambda: board.state.ready()[0])
        # A reader that is ahead of the promoted replica is told to read its lists again.
        (change,) = await reader.feed(ORG, lost.id)
        assert change.change == REBUILT
        # One that is not ahead hears of the failover before it hears of the change a second time. So does a page that
        # was read ahead and is told by a reader that was behind.
        following_entries = await reader.feed(ORG, durable)
        assert [entry.change for entry in following_entries] == [REBUILT, "entered"]
        for window in (page, ahead):
            window.apply(following_entries[0])
            assert window.anew
    await join_again(group, former)


async def _replica_has(group: ValkeyGroup, entry_id: str) -> bool:
    """Say whether the replica has an entry of the feed."""
    primary = group.primary()
    (replica,) = (server for server in group.servers if server is not primary)
    async with server_of(replica) as replica_client:
        return bool(await replica_client.xrange(keys.feed_key(ORG), entry_id, entry_id))


async def _listed_leads(reader: Reader) -> list[str]:
    try:
        lead_ids = await ids(reader, "aged")
    except RetryableError:
        return []
    return lead_ids if len(lead_ids) == 3 else []


async def test_q9_a_primary_that_was_paused_and_promoted_over_takes_nothing_with_it(
    engine: Engine, group: ValkeyGroup, client: redis.asyncio.Redis
) -> None:
    """Two servers are primaries for a while. The board and its readers end at the promoted one."""
    reader = Reader(client)
    engine.settings = engine.settings.model_copy(update={"redis_url": group.url})
    async with running_board(engine, client) as board:
        await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 2)
        former = group.primary()
        former.suspend()
        try:
            await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
            promoted = await asyncio.to_thread(group.until_promoted, former)
            await until(lambda: _listed_leads(reader))
        finally:
            former.resume()
        await asyncio.to_thread(group.until_whole)
        await engine.decide(lead(51, {"aged": "00"}), queue_entered("aged", "00"))
        expected = [lead(50).lead_id, lead(51).lead_id, lead(1).lead_id, lead(0).lead_id]
        await until(lambda: board.state.ready()[0])

        async def is_listed() -> bool:
            return await ids(reader, "aged") == expected

        await until(is_listed)
        assert group.primary() is promoted


async def test_q9_a_rebuild_during_a_failover_adopts_nothing_that_may_be_incomplete(
    engine: Engine, group: ValkeyGroup, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All lists are written when the replica is promoted. It knows the rebuild's lock, but maybe not the last lists."""
    await fill_queue(engine, 2)
    former, adopt = group.primary(), rebuild_module._adopt

    async def after_a_failover(*arguments: Any) -> None:
        await asyncio.to_thread(former.kill9)
        await asyncio.to_thread(group.until_promoted, former)
        await client.connection_pool.disconnect()
        await adopt(*arguments)

    monkeypatch.setattr(rebuild_module, "_adopt", after_a_failover)
    with pytest.raises(RetryableError, match="promoted during the rebuild"):
        await rebuild(engine.settings, client=client, sources=engine.sources)
    monkeypatch.setattr(rebuild_module, "_adopt", adopt)
    assert await client.get(keys.CURRENT) is None
    await join_again(group, former)
    await rebuild(engine.settings, client=client, sources=engine.sources)
    assert await ids(Reader(client), "aged") == [lead(1).lead_id, lead(0).lead_id]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[ValkeyServer, ValkeyServer]]:
    """Yield a primary and its replica without sentinels."""
    with (
        ValkeyServer(tmp_path / "one") as primary,
        ValkeyServer(tmp_path / "two", replica_of=lambda: primary.ports["port"]) as replica,
    ):
        yield primary, replica


async def _swap(primary: ValkeyServer, replica: ValkeyServer, *, demoted: bool = True) -> None:
    """Promote the replica, as a managed Valkey does; and let the former primary copy it."""
    async with server_of(primary) as former, server_of(replica) as promoted:

        async def in_sync() -> bool:
            return bool((await promoted.info("replication"))["master_link_status"] == "up")

        await until(in_sync)
        await promoted.replicaof("NO", "ONE")
        if demoted:
            await former.replicaof("127.0.0.1", replica.ports["port"])


async def test_a_host_name_that_moves_to_the_promoted_replica_is_followed(
    engine: Engine, pair: tuple[ValkeyServer, ValkeyServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The former primary stays reachable by the connections that there are, and refuses writes (READONLY)."""
    monkeypatch.setattr(
        connection, "LONGEST_SECONDS", 3_600.0
    )  # so that only the refusal ends the connection
    primary, replica = pair
    async with StallingProxy(primary.ports["port"]).running() as name:
        client = connect(f"redis://127.0.0.1:{name.port}/0")
        async with running_board(engine, client) as board:
            await fill_queue(engine, 2)
            await until(lambda: board.state.applied == 2)
            name.target = replica.ports["port"]
            await _swap(primary, replica)
            await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
            async with server_of(replica) as promoted:
                direct = Reader(promoted)
                await until(lambda: _listed_leads(direct))
            await until(lambda: board.state.ready()[0])
        await client.aclose()


async def test_q9_a_reader_leaves_a_primary_that_was_replaced_and_is_still_reached(
    pair: tuple[ValkeyServer, ValkeyServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, replica = pair
    async with StallingProxy(primary.ports["port"]).running() as name:
        client: Any = connect(f"redis://127.0.0.1:{name.port}/0")
        used = {await client.client_id() for _ in range(3)}
        assert len(used) == 1
        await _swap(primary, replica, demoted=False)
        name.target = replica.ports["port"]
        assert (await client.client_id()) in used
        port = (await client.info("server"))["tcp_port"]
        assert port == primary.ports["port"]
        monkeypatch.setattr(connection, "LONGEST_SECONDS", -1.0)
        assert (await client.info("server"))["tcp_port"] == replica.ports["port"]
        await client.aclose()


async def test_q9_a_connection_that_was_in_use_when_the_server_was_left_is_made_anew(
    pair: tuple[ValkeyServer, ValkeyServer],
) -> None:
    """It would otherwise give a page the lists of the server before, after the page was told to read them again."""
    primary, replica = pair
    async with StallingProxy(primary.ports["port"]).running() as name:
        client: Any = connect(f"redis://127.0.0.1:{name.port}/0")
        busy = await client.connection_pool.get_connection()
        await client.ping()  # by a second connection, which is idle afterwards
        name.target = replica.ports["port"]
        connection.leave_server(client)
        await client.connection_pool.release(busy)
        used = await asyncio.gather(*(client.info("server") for _ in range(2)))
        assert [server["tcp_port"] for server in used] == [replica.ports["port"]] * 2
        await client.aclose()


GENERATION = "a-generation"


async def test_q9_entries_of_two_lives_have_different_ids_though_the_clock_is_behind(
    tmp_path: Path,
) -> None:
    """Two servers with the same past, whose newest entry is ahead of their clocks, would both count it up by one."""
    change = BoardChange(
        change="entered", org=ORG, queue_id="aged", lead_id="lead-a", version=1, sort_key="k", columns=RAW
    )
    lives = []
    for name in ("one", "two"):
        with ValkeyServer(tmp_path / name) as server:
            client = connect(server.url)
            await client.set(keys.CURRENT, GENERATION)
            ahead = await _add_ahead(client)
            await BoardWriter(client).apply(GENERATION, [change], {})
            reader = Reader(client)
            entries = await reader.feed(ORG, ahead)
            assert [entry.change for entry in entries] == [REBUILT, "entered"]
            lives.append((client, reader, entries[-1].id))
            assert position(entries[-1].id) > position(ahead)
            assert position(entries[-1].id)[0] == position(ahead)[0]
            if len(lives) == 2:
                (_, _, first_id), (_, _, second_id) = lives
                assert first_id != second_id
                (rebuilt,) = await reader.feed(ORG, first_id)
                assert rebuilt.change == REBUILT
            await client.aclose()


RAW = msgspec.Raw(b'{"name":"Lead A"}')


async def _add_ahead(client: Any) -> str:
    """Add an entry to the feed by a clock that is an hour ahead, the same on each server."""
    fields = {"change": REBUILT, "queue_id": "", "lead_id": "", "version": "0", "payload": "{}"}
    return str((await client.xadd(keys.feed_key(ORG), fields, id="4000000000000-7")).decode())


async def test_a_script_never_writes_to_another_life_of_the_server_than_the_board_began_with(
    tmp_path: Path,
) -> None:
    with ValkeyServer(tmp_path / "valkey") as server:
        client = connect(server.url)
        await client.set(keys.CURRENT, GENERATION)
        writer = BoardWriter(client)
        await writer.apply(GENERATION, [], {0: (0, 5)})
        await asyncio.to_thread(server.kill9)
        await asyncio.to_thread(server.start)

        async def refused() -> bool:
            try:
                await writer.apply(GENERATION, [], {0: (5, 6)})
            except ServerChanged:
                return True
            except RetryableError:
                return False
            raise AssertionError

        await until(refused)
        (generation, is_new) = await writer.resume(GENERATION)
        assert is_new
        assert (await writer.resume(GENERATION))[1] is False
        await writer.apply(GENERATION, [], {0: (generation.offsets.get(0, 0), 6)})
        await client.aclose()
