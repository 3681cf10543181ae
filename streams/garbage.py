"""When a process searches its objects for garbage: hardly while it imports, and later only among what came afterwards.

What a process imports, it keeps: 350,000 objects in the console. With Python's threshold of 700 new objects it searches
them again and again while it starts, for a sixth of its start, and in each later search of everything for a tenth of a
second.
"""

import gc
from typing import Final

Thresholds = tuple[int, int, int]
IMPORTING: Final[Thresholds] = (400_000, 10, 10)
"""No process of ours imports more objects. Commands keep these thresholds until they end: so many objects in cycles may
wait for a search. Objects without cycles do not wait."""
RUNNING: Final[Thresholds] = (10_000, 10, 10)


def expect_imports() -> None:
    """Search hardly from now on. A program that has thresholds of its own keeps them."""
    if gc.get_threshold()[0] < RUNNING[0]:
        gc.set_threshold(*IMPORTING)


def keep_imports(thresholds: Thresholds = RUNNING) -> None:
    """Leave all present objects out of later searches, and search from now on by these thresholds."""
    gc.freeze()
    gc.set_threshold(*thresholds)
