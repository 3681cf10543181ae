"""Erases persons while leads come in and workers are killed, then searches topics, tables, keys and files for them."""

import asyncio
import itertools
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from application.directory.publish import publish
from application.erasure.erase import erase, purge
from application.erasure.receipts import read_receipts
from application.erasure.request import person_of
from application.journal_snapshot import until_known
from assurance.chaos.own_stack import own_stack
from assurance.chaos.supervised_processes import SupervisedProcesses
from assurance.erasure_people import ADMIN, ORG, directory, lead_of, nth_person
from assurance.erasure_search import MARK, search_database, search_files, search_topics, search_valkey
from assurance.load import LoadClient
from assurance.verify import verify
from models.errors import RetryableError
from runtime.own_folder import own_folder
from streams import clients
from streams.patches.topic_admin import TopicAdmin
from streams.settings import Settings
from streams.topics import DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS, TOPICS

BATCH: Final = 100
KILL_SECONDS: Final = 4.0
BYSTANDER_SECONDS: Final = 0.05
SETTLE_SECONDS: Final = 150.0
ARRIVED_SECONDS: Final = 180.0
CLEAN_SECONDS: Final = 300.0
"""How long compaction and the deletion of segments may take, with the broker's intervals below."""
BROKER: Final = {
    "log.retention.check.interval.ms": 1_000,
    "log.segment.delete.delay.ms": 500,
    "log.cleaner.backoff.ms": 500,
    "log.initial.task.delay.ms": 500,
    "log.index.size.max.bytes": 102_400,
}
"""A broker looks for what it may delete every five minutes; here every second. It also gives each active segment two
index files of 10 MB, which is more than a gigabyte for the search to read; here they are small."""
ROLL: Final = {"segment.ms": "1000"}
"""The config of a log. What is deleted stays in the file of the active segment until that one rolls."""
FAST: Final = {
    **ROLL,
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "delete.retention.ms": "0",
}
"""The configs that make compaction remove at once what it removes within a week otherwise (docs/erasure.md)."""

Say = Callable[[str], None]


async def run_erasure(*, persons: int, workers: int, say: Say) -> dict[str, Any]:
    """Run the whole and return {ok, persons, kills, receipts, left, verify, …}. `left`: what the search found."""
    with own_folder("erase") as folder:
        async with own_stack(folder, broker=BROKER) as (_, settings):
            victims = SupervisedProcesses(settings, workers, say)
            try:
                await victims.start()
                return await _Run(settings, victims, persons, folder, say).run()
            finally:
                await victims.stop()


