"""Sends messages of foreign clients that once caused errors (docs/cases.md P1 to P10, D16), and similar messages."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from assurance.chaos.vendor_producers import CODECS, AnyHeaders
from models.ids import lead_id
from streams.settings import Settings
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ACTIONS, LEAD_ARRIVALS
from tests.foreign.clients import Followed, Headers, Java, Kcat, Librdkafka, Record, SendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.foreign.clients import Position

INBOUND: Final = (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT)
NOT_JSON: Final = frozenset({"not_json", "invalid_key"})
"""Classes for the value `x`. On the directory or the list, the key may be refused first."""
UNREADABLE: Final = frozenset({"unreadable_record", "unreadable_batch"})
TOO_LARGE: Final = frozenset({"too_large"})
ANY: Final = frozenset[str]()
"""Any class of error."""
VENDOR: Final = "foreign"
LARGE: Final = 5_000_000


@dataclass
class Sent:
    """The places of a case's records, and the outcome that they must have.

    `letters`: this number of `positions` are dead letters, all of one of `classes`; None: they may or may not be.
    `leads` are in the CRM database, `absent` are not. `fresh`: leads whose creation time is their arrival. `answered`:
    actions with an answer that refuses them. `cut_from`: the original length of a value that the letter may have cut.
    """

    positions: list[Position] = field(default_factory=list)
    letters: int | None = 0
    classes: frozenset[str] = ANY
    leads: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    cut_from: int | None = None


def lead(name: str, **more: Any) -> bytes:
    """Return a lead of about 2 KB, as its vendor sends it, with the external id of `id_of`."""
    chance = random.Random(name)
    noise = {f"field {n}": f"{chance.getrandbits(160):040x}" for n in range(40)}
    facts = {"vendor": VENDOR, "external_id": name, "last_name": f"Doe {name}", "attributes": noise, **more}
    return json.dumps(facts).encode()


def id_of(name: str) -> str:
    """Return the id of `lead(name)`."""
    return lead_id("default", VENDOR, name, {})


class Clients:
    """All clients, connected to one cluster."""

    def __init__(self, bootstrap: str) -> None:
        self.librdkafka = Librdkafka(bootstrap)
        self.kcat = Kcat(bootstrap)
        self.java = Java(bootstrap)
        self.any_headers = AnyHeaders(Settings.read(kafka_bootstrap_servers=bootstrap))
        self._inbound = {topic: Followed(bootstrap, topic) for topic in INBOUND}

    def close(self) -> None:
        """Close the connections."""
        for followed in self._inbound.values():
            followed.close()
        self.any_headers.close()

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset of the next record of each partition."""
        return self._inbound[topic].ends()

    @contextmanager
    def noting_positions(self, topic: str, positions: list[Position]) -> Iterator[None]:
        """Add the positions of records that a client sends meanwhile without reporting their offsets."""
        before = self.ends(topic)
        yield
        for partition, end in self.ends(topic).items():
            positions += [(topic, partition, offset) for offset in range(before[partition], end)]


Case = Callable[[Clients, str], Sent]
"""A case sends records by the clients. It derives its leads' names from the name it gets."""


