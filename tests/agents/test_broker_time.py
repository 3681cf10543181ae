"""A worker sends deadlines by the broker's time, whether its own clock is right, behind or ahead (X3)."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agents.broker_time import WINDOW_SECONDS, BrokerTime

TRUE = 1_800_000_000.0
"""The broker's time at the beginning of each test."""


class Clocks:
    """The clocks of a worker: `true` is the broker's time, `skew` what the worker's clock is ahead of it."""

    def __init__(self) -> None:
        self.true, self.skew = TRUE, 0.0

    def module(self) -> SimpleNamespace:
        return SimpleNamespace(time=lambda: self.true + self.skew, monotonic=lambda: self.true - TRUE + 5_000)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Return the clocks that the code under test reads."""
    clocks = Clocks()
    monkeypatch.setattr("agents.broker_time.time", clocks.module())
    return clocks


def test_x3_without_any_record_our_clock_counts(clocks: Clocks) -> None:
    clocks.skew = -4_200
    assert BrokerTime().now() == TRUE - 4_200


@pytest.mark.parametrize("late", [0.0, 0.4])
def test_x3_a_clock_that_is_behind_is_noticed_by_one_record(clocks: Clocks, late: float) -> None:
    broker_time = BrokerTime()
    broker_time.note(clocks.true - late)  # it was read a moment after it was written
    clocks.skew = -4_200
    clocks.true += 30
    assert broker_time.now() == pytest.approx(clocks.true - late)


def test_x3_records_that_were_read_late_leave_a_right_clock_alone(clocks: Clocks) -> None:
    broker_time = BrokerTime()
    for hours in (3, 2, 1):
        broker_time.note(clocks.true - hours * 3_600)
        assert broker_time.now() == clocks.true


def test_x3_a_clock_that_is_ahead_is_believed_until_the_broker_says_otherwise(clocks: Clocks) -> None:
    broker_time = BrokerTime()
    broker_time.note(clocks.true)
    clocks.skew = 4_200
    assert broker_time.now() == clocks.true + 4_200
    due = datetime.fromtimestamp(clocks.true + 600, UTC)
    broker_time.note(clocks.true)
    broker_time.note_due(due, clocks.true)
    assert broker_time.now() == pytest.approx(clocks.true)
    clocks.true += WINDOW_SECONDS - 1
    assert broker_time.now() == pytest.approx(clocks.true), "the seconds since then go on"
    clocks.true += 2
    assert broker_time.now() == clocks.true + 4_200, "our clock is tried again, it may be right now"


def test_x3_an_event_in_time_or_late_says_nothing_of_our_clock(clocks: Clocks) -> None:
    broker_time = BrokerTime()
    for seconds in (0.5, 0.0, -3_600.0):
        broker_time.note_due(datetime.fromtimestamp(clocks.true + seconds, UTC), clocks.true)
    clocks.skew = 10
    assert broker_time.now() == clocks.true + 10


@pytest.mark.parametrize("ahead", [0.02, 1.9])
def test_x3_brokers_whose_clocks_differ_a_little_leave_a_right_clock_alone(
    clocks: Clocks, ahead: float
) -> None:
    """By the faster broker's time, every deadline of the slower one's partitions would come early, and so be late."""
    broker_time = BrokerTime()
    broker_time.note(clocks.true + ahead)
    assert broker_time.now() == clocks.true


def test_x3_an_early_event_ends_the_time_of_a_broker_whose_clock_was_ahead(clocks: Clocks) -> None:
    """Or each deadline of the next hour would be appended, and ignored, for two minutes."""
    broker_time = BrokerTime()
    broker_time.note(clocks.true + 3_600)
    assert broker_time.now() == clocks.true + 3_600
    broker_time.note(clocks.true)  # the clock is right again
    broker_time.note_due(datetime.fromtimestamp(clocks.true + 600, UTC), clocks.true)
    assert broker_time.now() == pytest.approx(clocks.true)


def test_x3_a_broker_whose_clock_was_set_back_is_followed_after_two_windows(clocks: Clocks) -> None:
    broker_time = BrokerTime()
    broker_time.note(clocks.true + 50)
    assert broker_time.now() == clocks.true + 50
    for _ in range(3):
        clocks.true += WINDOW_SECONDS + 1
        broker_time.note(clocks.true)
    assert broker_time.now() == pytest.approx(clocks.true)
