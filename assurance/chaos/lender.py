"""Runs the demo's lender as a second org beside the run's own: every method, with caps, licences and queues.

Windows and rings last seconds, so that they expire all the time. Who may have which lead is as in the directory.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from application.directory.objects import Value
from assurance.demo.directory import lender, officers, opened
from assurance.load import LoadClient, OperationHistory, SimulatedPeople
from assurance.load.offer_reader import Offers
from assurance.load.simulated_people import Leads, QueueWork
from assurance.sample_leads import sample_leads
from models.ids import lead_id
from rules.queues.rule_book import Key
from streams.topics import LEAD_ARRIVALS

ORG: Final = "lender"
WINDOW_SECONDS: Final = 3
LOCK_MINUTES: Final = 0.05
ARRIVALS_PER_SECOND: Final = 6.0
PAUSE_SECONDS: Final = 0.8
"""The pause between two actions of an officer. The run's own reps make the load; the officers exercise the methods."""
MAX_OPEN: Final = 12
"""How many open leads a rep may have while the lender enforces caps. The reps reach it within a minute."""
SAMPLE: Final = 100_000


class Lender:
    """Feeds the lender until `over` is set. Its `people` work the leads they know of and the offers in `offers`.

    `telephone`: rep id -> the SIP address at which the rep is called.
    """

    def __init__(
        self,
        client: LoadClient,
        history: OperationHistory,
        seed: int,
        *,
        telephone: Callable[[str], str] | None = None,
    ) -> None:
        self.over = asyncio.Event()
        self.sent: set[str] = set()
        """The ids of the lender's leads. A rep id alone does not identify the org."""
        self._phones: set[str] = set()
        self._client = client
        self._history = history
        self.offers = Offers(client.settings, is_own=self.sent.__contains__)
        self.people = SimulatedPeople(
            client, Leads(), reps=0, seed=seed, pause_seconds=PAUSE_SECONDS, offers=self.offers
        )
        self.people.reps = officers(directory())
        self.people.managers = ["manager-1", "manager-2"]
        self._telephone = telephone
        self._run = f"lender-{seed}-{time.time_ns():x}"
        self._source = random.Random(f"lender/{seed}")  # noqa: S311  # the same seed, the same feed
        self._capped = seed % 2 == 1
        """Every other seed enforces caps: each accept and claim then asks the org for a place first (M6)."""
        self._sample = sample_leads(SAMPLE, seed, org=ORG)
        self._campaigns = {object_id for kind, object_id in directory() if kind == "campaign"}

    async def publish(self) -> None:
        """Publish the whole directory."""
        for (kind, object_id), value in directory(capped=self._capped).items():
            if kind == "rep" and self._telephone is not None:
                value = {**value, "telephone": self._telephone(object_id)}  # noqa: PLW2901  # the same rep
            await self._client.publish(kind, object_id, value)

    async def run(self) -> None:
        """Send until `over` is set."""
        while not self.over.is_set():
            await self._arrive(self._next())
            with contextlib.suppress(TimeoutError):
                pause = self._source.expovariate(ARRIVALS_PER_SECOND)
                await asyncio.wait_for(self.over.wait(), pause)

    def _next(self) -> dict[str, Any]:
        """Return the next lead. It is of a new person, so that no inquiry changes its history."""
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
        with contextlib.suppress(KafkaError):  # a message that Kafka did not accept was not sent
            await self._client.put(LEAD_ARRIVALS, msgspec.json.encode(message))
        for work in (QueueWork.OFFER,) if distributed else (QueueWork.CLAIM, QueueWork.DECIDE):
            self.people.leads.add(work, lead)


def directory(*, capped: bool = False) -> dict[Key, Value]:
    """Return the directory to publish: the lender, open at any hour and with windows of seconds.

    `capped`: each rep has a cap of open leads, and no claim or assignment exceeds it.

    Its aged leads can only be claimed while they have no owner. A claim may take such a lead from its owner (Q11),
    and a history of owners could not tell that from a lead with two owners.
    """
    objects = opened(lender(), window_seconds=WINDOW_SECONDS, lock_minutes=LOCK_MINUTES)
    aged = objects["queue", "aged"]
    rules = [*aged["exclusion"]["rules"], {"field": "owned", "operator": "=", "value": True}]
    objects[("queue", "aged")] = {**aged, "exclusion": {**aged["exclusion"], "rules": rules}}
    if capped:
        objects[("settings", "settings")] = {**objects["settings", "settings"], "enforce_caps": True}
        for rep_id in officers(objects):
            objects["rep", rep_id] = {**objects["rep", rep_id], "max_open": MAX_OPEN}
    return objects
