"""A record that can never be stored becomes a dead letter once and stops no other. No offset passes it before that."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, Engine, event

from models.errors import PermanentError, RetryableError
from sink import writer as writer_module
from sink.dead_letters import DeadLetterWriter
from sink.tables import LeadTable
from sink.writer import AppliedPosition, CrmWriter, JournalRecord
from streams.brake import Brake
from streams.process_exit import ExitCode
from tests.sink.conftest import Database
from tests.sink.seeded_journal import Scenario, fail_on_dead_letter, only_row, tables

pytestmark = pytest.mark.usefixtures("always_by_copy")

Tables = dict[str, list[tuple[Any, ...]]]


class DeadLetterList:
    """Records each dead letter with its reason; refuses while `closed`."""

    def __init__(self) -> None:
        self.graves: list[tuple[int, str, str]] = []
        self.closed = False

    def __call__(self, record: JournalRecord, outcome: PermanentError) -> None:
        """Record a dead letter."""
        if self.closed:
            raise RetryableError("dead-letters", "Kafka is away")
        self.graves.append((record.offset, outcome.error_class, outcome.reason))


@pytest.mark.parametrize(
    ("value", "error_class"),
    [
        (b"", "DecodeError"),
        (b"not json", "DecodeError"),
        (b'{"row":"lead"}', "ValidationError"),
        (b'{"row":"unheard-of"}', "ValidationError"),
        (b'{"row":"lead","cause":"\\ud800 alone"}', "DecodeError"),
        (b'{"row":"lead","cause":"\xff"}', "DecodeError"),
        (b'{"row":"lead","lead":' + b'{"facts":{"attributes":{"a":' + b"[" * 100_000, "DecodeError"),
    ],
    ids=["empty", "text", "fields", "kind", "surrogate", "utf8", "deep"],
)
def test_a_record_that_cannot_be_read_is_buried_and_its_neighbours_are_stored(
    engine: Engine, value: bytes, error_class: str
) -> None:
    cemetery = DeadLetterList()
    records = Scenario(0, seed=13).tell(9).records
    records[4] = replace(records[4], value=value)
    applied = CrmWriter(engine, cemetery).apply(records)
    assert (applied.leads, applied.buried) == (8, 1)
    (grave,) = cemetery.graves
    assert grave[:2] == (4, error_class)
    assert grave[2]
    assert CrmWriter(engine, fail_on_dead_letter).positions()[0].next_offset == 9


def test_a_record_without_a_key_is_buried(engine: Engine) -> None:
    cemetery = DeadLetterList()
    (record,) = Scenario(0, seed=14).tell(1).records
    CrmWriter(engine, cemetery).apply([replace(record, key=None)])
    assert [grave[1] for grave in cemetery.graves] == ["MissingKey"]


def refused_by_the_database(record: JournalRecord) -> JournalRecord:
    """Return a record that can be decoded and not stored, because its version is beyond 64 bits."""
    assert record.value
    return replace(record, value=record.value.replace(b'"seq":1', b'"seq":18446744073709551615'))


def test_a_record_the_database_refuses_is_found_in_a_bounded_number_of_transactions(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    cemetery = DeadLetterList()
    records = Scenario(0, seed=15).tell(256).records
    poisoned = [n for n, record in enumerate(records) if b'"seq":1,' in (record.value or b"")][5]
    transactions = 0

    def count(_: Connection) -> None:
        nonlocal transactions
        transactions += 1

    event.listen(engine, "begin", count)
    batch = [*records]
    batch[poisoned] = refused_by_the_database(records[poisoned])
    applied = CrmWriter(engine, cemetery).apply(batch)
    assert [grave[0] for grave in cemetery.graves] == [poisoned]
    assert (applied.leads, applied.buried) == (255, 1)
    assert transactions <= 2 * 8 + 2
    without = records[:poisoned] + records[poisoned + 1 :]
    assert tables(engine) == expected(without)


def test_no_offset_passes_a_record_that_could_not_be_buried(engine: Engine) -> None:
    cemetery = DeadLetterList()
    cemetery.closed = True
    writer = CrmWriter(engine, cemetery)
    records = Scenario(0, seed=16).tell(8).records
    records[3] = replace(records[3], value=b"poison")
    with pytest.raises(RetryableError):
        writer.apply(records)
    assert writer.positions().get(0, AppliedPosition(0, -1)).next_offset <= 3
    cemetery.closed = False
    writer.apply(records)
    assert len(cemetery.graves) == 1
    assert writer.positions()[0].next_offset == 8


def test_a_record_is_buried_once_however_often_its_batch_is_tried(engine: Engine, database: Database) -> None:
    cemetery = DeadLetterList()
    writer = CrmWriter(engine, cemetery)
    records = Scenario(0, seed=17).tell(6).records
    records[2] = replace(records[2], value=b"poison")
    with database.away():
        for _ in range(3):
            with pytest.raises(RetryableError):
                writer.apply(records)
    writer.apply(records)
    assert len(cemetery.graves) == 1


def test_a_nul_in_a_fact_stops_nobody(writer: CrmWriter, engine: Engine) -> None:
    (record,) = Scenario(0, seed=18).tell(1).records
    assert record.value
    value = record.value.replace(b"Jeremy", b"Jer\\u0000emy").replace(b"spring", b"\\u0000")
    assert writer.apply([replace(record, value=value)]).leads == 1
    assert only_row(engine, LeadTable).first_name == "Jer\ufffdemy"
    assert only_row(engine, LeadTable).facts["attributes"]["utm"] == "\ufffd"


def test_e1_a_fault_of_our_own_is_told_apart_and_pulls_the_brake_before_anything_is_buried(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreadable record is not our fault. A record on which our code raises is a `fatal_error`, and is counted."""

    def fails(*_: object, **_more: object) -> None:
        raise KeyError("boom")

    records = Scenario(0, seed=13).tell(9).records
    records[4] = replace(records[4], value=b"{")
    monkeypatch.setattr(writer_module, "table_rows", fails)
    cemetery = DeadLetterList()
    CrmWriter(engine, cemetery).apply(records)
    assert [grave[1] for grave in cemetery.graves] == ["fatal_error"] * 4 + ["DecodeError"] + [
        "fatal_error"
    ] * 4
    assert cemetery.graves[0][2] == "KeyError: 'boom'"

    ended: list[tuple[ExitCode, str, str]] = []

    class Ended(Exception):  # noqa: N818  # it is what happened
        """The process would have ended."""

    def end(code: ExitCode, component: str, reason: str) -> NoReturn:
        ended.append((code, component, reason))
        raise Ended

    loop, producer = asyncio.new_event_loop(), object()
    write_dead_letter = DeadLetterWriter(producer, loop, Brake(0, 60.0, end=end))
    with pytest.raises(Ended):
        write_dead_letter(records[0], PermanentError("fatal_error", "KeyError: 'boom'"))
    loop.close()
    assert ended[0][:2] == (ExitCode.BRAKE, "sink")
    assert "lead-journal-0@0: KeyError: 'boom'" in ended[0][2]
