"""Runs a plain loop on aiokafka alone: it reads claims, keeps a dict of owners, writes changelog and answers, commits.

`python -m bench.peers.raw CLAIMS STATE DECISIONS throughput|latency|tuned [INSTANCE]` runs until SIGTERM. `INSTANCE`
makes it a static member of its group. In common with us it has at-least-once delivery, an idempotent producer with
acks=all, a changelog record for each change and an answer for each claim, commits of offsets only when both are
durable, and the times of its group membership. It lacks rules, versions, reasons, replay detection, recovery of its
dict, a fence against zombies, and readiness.

- `throughput`: polls a thousand records, awaits its sends, commits; linger 2 ms; asyncio's own loop and json.
- `latency`: linger 0; it sends without awaiting, and commits once a second what is durable by then.
- `tuned`: `throughput` on uvloop with orjson, to show their effect.
"""

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.peers.answer import answer_to_claim, state
from streams.app import HEARTBEAT_SECONDS, SESSION_SECONDS
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

COMMIT_SECONDS: Final = 1.0
"""The commit interval of our workers."""


def group_of(claims: str) -> str:
    """Return the consumer group of the loops that read a topic of claims."""
    return f"raw-{claims}"


class Loop:
    """The consumer, the producer, and the owners of leads."""

    def __init__(
        self, settings: Settings, topics: tuple[str, str, str], *, linger_ms: int, instance: str | None
    ) -> None:
        claims, self.states, self.decisions = topics
        self.owners: dict[str, str] = {}
        self.pending: list[asyncio.Future[Any]] = []
        self.offsets: dict[TopicPartition, int] = {}
        self.loads: Callable[[bytes], Any] = json.loads
        options = settings.aiokafka_options()
        self.consumer = AIOKafkaConsumer(
            claims,
            **options,
            group_id=group_of(claims),
            group_instance_id=instance,
            session_timeout_ms=round(SESSION_SECONDS * 1000),
            heartbeat_interval_ms=round(HEARTBEAT_SECONDS * 1000),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self.producer = AIOKafkaProducer(**options, linger_ms=linger_ms, acks="all", enable_idempotence=True)

    async def handle(self, tp: TopicPartition, records: list[Any]) -> None:
        """Answer the claims of one partition."""
        for record in records:
            event = self.loads(record.value)
            lead_id = event["lead_id"]
            owner = self.owners.get(lead_id)
            if owner is None:
                owner = self.owners[lead_id] = event["rep_id"]
                await self._send(self.states, state(owner), record)
            await self._send(self.decisions, answer_to_claim(event, owner), record)
        self.offsets[tp] = records[-1].offset + 1

    async def _send(self, topic: str, value: bytes, record: Any) -> None:
        sent = await self.producer.send(topic, value, record.key, partition=record.partition)
        self.pending.append(sent)

    async def commit(self) -> None:
        """Commit the offsets read so far, once all resulting records are durable."""
        pending, offsets = self.pending, self.offsets
        self.pending, self.offsets = [], {}
        await asyncio.gather(*pending)
        if offsets:
            await self.consumer.commit(offsets)

    async def throughput(self) -> None:
        """Poll, answer, await the sends, and commit, in a loop."""
        while True:
            for tp, records in (await self.consumer.getmany(timeout_ms=500, max_records=1000)).items():
                await self.handle(tp, records)
            await self.commit()

    async def latency(self) -> None:
        """Poll and answer in a loop; a separate task commits."""
        commits = asyncio.create_task(self._commits())
        while not commits.done():
            for tp, records in (await self.consumer.getmany(timeout_ms=500)).items():
                await self.handle(tp, records)
        commits.result()

    async def _commits(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.commit()


async def main() -> None:
    """Run until stopped."""
    claims, states, decisions, kind, *instance = sys.argv[1:]
    loop = Loop(
        Settings.read(),
        (claims, states, decisions),
        linger_ms=0 if kind == "latency" else 2,
        instance=instance[0] if instance else None,
    )
    if kind == "tuned":
        import orjson  # noqa: PLC0415  # a dependency of Quix Streams

        loop.loads = orjson.loads
    await loop.consumer.start()
    await loop.producer.start()
    running = asyncio.create_task(loop.latency() if kind == "latency" else loop.throughput())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        await loop.producer.stop()
        await loop.consumer.stop()


if __name__ == "__main__":
    if "tuned" in sys.argv:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
