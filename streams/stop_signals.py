"""Turns SIGTERM and SIGINT into an event, and ends a process that does not end by itself then.

A process that waits for a Kafka or a database that is gone may wait for ever. The supervisor that would kill it may be
gone as well.
"""

import asyncio
import signal
import threading
from functools import partial
from typing import Final

from streams.process_exit import ExitCode, leave

STOP_SECONDS: Final = 28.0
"""How long a process may take to stop. The files in deploy/ kill it after 30 s, and then it cannot say why."""


def stop_event(name: str, seconds: float = STOP_SECONDS) -> asyncio.Event:
    """Return an event that is set by SIGTERM and by SIGINT. Call it in the main thread, in the running loop.

    `seconds` after the first signal the process ends with `ExitCode.SOFTWARE`, if it still runs. The time is measured
    in a thread, because the loop may be blocked. `name`: the process, for the reason.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stop, name, seconds)
    return stop


def _stop(stop: asyncio.Event, name: str, seconds: float) -> None:
    if not stop.is_set():
        reason = f"did not stop in {seconds:.0f} s"
        timer = threading.Timer(seconds, partial(leave, ExitCode.SOFTWARE, name, reason))
        timer.daemon = True  # it keeps no process alive that has ended
        timer.start()
    stop.set()
