"""Compressed, transactional and damaged records of foreign clients go through a real worker."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiokafka.codec import gzip_encode
from confluent_kafka import Producer

from models.codec import decode_org_event
from models.org_events import PersonArrived
from streams.record_batches import HEADER
from streams.topics import LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, ORG_LOG
from tests.agents.conftest import as_json, lead_arrival, log_records
from tests.fixtures.batches import (
    Given,
    append,
    built,
    damage_on_disk,
    large_gzip_batch,
    with_checksum,
    with_payload,
)
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from tests.agents.conftest import Engine
    from tests.streams.faust.program import Program

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
PAGE: Final = "a text that librdkafka finds worth compressing " * 50


def lead(name: str, **more: Any) -> bytes:
    """Return an arrival as its vendor writes it."""
    return as_json({"vendor": "acme", "vendor_lead_id": name, "last_name": name, "state": "RI", **more})


def librdkafka(engine: Engine, **config: Any) -> Producer:
    """Return a librdkafka producer."""
    return Producer({"bootstrap.servers": engine.cluster.address, "linger.ms": 50, **config})


def send(
    producer: Producer, topic: str, values: list[bytes], partition: int = 0, key: bytes | None = None
) -> None:
    """Append by librdkafka. On return all records are durable, or part of its transaction."""
    for value in values:
        producer.produce(topic, value, key, partition=partition)
    assert producer.flush(PATIENCE_SECONDS) == 0


async def names(engine: Engine) -> set[str]:
    """Return the last names of all leads that intake has accepted."""
    events = [decode_org_event(record.value) for record in await engine.records(ORG_LOG)]
    return {event.facts.last_name or "" for event in events if isinstance(event, PersonArrived)}


async def test_p1_p4_p7_what_other_clients_send_comes_in_or_becomes_a_dead_letter(
    engine: Engine, server_folder: Path
) -> None:
    topic, address = engine.topic(LEAD_ARRIVALS), engine.cluster.address
    expected = set()
    for codec in CODECS:  # P1
        sent = [f"{codec}-{n}" for n in range(3)]
        expected |= {*sent}
        send(
            librdkafka(engine, **{"compression.type": codec}), topic, [lead(name, page=PAGE) for name in sent]
        )
    for codec in ("none", "zstd"):  # P7
        producer = librdkafka(
            engine, **{"compression.type": codec, "transactional.id": f"{engine.prefix}-{codec}"}
        )
        producer.init_transactions(30)
        for n, ends in enumerate((producer.abort_transaction, producer.commit_transaction)):
            producer.begin_transaction()
            sent = [f"{('aborted', 'committed')[n]}-{codec}-{i}" for i in range(10)]
            expected |= {name for name in sent if name.startswith("committed")}
            send(producer, topic, [lead(name, page=PAGE) for name in sent])
            ends(30)
    # P4: a hand-made request sends it, because librdkafka's Python client accepts no such name.
    batch = built(
        [(None, lead("before"), []), (b"k", lead("p4"), [("NAME", b"1")]), (None, lead("behind"), [])]
    )
    assert await append(address, topic, with_checksum(batch.replace(b"NAME", b"\xffAME"))) == 0
    # P3
    plain = built([(None, b"x" * 5_000_000, [])])
    assert await append(address, topic, with_payload(plain, gzip_encode(bytes(plain[HEADER.size :])), 1)) == 0
    expected |= {"before", "behind"}
    damaged = await damaged_on_disk(engine, server_folder, topic)
    last = [f"last-{n}" for n in range(2)]
    expected |= {*last}
    for partition, name in enumerate(last):
        send(librdkafka(engine), topic, [lead(name)], partition)
    async with engine.worker() as worker:

        async def all_decided() -> bool:
            letters = await engine.dead_letters()
            return len(letters) >= 2 + (damaged and damaged + 1) and expected <= await names(engine)

        await worker.until_async(all_decided, "all that can be read is in, and the rest buried")
        # The offsets are passed, including the ends of the transactions.
        ends = await engine.cluster.ends(topic)
        await engine.cluster.commits_reach(engine.group("worker"), topic, {0: ends[0], 1: ends[1]})
    assert await names(engine) == expected
    letters = [letter for letter in await engine.dead_letters() if letter[2]["source-topic"] == topic]
    assert sorted(headers["error-class"] for _, _, headers in letters) == [
        "too_large",
        *["unreadable_batch"] * max(damaged - 1, 0),
        *["unreadable_record"] * (3 if damaged else 1),
    ]
    (p4,) = [letter for letter in letters if letter[0] == b"k"]
    assert p4[1] == lead("p4")
    assert p4[2]["\\xffAME"] == "1"
    assert "is not UTF-8" in p4[2]["reason"]
    (p3,) = [letter for letter in letters if letter[2]["error-class"] == "too_large"]
    assert p3[2]["value-cut-from"] == "5000000"


def on_disk(server_folder: Path, topic: str) -> bool:
    """Return whether the broker's files are on this machine and writable."""
    return any(server_folder.rglob(f"{topic}-0"))


