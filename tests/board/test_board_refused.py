"""The board waits for a Valkey that cannot work now, and reports it.

A Valkey that refuses access is a settings error.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio
from redis.exceptions import ResponseError

from board import keys
from board.connection import connect
from board.reader import Reader
from board.rebuild import RebuildInProgressError, rebuild
from board.refusals import AccessRefusedError, error_of, translated_errors
from board.service import Board
from models.errors import ConfigError, RetryableError, RuntimeFailure
from runtime.valkey import ValkeyServer
from tests.board.engine import ORG, Engine, ids, lead, running_board, until
from tests.board.test_board_service import fill_queue, queue_entered

REPO = Path(__file__).parents[2]
FULL = "1mb"
"""Less than a Valkey without data uses, so that it is at its limit at once."""


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """Yield a Valkey of these tests' own, whose settings they change."""
    with ValkeyServer(tmp_path_factory.mktemp("refusing") / "valkey") as server:
        yield server


@pytest.fixture
def admin(valkey: ValkeyServer) -> Iterator[redis.Redis]:
    """Yield a client that changes the settings of an empty Valkey, and changes them back."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
        yield client
        client.config_set("requirepass", "")
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("min-replicas-to-write", 0)
        client.replicaof("NO", "ONE")


@pytest.fixture
async def client(valkey: ValkeyServer, admin: redis.Redis) -> AsyncIterator[redis.asyncio.Redis]:
    """Yield a client as the board has it."""
    assert admin.ping()
    valkey_client = connect(valkey.url)
    yield valkey_client
    await valkey_client.aclose()


async def test_a_valkey_at_its_memory_limit_is_waited_for_and_gone_on_with(
    engine: Engine, client: redis.asyncio.Redis, admin: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(client)
    async with running_board(engine, client) as board:
        await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 2)
        admin.config_set("maxmemory", FULL)
        await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
        await until(lambda: not board.state.ready()[0])
        trouble = board.state.ready()[1]["trouble"]
        assert trouble.startswith("Valkey: is at its memory limit (maxmemory)")
        assert "the board waits" in capsys.readouterr().out
        # What is on the lists can still be read.
        assert await ids(reader, "aged") == [lead(1).lead_id, lead(0).lead_id]
        admin.config_set("maxmemory", 0)
        await until(lambda: board.state.ready()[0])
        assert await ids(reader, "aged") == [lead(50).lead_id, lead(1).lead_id, lead(0).lead_id]
        assert board.state.applied == 3


async def test_a_valkey_that_may_evict_is_waited_for_and_the_lists_are_made_anew(
    engine: Engine, client: redis.asyncio.Redis, admin: redis.Redis
) -> None:
    """Rows were missing from the lists, and the board said that it was ready."""
    reader = Reader(client)
    async with running_board(engine, client) as board:
        await fill_queue(engine, 2)
        await until(lambda: board.state.applied == 2)
        admin.config_set("maxmemory-policy", "volatile-lru")  # our lists do not expire
        admin.config_set("maxmemory", "100mb")
        await engine.decide(lead(50, {"aged": "0"}), queue_entered("aged", "0"))
        await until(lambda: board.state.applied == 3)
        admin.config_set("maxmemory-policy", "allkeys-lru")
        await until(lambda: not board.state.ready()[0])
        await until(lambda: "maxmemory-policy is allkeys-lru" in (board.state.trouble or ""))
        evicted = [key for key in admin.scan_iter("*") if b"aged" in key]
        assert evicted
        admin.delete(*evicted)
        admin.config_set("maxmemory-policy", "noeviction")
        await until(lambda: board.state.ready()[0])
        assert await ids(reader, "aged") == [lead(50).lead_id, lead(1).lead_id, lead(0).lead_id]


async def test_a_board_is_built_once_there_is_room_for_it(
    engine: Engine, client: redis.asyncio.Redis, admin: redis.Redis
) -> None:
    await fill_queue(engine, 2)
    admin.config_set("maxmemory", FULL)
    board = Board(engine.settings, client, engine.sources)
    task = asyncio.create_task(board.follow())
    try:
        await until(lambda: "memory limit" in (board.state.trouble or ""))
        assert not board.state.ready()[0]
        assert not task.done()
        admin.config_set("maxmemory", 0)
        await until(lambda: board.state.ready()[0])
        assert await ids(Reader(client), "aged") == [lead(1).lead_id, lead(0).lead_id]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_rebuild_at_the_memory_limit_leaves_the_lists_and_its_lock(
    engine: Engine, client: redis.asyncio.Redis, admin: redis.Redis
) -> None:
    await fill_queue(engine, 1)
    await rebuild(engine.settings, client=client, sources=engine.sources)
    admin.config_set("maxmemory", FULL)
    with pytest.raises(RetryableError, match="memory limit"):
        await rebuild(engine.settings, client=client, sources=engine.sources)
    admin.config_set("maxmemory", 0)
    assert await client.get(keys.REBUILDING) is None
    assert await ids(Reader(client), "aged") == [lead(0).lead_id]


async def write(client: redis.asyncio.Redis, how: str) -> None:
    """Write something: alone, in a pipeline, in a transaction, in a script."""
    async with translated_errors():
        if how == "alone":
            await client.set("key", "value")
        elif how == "script":
            await client.register_script("return redis.call('SET', 'key', 'value')")()
        else:
            async with client.pipeline(transaction=how == "transaction") as pipe:
                pipe.set("key", "value")
                pipe.hset("hash", "field", "value")
                await pipe.execute()


@pytest.mark.parametrize("how", ["alone", "pipeline", "transaction", "script"])
@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("maxmemory", FULL, "is at its memory limit"),
        ("min-replicas-to-write", 1, "has too few replicas"),
        ("replicaof", "127.0.0.1 1", "is a read-only replica now"),
    ],
)
async def test_what_passes_by_itself_is_tried_again(
    client: redis.asyncio.Redis, admin: redis.Redis, setting: str, value: str | int, expected: str, how: str
) -> None:
    if setting == "replicaof":
        admin.replicaof(*str(value).split())
    else:
        admin.config_set(setting, value)
    with pytest.raises(RetryableError, match=expected) as failed:
        await write(client, how)
    assert not isinstance(failed.value, AccessRefusedError)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist",
            RetryableError,
        ),
        ("BUSY Valkey is busy running a script. You can only call SCRIPT KILL", RetryableError),
        ("LOADING Valkey is loading the dataset in memory", RetryableError),
        (
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
            RetryableError,
        ),
        ("Command # 1 (HSET a b c) of pipeline caused error: OOM command not allowed", RetryableError),
        ("DENIED Valkey is running in protected mode because protected mode is enabled", AccessRefusedError),
        ("DB index is out of range", AccessRefusedError),
        (
            "ACL failure in script: User u has no permissions to run the 'info' command script: on @user_script:49.",
            AccessRefusedError,
        ),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", RuntimeFailure),
        ("value is not an integer, which is no OOM of ours", RuntimeFailure),
    ],
)
def test_an_answer_without_a_class_is_told_by_its_code(answer: str, kind: type[RuntimeFailure]) -> None:
    assert type(error_of(ResponseError(answer))) is kind


async def test_without_the_password_the_board_says_which_setting_and_ends(
    engine: Engine, valkey: ValkeyServer, admin: redis.Redis
) -> None:
    admin.config_set("requirepass", "secret")
    client = connect(valkey.url)
    with pytest.raises(ConfigError, match=r"REDIS_URL: the server refuses this URL: "):
        await Board(engine.settings, client, engine.sources).follow()
    with pytest.raises(AccessRefusedError):  # readers see a board that is away
        await Reader(client).queues(ORG)
    await client.aclose()
    settings = engine.settings.model_copy(update={"redis_url": valkey.url})
    completed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cli", "board"],
        env={**os.environ, **settings.environment()},
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert completed.returncode == 78
    assert completed.stderr.strip().splitlines()[-1].startswith("firstclaim: REDIS_URL: ")
    assert "Traceback" not in completed.stderr


async def test_a_user_without_rights_is_a_setting(
    engine: Engine, valkey: ValkeyServer, admin: redis.Redis
) -> None:
    admin.acl_setuser("reader", enabled=True, passwords=["+secret"], categories=["+@read"], keys=["*"])
    client = connect(valkey.url.replace("redis://", "redis://reader:secret@"))
    with pytest.raises(AccessRefusedError, match="no permissions"):
        await rebuild(engine.settings, client=client, sources=engine.sources)
    await client.aclose()


async def test_a_user_who_may_not_ask_for_info_is_a_setting(
    engine: Engine, valkey: ValkeyServer, admin: redis.Redis
) -> None:
    """Many managed ones allow no dangerous command; the board's scripts ask INFO for the server's life."""
    admin.acl_setuser(
        "board", enabled=True, passwords=["+secret"], categories=["+@all", "-@dangerous"], keys=["*"]
    )
    admin.set(keys.CURRENT, "a-generation")
    client = connect(valkey.url.replace("redis://", "redis://board:secret@"))
    with pytest.raises(ConfigError, match="no permissions to run the 'info' command"):
        await Board(engine.settings, client, engine.sources).follow()
    await client.aclose()


def test_another_rebuild_is_no_refusal() -> None:
    assert not isinstance(RebuildInProgressError("board", "another"), AccessRefusedError)
