"""A database that was set back is filled without gaps.

What compaction removed from the journal comes from the topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import delete, select

from models.codec import decode_row
from models.corrections import FactChange, FactsCorrected
from models.decisions import NoteRecorded
from models.errors import RetryableError
from models.lead import LeadRow, Phase
from models.public import ASSIGNMENTS, LEAD_EXCEPTIONS
from rules.outbound.public_messages import public_messages
from sink.rebuild import HISTORY, NO_REASON, PublicRows, decisions_belong, empty_tables
from sink.statements import RETAINED_COLUMNS
from sink.tables import AssignmentHistoryTable, AssignmentTable, LeadExceptionTable
from sink.writer import CrmWriter
from tests.sink.seeded_journal import (
    Scenario,
    fail_on_dead_letter,
    lead_of,
    owner_changed,
    record_of,
    row_of,
    tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from sink.writer import JournalRecord

Tables = dict[str, list[tuple[object, ...]]]


def public(records: list[JournalRecord], topic: str) -> list[bytes | None]:
    """Return the public messages that a relay makes of these records."""
    letters: list[bytes | None] = []
    for record in records:
        row = decode_row(record.value or b"")
        assert record.key is not None
        letters += [
            message.value
            for message in public_messages(row, record.key, record.partition)
            if message.topic == topic
        ]
    return letters


def compact(records: list[JournalRecord]) -> list[JournalRecord]:
    """Return the newest record of each key, as compaction leaves them."""
    return sorted({record.key: record for record in records}.values(), key=lambda record: record.offset)


def test_a_sink_that_has_read_further_than_the_database_is_reads_again(
    writer: CrmWriter, engine: Engine, expected: Callable[..., Tables]
) -> None:
    """The database is set back while the sink runs (a backup, a rebuild).

    The next batch would leave an undetected gap.
    """
    scenario = Scenario(0, seed=5).tell(60)
    writer.apply(scenario.records[:40])
    empty_tables(engine, history=False)
    with pytest.raises(RetryableError, match="was set back to offset 0"):
        writer.apply(scenario.records[40:])
    assert writer.positions() == {}
    writer.apply(scenario.records)
    assert tables(engine) == expected(scenario.records)


def test_two_writers_fill_an_emptied_database_together(
    engine: Engine, expected: Callable[..., Tables]
) -> None:
    """The sink continues while a rebuild fills the database. Each applies what the other has not applied yet."""
    scenario = Scenario(0, seed=6).tell(80)
    sink, rebuild = CrmWriter(engine, fail_on_dead_letter), CrmWriter(engine, fail_on_dead_letter)
    sink.apply(scenario.records[:50])
    empty_tables(engine, history=True)
    rebuild.positions()
    rebuild.apply(scenario.records[:30])
    with pytest.raises(RetryableError, match="was set back to offset 30"):
        sink.apply(scenario.records[50:])
    assert sink.positions()[0].next_offset == 30
    sink.apply(scenario.records[30:])
    assert rebuild.apply(scenario.records[30:]).stale == len(scenario.records) - 30
    assert tables(engine) == expected(scenario.records)


def test_owners_and_exceptions_of_a_compacted_journal_come_from_the_topics(
    writer: CrmWriter, engine: Engine
) -> None:
    """The newest record of a lead may be a note, so only `assignments` names its owner."""
    scenario = Scenario(0, seed=7).tell(200)
    writer.apply(scenario.records)
    names = (LeadExceptionTable.__tablename__, AssignmentTable.__tablename__)
    before = {name: tables(engine)[name] for name in names}
    empty_tables(engine, history=True)
    newest = compact(scenario.records)
    filled = CrmWriter(engine, fail_on_dead_letter)
    filled.apply(newest)
    assert {name: len(tables(engine)[name]) for name in names} != {
        name: len(rows) for name, rows in before.items()
    }
    rows = PublicRows(engine)
    letters = public(scenario.records, ASSIGNMENTS)
    owners = rows.assignments([*letters, None, b"{", b'{"lead_id": "x"}'])
    rows.exceptions(public(scenario.records, LEAD_EXCEPTIONS))
    after = tables(engine)
    without_kept = [column.name not in RETAINED_COLUMNS for column in LeadExceptionTable.__table__.columns]
    assert _rows_kept(after[names[0]], without_kept) == _rows_kept(before[names[0]], without_kept)
    without_why = [column.name != "why" for column in AssignmentTable.__table__.columns]
    assert _rows_kept(after[names[1]], without_why) == _rows_kept(before[names[1]], without_why)
    assert rows.assignments(letters) == 0, "done again, it adds nothing"
    with engine.connect() as connection:
        reasons = set(connection.execute(select(AssignmentTable.why)).scalars())
        assert owners == len(
            connection.execute(
                select(AssignmentHistoryTable.why).where(AssignmentHistoryTable.why == NO_REASON)
            ).all()
        )
    assert reasons == {NO_REASON, "the first claim"}


def _rows_kept(rows: list[tuple[object, ...]], kept_columns: list[bool]) -> list[tuple[object, ...]]:
    return [tuple(value for value, keep in zip(row, kept_columns, strict=True) if keep) for row in rows]


def test_a_topic_that_is_ahead_of_the_database_adds_nothing(writer: CrmWriter, engine: Engine) -> None:
    """The sink will store it later, with its reason."""
    lead = lead_of("a", phase=Phase.OWNED, owner="rep-1")
    later = record_of(row_of(lead, owner_changed("rep-1"), off=3, seq=2), 1)
    writer.apply([record_of(row_of(lead_of("a"), off=1, seq=1), 0)])
    assert PublicRows(engine).assignments(public([later], ASSIGNMENTS)) == 0
    writer.apply([later])
    with engine.connect() as connection:
        assert connection.execute(select(AssignmentTable.why)).scalar_one() == "the first claim"


def test_decisions_of_another_kafka_are_told_from_ours(writer: CrmWriter, engine: Engine) -> None:
    scenario, foreign = Scenario(0, seed=8).tell(30), Scenario(0, seed=9).tell(30)
    writer.apply(scenario.records)
    assert decisions_belong(engine, scenario.records)
    assert not decisions_belong(engine, foreign.records)
    with engine.execution_options(writes=True).begin() as connection:
        for entity in HISTORY:
            connection.execute(delete(entity.__table__))
    assert decisions_belong(engine, foreign.records)


def test_a_note_is_the_newest_record_and_the_owner_is_known(writer: CrmWriter, engine: Engine) -> None:
    owned = lead_of("a", phase=Phase.OWNED, owner="rep-1")
    claimed = record_of(row_of(owned, owner_changed("rep-1"), off=1, seq=2), 0)
    noted = record_of(row_of(owned, NoteRecorded(rep_id="rep-1", note="n"), off=2, seq=3), 1)
    assert isinstance(decode_row(noted.value or b""), LeadRow)
    writer.apply([noted])
    assert PublicRows(engine).assignments(public([claimed], ASSIGNMENTS)) == 1
    with engine.connect() as connection:
        assignment = connection.execute(select(AssignmentTable.rep_id, AssignmentTable.version)).one()
    assert tuple(assignment) == ("rep-1", 2)
    assert msgspec.json.decode(public([claimed], ASSIGNMENTS)[0] or b"")["version"] == 2


def test_m2_a_correction_published_the_assignment_anew_and_is_no_change_of_owner(
    writer: CrmWriter, engine: Engine
) -> None:
    owned = lead_of("a", phase=Phase.OWNED, owner="rep-1")
    claimed = record_of(row_of(owned, owner_changed("rep-1"), off=1, seq=2), 0)
    correction = FactsCorrected(
        rep_id="mia", changes=(FactChange("state", "TX", "RI"),), why="corrected by mia"
    )
    corrected = record_of(row_of(owned, correction, off=2, seq=3), 1)
    letters = public([claimed, corrected], ASSIGNMENTS)
    assert [msgspec.json.decode(letter or b"")["version"] for letter in letters] == [2, 3]
    writer.apply([claimed, corrected])
    before = tables(engine)
    assert PublicRows(engine).assignments(letters[1:]) == 0
    assert tables(engine) == before
    empty_tables(engine, history=True)
    CrmWriter(engine, fail_on_dead_letter).apply([corrected])
    assert PublicRows(engine).assignments(letters[1:]) == 1, (
        "the record that named the owner is compacted away"
    )
    with engine.connect() as connection:
        assignment = connection.execute(select(AssignmentTable.rep_id, AssignmentTable.version)).one()
    assert tuple(assignment) == ("rep-1", 3)
