"""Measures the lag of each stage. One sampler per process serves all open pages."""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from application.lag import Lags
from models.errors import FirstclaimError
from streams.settings import Settings
from streams.topics import DIRECTORY
from web.live.hub import Hub, OpenPage

log = structlog.get_logger(__name__)

SAMPLE_SECONDS: Final = 2.0
KEPT: Final = 900
"""How many samples are kept: half an hour of them."""
OPERATIONS: Final = "operations"
"""The name that pages watch, and the name of the event they get."""
READABLE: Final = frozenset({DIRECTORY})
"""What the console may read of the topics that stages read (`firstclaim acls`). Only publications are transactions."""
_FAILURES: Final = (KafkaError, OSError, FirstclaimError, SQLAlchemyError)


class MeasuredLag(msgspec.Struct, frozen=True):
    """The number of records not yet handled, by stage, at an instant."""

    at: datetime
    lag: dict[str, int]


class Sampler:
    """Holds the newest samples. Run `follow`. Pages that watch get each new sample."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self._settings, self._hub = settings, hub
        self.samples: deque[MeasuredLag] = deque(maxlen=KEPT)

    async def follow(self) -> None:
        """Sample until cancelled. While Kafka or the database is away there are no samples; the plot shows a gap."""
        while True:
            try:
                await self._follow()
            except _FAILURES as error:
                log.info("lags are asked again", reason=repr(error))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _follow(self) -> None:
        lags = Lags(self._settings, readable=READABLE)
        try:
            await lags.start()
            while True:
                sample = MeasuredLag(datetime.now(UTC), await lags.of_stages())
                self.samples.append(sample)
                self._hub.tell_all(OPERATIONS, sample, _watches)
                await asyncio.sleep(SAMPLE_SECONDS)
        finally:
            with suppress(*_FAILURES):
                await lags.close()


def _watches(page: OpenPage) -> bool:
    return OPERATIONS in page.watches
