"""A file that is sent is in Kafka as often as it says, and every row that is not is named."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from application.importing.send import MAX_SHOWN, send_file
from assurance.sample_leads import sample_leads
from models.errors import InvalidInput, RuntimeFailure
from rules.inbound.intake import accept_arrival
from streams import clients
from streams.settings import Settings
from streams.topics import LEAD_ARRIVALS, partitions_of, provision
from tests.fixtures.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.fixture
async def arrivals(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Yield a reader of what comes to `lead-arrivals` from now on."""
    settings = await provision(settings)
    consumer = clients.consumer(settings)
    consumer.assign([TopicPartition(LEAD_ARRIVALS, p) for p in range(partitions_of(LEAD_ARRIVALS, settings))])
    await consumer.start()
    try:
        await consumer.seek_to_end()
        yield consumer
    finally:
        await consumer.stop()


async def read_records(consumer: AIOKafkaConsumer, count: int) -> list[Any]:
    """Read until there are `count` records and all partitions are at their end."""
    records: list[Any] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(batch)
    assert len(records) == count
    return records


async def test_every_accepted_row_is_in_kafka_once_by_the_key_of_its_person(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    path = tmp_path / "leads.jsonl"
    leads = [*sample_leads(3_000, seed=5, now=NOW)]
    path.write_text("\n".join(json.dumps(lead) for lead in leads))
    result = await send_file(settings, path, mapping=None, vendor="x", say=print)
    assert result == {"accepted": 3_000, "refused": 0, "skipped": 0, "refusals": {}, "doubts": {}}
    records = await read_records(arrivals, 3_000)
    assert sorted(json.dumps(json.loads(record.value)) for record in records) == sorted(
        map(json.dumps, leads)
    )
    keys: dict[str, bytes | None] = {}
    for record in records:
        event = accept_arrival(record.value, dict(record.headers), arrived_at=NOW)
        assert record.key is not None
        assert keys.setdefault(event.lead_id, record.key) == record.key
    assert {*keys.values()} <= {lead_id.encode() for lead_id in keys}


async def test_r6_v1_rows_of_one_person_with_several_ids_keep_their_order(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    """The same phone, then the same mail address, and a resumed `send`: the first row's partition, in order."""
    path = tmp_path / "leads.csv"
    people = range(60)
    rows = [f"a{n},401-419-{4000 + n},n{n}@doe.org" for n in people]
    rows += [f"b{n},401-419-{4000 + n}," for n in people]
    rows += [f"c{n},,N{n}@DOE.org" for n in people]
    rows += [f"b{n},401-555-{2000 + n}," for n in people]
    rows += [f"x{n},,none@none.com" for n in people]
    path.write_text("\n".join(["id,phone,email", *rows]))
    assert (await send_file(settings, path, mapping=None, vendor="order", say=print))["accepted"] == len(rows)
    positions = _positions(await read_records(arrivals, len(rows)))
    for n in people:
        assert len({positions[f"{letter}{n}"][0] for letter in "abc"}) == 1, "one partition"
        assert positions[f"a{n}"] < positions[f"b{n}"]
        assert positions[f"a{n}"] < positions[f"c{n}"]
    assert len({positions[f"x{n}"][0] for n in people}) > 1, "a placeholder is nobody's address"
    (progress_file,) = (settings.state_dir / "sends").glob("*.json")
    progress_file.write_text(json.dumps({"rows": 100}))
    await send_file(settings, path, mapping=None, vendor="order", resume=True, say=print)
    again = _positions(await read_records(arrivals, len(rows) - 100))
    assert {name: place[0] for name, place in again.items()} == {name: positions[name][0] for name in again}


def _positions(records: list[Any]) -> dict[str, tuple[int, int]]:
    """Return vendor's id -> partition and offset of its first record."""
    positions: dict[str, tuple[int, int]] = {}
    for record in records:
        positions.setdefault(json.loads(record.value)["external_id"], (record.partition, record.offset))
    return positions


async def test_refused_rows_are_named_and_the_rest_goes_on(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    path, mapping, refusals = tmp_path / "leads.csv", tmp_path / "m.yaml", tmp_path / "refused.jsonl"
    path.write_text("id,day,tel\n1,01-02-2018,4014194247\n2,2018,1\n3,31-02-2018,\n,,\n4,,12\n")
    mapping.write_text('external_id: id\ncreated_at: {column: day, format: "%d-%m-%Y"}\nphone: tel\n')
    lines: list[str] = []
    result = await send_file(
        settings,
        path,
        mapping=mapping,
        vendor="acme",
        campaign="fair",
        org="west",
        refusals=refusals,
        say=lines.append,
    )
    assert (result["accepted"], result["refused"], result["doubts"]) == (4, 1, {"phone": 2, "created_at": 2})
    assert sum(result["refusals"].values()) == 1
    assert not lines
    assert [json.loads(line)["line"] for line in refusals.read_text().splitlines()] == [5]
    messages = [json.loads(record.value) for record in await read_records(arrivals, 4)]
    assert {(message["org"], message["campaign"], message["vendor"]) for message in messages} == {
        ("west", "fair", "acme")
    }


async def test_refused_rows_are_shown_where_no_file_keeps_them(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text("nonsense\n" * (MAX_SHOWN + 7))
    lines: list[str] = []
    result = await send_file(settings, path, mapping=None, vendor="acme", say=lines.append)
    assert result["refused"] == MAX_SHOWN + 7
    assert len(result["refusals"]) == 1
    assert lines[0].startswith("line 1: not JSON")
    assert lines[-1] == "and 7 more; --refusals FILE keeps them all"
    assert len(lines) == MAX_SHOWN + 1
    await read_records(arrivals, 0)


async def test_what_cannot_be_sent_at_all_is_refused_before_kafka_is_asked(tmp_path: Path) -> None:
    absent_kafka = Settings.read(kafka_bootstrap_servers="127.0.0.1:1", state_dir=tmp_path)
    path = tmp_path / "leads.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="a mapping must say"):
        await send_file(absent_kafka, path, mapping=None, vendor="acme", say=print)
    path.write_text("phone\n4014194247\n")
    with pytest.raises(InvalidInput, match="cannot be written"):
        await send_file(absent_kafka, path, mapping=None, vendor="acme", refusals=tmp_path, say=print)
    with pytest.raises(RuntimeFailure, match=r"127\.0\.0\.1:1"):
        await send_file(absent_kafka, path, mapping=None, vendor="acme", say=print)


async def test_a7_an_empty_file_of_json_lines_is_refused(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    (tmp_path / "none.jsonl").write_text("\n\n")
    with pytest.raises(InvalidInput, match="no lead was found in it"):
        await send_file(settings, tmp_path / "none.jsonl", mapping=None, vendor="acme", say=print)
    await read_records(arrivals, 0)


async def test_v1_a_file_that_was_sent_in_part_goes_on_where_it_ended(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    """Rows are skipped only for the same content, mapping and names, and only when it is asked for."""
    path = tmp_path / "leads.csv"
    rows = [f"{n},{'401-419-4247' if n % 4 else ''}" for n in range(1, 41)]
    path.write_text("\n".join(["id,phone", *rows, "41,2,3"]))

    async def send(**more: Any) -> tuple[int, int, int]:
        result = await send_file(settings, path, mapping=None, vendor="resumed", say=print, **more)
        return result["accepted"], result["refused"], result["skipped"]

    assert await send() == (40, 1, 0)
    await read_records(arrivals, 40)
    (progress_file,) = (settings.state_dir / "sends").glob("*.json")
    progress_file.write_text('{"rows": 15}')  # as a `send` leaves it that is killed
    assert await send(resume=True) == (25, 1, 15)
    sent = {json.loads(record.value)["external_id"] for record in await read_records(arrivals, 25)}
    assert sent == {str(n) for n in range(16, 41)}
    assert await send(resume=True) == (0, 1, 40)
    assert await send(resume=True, campaign="other") == (40, 1, 0)
    assert await send() == (40, 1, 0)
    progress_file.write_text("nonsense")
    assert await send(resume=True) == (40, 1, 0)
    await read_records(arrivals, 120)


async def test_v4_a_strict_send_refuses_a_file_with_unread_columns(
    settings: Settings, arrivals: AIOKafkaConsumer, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,phone\n1,home\n2,work\n")
    with pytest.raises(InvalidInput, match="phone: no value can be read as phone"):
        await send_file(settings, path, mapping=None, vendor="acme", strict=True, say=print)
    path.write_text("id,phone\n1,home\n2,401-419-4247\n")
    result = await send_file(settings, path, mapping=None, vendor="acme", strict=True, say=print)
    assert (result["accepted"], result["doubts"]) == (2, {"phone": 1})
    await read_records(arrivals, 2)