async def damaged_on_disk(engine: Engine, server_folder: Path, topic: str) -> int:
    """Damage batches in the broker's files, because the broker accepts no damaged batch. Return how many."""
    if not on_disk(server_folder, topic):
        return 0
    text: list[Given] = [(None, lead(f"lost-{n}", page=PAGE), []) for n in range(2)]
    damages = (
        lambda b: b[:-1] + bytes([b[-1] ^ 1]),  # checksum
        lambda b: with_payload(b, bytes(b[HEADER.size :]), 6),  # unknown codec
        lambda b: with_payload(b, bytes(len(b) - HEADER.size), 4),  # no zstd
        lambda b: with_payload(
            b, b"\xff" * (len(b) - HEADER.size), 0
        ),  # two records, neither of which can be read
    )
    for damage in damages:
        offset = (await engine.cluster.ends(topic))[0]
        batch = built(text)
        assert await append(engine.cluster.address, topic, batch) == 0
        struct.pack_into(">q", batch, 0, offset)
        damage_on_disk(server_folder, topic, bytes(damage(batch)), offset)
    return len(damages)


async def test_p3_a_300_mb_batch_costs_less_than_64_mb(engine: Engine) -> None:
    topic = engine.topic(LEAD_ARRIVALS)
    async with engine.worker() as worker:
        send(librdkafka(engine), topic, [lead("first")])

        async def first() -> bool:
            return "first" in await names(engine)

        await worker.until_async(first, "the worker works")
        before = most_memory(worker)
        assert await append(engine.cluster.address, topic, large_gzip_batch(300_000_000)) == 0
        send(librdkafka(engine), topic, [lead("behind")])

        async def behind() -> bool:
            return "behind" in await names(engine)

        await worker.until_async(behind, "the lead behind it is in")
        assert most_memory(worker) - before < 64 * 1024 * 1024

        # The letter is sent without holding up what is behind it.
        async def buried() -> bool:
            return bool(await engine.dead_letters())

        await worker.until_async(buried, "the batch is buried")
    letters = await engine.dead_letters()
    assert [headers["error-class"] for _, _, headers in letters] == ["unreadable_batch"]
    assert "inflates to more than" in letters[0][2]["reason"]


def most_memory(worker: Program) -> int:
    """Return the peak memory of a process so far."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def test_p7_nobody_elses_transaction_makes_a_table_forget(engine: Engine) -> None:
    """The journal has an open transaction. A new worker waits for it and does not decide without the rows after it."""
    await engine.tell(lead_arrival("one"))
    async with engine.worker() as worker:
        await worker.until_async(lambda: has_rows(engine, {"one"}), "the first lead is in")
    producer = librdkafka(engine, **{"transactional.id": engine.prefix})
    producer.init_transactions(30)
    producer.begin_transaction()
    send(producer, engine.topic(LEAD_JOURNAL), [b"not ours"], 0, b"one")
    send(producer, engine.topic(LEAD_JOURNAL), [b"not ours"], 1, b"one")
    await engine.send(LEAD_LOG, log_records(lead_arrival("two")))
    async with engine.worker() as worker:
        await worker.until(lambda: "starting" in worker.log.read_text(), "the worker starts")
        producer.abort_transaction(30)
        await worker.until_async(lambda: has_rows(engine, {"one", "two"}), "both leads are there")


async def has_rows(engine: Engine, leads: set[str]) -> bool:
    """Return whether these leads have rows."""
    return leads <= (await engine.rows()).keys()
