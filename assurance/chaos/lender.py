"""The whole of the demo's lender, as an org of its own beside the run's: every method, its caps, licences and queues.

Windows and rings last seconds, so that they run out all the time; who may have what is as the directory says.
"""

import asyncio
import contextlib
import random
import time
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from application.directory.objects import Value
from assurance.demo.directory import lender, officers, opened
from assurance.load import LoadClient, OperationHistory, People
from assurance.load.offers import Offers
from assurance.load.people import Leads, Work
from assurance.sample_leads import sample_leads
from models.ids import lead_id
from rules.queues.rule_book import Key
from streams.topics import LEAD_ARRIVALS

ORG: Final = "lender"
WINDOW_SECONDS: Final = 3
LOCK_MINUTES: Final = 0.05
ARRIVALS_PER_SECOND: Final = 6.0
PAUSE_SECONDS: Final = 0.8
"""Between two actions of one of the many officers: the run's own reps are the load, these see to the methods."""
SAMPLE: Final = 100_000


class Lender:
    """Feeds the lender until `over` is set; its `people` work what they know of and what `offers` brings them."""

    def __init__(self, client: LoadClient, history: OperationHistory, seed: int) -> None:
        self.over = asyncio.Event()
        self.sent: set[str] = set()
        """The ids of its leads; a rep's id alone does not say whose rep it is."""
        self._phones: set[str] = set()
        self._client = client
        self._history = history
        self.offers = Offers(client.settings, mine=self.sent.__contains__)
        self.people = People(
            client, Leads(), reps=0, seed=seed, pause_seconds=PAUSE_SECONDS, offers=self.offers
        )
        self.people.reps = officers(directory())
        self.people.managers = ["manager-1", "manager-2"]
        self._run = f"lender-{seed}-{time.time_ns():x}"
        self._source = random.Random(f"lender/{seed}")  # noqa: S311  # the same seed, the same feed
        self._sample = sample_leads(SAMPLE, seed, org=ORG)
        self._campaigns = {object_id for kind, object_id in directory() if kind == "campaign"}

    async def publish(self) -> None:
        """Publish all of it."""
        for (kind, object_id), value in directory().items():
            await self._client.publish(kind, object_id, value)

    async def run(self) -> None:
        """Send until `over` is set."""
        while not self.over.is_set():
            await self._arrive(self._next())
            with contextlib.suppress(TimeoutError):
                pause = self._source.expovariate(ARRIVALS_PER_SECOND)
                await asyncio.wait_for(self.over.wait(), pause)

    def _next(self) -> dict[str, Any]:
        """Return the next lead of somebody who has not come before: what people see of it is the lead's own history."""
        while True:
            message = next(self._sample)
            phone = "".join(filter(str.isdigit, message["phone"]))[-10:]
            if phone not in self._phones:
                self._phones.add(phone)
                return {**message, "email": f"{len(self.sent)}.{message['email']}"}

    async def _arrive(self, message: dict[str, Any]) -> None:
        message = {**message, "external_id": f"{self._run}-{len(self.sent)}"}
        lead = lead_id(ORG, message["vendor"], message["external_id"], message)
        self.sent.add(lead)
        distributed = message["campaign"] in self._campaigns - {"winback"}
        if distributed:
            self._history.offered.add(lead)
        with contextlib.suppress(KafkaError):  # what did not get in was not sent
            await self._client.put(LEAD_ARRIVALS, msgspec.json.encode(message))
        for work in (Work.OFFER,) if distributed else (Work.CLAIM, Work.DECIDE):
            self.people.leads.add(work, lead)


def directory() -> dict[Key, Value]:
    """Return what is published: the lender with its doors open and windows of seconds.

    Its aged leads are claimed from nobody: an owner may lose such a lead to a claim (Q11), and no history of owners
    could tell that from a lead with two.
    """
    found = opened(lender(), window_seconds=WINDOW_SECONDS, lock_minutes=LOCK_MINUTES)
    aged = found["queue", "aged"]
    rules = [*aged["exclusion"]["rules"], {"field": "owned", "operator": "=", "value": True}]
    return found | {("queue", "aged"): {**aged, "exclusion": {**aged["exclusion"], "rules": rules}}}
