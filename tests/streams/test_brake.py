"""The brake counts the records that our own code cannot decide within a window. Above the limit it ends the process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

import pytest

from streams.brake import Brake

if TYPE_CHECKING:
    from streams.process_exit import ExitCode

MESSAGE = SimpleNamespace(topic="lead-log", partition=2, offset=17)


class Ended(Exception):  # noqa: N818  # it describes what happened
    """The process would have ended."""


class Clock:
    """A clock that is set by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def end(code: ExitCode, field: str, reason: str) -> NoReturn:
    raise Ended(code, field, reason)


def make(most: int = 3) -> tuple[Brake, Clock]:
    clock = Clock()
    return Brake(most, 60.0, clock=clock, end=end), clock


def test_as_many_as_are_allowed_go_by_and_one_more_ends_the_process() -> None:
    brake, clock = make()
    for _ in range(3):
        brake.failed("leads", "KeyError('x')", MESSAGE)
        clock.now += 1
    with pytest.raises(Ended) as ended:
        brake.failed("leads", "KeyError('x')", MESSAGE)
    code, field, reason = ended.value.args
    assert (code, field) == (79, "leads")
    assert "3 records could not be decided within 60 s" in reason
    assert "lead-log-2@17: KeyError('x')" in reason
    assert brake.recent == 3


def test_what_is_older_than_the_window_is_forgotten() -> None:
    brake, clock = make()
    for _ in range(30):
        brake.failed("leads", "KeyError('x')", MESSAGE)
        clock.now += 20.0
    assert brake.recent == 2


def test_earlier_lives_count_and_clocks_that_are_far_ahead_do_not() -> None:
    brake, clock = make()
    brake.remember([clock.now - 61, clock.now - 59, clock.now - 1, clock.now + 5, clock.now + 86_400])
    assert brake.recent == 3
    with pytest.raises(Ended):
        brake.failed("relay", "KeyError('x')", MESSAGE)
    clock.now += 1.5
    assert brake.recent == 2
    brake.failed("relay", "KeyError('x')", MESSAGE)


def test_a_limit_of_nothing_ends_at_the_first() -> None:
    brake, _ = make(0)
    with pytest.raises(Ended):
        brake.failed("sink", "KeyError('x')", MESSAGE)
