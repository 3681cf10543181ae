"""The arrivals follow what is missing, and the wanted number of events is there in time."""

import pytest

from assurance.chaos.pace import (
    ARRIVALS_PER_SECOND,
    MAX_BEHIND,
    MAX_PER_SECOND,
    MIN_PER_SECOND,
    OTHERS_PER_SECOND,
    ArrivalPace,
)
from streams.settings import Settings


def pace(events: int | None, sent: int = 0) -> ArrivalPace:
    return ArrivalPace(Settings(), 3_600, events, lambda: sent)


def test_a_run_without_a_number_of_events_keeps_its_pace() -> None:
    arrival_pace = pace(None, 1_000)
    arrival_pace.adapt(50, 600)
    assert arrival_pace.arrivals_per_second == ARRIVALS_PER_SECOND
    assert arrival_pace.reached.is_set()


def test_the_leads_that_are_missing_are_spread_over_the_time_that_is_left() -> None:
    """Four events a lead: 1,000,000 events are 250,000 leads, 200,000 of them in the 2,000 s that are left."""
    arrival_pace = pace(1_000_000, 50_000)
    arrival_pace.adapt(200_000, 1_600)
    assert arrival_pace.arrivals_per_second == pytest.approx(100 - OTHERS_PER_SECOND)
    assert not arrival_pace.reached.is_set()


@pytest.mark.parametrize(
    ("events", "sent", "passed", "rate"),
    [(10, 1_000, 3_500, MAX_PER_SECOND), (999_000, 250_000, 10, MIN_PER_SECOND)],
)
def test_the_pace_follows_the_missing_events_within_its_bounds(
    events: int, sent: int, passed: float, rate: float
) -> None:
    arrival_pace = pace(1_000_000, sent)
    arrival_pace.adapt(events, passed)
    assert arrival_pace.arrivals_per_second == rate


def test_a_worker_that_is_far_behind_gets_hardly_any_more() -> None:
    arrival_pace = pace(1_000_000, 50_000)
    for behind, rate in ((MAX_BEHIND + 1, MIN_PER_SECOND), (MAX_BEHIND, 100 - OTHERS_PER_SECOND)):
        arrival_pace.adapt(200_000, 1_600, behind)
        assert arrival_pace.arrivals_per_second == pytest.approx(rate)


def test_an_hour_at_this_pace_has_its_events() -> None:
    """A model of the run: each lead makes four events; for ten minutes nothing is handled, as in a long outage."""
    sent = handled = 0.0
    arrival_pace = ArrivalPace(Settings(), 3_600, 1_000_000, lambda: int(sent))
    for second in range(3_600):
        sent += arrival_pace.arrivals_per_second + OTHERS_PER_SECOND
        if not 1_000 <= second < 1_600:
            handled = min(sent, handled + 200)
        if second % 5 == 0:
            arrival_pace.adapt(int(4 * handled), second)
    assert 0.97 <= 4 * sent / 1_000_000 <= 1.1


async def test_events_that_do_not_come_are_waited_for_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assurance.chaos.pace.MORE_TIME", 0.00001)
    arrival_pace = pace(1_000, 10)
    await arrival_pace.until_reached()
    assert not arrival_pace.reached.is_set()
    arrival_pace.adapt(1_000, 10)
    assert arrival_pace.reached.is_set()
