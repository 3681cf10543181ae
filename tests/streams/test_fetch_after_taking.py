"""What a fetch does between its response and the next request: it lets waiting readers take the records (fact 36)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher

from streams.patches import fetcher as patched_fetcher
from streams.patches.fetcher import TURNS_TO_TAKE

if TYPE_CHECKING:
    import pytest

PARTITION = TopicPartition("events", 0)


class Response:
    """A response with three records of one partition, for which a reader waits. It takes none by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.position = 0
        waiter = asyncio.get_running_loop().create_future()
        self.fetcher = SimpleNamespace(
            _records={PARTITION: "three records"},
            _fetch_waiters={waiter},
            _notify=lambda waiter: waiter.set_result(None),
        )

        async def handled(*_: Any) -> bool:
            return True

        monkeypatch.setattr(Fetcher, "_proc_fetch_request", handled)
        patched_fetcher.fetch_after_taking()

    def fetch(self) -> asyncio.Task[Any]:
        """Handle the response; the result says whether readers are to be woken."""
        assignment: Any = SimpleNamespace(
            tps={PARTITION}, state_value=lambda _: SimpleNamespace(_position=self.position)
        )
        handle: Any = Fetcher._proc_fetch_request
        return asyncio.create_task(handle(self.fetcher, assignment, 1, None))

    async def turns_until(self, fetch: asyncio.Task[Any]) -> int:
        """Return how many more turns of the loop the fetch takes."""
        turns = 0
        while not fetch.done():
            await asyncio.sleep(0)
            turns += 1
        return turns


async def test_a_fetch_whose_records_are_taken_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Response(monkeypatch)
    fetch = response.fetch()
    await asyncio.sleep(0)
    response.fetcher._records.clear()
    assert await response.turns_until(fetch) <= 2
    assert fetch.result() is False


async def test_a_fetch_of_which_a_part_is_taken_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Response(monkeypatch)
    fetch = response.fetch()
    await asyncio.sleep(0)
    response.position = 2
    assert await response.turns_until(fetch) <= 2
    assert fetch.result() is True


async def test_a_fetch_whose_records_nobody_takes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Response(monkeypatch)
    fetch = response.fetch()
    assert TURNS_TO_TAKE <= await response.turns_until(fetch) <= TURNS_TO_TAKE + 2
    assert fetch.result() is True


async def test_a_fetch_that_is_cancelled_meanwhile_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Fetcher.close` of aiokafka cancels its fetches and awaits them."""
    response = Response(monkeypatch)
    fetch = response.fetch()
    await asyncio.sleep(0)
    fetch.cancel()
    assert await fetch is False
