"""Sends damaged messages through the whole system. No process exits; each message is answered or a dead letter.

`python -m tests.fuzz.whole --messages 200000` sends this number to each inbound topic by librdkafka, in every codec, in
committed and aborted transactions, with hostile keys, headers, times and sizes. The suite sends fewer. Aborted messages
get neither an answer nor a dead letter.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition
from sqlalchemy import select

from application.lag import Lags
from assurance.chaos.vendor_producers import PARTITION_EOF, consumer
from assurance.verify import verify
from runtime.up import RunningStack, everything
from sink.database_engine import connect
from sink.tables import LeadTable
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, partitions_of
from tests.fuzz.courier import Courier, Position
from tests.fuzz.parcels import TOPICS, VENDOR, aborted_ids, parcels

Say = Callable[[str], None]

STALL_SECONDS: Final = 180.0
"""If no record is handled for this long, the stages have stopped."""
VERIFY_SECONDS: Final = 120.0
POLL_SECONDS: Final = 60.0
SAID: Final = 20
"""How often the progress of a topic is printed."""


def flood(courier: Courier, messages: int, seed: int, say: Say) -> None:
    """Send `messages` damaged records to each inbound topic, in any partitioning."""
    for topic in TOPICS:
        count, tenths = 0, 0
        for parcel in parcels(topic, seed, messages):
            courier.take(topic, parcel)
            count += len(parcel.records)
            if count * SAID >= (tenths + 1) * messages:
                tenths = count * SAID // messages
                say(f"{count} of {messages} sent to {topic}")
        courier.settle()
    courier.mark(list(TOPICS))


async def wait_until_caught_up(settings: Settings, say: Say) -> None:
    """Wait until every stage has handled everything; raises TimeoutError with the stage that lags."""
    lags = Lags(settings)
    await lags.start()
    before: dict[str, int] = {}
    since = time.monotonic()
    try:
        while any((behind := await lags.of_stages()).values()):
            lag_text = ", ".join(f"{stage} {count}" for stage, count in behind.items())
            if behind != before:
                before, since = behind, time.monotonic()
                say(f"behind: {lag_text}")
            elif time.monotonic() - since > STALL_SECONDS:
                raise TimeoutError(f"nothing was handled for {STALL_SECONDS:.0f} s: {lag_text}")
            await asyncio.sleep(2)
    finally:
        await lags.close()


def buried_positions(settings: Settings) -> set[Position]:
    """Return the source positions of the dead letters, as librdkafka reads them. A repeated dead letter counts once."""
    positions: set[Position] = set()
    waiting = {TopicPartition(DEAD_LETTERS, p, 0) for p in range(partitions_of(DEAD_LETTERS, settings))}
    with closing(consumer(settings)) as reader:
        reader.assign(list(waiting))
        partitions_left = {position.partition for position in waiting}
        while partitions_left:
            message = reader.poll(POLL_SECONDS)
            if message is None:
                raise TimeoutError(f"{DEAD_LETTERS} could not be read")
            if (error := message.error()) is not None:
                if error.code() != PARTITION_EOF:
                    raise KafkaException(error)
                partitions_left.discard(message.partition())
                continue
            headers = dict(message.headers())
            topic, partition, offset = (
                headers[f"source-{part}"].decode() for part in ("topic", "partition", "offset")
            )
            positions.add((topic, int(partition), int(offset)))
    return positions


def existing_leads(settings: Settings, among: set[str]) -> list[str]:
    """Return which of these leads exist."""
    engine = connect(settings.database_url)
    try:
        with engine.connect() as connection:
            query = select(LeadTable.lead_id).where(LeadTable.vendor == VENDOR)
            return sorted(among & {row.lead_id for row in connection.execute(query)})
    finally:
        engine.dispose()


async def flood_and_check(stack: RunningStack, messages: int, seed: int, say: Say) -> dict[str, Any]:
    """Flood a running stack; return the outcome."""
    began = time.monotonic()
    courier = Courier(stack.settings, seed)
    with closing(courier):
        await asyncio.to_thread(flood, courier, messages, seed, say)
    stalled = ""
    try:
        await wait_until_caught_up(stack.settings, say)
    except TimeoutError as error:
        stalled = str(error)
        say(stalled)
    positions = await asyncio.to_thread(buried_positions, stack.settings)
    say(f"{len(positions)} are dead letters")
    report = await verify(stack.settings, wait_seconds=VERIFY_SECONDS, say=say)
    for line in report.lines():
        say(line)
    findings: Counter[str] = Counter(report.counts)
    findings["stalled"] = bool(stalled)
    findings["aborted_buried"] = len(positions & courier.aborted)
    findings["aborted_arrived"] = len(existing_leads(stack.settings, aborted_ids(seed, messages)))
    findings["not_taken"] = sum(courier.not_taken.values())
    restarts = {name: state.restarts for name, state in stack.supervisor.states().items() if state.restarts}
    dead = Counter(topic for topic, _, _ in positions)
    positive = +findings
    return {
        "ok": report.ok and not restarts and not positive,
        "seed": seed,
        "sent": courier.sent.total(),
        "aborted": len(courier.aborted),
        "unreadable": courier.unreadable,
        "not_taken": dict(courier.not_taken),
        "dead_letters": dict(dead),
        "accepted": {topic: courier.sent[topic] - dead[topic] for topic in TOPICS},
        "restarts": restarts,
        "leads": report.leads,
        "findings": dict(positive),
        "seconds": round(time.monotonic() - began, 1),
    }


def fuzz(messages: int, *, seed: int, workers: int = 1, say: Say = lambda _: None) -> dict[str, Any]:
    """Flood a new stack."""
    with (
        tempfile.TemporaryDirectory(prefix="firstclaim-fuzz-") as folder,
        everything(workers=workers, state_dir=Path(folder), say=say) as stack,
    ):
        return asyncio.run(flood_and_check(stack, messages, seed, say))


def main() -> int:
    """Run it from the command line; exit 1 if a process exited or a message is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000, help="to each inbound topic")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    result = fuzz(options.messages, seed=options.seed, workers=options.workers, say=say)
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
