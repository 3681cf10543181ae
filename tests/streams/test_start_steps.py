"""A start's steps repeat until they succeed, end with the process, and clear only what they said themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaConnectionError

from streams import start_steps
from streams.readiness import Readiness
from streams.settings import Settings
from streams.start_steps import StartSteps

if TYPE_CHECKING:
    import pytest


def starting() -> Readiness:
    """Return the readiness of a process that has just begun."""
    readiness = Readiness()
    readiness.blocked("starting", "the process has just begun")
    return readiness


async def test_a_process_whose_step_succeeds_at_once_is_still_starting() -> None:
    """A sink said that it was ready as soon as its database was, and before it had asked Kafka."""
    readiness = starting()
    assert await StartSteps(Settings.read(), readiness, asyncio.Event()).succeeds("Kafka", nothing)
    assert readiness.ready()[1]["not_ready"] == ["starting"]


async def test_a_step_says_why_it_waits_and_takes_that_back() -> None:
    readiness, reasons = starting(), list[list[str]]()

    async def second_time() -> None:
        reasons.append(readiness.ready()[1]["not_ready"])
        if len(reasons) == 1:
            raise KafkaConnectionError("nobody listens")

    assert await StartSteps(Settings.read(), readiness, asyncio.Event()).succeeds("Kafka", second_time)
    assert reasons == [["starting"], ["starting", "Kafka"]]
    assert readiness.ready()[1]["not_ready"] == ["starting"]


async def test_a_stop_ends_a_step_that_gets_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_steps, "SLOW_SECONDS", 0.0)
    readiness, stop = starting(), asyncio.Event()
    step = asyncio.create_task(
        StartSteps(Settings.read(), readiness, stop).succeeds("Kafka", asyncio.Event().wait)
    )
    while "Kafka" not in readiness.ready()[1]["not_ready"]:
        await asyncio.sleep(0)
    stop.set()
    assert not await step


async def nothing() -> None:
    """Succeed."""
