"""Runs the steps with which a process starts, each until it succeeds. `/ready` says which one waits, and for what."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError

from models.errors import RetryableError, RuntimeFailure
from streams.kafka_refusals import refusal_of
from streams.readiness import Readiness
from streams.retries import WRITE_CRM
from streams.settings import Settings

_log = structlog.get_logger(__name__)

SLOW_SECONDS: Final = 10.0
"""After so long without an answer, `/ready` names the server that a step asks."""


class StartSteps:
    """The steps of one process. A step that waits for a server is cancelled when `stop` is set."""

    def __init__(self, settings: Settings, readiness: Readiness, stop: asyncio.Event) -> None:
        self._settings = settings
        self._readiness = readiness
        self._stop = stop

    async def succeeds(self, server: str, attempt: Callable[[], Awaitable[Any]]) -> bool:
        """Repeat an attempt until it succeeds. Return False if `stop` was set before.

        `server`: what the attempt asks. Raises `ConfigError` where Kafka refuses the client.
        """
        blocked: set[str] = set()

        def is_blocked(cause: str, reason: str) -> None:
            blocked.add(cause)
            self._readiness.blocked(cause, reason)

        for pause in WRITE_CRM.pauses():
            if self._stop.is_set():
                return False
            try:
                ended = await self._try_once(server, attempt, is_blocked)
            except (RuntimeFailure, KafkaError) as error:
                if (access_error := refusal_of(self._settings, error)) is not None:
                    raise access_error from error
                failure = error if isinstance(error, RuntimeFailure) else RetryableError(server, repr(error))
            else:
                if ended and blocked:
                    self._readiness.cleared(*blocked)
                return ended
            _log.warning("start tried again later", what=failure.what, reason=failure.reason)
            is_blocked(failure.what, failure.reason)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
        raise AssertionError  # the pauses have no end

    async def _try_once(
        self, server: str, attempt: Callable[[], Awaitable[Any]], is_blocked: Callable[[str, str], None]
    ) -> bool:
        """Try once. Return False if `stop` was set meanwhile. Raises what the attempt raises."""
        trying = asyncio.ensure_future(attempt())
        stopping = asyncio.ensure_future(self._stop.wait())
        futures: set[asyncio.Future[Any]] = {trying, stopping}
        try:
            completed, _ = await asyncio.wait(
                futures, timeout=SLOW_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not completed:
                is_blocked(server, f"has not answered for {SLOW_SECONDS:.0f} s")
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if not trying.done():
                return False
            trying.result()
            return True
        finally:
            for pending in futures:
                pending.cancel()
            await asyncio.gather(*futures, return_exceptions=True)
