"""Sends the input of a chaos run: leads of two vendors, repeats, known people, new rules and poison."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from assurance.chaos import vendor_producers
from assurance.chaos.pace import ArrivalPace
from assurance.chaos.poison import Poison
from assurance.load import LoadClient, OperationHistory, SimulatedPeople
from assurance.load.simulated_people import Leads, QueueWork
from models.ids import lead_id
from streams.topics import DO_NOT_CONTACT, LEAD_ARRIVALS

POISON_SECONDS: Final = 0.4
TRANSACTION_SECONDS: Final = 2.0
"""About how often poison is sent in a transaction."""
KNOWN_SECONDS: Final = 0.25
"""About how often a known person inquires through another vendor (R6)."""
LIST_SECONDS: Final = 0.5
"""About how often somebody is put on the do-not-contact list, or taken off it (X6)."""
REMEMBERED: Final = 400
"""How many of the most recent people may inquire again."""
PUBLISH_SECONDS: Final = 3.0
WAVE_SECONDS: Final = 15.0
WAVE_LEADS: Final = 250
"""How many leads leave a queue at the same instant. Their deadlines are due together."""
MINUTE: Final = 60.0

SETTINGS: Final = {"lock_minutes": 0.05, "auto_claim_on_timed_callback": True}
LOCK_SECONDS: Final = 3.0

PURPOSES: Final = {
    QueueWork.CLAIM: "purchase",
    QueueWork.OPEN: "refinance",
    QueueWork.DECIDE: "construction",
    QueueWork.OFFER: "cash_out",
}
LEAVE_SECONDS: Final = 12.0
"""About how often a rep is deactivated and activated again (X2)."""
LEAVER: Final = "rep-16"
FIRST: Final = "rep-1"
"""The only rep on the roster of `first`. The owner of its leads is known beforehand, as a history of owners requires
(R1)."""
ROSTER: Final = 5
"""How many reps take turns."""
GROUPS: Final[dict[str, dict[str, Any]]] = {
    "turns": {"method": "round_robin", "claim_window_seconds": 2},
    "weighted": {"method": "round_robin", "claim_window_seconds": 3},
    "ring": {"method": "ring_all", "ring_seconds": 3},
    "button": {"method": "distribute_all", "ring_seconds": 2},
    "first": {"method": "roster"},
}
"""The groups, one for each campaign. They cover every method, with windows that expire all the time."""


class TrafficFeed:
    """Feeds a stack until `over` is set. Counts what it sent. `leads`: the leads that people may work.

    `pace`: says how many leads arrive a second.
    """

    def __init__(self, client: LoadClient, history: OperationHistory, seed: int, pace: ArrivalPace) -> None:
        self.leads = Leads()
        self.over = asyncio.Event()
        self.duplicates = 0
        self.inquiries = 0
        self._people: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._client = client
        self._pace = pace
        self._history = history
        self._source = random.Random(f"feed/{seed}")  # noqa: S311  # the same seed, the same feed
        self._run = f"{seed}-{time.time_ns():x}"
        self._sent = 0
        # Most vendors use librdkafka's default partitioner, which is not Java's.
        self._vendor = vendor_producers.producer(client.settings)
        self._poison = Poison(client, random.Random(f"poison/{seed}"))  # noqa: S311  # likewise
        self._leaver: dict[str, Any] | None = None

    @property
    def sent(self) -> int:
        """How many leads and inquiries were sent, repeats not counted."""
        return self._sent + self.inquiries

    async def publish(self, people: SimulatedPeople) -> None:
        """Publish the org's initial directory."""
        await self._client.publish("settings", "settings", SETTINGS)
        for kind, object_id, value in people.objects():
            await self._client.publish(kind, object_id, value)
        self._leaver = next((value for _, rep_id, value in people.objects() if rep_id == LEAVER), None)
        for group_id, value in GROUPS.items():
            await self._client.publish(
                "group", group_id, {**value, "members": self._members(group_id, people)}
            )
            campaign = {"group_id": group_id, "description": f"by {value['method']}"}
            await self._client.publish("campaign", group_id, campaign)
        for queue_id, value in self._queues():
            await self._client.publish("queue", queue_id, value)

    def _members(self, group_id: str, people: SimulatedPeople) -> list[dict[str, Any]]:
        """Return a roster: everybody for a ring, few for turns, so that a round of windows ends within seconds."""
        if group_id == "first":
            return [{"rep_id": FIRST}]
        turns = group_id in {"turns", "weighted"}
        reps = self._source.sample(people.reps, ROSTER if turns else len(people.reps))
        weighted = group_id == "weighted"
        return [{"rep_id": rep_id, "weight": 1 + n % 3 if weighted else 1} for n, rep_id in enumerate(reps)]

    async def run(self) -> None:
        """Send until `over` is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrivals())
            group.create_task(self._send_simultaneous_leavers())
            group.create_task(self._repeat_every(POISON_SECONDS, self._poison.send))
            group.create_task(self._repeat_every(TRANSACTION_SECONDS, self._poison.transact))
            group.create_task(self._repeat_every(KNOWN_SECONDS, self._inquire))
            group.create_task(self._repeat_every(LIST_SECONDS, self._list))
            group.create_task(self._repeat_every(PUBLISH_SECONDS, self._publish_again))
            group.create_task(self._repeat_every(LEAVE_SECONDS, self._leave))
        await asyncio.to_thread(self._vendor.flush, 60)
        await self._poison.close()

    # -- leads ---------------------------------------------------------------------------------------------------

    async def _arrivals(self) -> None:
        while not self.over.is_set():
            work = self._source.choices(list(QueueWork), [5, 4, 2, 6])[0]
            seconds_left = self._source.uniform(2, 30)
            await self._arrive(work, created=MINUTE - seconds_left)
            self._vendor.poll(0)
            await asyncio.sleep(self._source.expovariate(self._pace.arrivals_per_second))

    async def _send_simultaneous_leavers(self) -> None:
        """Send many leads that leave `fresh` for `aging` at one instant."""
        while not self.over.is_set():
            leaves = datetime.now(UTC) + timedelta(seconds=self._source.uniform(4, 12))
            for _ in range(WAVE_LEADS):
                await self._arrive(QueueWork.CLAIM, at=leaves - timedelta(seconds=MINUTE))
            await self._pause(WAVE_SECONDS)

    async def _arrive(self, work: QueueWork, *, created: float = 0.0, at: datetime | None = None) -> None:
        """Send one lead by one of two clients, some of them twice, some with an owner (R5)."""
        self._sent += 1
        n, source = self._sent, self._source
        created_at = at or datetime.now(UTC) - timedelta(seconds=created)
        message: dict[str, Any] = {
            "vendor": ("acme", "globex")[n % 2],
            "external_id": f"{self._run}-{n}",
            "first_name": "Jeremy",
            "last_name": f"Jones {n}",
            "phone": f"(401) {419 + n // 10_000}-{n % 10_000:04d}",  # unique for each lead
            "state": source.choice(("RI", "MA", "CT", "NY")),
            "loan_purpose": PURPOSES[work],
            "loan_amount": source.randrange(100_000, 900_000, 1_000),
            "created_at": created_at.isoformat(),
        }
        lead = lead_id("default", message["vendor"], message["external_id"], message)
        if work is QueueWork.OFFER:
            message["campaign"] = source.choice(list(GROUPS))
            self._history.offered.add(lead)
            if message["campaign"] == "first":
                self._history.arrived(lead, FIRST, time.monotonic())
            self._people.append(message)
        elif work is QueueWork.OPEN and n % 20 == 0:
            message["assigned_to"] = f"rep-{1 + n % 4}"
            self._history.arrived(lead, message["assigned_to"], time.monotonic())
        is_repeated = source.random() < 0.1  # noqa: PLR2004  # every tenth message is sent twice
        self.duplicates += is_repeated
        for _ in range(1 + is_repeated):
            if n % 2:
                self._produce(msgspec.json.encode(message), message["external_id"])
            else:
                # Do not wait: while the broker is down, leads queue up here, as they would at a vendor's.
                await self._put(LEAD_ARRIVALS, msgspec.json.encode(message))
        self.leads.add(work, lead)

    async def _inquire(self) -> None:
        """Send a known person once more, through another vendor and maybe another campaign (R6)."""
        if not self._people:
            return
        person = self._source.choice(self._people)
        self.inquiries += 1
        message = {
            **person,
            "vendor": "initech",
            "external_id": f"{person['external_id']}/{self.inquiries}",
            "campaign": self._source.choice([group_id for group_id in GROUPS if group_id != "first"]),
        }
        # This arrival may overtake the earlier one. Then this one is the lead, and the other is the inquiry.
        lead = lead_id("default", message["vendor"], message["external_id"], message)
        self._history.offered.add(lead)
        if person["campaign"] == "first":
            self._history.arrived(lead, FIRST, time.monotonic())
        await self._put(LEAD_ARRIVALS, msgspec.json.encode(message))

    async def _list(self) -> None:
        """Put a person whose lead was sent on the do-not-contact list, or take one off it (X6)."""
        if not self._people:
            return
        person = self._source.choice(self._people)
        is_removed = self._source.random() < 0.3  # noqa: PLR2004  # three in ten are taken off again
        value = None if is_removed else b'{"reason": "asked us by mail"}'
        await self._put(DO_NOT_CONTACT, value, key=f"default/phone/{person['phone']}".encode())

    def _produce(self, value: bytes, key: str) -> None:
        try:
            self._vendor.produce(LEAD_ARRIVALS, key=key, value=value)
        except BufferError:
            self._vendor.poll(0.01)
            self._vendor.produce(LEAD_ARRIVALS, key=key, value=value)

    # -- rules ------------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        """Deactivate a rep, and activate it again a moment later (X2)."""
        if self._leaver is None:
            return
        self._history.left(LEAVER, time.monotonic())
        await self._client.publish("rep", LEAVER, {**self._leaver, "active": False})
        await self._pause(self._source.uniform(1, 3))
        await self._client.publish("rep", LEAVER, self._leaver)

    async def _publish_again(self) -> None:
        """Publish a queue in another form, or remove it for a while (Q6)."""
        queue_id, value = self._source.choice(self._queues())
        is_removed = queue_id == "again" and self._source.random() < 0.2  # noqa: PLR2004  # one time in five
        await self._client.publish("queue", queue_id, None if is_removed else value)

    def _queues(self) -> list[tuple[str, dict[str, Any]]]:
        source = self._source
        unowned = {"field": "owned", "operator": "=", "value": False}
        minute = {"amount": 1, "unit": "minute"}
        columns = source.sample(["state", "loan_amount", "created_at", "credit_score"], 2)
        return [
            (
                "fresh",
                _queue(
                    [_matches(QueueWork.CLAIM), unowned, _date("inLast", minute)], columns, claimable=True
                ),
            ),
            (
                "aging",
                _queue(
                    [_matches(QueueWork.CLAIM), unowned, _date("notInLast", minute)], columns, claimable=True
                ),
            ),
            (
                "old",
                _queue(
                    [_matches(QueueWork.OPEN), _date("notInLast", {"amount": 2, "unit": "minute"})], columns
                ),
            ),
            (
                "work",
                _queue(
                    [_matches(QueueWork.OPEN)],
                    columns,
                    sort={"field": "last_contacted_at", "direction": "asc"},
                ),
            ),
            (
                "again",
                _queue(
                    [_matches(QueueWork.DECIDE), _is_above(source.randrange(300_000, 900_000, 50_000))],
                    columns,
                ),
            ),
        ]

    async def _put(self, topic: str, value: bytes | None, **more: Any) -> None:
        with contextlib.suppress(KafkaError):  # a message that Kafka did not accept was not sent
            await self._client.put(topic, value, **more)

    async def _repeat_every(self, seconds: float, do: Callable[[], Any]) -> None:
        while not self.over.is_set():
            await do()
            await self._pause(self._source.uniform(0.5, 1.5) * seconds)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)


def _matches(work: QueueWork) -> dict[str, Any]:
    return {"field": "loan_purpose", "operator": "=", "value": PURPOSES[work]}


def _date(operator: str, amount: dict[str, Any]) -> dict[str, Any]:
    return {"field": "created_at", "operator": operator, "value": amount}


def _is_above(amount: int) -> dict[str, Any]:
    return {"field": "loan_amount", "operator": ">=", "value": amount}


def _queue(rules: list[dict[str, Any]], columns: list[str], **more: Any) -> dict[str, Any]:
    return {"columns": columns, "inclusion": {"combinator": "and", "rules": rules}, **more}