def key_of(topic: str, name: str) -> bytes | None:
    """Return a key that fits the topic."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name)
    if topic == DO_NOT_CONTACT:
        return f"default/email/{plain}@example.org".encode()
    return f"default/rep/{plain}".encode() if topic == DIRECTORY else plain.encode()


def sent_by(
    client: str, topic: str, values: list[bytes], codec: str = "none", headers: Headers | None = None
) -> Case:
    """Send a lead if the topic takes leads, and each of `values`, which must be refused."""

    def case(clients: Clients, name: str) -> Sent:
        sent = Sent(letters=len(values), classes=NOT_JSON)
        good = [lead(name)] if topic == LEAD_ARRIVALS else []
        sent.leads = [id_of(name)] * len(good)
        key = key_of(topic, name)
        records = [Record(value, key=key, headers=headers or []) for value in [*good, *values]]
        if client == "librdkafka":
            sent.positions = clients.librdkafka.send(topic, records, codec)
            return sent
        with clients.noting_positions(topic, sent.positions):
            if client == "java":
                clients.java.send(topic, records, codec)
            else:
                headers_sent = [n.encode() + (b"" if v is None else b"=" + v) for n, v in headers or []]
                for record in records:
                    clients.kcat.send(topic, record.value, headers=headers_sent, key=key, codec=codec)
        return sent

    return case


def large_value(client: str, codec: str, value: bytes = b"x" * LARGE) -> Case:
    """Send a value that is small only while it is compressed."""

    def case(clients: Clients, _: str) -> Sent:
        sent = Sent(letters=1, classes=TOO_LARGE | UNREADABLE, cut_from=len(value))
        if client == "librdkafka":
            sent.positions = clients.librdkafka.send(LEAD_ARRIVALS, [Record(value)], codec)
            return sent
        with clients.noting_positions(LEAD_ARRIVALS, sent.positions):
            if client == "java":
                clients.java.send(LEAD_ARRIVALS, [Record(value)], codec)
            else:
                clients.kcat.send(LEAD_ARRIVALS, value, codec=codec)
        return sent

    return case


def everything_is_large(clients: Clients, _: str) -> Sent:
    """Send a record whose key, value and header have 3 MB each."""
    record = Record(b"v" * 3_000_000, key=b"k" * 3_000_000, headers=[("h", b"h" * 3_000_000)])
    positions = clients.librdkafka.send(LEAD_ARRIVALS, [record], "gzip")
    return Sent(
        positions=positions, letters=1, classes=TOO_LARGE | UNREADABLE, cut_from=len(record.value or b"")
    )


def with_key(key: bytes | None) -> Case:
    """Send a lead and `x` under arbitrary keys."""

    def case(clients: Clients, name: str) -> Sent:
        records = [Record(lead(name), key=key), Record(b"x", key=key)]
        positions = clients.librdkafka.send(LEAD_ARRIVALS, records)
        return Sent(positions=positions, letters=1, classes=NOT_JSON, leads=[id_of(name)])

    return case


def header_name_of_any_bytes(topic: str) -> Case:
    """Send a header name that is not UTF-8, before and after good records."""

    def case(clients: Clients, name: str) -> Sent:
        sent = Sent(letters=1, classes=UNREADABLE)
        good = topic == LEAD_ARRIVALS
        key = key_of(topic, name)
        with clients.noting_positions(topic, sent.positions):
            if good:
                clients.kcat.send(topic, lead(f"{name} before"))
            clients.kcat.send(topic, lead(f"{name} itself"), headers=[b"\xff=1"], key=key)
            if good:
                clients.kcat.send(topic, lead(f"{name} behind"))
        sent.leads = [id_of(f"{name} before"), id_of(f"{name} behind")] if good else []
        return sent

    return case


def header_name_within_a_batch(clients: Clients, name: str) -> Sent:
    """Send a header name that is not UTF-8 between good leads in one batch. Only that record must be lost."""
    sent = Sent(letters=1, classes=UNREADABLE)
    with clients.noting_positions(LEAD_ARRIVALS, sent.positions):
        for place, headers in (("before", []), ("itself", [(b"\xff", b"1")]), ("behind", [])):
            value = lead(f"{name} {place}")
            clients.any_headers.send(LEAD_ARRIVALS, value, key=name.encode(), headers=headers)
        if not clients.any_headers.flush():
            raise SendError("librdkafka did not send all")
    sent.leads = [id_of(f"{name} before"), id_of(f"{name} behind")]
    return sent


def refused_record(topic: str, value: bytes | None, classes: frozenset[str], key: bytes | None = b"") -> Case:
    """Send one record that must be refused."""

    def case(clients: Clients, name: str) -> Sent:
        under = key_of(topic, name) if key == b"" else key
        positions = clients.librdkafka.send(topic, [Record(value, key=under)])
        return Sent(positions=positions, letters=1, classes=classes)

    return case


def accepted_record(topic: str, value: bytes | None, letters: int | None = 0) -> Case:
    """Send one valid record that changes nothing.

    With `letters` None, the documents do not say whether it is refused.
    """

    def case(clients: Clients, name: str) -> Sent:
        positions = clients.librdkafka.send(topic, [Record(value, key=key_of(topic, name))])
        return Sent(positions=positions, letters=letters)

    return case


def unanswerable(**more: Any) -> Case:
    """Send an action that is refused although its id can be read. It must also be answered (D16)."""

    def case(clients: Clients, name: str) -> Sent:
        action = {"action_id": name, "type": "note", "lead_id": str(uuid.UUID(int=16)), "rep_id": "rep-1"}
        value = json.dumps({**action, **more}).encode()
        positions = clients.librdkafka.send(LEAD_ACTIONS, [Record(value)])
        classes = frozenset({"too_long", "too_deep", "too_large"})
        return Sent(positions=positions, letters=1, classes=classes, answered=[name])

    return case


_ODD_HEADERS: Final[dict[str, Headers]] = {
    "null": [("h", None)],
    "empty value": [("h", b"")],
    "value that is not UTF-8": [("h", b"\xff\xfe")],
    "empty name": [("", b"v")],
    "200": [(f"h{n}", b"v" * 20) for n in range(200)],
    "900 KB": [("h", b"v" * 900_000)],
    "one name twice": [("h", b"1"), ("h", None)],
    "our own names": [("error-class", b"x"), ("source-topic", b"\xff"), ("source-offset", None)],
    "value-cut-from": [("value-cut-from", None)],
}


def _all_cases() -> Iterator[tuple[str, Case]]:
    x = [b"x"]
    for codec in CODECS:
        for client in ("librdkafka", "kcat", "java"):
            yield f"P1 {codec} by {client}", sent_by(client, LEAD_ARRIVALS, x, codec)
    for topic in INBOUND:
        for client in ("librdkafka", "kcat"):
            yield f"P2 null header in {topic} by {client}", sent_by(client, topic, x, headers=[("h", None)])
        yield f"P5 not UTF-8 in {topic}", sent_by("librdkafka", topic, [b'{"vendor":"m","x":"\xff"}'])
        yield f"P4 header name in {topic}", header_name_of_any_bytes(topic)
    yield "P4 header name within a batch", header_name_within_a_batch
    yield "P2 null header in directory by java", sent_by("java", DIRECTORY, x, headers=[("h", None)])
    for case_name, headers in _ODD_HEADERS.items():
        yield f"P2 header {case_name}", sent_by("librdkafka", LEAD_ARRIVALS, x, headers=headers)
    for case_name, key in {
        "null": None,
        "empty": b"",
        "900 KB": b"k" * 900_000,
        "not UTF-8": b"\xff",
    }.items():
        yield f"P2 key {case_name}", with_key(key)
    for codec in CODECS[1:]:
        yield f"P3 5 MB {codec} by librdkafka", large_value("librdkafka", codec)
    yield "P3 5 MB zstd by kcat", large_value("kcat", "zstd")
    yield "P3 5 MB gzip by java", large_value("java", "gzip")
    large_lead = b'{"vendor": "m", "external_id": "large", "attributes": {"a": "' + b"x" * LARGE + b'"}}'
    yield "P3 5 MB lead", large_value("librdkafka", "gzip", large_lead)
    yield "P3 everything is large", everything_is_large
    yield "P10 an empty rep", refused_record(DIRECTORY, b"{}", ANY, key=b"default/rep/n4")
    for topic in INBOUND:
        yield f"P10 empty bytes in {topic}", refused_record(topic, b"", frozenset({"empty"}))
        yield f"P10 null in {topic}", accepted_record(topic, b"null", letters=None)
    for topic in (LEAD_ARRIVALS, LEAD_ACTIONS):
        yield f"P10 tombstone in {topic}", refused_record(topic, None, frozenset({"empty"}))
        yield (
            f"P10 neither key nor value in {topic}",
            refused_record(topic, None, frozenset({"empty"}), key=None),
        )
    for topic in (DIRECTORY, DO_NOT_CONTACT):
        yield f"P10 tombstone in {topic}", accepted_record(topic, None)
    deep: Any = json.loads("[" * 40 + "]" * 40)
    yield "D16 a note of 20,000 characters", unanswerable(note="x" * 20_000)
    yield "D16 nested over 32", unanswerable(attributes={"a": deep})
    yield "D16 256 KiB", unanswerable(attributes={f"a{n}": "x" * 8_000 for n in range(34)})


CASES: Final[dict[str, Case]] = dict(_all_cases())
