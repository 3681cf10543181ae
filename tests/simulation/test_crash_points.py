"""A process may be killed between any two awaits. `python -m tests.simulation.crash_points` runs every crash point.

Here each EVERY-th is run. Further tests remove one safeguard each and check that some crash point notices.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from agents.published_watermark import PublishedWatermark
from rules.lead import lead_partition
from sink import database_engine
from streams.receipts import Receipt
from tests.simulation.crash_points import enumerate_crashes

EVERY = 29
"""The suite runs one of so many crash points, about a tenth of a second each."""


@pytest.fixture(autouse=True)
def _silent_log() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def test_q8_x4_x7_whoever_is_killed_between_two_awaits_the_end_is_the_same() -> None:
    *_, result = enumerate_crashes(every=EVERY)
    assert not result.findings
    assert result.points.keys() == {"worker", "relay", "sink"}
    assert result.histories >= result.points.total() // EVERY > 0


def _with_acks_before_durability(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Receipt, "expect", lambda _receipt: None)
    patch.setattr(Receipt, "settle", _settle_once)


def _settle_once(receipt: Any) -> None:
    if receipt.open:
        receipt.open = 0
        receipt.partition.advance()


def _without_replay_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lead_partition, "is_replay", lambda _row, _off: False)


def _without_a_look_at_what_is_public(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PublishedWatermark, "has", lambda *_: False)


def _without_transactions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(database_engine, "_begin_sqlite", lambda _connection: None)


@pytest.mark.parametrize(
    ("killed", "broken"),
    [
        ("worker", _with_acks_before_durability),
        ("worker", _without_replay_check),
        ("relay", _without_a_look_at_what_is_public),
        ("sink", _without_transactions),
    ],
)
def test_x4_x7_a_crash_point_notices_a_safeguard_that_is_missing(
    killed: str, broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert any(result.findings for result in enumerate_crashes(every=5, first=100, killed=(killed,)))
