"""The writer's contract, on SQLite and Postgres: the results of a record are stored once, with its offset."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, select

from models.codec import encode_row
from models.decisions import LeadAccepted
from models.errors import RetryableError
from models.lead import DirectoryRow, Phase
from sink.tables import AssignmentTable, LeadExceptionTable, LeadTable
from sink.writer import AppliedBatch, AppliedPosition, CrmWriter, JournalRecord
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.sink.conftest import Database
from tests.sink.seeded_journal import (
    START,
    Scenario,
    apply_in,
    fail_on_dead_letter,
    lead_of,
    only_row,
    owner_changed,
    record_of,
    row_of,
    tables,
)

pytestmark = pytest.mark.usefixtures("always_by_copy")

Tables = dict[str, list[tuple[Any, ...]]]


class PowerCut(Exception):  # noqa: N818  # it names an event, not a mistake
    """Simulates a power cut: the process ends here."""


@contextmanager
def cut_before(engine: Engine, sql: str) -> Iterator[None]:
    """Cut the power before the first statement that contains this SQL, a COPY into that table, or COMMIT."""

    def statement(_c: Any, _k: Any, executed: str, *_: Any) -> None:
        if sql in executed:
            raise PowerCut

    def commit(_: Connection) -> None:
        if sql == "COMMIT":
            raise PowerCut

    start_copy = psycopg.Cursor.copy

    def copy(cursor: Any, command: str, *_: Any, **__: Any) -> Any:
        statement(None, None, command.replace("COPY", "INTO"))
        return start_copy(cursor, command)

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "copy", copy)
        yield
    event.remove(engine, "before_cursor_execute", statement)
    event.remove(engine, "commit", commit)


def without_repeats(records: list[JournalRecord]) -> list[JournalRecord]:
    """Return the journal without the zombies' repeats."""
    first_records: dict[bytes | None, JournalRecord] = {}
    for record in records:
        first_records.setdefault(record.value, record)
    return [*first_records.values()]


def test_a_lead_its_owner_and_its_story_are_stored(writer: CrmWriter, engine: Engine) -> None:
    lead = lead_of()
    owned = lead_of(phase=Phase.OWNED, owner="rep-7", assigned_at=START)
    applied = writer.apply(
        [
            record_of(row_of(lead, LeadAccepted(), off=3, seq=1), 0),
            record_of(row_of(owned, owner_changed("rep-7"), off=9, seq=2), 1),
        ]
    )
    assert applied.leads == 2
    row = only_row(engine, LeadTable)
    assert (row.phase, row.owner, row.version, row.assigned_at) == ("owned", "rep-7", 2, START)
    assert row.facts["attributes"] == {"utm": "spring", "tags": ["a", 1, None]}
    assert only_row(engine, AssignmentTable).rep_id == "rep-7"
    assert writer.positions() == {0: AppliedPosition(2, 9)}


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_the_batches_makes_no_difference(
    writer: CrmWriter, engine: Engine, expected: Callable[..., Tables], size: int
) -> None:
    records = Scenario(0, seed=1).tell(120).records
    apply_in(writer, records, size)
    assert tables(engine) == expected(records)


def test_x4_a_replay_from_any_offset_changes_nothing(
    writer: CrmWriter, engine: Engine, expected: Callable[..., Tables]
) -> None:
    records = Scenario(0, seed=2).tell(80).records
    writer.apply(records)
    before = tables(engine, offsets=True)
    for begin in range(0, 80, 9):
        assert writer.apply(records[begin:]) == AppliedBatch(stale=80 - begin)
    assert tables(engine, offsets=True) == before
    assert tables(engine) == expected(records)


def test_what_a_zombie_repeats_in_the_journal_is_left_out_and_the_offset_moves_on(
    writer: CrmWriter, engine: Engine, expected: Callable[..., Tables]
) -> None:
    scenario = Scenario(0, seed=3).tell(40)
    undisturbed = Scenario(0, seed=3).tell(40)
    mark = scenario.off
    scenario.repeat(25)
    repeats = len(scenario.records) - 40
    applied = writer.apply(scenario.records)
    assert (applied.leads, applied.repeats) == (40, repeats)
    assert writer.positions() == {0: AppliedPosition(40 + repeats, mark)}
    assert tables(engine) == expected(undisturbed.records)


def test_a_repeat_is_left_out_also_where_the_batch_begins_with_it(writer: CrmWriter, engine: Engine) -> None:
    scenario = Scenario(0, seed=4).tell(20).repeat(5)
    writer.apply(scenario.records[:20])
    before = tables(engine)
    assert writer.apply(scenario.records[20:]).repeats == len(scenario.records) - 20
    assert tables(engine) == before


def test_an_older_version_after_a_newer_one_is_history_and_nothing_else(
    writer: CrmWriter, engine: Engine
) -> None:
    new = lead_of(phase=Phase.OWNED, owner="rep-9")
    old = lead_of(phase=Phase.OWNED, owner="rep-3")
    rows = [
        record_of(row_of(new, owner_changed("rep-9"), off=4, seq=5), 0),
        record_of(row_of(old, owner_changed("rep-3"), off=6, seq=3), 1),
    ]
    apply_in(writer, rows, 1)
    assert (only_row(engine, LeadTable).owner, only_row(engine, LeadTable).version) == ("rep-9", 5)
    assert only_row(engine, AssignmentTable).rep_id == "rep-9"
    rows_by_table = tables(engine)
    assert sorted(row[1] for row in rows_by_table["assignment_history"]) == [3, 5]
    assert len(rows_by_table["decision"]) == 2


