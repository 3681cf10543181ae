"""Runs the telephones of a chaos run: a real Asterisk, and a SIP telephone for each of the lender's reps (N4)."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from assurance.verify.calls import open_legs
from runtime.asterisk import AsteriskServer, espeak_command
from runtime.sip_phones import Behaviour, SipPhones
from streams.settings import Settings

BEHAVIOURS: Final[tuple[Behaviour, ...]] = ("rings", "rings", "busy", "listens", "hangs_up")
"""What a telephone does with a call, each as likely. A rep who hangs up declines; nobody presses a key."""
ENDED_SECONDS: Final = 90.0
"""How long the last legs may take to end: longer than any ring, words and wait of the run."""
LOOK_SECONDS: Final = 1.0


@dataclass
class Telephones:
    """A running Asterisk and its telephones. `rang`: how many calls came."""

    asterisk: AsteriskServer
    phones: SipPhones
    rang: int = field(default=0)

    def environment(self) -> dict[str, str]:
        """Return the telephone courier's settings."""
        return {
            "FIRSTCLAIM_TELEPHONE_ARI_URL": self.asterisk.address,
            "FIRSTCLAIM_TELEPHONE_PASSWORD": self.asterisk.password,
            "FIRSTCLAIM_TELEPHONE_ESPEAK": espeak_command(),
            "FIRSTCLAIM_TELEPHONE_LATE_SECONDS": "1",
            "FIRSTCLAIM_TELEPHONE_DIGIT_SECONDS": "1",
        }

    async def unended(self, settings: Settings) -> int:
        """Wait until every leg has ended, and return how many have not. Raises RetryableError."""
        give_up = time.monotonic() + ENDED_SECONDS
        while (count := len(await open_legs(settings))) and time.monotonic() < give_up:  # noqa: ASYNC110  # a topic has no event
            await asyncio.sleep(LOOK_SECONDS)
        return count


@asynccontextmanager
async def telephones(folder: Path, seed: int) -> AsyncIterator[Telephones]:
    """Yield them, and end them afterwards. Raises ConfigError where Asterisk cannot be had."""
    source = random.Random(f"telephones/{seed}")  # noqa: S311  # the same seed, the same behaviour
    asterisk = AsteriskServer(folder / "asterisk")
    telephony = Telephones(asterisk, SipPhones(lambda _: source.choice(BEHAVIOURS)))

    def rings(_user: str, _at: float) -> None:
        telephony.rang += 1

    telephony.phones.on_ring = rings
    await asyncio.to_thread(asterisk.start)
    await telephony.phones.start()
    try:
        yield telephony
    finally:
        telephony.phones.stop()
        await asyncio.to_thread(asterisk.stop)
