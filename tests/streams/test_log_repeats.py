"""A library that reports the same failure again and again does not fill the log."""

from __future__ import annotations

import io
import logging

from streams.log_repeats import MAX_KINDS, MAX_LINES, SECONDS, RepeatFilter


def logged(*, lines: int, later: bool = False) -> list[str]:
    """Return what is written of so many lines of one kind, and with `later` of one more after the time."""
    now, output = [0.0], io.StringIO()
    handler = logging.StreamHandler(output)
    handler.addFilter(RepeatFilter(lambda: now[0]))
    logger = logging.getLogger("aiokafka.tests")
    logger.propagate = False
    logger.handlers = [handler]
    for n in range(lines):
        logger.error("Group Coordinator Request failed: %s", n)
    if later:
        now[0] = SECONDS
        logger.error("Group Coordinator Request failed: %s", "still")
    logger.error("another one")
    return output.getvalue().splitlines()


def test_lines_of_one_kind_are_written_up_to_a_bound() -> None:
    assert logged(lines=MAX_LINES)[:-1] == [
        f"Group Coordinator Request failed: {n}" for n in range(MAX_LINES)
    ]
    assert len(logged(lines=10 * MAX_LINES)) == MAX_LINES + 1
    assert logged(lines=10 * MAX_LINES)[-1] == "another one"


def test_the_next_line_says_how_many_were_left_out() -> None:
    line = logged(lines=MAX_LINES + 3, later=True)[MAX_LINES]
    assert line == f"Group Coordinator Request failed: still (3 more like this in the {SECONDS:.0f} s before)"


def test_the_kinds_that_are_remembered_are_bounded() -> None:
    repeats = RepeatFilter(lambda: 0.0)
    for n in range(3 * MAX_KINDS):
        assert repeats.filter(logging.LogRecord("aiokafka", logging.ERROR, "", 0, f"kind {n}", (), None))
    assert len(repeats._kinds) <= MAX_KINDS


def test_every_line_of_others_is_written() -> None:
    """One text of asyncio stands for all exceptions that nobody retrieved."""
    repeats = RepeatFilter(lambda: 0.0)
    for _ in range(3 * MAX_LINES):
        record = logging.LogRecord(
            "asyncio", logging.ERROR, "", 0, "Task exception was never retrieved", (), None
        )
        assert repeats.filter(record)
