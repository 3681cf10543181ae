"""Follows each org's requirements for senders in the `directory` topic. Intake needs them before the first message.

`directory` has one partition, and intake on another worker may own it. So each worker reads the topic itself, from the
beginning, without a group.
"""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final

from models.errors import ConfigError, Refused, RetryableError
from rules.inbound.claim_limits import ClaimLimits
from rules.inbound.intake import accept_publication
from rules.inbound.signatures import SignatureChecker
from streams.clients import follow
from streams.process_exit import ExitCode, leave
from streams.settings import Settings
from streams.signing import read_keys
from streams.topics import DIRECTORY

BEGIN_SECONDS: Final = 60.0
"""How long reading the topic may take when a worker starts."""


class SenderTerms:
    """Keeps the signature checker and the limits of claims up to date with the directory, after `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read = asyncio.Event()
        self.authority = SignatureChecker(read_keys(settings), timedelta(seconds=settings.signature_seconds))
        self.claim_limits = ClaimLimits()

    async def start(self) -> asyncio.Task[None]:
        """Read the topic to its end; return the task that follows it. Raises `RetryableError` after `BEGIN_SECONDS`."""
        following = asyncio.create_task(self._follow())
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._read.wait()
        except TimeoutError as error:
            following.cancel()
            reason = f"{DIRECTORY} could not be read in {BEGIN_SECONDS:.0f} s"
            raise RetryableError("Kafka", reason) from error
        return following

    async def _follow(self) -> None:
        """Follow until cancelled. A failure ends the worker: with old terms it would accept forbidden messages."""
        try:
            async with aclosing(follow(self._settings, DIRECTORY)) as batches:
                async for batch in batches:
                    for record in batch.records:
                        self._take(record)
                    if batch.caught_up:
                        self._read.set()
        except ConfigError as config_error:
            leave(ExitCode.CONFIG, config_error.field, config_error.reason)
        except Exception as error:  # noqa: BLE001  # after any error the terms would become outdated
            leave(ExitCode.SOFTWARE, "sender terms", repr(error))

    def _take(self, record: Any) -> None:
        try:
            event = accept_publication(record.key, record.value, dict(record.headers), version=record.offset)
        except Refused:
            return  # intake has written it to the dead letters, and the previous publication stays valid
        self.authority.publish(event)
        self.claim_limits.publish(event)
