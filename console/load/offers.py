"""The offers of a run as phones and mail show them: read off `notifications`, withdrawn ones struck out (R2, S1)."""

import asyncio
import contextlib
from collections import OrderedDict
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.closing import stop_consumer
from streams.settings import Settings
from streams.topics import NOTIFICATIONS

TEMPLATES: Final = frozenset({"lead_offered", "ring", "new_lead_button"})
KEPT: Final = 200
"""Offers of one rep that are remembered: what is older has run out."""
AGAIN_SECONDS: Final = 1.0


class Offer(msgspec.Struct, frozen=True):
    """One offer to one rep."""

    rep_id: str
    lead_id: str
    epoch: int
    template: str
    withdrawn: bool = False


_OFFERS: Final = msgspec.json.Decoder(Offer)


class Offers:
    """Follows `notifications` until cancelled; `take` gives a rep the oldest offer it has not answered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, OrderedDict[tuple[str, int], Offer]] = {}
        self.seen = 0

    def take(self, rep_id: str) -> Offer | None:
        """Return a rep's oldest open offer, and do not return it again."""
        mine = self._open.get(rep_id)
        return mine.popitem(last=False)[1] if mine else None

    async def follow(self) -> None:
        """Read from now on, for ever; a broker that is away is waited for."""
        while True:
            with contextlib.suppress(KafkaError, OSError):
                await self._read()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            NOTIFICATIONS,
            **self._settings.aiokafka_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            async for record in consumer:
                self._see(_OFFERS.decode(record.value))
        finally:
            await stop_consumer(consumer)

    def _see(self, offer: Offer) -> None:
        if offer.template not in TEMPLATES:
            return
        mine = self._open.setdefault(offer.rep_id, OrderedDict())
        about = (offer.lead_id, offer.epoch)
        if offer.withdrawn:
            mine.pop(about, None)
            return
        self.seen += about not in mine
        mine[about] = offer
        while len(mine) > KEPT:
            mine.popitem(last=False)
