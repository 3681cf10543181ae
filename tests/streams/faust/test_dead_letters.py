"""A dead letter is the message as it came, byte for byte, with where it was and why it is here (CONTRACTS.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import Never, Refused
from streams import dead_letters
from streams.dead_letters import MOST_REASON, bury, verdict
from streams.journal import MAX_RECORD_BYTES, JournalWriter
from streams.topics import BY_NAME, DEAD_LETTERS
from tests.fixtures.servers import unique

if TYPE_CHECKING:
    from tests.streams.faust.cluster import Cluster


def message(key: bytes | None, value: bytes | None, *headers: tuple[str, bytes]) -> Any:
    """Return a message as Faust gives it."""
    return SimpleNamespace(
        topic="lead-arrivals", partition=5, offset=17, key=key, value=value, headers=headers
    )


@pytest.mark.kafka
async def test_bytes_key_and_headers_are_kept_and_ours_are_added(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = unique("dead")
    config = {name.replace(".", "_"): value for name, value in BY_NAME[DEAD_LETTERS].config.items()}
    await cluster.create(topic, 2, **config)
    monkeypatch.setattr(dead_letters, "DEAD_LETTERS", topic)
    writer = JournalWriter(cluster.settings)
    await writer.start()
    began = datetime.now(UTC)
    largest = b"x" * (MAX_RECORD_BYTES + 40_000)  # as a broker takes it by default, and no log of ours
    for one in (
        message(b"key", b"\xff\x00{", ("ce_id", b"1"), ("reason", b"the sender's own"), ("odd", b"\xff")),
        message(None, None),
        message(b"gone", None),
        message(None, largest),
    ):
        bury(writer, one, "not_json", "value: é is no JSON" + "." * MOST_REASON, 2, None)
    await writer.stop()
    found = await cluster.records(topic)
    assert [(record.key, record.value) for record in found] == [
        (b"key", b"\xff\x00{"),
        (None, b""),
        (b"gone", None),
        (None, largest),
    ]
    assert {record.partition for record in found} == {1}  # 5 % 2
    first = found[0].headers
    assert first[:2] == (("ce_id", b"1"), ("odd", b"\xff"))
    ours = dict(first[2:])
    assert list(ours) == [
        "error-class",
        "reason",
        "source-topic",
        "source-partition",
        "source-offset",
        "failed-at",
    ]
    assert ours["error-class"] == b"not_json"
    assert ours["reason"].decode().startswith("value: é is no JSON.")
    assert len(ours["reason"].decode()) == MOST_REASON
    assert (ours["source-topic"], ours["source-partition"], ours["source-offset"]) == (
        b"lead-arrivals",
        b"5",
        b"17",
    )
    assert began <= datetime.fromisoformat(ours["failed-at"].decode()) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("missing_field", "vendor", "is missing"), ("missing_field", "vendor: is missing")),
        (Refused("not_json", "", "is not JSON"), ("not_json", "is not JSON")),
        (Never("record_too_large", "2 bytes"), ("record_too_large", "2 bytes")),
        (KeyError("state"), ("fatal_error", "KeyError('state')")),
    ],
)
def test_every_error_has_a_class_and_a_reason(error: Exception, said: tuple[str, str]) -> None:
    assert verdict(error) == said
