"""Foreign clients put bad records on the inbound topics by librdkafka. Only the bad part of a record is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.admin import NewTopic
from confluent_kafka import Producer

from models.lead import DirectoryRow, LeadRow
from streams.topics import BY_NAME, DIRECTORY, LEAD_ACTIONS, LEAD_ARRIVALS, LEAD_DECISIONS
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOBODY = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
TIMES = {
    "seconds": 1_763_629_920,
    "1000": 1_000,
    "microseconds": 1_763_629_920_000_000,
    "the epoch": 1,
    "before Kafka": 946_684_800_000,
}


class ForeignClient:
    """A client of librdkafka."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._producer = Producer(
            {"bootstrap.servers": engine.cluster.address, "message.max.bytes": 2_000_000, "linger.ms": 0}
        )

    def send(self, topic: str, value: bytes | None, **more: Any) -> None:
        """Send one record."""
        self._producer.produce(self._engine.topic(topic), value=value, **more)

    def flush(self) -> None:
        """Wait until all records are durable."""
        assert self._producer.flush(PATIENCE_SECONDS) == 0


@pytest.fixture
def foreign_client(engine: Engine) -> ForeignClient:
    """Return a foreign client."""
    return ForeignClient(engine)


async def clients_time(engine: Engine, topic: str) -> None:
    """Create a topic beforehand, as a vendor would, with more partitions and the clients' arbitrary timestamps."""
    config = {
        **BY_NAME[topic].config,
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": str(2**63 - 1),
        "retention.ms": "-1",
    }
    async with engine.cluster.admin() as admin:
        await admin.create_topics([NewTopic(engine.topic(topic), 3, 1, topic_configs=config)])


async def test_p8_a_records_time_costs_only_the_time(engine_without: Any) -> None:
    """The records are there before the worker starts. The worker then sets the topic to the broker's time."""
    engine, outside = engine_without
    began = datetime.now(UTC) - timedelta(milliseconds=1)  # Kafka cuts its times to milliseconds
    for name, milliseconds in TIMES.items():
        value = json.dumps({"vendor": "m", "external_id": name}).encode()
        outside.send(LEAD_ARRIVALS, value, timestamp=milliseconds)
    stated = {"0001": "0001-01-01T00:00:00Z", "2200": "2200-01-01T00:00:00Z", "number": 1_763_629_920}
    for name, created_at in stated.items():
        value = json.dumps({"vendor": "m", "external_id": name, "created_at": created_at}).encode()
        outside.send(LEAD_ARRIVALS, value)
    outside.flush()
    async with engine.worker() as worker, engine.relay():

        async def arrived() -> bool:
            return len(leads(await engine.rows())) == len(TIMES) + len(stated)

        await worker.until_async(arrived, "every lead is there")
    rows = leads(await engine.rows())
    assert rows.keys() == {*TIMES, *stated}
    for name, row in rows.items():
        assert row.lead is not None
        assert row.lead.facts.created_at is not None
        assert began <= row.lead.facts.created_at <= datetime.now(UTC), name
        invalid = row.lead.facts.attributes.get("invalid")
        assert invalid == ({"created_at": stated[name]} if name in stated else None), name
    assert await engine.dead_letters() == []


@pytest.fixture
async def engine_without(cluster: Any, launch: Any) -> Any:
    """Return an engine whose `lead-arrivals` was created by a vendor, and a client."""
    from tests.agents.conftest import Engine  # noqa: PLC0415  # it is only a type above

    engine = Engine(cluster, launch)
    await clients_time(engine, LEAD_ARRIVALS)
    await engine.make_topics()
    return engine, ForeignClient(engine)


def leads(rows: dict[str, LeadRow | DirectoryRow]) -> dict[str, LeadRow]:
    """Return the leads by the vendor's id."""
    return {
        str(row.lead.facts.external_id): row
        for row in rows.values()
        if isinstance(row, LeadRow) and row.lead is not None
    }


def action(action_id: str, **fields: Any) -> bytes:
    """Return an action with its ids before or after the given fields."""
    ids = {"action_id": action_id, "type": "note", "lead_id": NOBODY, "rep_id": "rep-7", "org": "default"}
    return json.dumps(
        {**fields, **{name: value for name, value in ids.items() if name not in fields}}
    ).encode()


async def test_c4_attributes_are_read_as_the_org_says(engine: Engine, foreign_client: ForeignClient) -> None:
    """The org's settings and a vendor's bytes on the real topics."""
    settings = {"attribute_types": {"income": "number", "code": "text", "move_in": "date"}}
    foreign_client.send(DIRECTORY, json.dumps(settings).encode(), key=b"default/settings/settings")
    sent: dict[str, dict[str, Any]] = {
        "typed": {"income": "$12,000", "code": 7, "attributes": {"move_in": "11/25/2026", "other": "12k"}},
        "lost": {"income": "n/a", "move_in": "soon"},
    }
    for name, fields in sent.items():
        foreign_client.send(
            LEAD_ARRIVALS, json.dumps({"vendor": "m", "external_id": name, **fields}).encode()
        )
    foreign_client.flush()
    async with engine.worker() as worker, engine.relay():

        async def arrived() -> bool:
            return len(leads(await engine.rows())) == len(sent)

        await worker.until_async(arrived, "both leads are there")
    attributes = {
        name: row.lead and row.lead.facts.attributes for name, row in leads(await engine.rows()).items()
    }
    assert attributes == {
        "typed": {"income": 12000, "code": "7", "move_in": "2026-11-25T00:00:00Z", "other": "12k"},
        "lost": {"invalid": {"income": "n/a", "move_in": "soon"}},
    }


