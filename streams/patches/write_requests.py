"""Sends a write request without joining its record batches with the rest of it.

aiokafka encodes a request from the inside to the outside. Each level copies what is in it, so it copies a batch of half
a megabyte eight times, each time into new memory. Here batches go to the socket as they are, between the other fields.
"""

import struct
from typing import Any, Final

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, CloseReason, log
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int32, Schema
from aiokafka.util import wait_for

_SIZE: Final = struct.Struct(">i")

send_whole: Final = AIOKafkaConnection.send
"""How aiokafka sends."""


def install() -> None:
    """Let all connections of this process send write requests so. A second call changes nothing."""
    if getattr(AIOKafkaConnection.send, "sends_pieces", False):
        return

    def _send(self: Any, request: Any, expect_response: bool = True) -> Any:
        """Send a request as aiokafka does, in `pieces` if it writes records. The result is to be awaited."""
        if type(request) is not ProduceRequest or self._writer is None:
            return send_whole(self, request, expect_response)
        prepared = request.prepare(self._versions)
        correlation_id = self._next_correlation_id()
        header = prepared.build_request_header(correlation_id=correlation_id, client_id=self._client_id)
        try:
            self._writer.writelines(pieces(header, prepared))
        except OSError as error:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise errors.KafkaConnectionError(
                f"Connection at {self._host}:{self._port} broken: {error}"
            ) from error
        log.debug("Request to %s:%d %d: %s", self._host, self._port, correlation_id, prepared)
        if not expect_response:
            return self._writer.drain()
        answer = self._loop.create_future()
        self._requests.append((correlation_id, prepared, answer))
        return wait_for(answer, self._request_timeout)

    _send.sends_pieces = True  # type: ignore[attr-defined]  # a mark on a function
    AIOKafkaConnection.send = _send


def pieces(header: Any, request: Any) -> list[bytes | bytearray]:
    """Return the bytes of a request, its size first. Each batch is a piece of its own: the very object, not a copy."""
    found: list[bytes | bytearray] = [bytearray(_SIZE.size)]
    for part in (header, request):
        _encode(part.SCHEMA, [part.get_item(name) for name in part.SCHEMA.names], found)
    first = found[0]
    assert isinstance(first, bytearray)  # noqa: S101  # it is made above
    _SIZE.pack_into(first, 0, sum(map(len, found)) - _SIZE.size)
    return [piece for piece in found if piece]


def _encode(kind: Any, value: Any, found: list[bytes | bytearray]) -> None:
    """Add the bytes of a field: small fields to the last piece, and the bytes of a batch as a piece of their own."""
    if isinstance(kind, Schema):
        for field, item in zip(kind.fields, value, strict=True):
            _encode(field, item, found)
    elif type(kind) is Array and value is not None:
        found[-1] += Int32.encode(len(value))
        for item in value:
            _encode(kind.array_of, item, found)
    elif kind is Bytes and value is not None:
        found[-1] += Int32.encode(len(value))
        found += (value, bytearray())
    else:
        found[-1] += kind.encode(value)
