"""Runs programs on the session's Kafka. Each test has its own topics, groups and processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import pytest

from streams.settings import Settings
from streams.topics import provision
from tests.fixtures.servers import unique
from tests.streams.faust.cluster import Cluster
from tests.streams.faust.program import Program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Launch(Protocol):
    """Returns a program that is not started: a module of apps/ with its environment."""

    def __call__(self, app: str, **environment: object) -> Program: ...


@pytest.fixture(scope="session")
def kafka_with_topics(kafka: str) -> str:
    """Return `host:port` of the session's Kafka, which has our topics.

    A program reads the dead letters when it starts. For a topic that does not exist it waits 20 s.
    """
    asyncio.run(provision(Settings.read(kafka_bootstrap_servers=kafka)))
    return kafka


@pytest.fixture
async def cluster(kafka_with_topics: str) -> AsyncIterator[Cluster]:
    """Yield the session's broker."""
    broker = Cluster(kafka_with_topics)
    yield broker
    await broker.close()


@pytest.fixture
def launch(cluster: Cluster, tmp_path: Path) -> Launch:
    """Return a function that makes programs on the session's broker."""

    def make(app: str, **environment: object) -> Program:
        variables = {
            "KAFKA_BOOTSTRAP_SERVERS": cluster.address,
            "FIRSTCLAIM_STATE_DIR": tmp_path / "state",
            "FIRSTCLAIM_PARTITIONS": 2,
            "GROUP": unique("group"),
            **environment,
        }
        return Program(f"tests.streams.faust.apps.{app}", tmp_path, **variables)

    return make
