"""Keeps a library from filling the log while a server is away: aiokafka reports ten failed tries a second."""

import logging
import time
from collections.abc import Callable
from typing import Final

MAX_LINES: Final = 20
"""How many lines of one kind are written in `SECONDS`. The next one after that says how many were left out."""
SECONDS: Final = 60.0
MAX_KINDS: Final = 500
"""How many kinds of lines are counted. When there are more, all are counted anew."""


class RepeatFilter(logging.Filter):
    """Leaves out lines of aiokafka with the same text, before its values are filled in, that come too often.

    Lines of others are written: their text may stand for different faults.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}
        """Kind -> when its count began, and the count."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is written. Two threads at once may lose a count, which does no harm."""
        if not record.name.startswith("aiokafka"):
            return True
        kind, now = (record.name, str(record.msg)), self._clock()
        began, count = self._kinds.get(kind, (now, 0))
        if now - began >= SECONDS:
            left_out = count - MAX_LINES
            if left_out > 0:
                record.msg = f"{record.msg} ({left_out} more like this in the {now - began:.0f} s before)"
            began, count = now, 0
        elif len(self._kinds) >= MAX_KINDS and kind not in self._kinds:
            self._kinds.clear()
        self._kinds[kind] = (began, count + 1)
        return count < MAX_LINES
