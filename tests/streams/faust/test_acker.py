"""Events are acknowledged in order, each once, when everything that they and earlier events caused is durable."""

from __future__ import annotations

import random
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from streams.receipts import Acker, Receipt


class Event:
    """The part of a Faust event that an acker uses."""

    def __init__(self, partition: int, offset: int, acked: list[tuple[int, int]]) -> None:
        self.message = SimpleNamespace(topic="log", partition=partition, offset=offset)
        self._acked = acked

    def ack(self) -> None:
        """Record the acknowledgement."""
        self._acked.append((self.message.partition, self.message.offset))


@given(
    events=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30),
    seed=st.integers(0, 1_000_000),
)
def test_acks_follow_the_order_whatever_becomes_durable_first(
    events: list[tuple[int, int]], seed: int
) -> None:
    """Records become durable in any order. `events`: (partition, number of records it causes) in order of arrival."""
    acked: list[tuple[int, int]] = []
    acker, counts = Acker(), [0, 0, 0]
    receipts: list[Receipt] = []
    undecided: dict[tuple[int, int], int] = {}
    pending: list[tuple[Receipt, tuple[int, int]]] = []
    for partition, records in events:
        position = (partition, counts[partition])
        counts[partition] += 1
        receipt = acker.take(Event(*position, acked))
        receipts.append(receipt)
        undecided[position] = records
        for _ in range(records):
            receipt.expect()
            pending.append((receipt, position))
        receipt.settle()  # the handler is done
    random.Random(seed).shuffle(pending)
    for receipt, position in pending:
        receipt.settle()
        undecided[position] -= 1
        for partition, offset in acked:
            assert all(undecided[partition, before] == 0 for before in range(offset + 1))
    assert all(receipt.settled for receipt in receipts)
    for partition in range(3):
        assert [offset for at, offset in acked if at == partition] == list(range(counts[partition]))
    assert acker.waiting == 0


def test_an_event_is_not_acked_while_its_handler_runs() -> None:
    """Its first record may be durable before its second record is added."""
    acked: list[tuple[int, int]] = []
    acker = Acker()
    receipt = acker.take(Event(0, 7, acked))
    receipt.expect()
    receipt.settle()
    assert not receipt.settled
    assert acker.waiting == 1
    receipt.settle()
    assert acked == [(0, 7)]
