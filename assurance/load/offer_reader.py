"""Reads the offers of a run from `notifications`, as phones and mail show them, without withdrawn ones (R2, S1)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec

from streams.clients import follow
from streams.settings import Settings
from streams.topics import NOTIFICATIONS

TEMPLATES: Final = frozenset({"lead_offered", "ring", "new_lead_button"})
KEPT: Final = 200
"""How many offers of one rep are kept. Older ones have expired."""


class OfferContent(msgspec.Struct, frozen=True):
    """The content of an offer."""

    group_id: str | None = None


class ReceivedOffer(msgspec.Struct, frozen=True):
    """One offer to one rep."""

    rep_id: str
    lead_id: str
    epoch: int
    template: str
    withdrawn: bool = False
    data: OfferContent = OfferContent()


_OFFERS: Final = msgspec.json.Decoder(ReceivedOffer)


class Offers:
    """Follows `notifications` until cancelled. `take` gives a rep the oldest offer it has not answered.

    `capacity`: how many offers of one rep are kept. `is_own`: tells by a lead's id whether it is of these reps' org.
    """

    def __init__(
        self, settings: Settings, *, capacity: int = KEPT, is_own: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.following = asyncio.Event()
        """Set once no further offer can be missed."""
        self._settings = settings
        self._capacity = capacity
        self._is_own = is_own
        self._open: dict[str, OrderedDict[tuple[str, int], ReceivedOffer]] = {}
        self.made: Counter[str] = Counter()
        """The number of offers by template."""

    @property
    def seen(self) -> int:
        """How many offers were made, counted once for every rep they were made to."""
        return self.made.total()

    def take(self, rep_id: str) -> ReceivedOffer | None:
        """Return a rep's oldest open offer, and remove it."""
        open_offers = self._open.get(rep_id)
        return open_offers.popitem(last=False)[1] if open_offers else None

    async def follow(self) -> None:
        """Read from now on until cancelled. Waits for a broker that is unreachable, and misses nothing meanwhile."""
        async with aclosing(follow(self._settings, NOTIFICATIONS, from_end=True)) as batches:
            async for batch in batches:
                self.following.set()
                for record in batch.records:
                    self._note(_OFFERS.decode(record.value))

    def _note(self, offer: ReceivedOffer) -> None:
        if offer.template not in TEMPLATES or not self._is_own(offer.lead_id):
            return
        open_offers = self._open.setdefault(offer.rep_id, OrderedDict())
        about = (offer.lead_id, offer.epoch)
        if offer.withdrawn:
            open_offers.pop(about, None)
            return
        self.made[offer.template] += about not in open_offers
        open_offers[about] = offer
        while len(open_offers) > self._capacity:
            open_offers.popitem(last=False)
