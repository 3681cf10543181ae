"""The engine client on a real Kafka. A foreign client reads its actions and writes the answers (X4)."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from models.errors import RetryableError, RuntimeFailure
from streams.engine_client import EngineClient, ask_once
from streams.settings import Settings
from streams.topics import LEAD_ACTIONS, LEAD_DECISIONS, provision
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.kafka


@pytest.fixture
async def settings_with_topics(settings: Settings) -> Settings:
    """Return the settings, with topics."""
    return await provision(settings)


def action(**fields: Any) -> dict[str, Any]:
    """Return an action with a new id."""
    return {"action_id": str(uuid.uuid4()), "type": "claim", "lead_id": "l-1", "rep_id": "rep-1", **fields}


def write(settings: Settings, *values: bytes | None) -> None:
    """Write values to `lead-decisions` with librdkafka."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for value in values:
        producer.produce(LEAD_DECISIONS, key=b"l-1", value=value)
    assert producer.flush(PATIENCE_SECONDS) == 0


def answer_to(request: dict[str, Any], **changes: Any) -> bytes:
    """Return the bytes of an answer."""
    answer = {
        **{name: request[name] for name in ("action_id", "lead_id", "rep_id", "type")},
        "result": "won",
        "reason": None,
        "owner": request["rep_id"],
        "version": 4,
        "why": "first claim",
        "decided_at": "2026-11-20T14:12:00Z",
        "merged_into": None,
        **changes,
    }
    return json.dumps(answer).encode()


def read_actions(settings: Settings, action_id: str, count: int) -> list[dict[str, Any]]:
    """Return the first records of `lead-actions` with this id, read with librdkafka; wait until there are so many."""
    consumer = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": uuid.uuid4().hex})
    actions: list[dict[str, Any]] = []
    try:
        partitions = (
            consumer.list_topics(LEAD_ACTIONS, timeout=PATIENCE_SECONDS).topics[LEAD_ACTIONS].partitions
        )
        consumer.assign([TopicPartition(LEAD_ACTIONS, partition, 0) for partition in partitions])
        while len(actions) < count:
            record = consumer.poll(PATIENCE_SECONDS)
            assert record is not None, f"{len(actions)} of {count} came"
            value = json.loads(record.value() or b"{}")
            if value.get("action_id") == action_id:
                actions.append(value)
    finally:
        consumer.close()
    return actions


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def test_x4_everybody_who_asks_with_one_id_gets_the_one_answer(settings_with_topics: Settings) -> None:
    """Records that are no answer stop nothing. A known answer is returned at once, without another action."""
    request = action(queue_id=None)
    async with EngineClient(settings_with_topics) as client:
        waiting = [asyncio.create_task(client.ask(request)) for _ in range(3)]
        (sent,) = await asyncio.to_thread(read_actions, settings_with_topics, request["action_id"], 1)
        assert sent == {name: value for name, value in request.items() if value is not None}
        await asyncio.to_thread(
            write, settings_with_topics, b"{bad", None, b"\xff", b"[" * 5_000, answer_to(request)
        )
        answers = await asyncio.gather(*waiting)
        assert {(answer.action_id, answer.result, answer.owner) for answer in answers} == {
            (request["action_id"], "won", "rep-1")
        }
        assert (
            await client.ask(request, patience_seconds=0.001)
            == answers[0]
            == client.known(request["action_id"])
        )
        assert client.known("another") is None


async def test_x4_without_an_answer_the_same_action_is_sent_again(settings_with_topics: Settings) -> None:
    request = action()
    async with EngineClient(
        settings_with_topics, resend_seconds=0.05, patience_seconds=PATIENCE_SECONDS
    ) as client:
        waiting = asyncio.create_task(client.ask(request))
        first, second, *_ = await asyncio.to_thread(
            read_actions, settings_with_topics, request["action_id"], 2
        )
        assert first == second == request
        await asyncio.to_thread(write, settings_with_topics, answer_to(request, result="lost", owner="rep-2"))
        assert (await waiting).owner == "rep-2"


async def test_an_answer_that_does_not_come_is_an_error_that_names_the_action(
    settings_with_topics: Settings,
) -> None:
    request = action()
    with pytest.raises(RetryableError, match=f"no answer to {request['action_id']} in 0.3 s"):
        await ask_once(settings_with_topics, request, 0.3)


async def test_one_action_more_than_may_wait_is_refused_and_closing_ends_those_that_wait(
    settings_with_topics: Settings,
) -> None:
    first, second = action(), action()
    async with EngineClient(settings_with_topics, waiting_most=1) as client:
        waiting = asyncio.create_task(client.ask(first))
        await asyncio.to_thread(read_actions, settings_with_topics, first["action_id"], 1)
        with pytest.raises(RetryableError, match="1 actions wait for their answers already"):
            await client.ask(second)
    with pytest.raises(RetryableError, match="the client was closed before the answer came"):
        await waiting
    with pytest.raises(RetryableError, match="the client is not connected"):
        await client.put(LEAD_ACTIONS, b"{}")


async def test_an_action_that_no_record_can_hold_is_refused_at_once(settings_with_topics: Settings) -> None:
    async with EngineClient(settings_with_topics) as client:
        with pytest.raises(RuntimeFailure, match=r"lead-actions: a message of \d+ bytes is too large"):
            await client.ask(action(note="x" * 30_000_000))


async def test_a_process_that_starts_without_kafka_waits_for_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Until then a request ends after its patience, and sending reports that the client is not connected."""
    absent_kafka = Settings.read(
        state_dir=tmp_path_factory.mktemp("away"), kafka_bootstrap_servers="127.0.0.1:1"
    )
    client = EngineClient(absent_kafka)
    running = asyncio.create_task(client.run())
    with pytest.raises(RetryableError, match="no answer to"):
        await client.ask(action(), patience_seconds=0.2)
    with pytest.raises(RetryableError, match="the client is not connected"):
        await client.arrive({"vendor": "acme", "last_name": "Jones"})
    assert not client.connected.is_set()
    running.cancel()
    await until(running.done)
