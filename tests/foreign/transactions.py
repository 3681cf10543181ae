"""Kafka transactions and record times by librdkafka: aborted never was, and a client's clock decides nothing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from assurance.chaos.vendor_producers import CODECS
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS
from tests.foreign.cases import INBOUND, NOT_JSON, Sent, id_of, key_of, lead
from tests.foreign.clients import SECONDS, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.foreign.cases import Case, Clients

TEN: Final = 10
HANGS_MS: Final = 10 * 60 * 1000
"""Longer than any test waits: the broker itself ends a transaction that is open for longer."""

TIMES: Final[dict[str, int]] = {
    "in seconds": 1_763_629_920,
    "1000": 1_000,
    "in microseconds": 1_763_629_920_000_000,
    "in nanoseconds": 1_763_629_920_000_000_000,
    "before 1970": -5_000_000,
    "in the year 2100": 4_102_444_800_000,
    "the largest": 2**63 - 1,
}


def begin_transaction(clients: Clients, codec: str = "none", timeout_ms: int = 60_000) -> Any:
    """Return a producer in a transaction of its own."""
    producer = clients.librdkafka.producer(
        codec, transactional_id=f"foreign-{uuid.uuid4()}", transaction_timeout_ms=timeout_ms
    )
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    return producer


def aborted_transaction(topic: str, codec: str = "none") -> Case:
    """Send ten leads and `x` in a transaction that is aborted: nothing came in."""

    def case(clients: Clients, name: str) -> Sent:
        names = [f"{name} {n}" for n in range(TEN)] if topic == LEAD_ARRIVALS else []
        producer = begin_transaction(clients, codec)
        records = [Record(lead(lead_name)) for lead_name in names] + [Record(b"x", key=key_of(topic, name))]
        positions = clients.librdkafka.send_by(producer, topic, records)
        producer.abort_transaction(SECONDS)
        return Sent(positions=positions, letters=0, absent=[id_of(lead_name) for lead_name in names])

    return case


def committed_transaction(topic: str, codec: str = "none") -> Case:
    """Send ten leads and `x` in a transaction that is committed: all came in."""

    def case(clients: Clients, name: str) -> Sent:
        names = [f"{name} {n}" for n in range(TEN)] if topic == LEAD_ARRIVALS else []
        producer = begin_transaction(clients, codec)
        records = [Record(lead(lead_name)) for lead_name in names] + [Record(b"x", key=key_of(topic, name))]
        positions = clients.librdkafka.send_by(producer, topic, records)
        producer.commit_transaction(SECONDS)
        return Sent(
            positions=positions, letters=1, classes=NOT_JSON, leads=[id_of(lead_name) for lead_name in names]
        )

    return case


def interleaved_transactions(clients: Clients, name: str) -> Sent:
    """In one partition: two transactions at once, one aborted, and records of no transaction between theirs."""
    committed, aborted = begin_transaction(clients), begin_transaction(clients)
    sent = Sent(letters=2, classes=NOT_JSON)

    def send(producer: Any, fate: str, value: bytes) -> None:
        record = Record(value, key=fate.encode())
        sent.positions += clients.librdkafka.send_by(producer, LEAD_ARRIVALS, [record], partition=0)

    for n in range(3):
        for fate, producer in (
            ("kept", committed),
            ("dropped", aborted),
            ("plain", clients.librdkafka.producer()),
        ):
            send(producer, fate, lead(f"{name} {fate} {n}"))
            (sent.absent if fate == "dropped" else sent.leads).append(id_of(f"{name} {fate} {n}"))
    send(committed, "kept", b"x")
    send(aborted, "dropped", b"x")
    send(clients.librdkafka.producer(), "plain", b"x")
    aborted.abort_transaction(SECONDS)
    committed.commit_transaction(SECONDS)
    return sent


def abandoned_action(clients: Clients, name: str) -> Sent:
    """Send an action in a transaction that is aborted: nobody answers it."""
    producer = begin_transaction(clients)
    value = b'{"action_id": "%s", "type": "note", "lead_id": "%s", "rep_id": "rep-1"}'
    value %= (name.encode(), id_of("nobody").encode())
    positions = clients.librdkafka.send_by(producer, LEAD_ACTIONS, [Record(value)])
    producer.abort_transaction(SECONDS)
    return Sent(positions=positions, letters=0, unanswered=[name])


def with_timestamp(topic: str, timestamp: int) -> Case:
    """Send a record whose time is not one; where it is a lead, the lead is created when it arrives."""

    def case(clients: Clients, name: str) -> Sent:
        good = topic == LEAD_ARRIVALS
        sent = Sent(letters=1, classes=NOT_JSON)
        key = key_of(topic, name)
        records = [Record(b"x", key=key, timestamp=timestamp)]
        if good:
            records = [Record(lead(name), timestamp=timestamp), *records]
            sent.leads = sent.fresh = [id_of(name)]
        sent.positions = clients.librdkafka.send(topic, records)
        return sent

    return case


def with_created_at(value: Any) -> Case:
    """Send a lead whose own `created_at` cannot be: that costs the time, not the lead."""

    def case(clients: Clients, name: str) -> Sent:
        positions = clients.librdkafka.send(LEAD_ARRIVALS, [Record(lead(name, created_at=value))])
        return Sent(positions=positions, leads=[id_of(name)], fresh=[id_of(name)])

    return case


def _all_cases() -> Iterator[tuple[str, Case]]:
    for codec in CODECS:
        yield f"P7 aborted {codec}", aborted_transaction(LEAD_ARRIVALS, codec)
        yield f"P7 committed {codec}", committed_transaction(LEAD_ARRIVALS, codec)
    for topic in INBOUND[1:]:
        yield f"P7 aborted in {topic}", aborted_transaction(topic)
        yield f"P7 committed in {topic}", committed_transaction(topic)
    yield "P7 an aborted action", abandoned_action
    yield "P7 interleaved", interleaved_transactions
    for case_name, timestamp in TIMES.items():
        for topic in (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT):
            yield f"P8 {topic} {case_name}", with_timestamp(topic, timestamp)
    impossible: tuple[Any, ...] = (
        "yesterday",
        "0001-01-01T00:00:00+23:59",
        1e300,
        "9999-12-31T23:59:59-23:59",
        [],
        True,
    )
    for wrong in impossible:
        yield f"P8 created_at {wrong!r}", with_created_at(wrong)


CASES: Final[dict[str, Case]] = dict(_all_cases())
