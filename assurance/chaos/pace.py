"""Sets how many leads a second a chaos run sends, so that it has the wanted number of events when its time is over."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from models.errors import RetryableError
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import LEAD_LOG

ARRIVALS_PER_SECOND: Final = 20.0
"""The arrivals of a run without a wanted number of events, and of the first seconds of any run."""
MOST_PER_SECOND: Final = 150.0
"""What one process sends beside its other work on a small machine."""
LEAST_PER_SECOND: Final = 1.0
OTHERS_PER_SECOND: Final = 26.0
"""The leads a second that do not follow the pace: those that leave a queue together, inquiries, and the lender's."""
LOOK_SECONDS: Final = 5.0
SPREAD_SECONDS: Final = 30.0
"""What is missing is spread over at least so many seconds, so that no burst ends the run."""
MORE_TIME: Final = 0.25
"""The share of the run's time that may be added until the wanted events are there."""


class Pace:
    """Counts the events in `lead-log`, and adapts the arrivals a second to what is missing.

    `events`: how many there are to be within `seconds`; None keeps `ARRIVALS_PER_SECOND`. `sent`: returns how many
    leads were sent so far. `seen`: the events at the last look; `reached` is set once they are as many as wanted.
    """

    def __init__(
        self, settings: Settings, seconds: float, events: int | None, sent: Callable[[], int] = lambda: 0
    ) -> None:
        self.arrivals_per_second = ARRIVALS_PER_SECOND
        self.seen = 0
        self.reached = asyncio.Event()
        self.sent = sent
        self._settings = settings
        self._seconds = seconds
        self._events = events
        if events is None:
            self.reached.set()

    async def keep(self) -> None:
        """Look again and again, until cancelled. A look while the broker is down is left out."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                ends = await extent(self._settings, LEAD_LOG)
            except RetryableError:
                ends = {}
            if ends:
                self.adapt(sum(end for _, end in ends.values()), loop.time() - began)
            await asyncio.sleep(LOOK_SECONDS)

    def adapt(self, events: int, passed: float) -> None:
        """Take `events` as the number of events after `passed` seconds.

        The run so far says how many events a lead makes. From that follows how many leads are still to be sent. Leads
        that wait behind a fault count as sent, so an outage causes no burst.
        """
        self.seen = max(self.seen, events)
        if self._events is None:
            return
        if self.seen >= self._events:
            self.reached.set()
        sent = self.sent()
        if not sent or not self.seen:
            return
        wanted = self._events * sent / self.seen
        left = max(SPREAD_SECONDS, self._seconds - passed)
        more = (wanted - sent) / left - OTHERS_PER_SECOND
        self.arrivals_per_second = min(MOST_PER_SECOND, max(LEAST_PER_SECOND, more))

    async def until_reached(self) -> None:
        """Wait for the wanted events, for a quarter of the run's time at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds * MORE_TIME):
                await self.reached.wait()
