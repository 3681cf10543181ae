"""A request that no courier finished moves along, and one that was delivered is not delivered again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from application.partition_move.open_requests import CourierChannel, OpenRequests
from models.public import Notification


def request(
    identity: str, offset: int, *, kind: Any = "email", withdrawn: bool = False, partition: int = 0
) -> Any:
    sent = Notification(
        notification_id=identity,
        kind=kind,
        template="lead_offered",
        rep_id="rep-1",
        lead_id="lead-1",
        epoch=1,
        withdrawn=withdrawn,
        data={},
    )
    return SimpleNamespace(partition=partition, offset=offset, value=msgspec.json.encode(sent))


def open_offsets(*records: Any, answered: frozenset[tuple[str, str]] = frozenset()) -> list[int]:
    chosen = OpenRequests(
        [
            CourierChannel("email", "email", {0: 5}),
            CourierChannel("push", "push", {0: 9}),
            CourierChannel("push", "chat", {0: 0}),
        ],
        answered,
    )
    return [record.offset for record in records if chosen.is_open(record)]


def test_n1_a_request_is_open_from_where_its_courier_is_unless_it_has_a_fate() -> None:
    records = [request(f"r{n}", n) for n in (3, 5, 7)]
    assert open_offsets(*records, answered=frozenset({("r5", "email"), ("r7", "push")})) == [7]
    assert open_offsets(request("elsewhere", 1, partition=4)) == [1], (
        "a partition without a position is unread"
    )


def test_n1_a_kind_with_two_channels_is_open_until_both_have_told() -> None:
    push = request("r1", 4, kind="push")
    assert open_offsets(push) == [4]
    assert open_offsets(push, answered=frozenset({("r1", "chat")})) == []


def test_n1_a_kind_that_no_courier_delivers_stays_behind() -> None:
    assert open_offsets(request("r1", 50, kind="call")) == []


def test_n1_a_withdrawal_moves_with_its_request_only() -> None:
    taken_back = [request("r6", 6), request("r6", 8, withdrawn=True)]
    assert open_offsets(*taken_back) == [6, 8]
    assert open_offsets(*taken_back, answered=frozenset({("r6", "email")})) == []


def test_bytes_that_are_no_request_stay_behind() -> None:
    for value in (None, b"", b"{", b"\xff"):
        assert open_offsets(SimpleNamespace(partition=0, offset=99, value=value)) == []
