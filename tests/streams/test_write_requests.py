"""A write request is sent in pieces: the same bytes as aiokafka's, and the batches are not copied."""

from __future__ import annotations

import struct
from typing import Any, Final

import pytest
from aiokafka.protocol.produce import ProduceRequest

from streams.patches.write_requests import pieces

VERSIONS: Final = range(8)
FIRST, SECOND, THIRD = bytearray(b"first" * 1_000), b"second", bytearray(100_000)


def parts(version: int, topics: list[Any]) -> tuple[Any, Any]:
    """Return the header and the body of a write request as aiokafka prepares them for a broker's version."""
    request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=20_000, topics=topics)
    body: Any = request.prepare({ProduceRequest.API_KEY: (version, version)})
    return body.build_request_header(correlation_id=7, client_id="firstclaim"), body


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "topics",
    [
        [],
        [("leads", [])],
        [("leads", [(0, SECOND)])],
        [("leads", [(0, FIRST), (1, b""), (12, None)]), ("größe", [(3, SECOND), (4, THIRD)])],
    ],
    ids=["no topic", "no partition", "one batch", "several"],
)
def test_the_pieces_are_the_bytes_that_aiokafka_sends(version: int, topics: list[Any]) -> None:
    header, body = parts(version, topics)
    message = header.encode() + body.encode()
    assert b"".join(pieces(header, body)) == struct.pack(">i", len(message)) + message


def test_a_batch_is_sent_as_the_object_that_it_is() -> None:
    header, body = parts(7, [("leads", [(0, FIRST), (1, SECOND)]), ("orgs", [(0, THIRD)])])
    sent = pieces(header, body)
    assert [piece for piece in sent if any(piece is batch for batch in (FIRST, SECOND, THIRD))] == [
        FIRST,
        SECOND,
        THIRD,
    ]
    assert len(sent) == 6  # each after the fields before it
