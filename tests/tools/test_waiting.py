"""A wait looks often while a look is cheap, and spends little of its time on expensive looks."""

from __future__ import annotations

import pytest

from tests.fixtures import waiting
from tests.fixtures.waiting import LOOK_SECONDS, eventually, pause_after, until


@pytest.mark.parametrize(
    ("check", "every", "pause"),
    [
        (0.0, LOOK_SECONDS, LOOK_SECONDS),
        (0.02, LOOK_SECONDS, LOOK_SECONDS),
        (0.3, LOOK_SECONDS, 1.2),
        (60.0, LOOK_SECONDS, 2.0),
        (0.3, 5.0, 5.0),
    ],
)
def test_the_pause_is_four_times_as_long_as_the_look(check: float, every: float, pause: float) -> None:
    assert pause_after(check, every) == pytest.approx(pause)


class Clock:
    """A clock that only looks and pauses advance. Each look takes half a second."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        patch.setattr(waiting, "time", self)
        patch.setattr("tests.fixtures.waiting.asyncio.sleep", self.rest)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pause."""
        self.pauses.append(seconds)
        self.now += seconds

    async def rest(self, seconds: float) -> None:
        """Pause."""
        self.sleep(seconds)

    def third_look(self) -> bool:
        """Take half a second, and be true at the third time."""
        self.now += 0.5
        return len(self.pauses) == 2


def test_an_expensive_look_is_followed_by_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert until(clock.third_look, 60)
    assert clock.pauses == [2.0, 2.0]


async def test_so_is_that_of_a_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert await eventually(clock.third_look, "it is the third look")
    assert clock.pauses == [2.0, 2.0]


def test_a_wait_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert not until(lambda: clock.third_look() and False, 4)
    assert len(clock.pauses) == 2
