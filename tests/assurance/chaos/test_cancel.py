"""The tasks of a chaos run end, also those that miss their first cancellation; one that does not end is named."""

import asyncio

import pytest

from assurance.chaos import cancellation


async def test_a_task_that_misses_its_first_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancellation, "CANCEL_AGAIN_SECONDS", 0.01)

    async def ignore_first_cancellation() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()  # as a client that closes while Kafka is away takes it for its own

    task = asyncio.create_task(ignore_first_cancellation())
    await asyncio.sleep(0)
    await cancellation.cancel(task)
    assert task.cancelled()


async def test_a_task_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "CANCEL_AGAIN_SECONDS", 0.01)
    may_end = asyncio.Event()

    async def stubborn() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(stubborn(), name="feed")
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError, match=r"not ended 0 s after they were cancelled: feed"):
        await cancellation.cancel(task, seconds=0)
    may_end.set()
    await task