class _Run:
    def __init__(
        self, settings: Settings, victims: SupervisedProcesses, persons: int, folder: Path, say: Say
    ) -> None:
        self._settings, self._victims, self._folder, self._say = settings, victims, folder, say
        self._people = [nth_person(n) for n in range(persons)]
        self._bystanders = itertools.count()
        self._sent = 0
        self._returned = 0

    async def run(self) -> dict[str, Any]:
        """Send, erase, settle, clean, search and verify."""
        settings, say, began = self._settings, self._say, time.monotonic()
        objects = directory()
        await publish(settings, ORG, objects)
        await until_known(settings, ORG, objects, ARRIVED_SECONDS)
        async with LoadClient(settings, org=ORG) as client:
            await self._arrive(client)
            say(f"{len(self._people)} persons have arrived, with resends, inquiries, notes and dead letters")
            before = await asyncio.to_thread(self._search)
            going = [asyncio.create_task(self._send_bystanders(client)), asyncio.create_task(self._kill())]
            try:
                erased = await self._erase(client)
            finally:
                for task in going:
                    task.cancel()
                await asyncio.gather(*going, return_exceptions=True)
            await self._victims.ready()
            say(f"{erased} leads erased; {self._kills} kills; logs are deleted and compacted now")
            remaining = await self._clean(client)
        report = await verify(settings, wait_seconds=SETTLE_SECONDS, say=say, search_all=True)
        for line in report.lines():
            say(line)
        receipts = await read_receipts(settings, ORG)
        receipt_leads = {lead for receipt in receipts for lead in receipt.leads}
        quoted = [receipt for receipt in receipts if MARK in msgspec.json.encode(receipt).decode().casefold()]
        kinds = {kind.partition(":")[0] for kind in before}
        searched = {"topic", "table", "valkey", "file"} <= kinds
        return {
            "ok": report.ok
            and not remaining
            and not quoted
            and searched
            and self._kills > 0
            and not self._victims.odd
            and len(receipt_leads) == erased == report.erased == len(self._people),
            "persons": len(self._people),
            "leads_erased": erased,
            "came_again": self._returned,
            "bystanders": self._sent,
            "leads": report.leads,
            "kills": self._kills,
            "receipts": len(receipts),
            "found_before": dict(before),
            "left": dict(remaining),
            "odd_ends": self._victims.odd,
            "seconds": round(time.monotonic() - began, 1),
            "verify": report.as_dict(),
        }

    @property
    def _kills(self) -> int:
        return sum(n for end, n in self._victims.ends.items() if end.endswith(f" {-signal.SIGKILL}"))

    async def _arrive(self, client: LoadClient) -> None:
        """Send every person: a lead, some twice, some with an inquiry, a listing, a note or a dead letter."""
        for n, person in enumerate(self._people):
            await client.put(LEAD_ARRIVALS, msgspec.json.encode(person))
            if n % 3 == 0:
                await client.put(LEAD_ARRIVALS, msgspec.json.encode(person))
            if n % 5 == 0:
                await client.put(
                    LEAD_ARRIVALS, msgspec.json.encode({**person, "vendor": None})
                )  # a dead letter
            if n % 7 == 0:
                key = f"{ORG}/phone/{person['phone']}".encode()
                await client.put(DO_NOT_CONTACT, b'{"reason": "asked us"}', key=key)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + ARRIVED_SECONDS
        expected = {lead_of(person) for person in self._people}
        while missing := expected - await asyncio.to_thread(_stored, self._settings):
            if loop.time() > give_up:
                raise TimeoutError(f"{len(missing)} leads did not arrive")
            await asyncio.sleep(0.2)
        for n, person in enumerate(self._people):  # an inquiry that came first would be the lead
            if n % 4 == 0:
                inquiry = {
                    **person,
                    "vendor": "globex",
                    "external_id": f"in-{n}",
                    "email": f"{MARK}{n}@b.org",
                }
                await client.put(LEAD_ARRIVALS, msgspec.json.encode(inquiry))
            if n % 6 == 0:
                note = f"{person['first_name']} {person['last_name']} asked for {person['phone']}"
                await client.ask("note", lead_of(person), ADMIN, note=note)

    async def _erase(self, client: LoadClient) -> int:
        """Erase all, by lead, phone or mail address; some send their message again, or another one, meanwhile."""
        leads: set[str] = set()
        for begin in range(0, len(self._people), BATCH):
            batch = self._people[begin : begin + BATCH]
            by_lead = [person_of(lead=lead_of(person)) for person in batch]
            persons = [
                person_of(lead=lead_of(person))
                if n % 3 == 0
                else person_of(phone=person["phone"])
                if n % 3 == 1
                else person_of(email=person["email"])
                for n, person in enumerate(batch)
            ]
            for attempt in itertools.count():
                try:
                    outcome = await erase(self._settings, ORG, ADMIN, persons)
                    break
                except RetryableError as error:  # a worker or the relay was killed: erase again
                    self._say(f"again, because {error}")
                    persons = by_lead  # who is forgotten already is known by the lead's id alone
                    if attempt == 5:  # noqa: PLR2004  # by then it is no accident
                        raise
            if outcome.refused:
                raise RuntimeError(str(outcome.refused))
            leads |= {lead for receipt in outcome.receipts for lead in receipt.leads}
            for person in batch[::5]:
                self._returned += 2
                await client.put(LEAD_ARRIVALS, msgspec.json.encode(person))
                new = {**person, "external_id": f"new-{uuid.uuid4()}"}
                await client.put(LEAD_ARRIVALS, msgspec.json.encode(new))
        return len({lead for receipt in await read_receipts(self._settings, ORG) for lead in receipt.leads})

    async def _send_bystanders(self, client: LoadClient) -> None:
        while True:
            await self._bystander(client)
            await asyncio.sleep(BYSTANDER_SECONDS)

    async def _bystander(self, client: LoadClient) -> None:
        """Send somebody who is not erased: owned at once, an exception, or in the org's queue."""
        n = next(self._bystanders)
        message: dict[str, Any] = {"vendor": "acme", "org": ORG, "campaign": "all", "external_id": f"by-{n}"}
        message |= {"first_name": "Jeremy", "last_name": f"Jones {n}"}
        message |= {"phone": f"(401) {419 + n // 10_000}-{n % 10_000:04d}", "email": f"jones{n}@x.org"}
        message |= {"assigned_to": "rep-1"} if n % 3 == 0 else {"state": "TX" if n % 3 == 1 else "MA"}
        await client.put(LEAD_ARRIVALS, msgspec.json.encode(message))
        self._sent += 1

    async def _kill(self) -> None:
        """Kill a process every few seconds, each in its turn."""
        names = itertools.cycle(
            [*(name for name in self._victims.parts if name.startswith("worker")), "relay", "sink"]
        )
        while True:
            name = next(names)
            if await asyncio.to_thread(self._victims.parts[name].ready):
                self._victims.signal([name], signal.SIGKILL)
            await asyncio.sleep(KILL_SECONDS)

    async def _clean(self, client: LoadClient) -> Counter[str]:
        """Delete and compact until the search finds nothing, or for `CLEAN_SECONDS`; return what it found last."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + CLEAN_SECONDS
        fast = {topic.name: FAST if _compacted(topic.config) else ROLL for topic in TOPICS}
        former_configs = await _set_configs(self._settings, fast)
        remaining: Counter[str] = Counter()
        while True:
            try:
                await self._roll(client)
                await purge(self._settings, None)
                remaining = await asyncio.to_thread(self._search)
                if not remaining:
                    break
            except RetryableError as error:
                self._say(f"again, because {error}")
            if loop.time() > give_up:
                break
            self._say(f"still there: {dict(remaining)}")
            await asyncio.sleep(1)
        await _set_configs(self._settings, former_configs)
        # What was compacted within its lag can no longer be compared with the logs, so these are deleted once more; and
        # again, because a worker may decide about an arrival while the first time runs.
        for _ in range(2):
            await purge(self._settings, None)
        return remaining

    async def _roll(self, client: LoadClient) -> None:
        """Write records to every partition of every topic, so that active segments roll."""
        for n in range(40):
            await self._bystander(client)
            key = str(n).encode()
            await client.put(LEAD_ARRIVALS, b"{no lead", key=key)
            action = {
                "action_id": str(uuid.uuid4()),
                "type": "view",
                "lead_id": str(uuid.uuid4()),
                "org": ORG,
            }
            await client.put(LEAD_ACTIONS, msgspec.json.encode({**action, "rep_id": ADMIN}), key=key)
        await client.publish("settings", "settings", directory()["settings", "settings"])
        key = f"{ORG}/phone/(401) 919-0000".encode()
        await client.put(DO_NOT_CONTACT, b'{"reason": "to roll the segment"}', key=key)

    def _search(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        crm = Path(self._settings.database_url.removeprefix("sqlite:///"))
        for kind, hits in (
            ("topic", search_topics(self._settings.kafka_bootstrap_servers)),
            ("table", search_database(crm)),
            ("valkey", search_valkey(self._settings.redis_url)),
            ("file", search_files(self._folder)),
        ):
            counts.update({f"{kind}:{name}": count for name, count in hits.items()})
        return counts


def _stored(settings: Settings) -> set[str]:
    import sqlite3  # noqa: PLC0415  # only the run's own database is SQLite for certain

    path = Path(settings.database_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        return {lead for (lead,) in connection.execute("SELECT lead_id FROM lead")}


def _compacted(config: dict[str, str]) -> bool:
    return config.get("cleanup.policy") == "compact"


async def _set_configs(settings: Settings, by_topic: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Set configs of topics; return what they were."""
    admin: TopicAdmin = clients.admin(settings, TopicAdmin)
    try:
        await admin.start()
        current = await admin.configs(list(by_topic))
        for topic, configs in by_topic.items():
            for key, value in configs.items():
                if refusal := await admin.set_config(topic, key, value):
                    raise RuntimeError(f"{topic}: {key}={value}: {refusal}")
        # In reverse: the broker refuses a least lag above the greatest one, also for a moment.
        return {
            topic: {key: current[topic][key] for key in reversed(configs)}
            for topic, configs in by_topic.items()
        }
    finally:
        await admin.close()
