"""Runs programs on the session's Kafka. Each test has its own topics, groups and processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.fixtures.servers import unique
from tests.streams.faust.cluster import Cluster
from tests.streams.faust.program import Program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Launch(Protocol):
    """Returns a program that is not started: a module of apps/ with its environment."""

    def __call__(self, app: str, **environment: object) -> Program: ...


@pytest.fixture
async def cluster(kafka: str) -> AsyncIterator[Cluster]:
    """Yield the session's broker."""
    broker = Cluster(kafka)
    yield broker
    await broker.close()


@pytest.fixture
def launch(cluster: Cluster, tmp_path: Path) -> Launch:
    """Return a function that makes programs on the session's broker."""

    def make(app: str, **environment: object) -> Program:
        given = {
            "KAFKA_BOOTSTRAP_SERVERS": cluster.address,
            "FIRSTCLAIM_STATE_DIR": tmp_path / "state",
            "FIRSTCLAIM_PARTITIONS": 2,
            "GROUP": unique("group"),
            **environment,
        }
        return Program(f"tests.streams.faust.apps.{app}", tmp_path, **given)

    return make
