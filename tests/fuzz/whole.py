"""Damaged messages through the whole running system: no process exits, and each one is answered or a dead letter.

`python -m tests.fuzz.whole --messages 200000` sends so many to each inbound topic; the suite sends fewer.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from console.status import Lags
from console.up import Everything, everything
from console.verify import verify
from streams.journal import Headers, JournalWriter
from streams.letters import Source, read_letter
from streams.reading import read_topic
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, DIRECTORY, LEAD_ACTIONS, LEAD_ARRIVALS, partitions_of
from tests.fuzz.mutate import Kind, mutated

Say = Callable[[str], None]

TOPICS: Final[dict[str, tuple[Kind, ...]]] = {
    LEAD_ARRIVALS: ("arrival",),
    LEAD_ACTIONS: ("action",),
    DIRECTORY: ("queue", "rep"),
}
KEYS: Final = (
    b"default/queue/aged",
    b"default/queue/new",
    b"other/queue/aged",
    b"other/rep/rep-7",
    b"default/rep",
    b"//",
    b"\xff\xfe/queue/aged",
    b"",
    None,
)
HEADERS: Final[tuple[Headers, ...]] = (
    [],
    [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/x"), ("ce_type", b"t")],
    [("ce_specversion", b"\xff"), ("ce_id", b"")],
    [("content-type", b"application/cloudevents+json")],
    [("x", b"\x00\xff")],
)
CAUGHT_UP_SECONDS: Final = 900.0
VERIFY_SECONDS: Final = 120.0


def damaged(
    kinds: tuple[Kind, ...], seed: int, count: int
) -> Iterator[tuple[bytes | None, bytes | None, Headers]]:
    """Yield `count` damaged records: key, value, headers. One in two hundred is null, a tombstone."""
    source = random.Random(seed)
    streams = [mutated(seed + n, kind) for n, kind in enumerate(kinds)]
    for n in range(count):
        value: bytes | None = next(streams[n % len(streams)])
        if source.random() < 0.005:
            value = None
        key = source.choice(KEYS)
        if key is None and value is None:
            key = b""
        yield key, value, source.choice(HEADERS) if source.random() < 0.2 else []


async def flood(settings: Settings, messages: int, seed: int, say: Say) -> None:
    """Send `messages` damaged records to each inbound topic, in any partitioning."""
    writer = JournalWriter(settings)
    await writer.start()
    source = random.Random(seed)
    for topic, kinds in TOPICS.items():
        partitions = partitions_of(topic, settings)
        records = damaged(kinds, seed, messages)
        while batch := list(islice(records, 500)):
            for sent_key, value, headers in batch:
                # A compacted topic takes no record without a key: the broker itself refuses it.
                key = b"" if topic == DIRECTORY and sent_key is None else sent_key
                writer.add(topic, source.randrange(partitions), key=key, value=value, headers=headers)
            # Making damage keeps the loop; let what was made be sent before more is.
            await writer.settled()
        say(f"{messages} sent to {topic}")
    await writer.stop()


async def caught_up(settings: Settings, say: Say) -> None:
    """Wait until every stage has handled everything."""
    lags = Lags(settings)
    await lags.start()
    try:
        async with asyncio.timeout(CAUGHT_UP_SECONDS):
            while any((behind := await lags.of_stages()).values()):
                say(", ".join(f"{stage} {count}" for stage, count in behind.items()))
                await asyncio.sleep(2)
    finally:
        await lags.close()


async def buried(settings: Settings) -> Counter[str]:
    """Return how many records of each topic are dead letters; one that was buried twice counts once."""
    places: set[Source] = set()
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            if source := read_letter(record).source:
                places.add(source)
    return Counter(source.topic for source in places)


async def play(stack: Everything, messages: int, seed: int, say: Say) -> dict[str, Any]:
    """Flood a running stack; return what became of it."""
    began = time.monotonic()
    await flood(stack.settings, messages, seed, say)
    await caught_up(stack.settings, say)
    restarts = {name: state.restarts for name, state in stack.supervisor.states().items() if state.restarts}
    dead = await buried(stack.settings)
    report = await verify(stack.settings, wait_seconds=VERIFY_SECONDS, say=say)
    for line in report.lines():
        say(line)
    return {
        "ok": report.ok and not restarts,
        "sent": messages * len(TOPICS),
        "dead_letters": dict(dead),
        "accepted": {topic: messages - dead[topic] for topic in TOPICS},
        "restarts": restarts,
        "leads": report.leads,
        "findings": report.counts,
        "seconds": round(time.monotonic() - began, 1),
    }


def fuzz(messages: int, *, seed: int, workers: int = 1, say: Say = lambda _: None) -> dict[str, Any]:
    """Flood a stack of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-fuzz-") as folder,
        everything(workers=workers, state_dir=Path(folder), say=say) as stack,
    ):
        return asyncio.run(play(stack, messages, seed, say))


def main() -> int:
    """Run it by hand; exit 1 if a process exited or a message is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000, help="to each inbound topic")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    result = fuzz(given.messages, seed=given.seed, workers=given.workers, say=say)
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
