"""Writes the records of `calls`: what happened to each leg of each call (N4)."""

import msgspec
from aiokafka.errors import KafkaError

from models.public import Call
from streams.clients import Producer
from streams.retries import WRITE_FATE
from streams.topics import CALLS

_HEADERS = (
    ("ce_source", b"/firstclaim/couriers"),
    ("ce_type", b"firstclaim.call.v1"),
    ("ce_specversion", b"1.0"),
    ("content-type", b"application/json"),
)


class CallRecordProducer:
    """Writes records of `calls`. It retries while Kafka is away. `system`: the name of the telephone system."""

    def __init__(self, producer: Producer, system: str) -> None:
        self._producer = producer
        self._system = system
        self._number = 0

    async def write(self, call: Call) -> None:
        """Write a record. It is durable on return."""
        self._number += 1
        identity = f"{call.call_id}-{call.leg}-{call.event}-{self._number}"
        headers = [("ce_id", identity.encode()), ("ce_time", call.at.isoformat().encode()), *_HEADERS]
        value = msgspec.json.encode(msgspec.structs.replace(call, system=self._system))
        key = call.lead_id.encode()
        await WRITE_FATE.run(
            KafkaError,
            f"write to {CALLS}",
            lambda: self._producer.send_and_wait(CALLS, value, key=key, headers=headers),
        )
