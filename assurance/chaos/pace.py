"""Sets how many leads a second a chaos run sends, so that it has the wanted number of events when its time is over."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiokafka.errors import KafkaError

from application.lag import Lags
from models.errors import FirstclaimError
from streams.settings import Settings
from streams.topics import LEAD_LOG

ARRIVALS_PER_SECOND: Final = 20.0
"""The arrivals of a run without a wanted number of events, and of the first seconds of any run."""
MAX_PER_SECOND: Final = 150.0
"""What one process sends beside its other work on a small machine."""
MIN_PER_SECOND: Final = 1.0
OTHERS_PER_SECOND: Final = 26.0
"""The leads a second that do not follow the pace: those that leave a queue together, inquiries, and the lender's."""
LOOK_SECONDS: Final = 5.0
SPREAD_SECONDS: Final = 30.0
"""What is missing is spread over at least so many seconds, so that no burst ends the run."""
MAX_BEHIND: Final = 20_000
"""While a worker has more records before it, hardly any leads are sent: it shall be tried by faults, not by a load that
this machine cannot carry beside its other work."""
MORE_TIME: Final = 0.25
"""The share of the run's time that may be added until the wanted events are there."""


class ArrivalPace:
    """Counts the events in `lead-log`, and adapts the arrivals a second to what is missing.

    `events`: how many there are to be within `seconds`; None keeps `ARRIVALS_PER_SECOND`. `sent`: returns how many
    leads were sent so far. `seen`: the events at the last look; `reached` is set once they are as many as wanted.
    `behind`: the records that the workers had not decided at the last look.
    """

    def __init__(
        self, settings: Settings, seconds: float, events: int | None, sent: Callable[[], int] = lambda: 0
    ) -> None:
        self.arrivals_per_second = ARRIVALS_PER_SECOND
        self.seen = self.behind = 0
        self.reached = asyncio.Event()
        self.sent = sent
        self._settings = settings
        self._seconds = seconds
        self._events = events
        if events is None:
            self.reached.set()

    async def keep(self) -> None:
        """Look again and again, until cancelled. A look while a server is down is left out."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            with contextlib.suppress(KafkaError, FirstclaimError, OSError):
                events, behind = await _events_and_lag(self._settings)
                self.adapt(events, loop.time() - began, behind)
            await asyncio.sleep(LOOK_SECONDS)

    def adapt(self, events: int, passed: float, behind: int = 0) -> None:
        """Take `events` as the number of events after `passed` seconds, and `behind` as the workers' lag in records.

        The run so far says how many events a lead makes. From that follows how many leads are still to be sent. Leads
        that wait behind a fault count as sent, so an outage causes no burst.
        """
        self.seen, self.behind = max(self.seen, events), behind
        if self._events is None:
            return
        if self.seen >= self._events:
            self.reached.set()
        sent = self.sent()
        if not sent or not self.seen:
            return
        target = self._events * sent / self.seen
        seconds_left = max(SPREAD_SECONDS, self._seconds - passed)
        more = (target - sent) / seconds_left - OTHERS_PER_SECOND
        most = MIN_PER_SECOND if behind > MAX_BEHIND else MAX_PER_SECOND
        self.arrivals_per_second = min(most, max(MIN_PER_SECOND, more))

    async def until_reached(self) -> None:
        """Wait for the wanted events, for a quarter of the run's time at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds * MORE_TIME):
                await self.reached.wait()


async def _events_and_lag(settings: Settings) -> tuple[int, int]:
    """Return the number of events in `lead-log`, and how many records of all their topics the workers have not decided.

    Raises KafkaError where Kafka does not answer.
    """
    lags = Lags(settings)
    try:
        await lags.start()
        ends = await lags.ends(LEAD_LOG)
        behind = await lags.of_stages()
    finally:
        await lags.close()
    return sum(ends.values()), sum(behind.get(stage, 0) for stage in ("intake", "leads", "orgs"))