# action id -> the sent value, the lead id of its answer, a piece of the reason
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "note": (action("note", note="x" * 20_000), NOBODY, "note: is longer than 16384 characters"),
    "deep": (
        b'{"page": ' + b"[" * 2_000 + b"]" * 2_000 + b", " + action("deep")[1:],
        NOBODY,
        "is nested deeper than 32",
    ),
    "large": (action("large", page="x" * 300_000), NOBODY, "262144 are allowed"),
    "largest": (action("largest", page="x" * 900_000), NOBODY, "262144 are allowed"),
    "broken": (action("broken")[:-1] + b', "note": "he said "hi""}', NOBODY, "not JSON"),
    "bytes": (b'{"x": "\xff", ' + action("bytes")[1:], NOBODY, "not UTF-8"),
    "lead": (action("lead", lead_id="lead-1"), "lead-1", "lead_id: must be a UUID"),
    "none": (action("none", lead_id=None), "unreadable", "lead_id: is missing"),
}
UNANSWERABLE = [
    action("", note="x" * 20_000),
    action("x" * 201),
    b"[" + action("inside") + b"]",
    json.dumps({"attributes": json.loads(action("inside")), "note": "x" * 20_000}).encode(),
]


async def test_d16_whoever_can_be_answered_is_answered(engine: Engine, foreign_client: ForeignClient) -> None:
    """The answer comes in addition to the dead letter.

    A repeat gets the same answer. An action that nobody can be told about is only a dead letter.
    """
    for value, _, _ in REFUSED.values():
        for _ in range(2):
            foreign_client.send(LEAD_ACTIONS, value)
    for value in UNANSWERABLE:
        foreign_client.send(LEAD_ACTIONS, value)
    foreign_client.send(LEAD_ACTIONS, action("good"))
    foreign_client.flush()
    letters = len(REFUSED) * 2 + len(UNANSWERABLE)
    async with engine.worker() as worker, engine.relay():

        async def all_decided() -> bool:
            buried, sent_answers = await engine.dead_letters(), await engine.records(LEAD_DECISIONS)
            return len(buried) >= letters and len(sent_answers) >= len(REFUSED) * 2 + 1

        await worker.until_async(all_decided, "all are answered and buried")
    answers: dict[str, list[dict[str, Any]]] = {}
    for record in await engine.records(LEAD_DECISIONS):
        answer = json.loads(record.value)
        assert record.key.decode() == answer["lead_id"]
        answers.setdefault(answer["action_id"], []).append(answer)
    assert answers.keys() == {*REFUSED, "good"}
    for action_id, (_, lead_id, reason) in REFUSED.items():
        first, second = answers[action_id]
        assert first == second
        assert (first["result"], first["reason"], first["lead_id"]) == ("refused", "invalid", lead_id)
        assert (first["type"], first["rep_id"], first["owner"]) == ("note", "rep-7", None)
        assert reason in first["why"], action_id
    assert answers["good"][0]["reason"] == "unknown_lead"
    buried = [value or b"" for _, value, _ in await engine.dead_letters()]
    assert sorted(buried) == sorted([*(value for value, _, _ in REFUSED.values())] * 2 + UNANSWERABLE)


N4 = {"rep_id": "n4", "name": "Nora Four", "teams": ["west"], "licensed_states": ["RI"]}


async def test_p10_only_a_whole_object_replaces_and_only_a_tombstone_removes(
    engine: Engine, foreign_client: ForeignClient
) -> None:
    key = b"default/rep/n4"
    halves = {
        b"{}": ("invalid_publication", "rep_id: is missing"),
        b'{"active": false}': ("invalid_publication", "rep_id: is missing"),
        b"null": ("not_an_object", "tombstone"),
        b" null ": ("not_an_object", "tombstone"),
        b"": ("empty", "no value"),
        b"[]": ("not_an_object", "a list"),
    }
    foreign_client.send(DIRECTORY, json.dumps(N4).encode(), key=key)
    for half in halves:
        foreign_client.send(DIRECTORY, half, key=key)
    foreign_client.flush()

    async def row() -> DirectoryRow | None:
        rows = await engine.rows()
        return next((stored for stored in rows.values() if isinstance(stored, DirectoryRow)), None)

    async with engine.worker() as worker:

        async def buried() -> bool:
            return len(await engine.dead_letters()) >= len(halves)

        await worker.until_async(buried, "all halves are buried")
        # Dead letters are written apart from the journal, and may be there first.
        stored_row = await worker.until_async(row, "the whole object is in the journal")
        assert stored_row.value == N4
        letters = await engine.dead_letters()
        assert len(letters) == len(halves)
        for _, value, headers in letters:
            error_class, reason = halves[value or b""]
            assert headers["error-class"] == error_class
            assert reason in headers["reason"]
        foreign_client.send(DIRECTORY, None, key=key)
        foreign_client.flush()

        async def removed() -> bool:
            current = await row()
            return current is not None and current.value is None

        await worker.until_async(removed, "the tombstone has removed it")
