"""An action and its answer, through Kafka and nothing else: `lead-actions` in, `lead-decisions` out."""

import asyncio
import uuid
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from models.errors import RetryableError, RuntimeFailure
from streams import reading
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.signing import Signer
from streams.topics import LEAD_ACTIONS, LEAD_DECISIONS


async def ask(settings: Settings, action: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Send an action and return its answer, as `lead-decisions` says it.

    An `action_id` is made if there is none. Raises `RuntimeFailure` if nothing answers in time; the action may
    still be decided then, and asking again with the same id gives the same answer (X4).
    """
    action = {
        "action_id": str(uuid.uuid4()),
        **{key: value for key, value in action.items() if value is not None},
    }
    signer = Signer(settings)
    consumer = AIOKafkaConsumer(
        LEAD_DECISIONS, **settings.consumer_options(), group_id=None, enable_auto_commit=False
    )
    producer = AIOKafkaProducer(**settings.aiokafka_options(), acks="all", enable_idempotence=True)
    try:
        await _start(consumer, producer)
        # Positions first: an answer may come before a consumer has asked where the end is.
        await consumer.seek_to_end()
        await asyncio.gather(*(consumer.position(tp) for tp in consumer.assignment()))
        value = msgspec.json.encode(action)
        await producer.send_and_wait(LEAD_ACTIONS, value, headers=signer.headers(LEAD_ACTIONS, value))
        async with asyncio.timeout(seconds):
            async for record in consumer:
                answer = _read(record.value)
                if answer.get("action_id") == action["action_id"]:
                    return answer
    except TimeoutError as error:
        reason = f"no answer to {action['action_id']} in {seconds:g} s; is a worker and a relay running?"
        raise RuntimeFailure(str(action["type"]), reason) from error
    finally:
        await producer.stop()
        await stop_consumer(consumer)
    raise RuntimeFailure(str(action["type"]), "the answers ended")


async def _start(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(reading.START_SECONDS):
            await consumer.start()
            await producer.start()
    except TimeoutError as error:
        raise RetryableError("Kafka", f"it is away or has no topic {LEAD_DECISIONS}") from error


def _read(value: bytes | None) -> dict[str, Any]:
    """Return an answer; nothing for what somebody else put there."""
    try:
        found = msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
