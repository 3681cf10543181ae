"""An empty Valkey database for each test, and topics that belong to one test."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
import redis.asyncio

from board.connection import connect
from board.expected import BoardTopics
from streams.settings import Settings
from tests.board.engine import Engine

_DATABASE = 11


@pytest.fixture
def board_url(valkey_url: str) -> Iterator[str]:
    """Yield the URL of a database that is empty before and after; a database that is not ours is not touched."""
    url = f"{valkey_url.rsplit('/', 1)[0]}/{_DATABASE}"
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0, f"database {_DATABASE} of the Valkey for tests is in use"
        yield url
        client.flushdb()


@pytest.fixture
async def client(board_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """Yield a client of the empty database."""
    valkey_client = connect(board_url)
    yield valkey_client
    await valkey_client.aclose()


@pytest.fixture
async def engine(kafka: str, board_url: str) -> AsyncIterator[Engine]:
    """Yield an engine with topics of its own."""
    name = uuid.uuid4().hex[:10]
    settings = Settings.read(kafka_bootstrap_servers=kafka, redis_url=board_url)
    sources = BoardTopics(journal=f"lead-journal-{name}", changes=f"queue-changes-{name}")
    async with Engine(settings, sources) as running:
        yield running
