"""After a move the history of the earlier Kafka stays before what comes, and is never taken for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from models.lead import BEFORE_THE_LOG
from sink.database_engine import connect
from sink.earlier_history import set_apart
from sink.queries import newest_decisions
from sink.tables import DecisionTable, LeadTable, SinkOffsetTable, VendorHourTable
from sink.writer import CrmWriter
from tests.sink.seeded_journal import fail_on_dead_letter, lead_of, owner_changed, record_of, row_of

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.sink.conftest import Database


def reps(engine: Engine) -> list[str | None]:
    """Return who a lead was given to, the newest first."""
    with engine.connect() as connection:
        return [row["rep_id"] for row in newest_decisions(connection, lead_of().lead_id)]


def store_owner(writer: CrmWriter, rep_id: str, *, off: int, seq: int, offset: int) -> None:
    lead = lead_of(owner=rep_id)
    writer.apply([record_of(row_of(lead, owner_changed(rep_id), off=off, seq=seq), offset)])


def test_the_history_of_two_moves_stays_in_its_order(database: Database, engine: Engine) -> None:
    """Each Kafka begins its logs at offset 0, so all three have decisions at the same places."""
    for n, rep_id in enumerate(("rep-1", "rep-2", "rep-3")):
        writer = CrmWriter(engine, fail_on_dead_letter)
        moved = row_of(lead_of(owner=rep_id), off=BEFORE_THE_LOG, seq=2 * n)
        assert writer.apply([record_of(moved, 0)]).repeats == 0
        store_owner(writer, rep_id, off=0, seq=2 * n + 1, offset=1)
        store_owner(writer, f"{rep_id}-too", off=1, seq=2 * n + 2, offset=2)
        if n < 2:
            assert set_apart(engine, database.url) == 2 * (n + 1)
            with engine.connect() as connection:
                newest = connection.scalar(select(func.max(DecisionTable.source_offset)))
                assert newest is not None
                assert newest < BEFORE_THE_LOG
                assert connection.scalar(select(func.count()).select_from(SinkOffsetTable)) == 0
                assert set(connection.scalars(select(VendorHourTable.published))) <= {0}
    assert reps(engine) == ["rep-3-too", "rep-3", "rep-2-too", "rep-2", "rep-1-too", "rep-1"]


def test_a_row_from_before_the_log_is_stored_in_an_empty_database(engine: Engine, writer: CrmWriter) -> None:
    """A database that was lost is rebuilt from the journal, whose only row of a lead may be one that moved."""
    names = ("A-1", "A-2")
    batch = [record_of(row_of(lead_of(name), off=BEFORE_THE_LOG, seq=4), n) for n, name in enumerate(names)]
    assert writer.apply(batch).leads == 2
    with engine.connect() as connection:
        assert sorted(connection.scalars(select(LeadTable.version))) == [4, 4]
    assert writer.positions()[0] == (2, BEFORE_THE_LOG)


def test_a_database_without_tables_has_no_history(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    engine = connect(url)
    assert set_apart(engine, url) is None
    engine.dispose()