def test_e4_an_exception_keeps_its_reason_when_it_is_resolved(writer: CrmWriter, engine: Engine) -> None:
    for size in (1, 500):
        scenario = Scenario(size, seed=6).tell(300)
        apply_in(writer, scenario.records, size)
    with engine.connect() as connection:
        rows = connection.execute(select(LeadExceptionTable)).all()
        exceptions = connection.execute(select(*LeadExceptionTable.__table__.columns)).all()
    assert len(rows) > 20
    assert {row.status for row in exceptions} == {"open", "ignored", "resolved"}
    assert all(row.reason == "orphaned" and row.explanation and row.raised_at for row in exceptions)


def test_what_is_not_a_lead_moves_the_offset_only(writer: CrmWriter, engine: Engine) -> None:
    directory = DirectoryRow(
        off=2, org="default", kind="queue", object_id="aged", version=1, value={"queue_id": "aged"}, at=START
    )
    applied = writer.apply(
        [
            JournalRecord(4, 10, b"directory/4/default/queue/aged", encode_row(directory)),
            JournalRecord(4, 11, b"some-lead", None),
        ]
    )
    assert applied == AppliedBatch(passed=2)
    assert writer.positions() == {4: AppliedPosition(12, -1)}
    assert not any(tables(engine).values())


@pytest.mark.parametrize(
    "sql",
    [
        "INTO lead ",
        "INTO assignment ",
        "INTO assignment_history",
        "INTO lead_exception",
        "INTO decision",
        "UPDATE sink_offset",
        "COMMIT",
    ],
)
def test_a_crash_anywhere_in_a_batch_leaves_nothing_of_it(
    writer: CrmWriter, engine: Engine, expected: Callable[..., Tables], sql: str
) -> None:
    records = Scenario(0, seed=7).tell(150).records
    writer.apply(records[:50])
    before = tables(engine, offsets=True)
    with cut_before(engine, sql), pytest.raises(PowerCut):
        writer.apply(records[50:])
    assert tables(engine, offsets=True) == before
    writer.apply(records[50:])
    assert tables(engine) == expected(records)


def test_crashes_replays_and_zombies_in_any_order_end_in_the_same_tables(
    database: Database, engine: Engine, expected: Callable[..., Tables]
) -> None:
    """A crash is data: each step says how far a sink reads, and whether its power is cut."""
    chance = random.Random(8)
    scenarios = [Scenario(partition, seed=8) for partition in range(3)]
    for scenario in scenarios:
        for _ in range(6):
            scenario.tell(20).repeat(chance.randint(1, 8))
    for _ in range(60):
        zombie = CrmWriter(engine, fail_on_dead_letter)
        batch = []
        for scenario in scenarios:
            position = zombie.positions().get(scenario.partition, AppliedPosition(0, -1))
            begin = max(0, position.next_offset - chance.choice([0, 0, 3, 50]))
            batch += scenario.records[begin : begin + chance.randint(1, 60)]
        if chance.random() < 0.3:
            sql = chance.choice(["INTO lead ", "INTO decision", "UPDATE sink_offset", "COMMIT"])
            with cut_before(engine, sql):
                try:
                    zombie.apply(batch)
                except PowerCut:
                    continue
        else:
            zombie.apply(batch)
    writer = CrmWriter(database.engine(), fail_on_dead_letter)
    for scenario in scenarios:
        writer.apply(scenario.records)
        assert writer.positions()[scenario.partition] == AppliedPosition(len(scenario.records), scenario.off)
    assert tables(engine) == expected(*[without_repeats(scenario.records) for scenario in scenarios])


def test_two_writers_of_one_partition_at_once_store_everything_once(
    database: Database, expected: Callable[..., Tables]
) -> None:
    records = Scenario(0, seed=9).tell(400).records
    failures: list[BaseException] = []
    stored: list[int] = []

    def work() -> None:
        engine = database.engine()
        writer = CrmWriter(engine, fail_on_dead_letter)
        try:
            stored.extend(writer.apply(records[begin : begin + 20]).leads for begin in range(0, 400, 20))
        except BaseException as failure:  # noqa: BLE001  # shown by the assertion below, not by a thread's death
            failures.append(failure)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    engine = database.engine()
    assert not failures
    assert sum(stored) == 400
    assert tables(engine) == expected(records)
    engine.dispose()


def test_a_zombie_that_begins_below_the_offset_applies_only_what_is_beyond_it(
    writer: CrmWriter, database: Database
) -> None:
    records = Scenario(0, seed=10).tell(60).records
    writer.apply(records[:30])
    zombie = CrmWriter(database.engine(), fail_on_dead_letter)
    applied = zombie.apply(records[10:45])
    assert (applied.stale, applied.leads) == (20, 15)
    assert writer.apply(records[30:60]).leads == 15


def test_an_outage_says_later_and_loses_nothing(
    writer: CrmWriter, engine: Engine, database: Database, expected: Callable[..., Tables]
) -> None:
    records = Scenario(0, seed=11).tell(60).records
    writer.apply(records[:20])
    with database.away():
        for _ in range(2):
            with pytest.raises(RetryableError) as later:
                writer.apply(records[20:])
            assert later.value.what == "CRM database"
            assert later.value.reason
    writer.apply(records[20:])
    assert tables(engine) == expected(records)


def test_a_database_without_tables_says_later(engine: Engine) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("DROP TABLE decision")
    with pytest.raises(RetryableError):
        CrmWriter(engine, fail_on_dead_letter).apply(Scenario(0, seed=12).tell(3).records)


def test_an_empty_batch_does_nothing(writer: CrmWriter) -> None:
    assert writer.apply([]) == AppliedBatch()
    assert writer.positions() == {}
