"""Handles what ends a running stack from outside: ^C, SIGTERM and the closing of the terminal (SIGHUP).

All three have the same effect. The first one ends the stack. Later ones change nothing, so that servers stop cleanly
and accounts are closed.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_FILES: Final = (0, 1, 2)


class Interrupts:
    """While it is entered, the first signal raises KeyboardInterrupt, or calls the function given to `on_first`.

    `nohup` is respected: an ignored SIGHUP stays ignored. Outside the main thread nothing is changed, because Python
    delivers signals only to the main thread.
    """

    def __init__(self) -> None:
        self.came = threading.Event()
        self.hung_up = False
        self._closing = False
        self._first: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_first(self, call: Callable[[], None]) -> None:
        """Call this function from now on instead of raising; call it at once if a signal has already come."""
        self._first = call
        if self.came.is_set():
            call()

    def closing(self) -> None:
        """Mark that the stack is already stopping. Signals no longer have an effect."""
        self._closing = True

    def wait(self) -> None:
        """Wait for the first signal."""
        self.on_first(lambda: None)
        self.came.wait()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.hung_up = True
            _let_go_of_the_terminal()
        first = not self.came.is_set()
        self.came.set()
        if self._closing or not first:
            return
        if self._first is None:
            self._closing = True
            raise KeyboardInterrupt
        self._first()


def _let_go_of_the_terminal() -> None:
    """Redirect the standard files to /dev/null: a write to a closed terminal would fail in the middle of a stop."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in _STANDARD_FILES:
        with contextlib.suppress(OSError):
            if os.isatty(file) or not _is_open(file):
                os.dup2(nowhere, file)
    os.close(nowhere)


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True
