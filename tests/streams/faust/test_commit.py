"""A commit formats no table, and counts only if Kafka took it."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.consumer import Consumer
from faust.types import TP
from faust.utils import terminal

from streams import patches
from streams.patches import commits

OURS, THEIRS = TP("lead-log", 0), TP("lead-log", 1)


class _Consumer(SimpleNamespace):
    """The part of a consumer that `_commit_offsets` uses."""

    def assignment(self) -> set[TP]:
        return {OURS}

    async def _commit(self, offsets: dict[TP, int]) -> bool:
        if self.refused:
            return False
        self.committed.update(offsets)
        return True


def _consumer(*, refused: bool = False) -> Any:
    tables = SimpleNamespace(on_commit=lambda _: None)
    return _Consumer(
        app=SimpleNamespace(tables=tables),
        committed={},
        refused=refused,
        _committed_offset={OURS: 3},
        log=SimpleNamespace(dev=lambda *_: None),
    )


async def test_a_commit_draws_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock Faust formats a table at each commit, for a log that nobody reads, while claims wait. Ours only commits."""

    def drawn(*_: Any, **__: Any) -> str:
        raise AssertionError("a table was drawn")

    monkeypatch.setattr(terminal, "logtable", drawn)
    stock = Consumer._commit_offsets
    if "commit_offsets" not in patches._applied:
        with pytest.raises(AssertionError, match="a table was drawn"):
            await stock(_consumer(), {OURS: 7})
        monkeypatch.setattr(Consumer, "_commit_offsets", stock)  # restored after the test
        commits.commit_without_table()
    consumer = _consumer()
    assert await Consumer._commit_offsets(consumer, {OURS: 7, THEIRS: 9})
    assert consumer.committed == {OURS: 7}
    assert consumer._committed_offset == {OURS: 7}
    assert not await Consumer._commit_offsets(_consumer(), {THEIRS: 9})


async def test_a_commit_that_was_refused_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stock Faust takes a refused commit for done. If a rebalance came in between, the lag would stay for ever."""
    monkeypatch.setattr(Consumer, "_commit_offsets", Consumer._commit_offsets)  # restored after the test
    commits.commit_without_table()
    consumer = _consumer(refused=True)
    assert not await Consumer._commit_offsets(consumer, {OURS: 7})
    assert consumer._committed_offset == {OURS: 3}
    consumer.refused = False
    assert await Consumer._commit_offsets(consumer, {OURS: 7})
    assert consumer._committed_offset == {OURS: 7}
