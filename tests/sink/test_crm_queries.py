"""The queries of status, verify, why and the console on the CRM database return what the journal says."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Engine

from models.decisions import ExceptionIgnored, ExceptionRaised, LockReleased, LockTaken
from models.lead import Distribution, DistributionStatus, Lock, Phase
from models.open_exception import OpenException
from sink import day_reports, queries
from sink.open_locks import open_locks
from sink.writer import AppliedPosition, CrmWriter, JournalRecord
from tests.sink.seeded_journal import START, Scenario, lead_of, record_of, row_of

UNTIL: Final = START + timedelta(hours=1)


@pytest.fixture
def scenario(writer: CrmWriter) -> Scenario:
    """Return a scenario that has been applied."""
    scenario = Scenario(2, seed=20).tell(200)
    writer.apply(scenario.records)
    return scenario


def test_x7_leads_are_counted_by_phase(scenario: Scenario, engine: Engine) -> None:
    with engine.connect() as connection:
        counts = queries.leads_by_phase(connection)
        assert counts == Counter(lead.phase.value for lead, _ in scenario.leads.values())
        assert queries.leads_by_phase(connection, "default") == counts
        assert queries.leads_by_phase(connection, "another") == {}


def test_x1_a_leads_newest_decisions_come_first_page_by_page(scenario: Scenario, engine: Engine) -> None:
    lead, version = max(scenario.leads.values(), key=lambda pair: pair[1])
    with engine.connect() as connection:
        row = queries.lead(connection, lead.lead_id)
        assert queries.lead(connection, "nobody") is None
        newest = queries.newest_decisions(connection, lead.lead_id, limit=1_000)
        pages, before = [], None
        while page := queries.newest_decisions(connection, lead.lead_id, before=before, limit=3):
            pages += page
            before = (page[-1]["source_offset"], page[-1]["n"])
        owners = queries.newest_decisions(connection, lead.lead_id, types=("owner_changed",), limit=1)
    assert row is not None
    assert row["version"] == version
    assert len(newest) > 3
    assert pages == newest
    assert newest[-1]["type"] == "lead_accepted"
    assert [decision["version"] for decision in newest] == sorted(
        (decision["version"] for decision in newest), reverse=True
    )
    assert owners == [decision for decision in newest if decision["type"] == "owner_changed"][:1]
    assert owners[0]["why"]["why"] == "the first claim"


def test_e4_ignored_exceptions_are_shown_on_request_at_the_end(writer: CrmWriter, engine: Engine) -> None:
    open_exception = OpenException("orphaned", ({"why": "left"},), START)
    raised = ExceptionRaised(reason="orphaned", explanation=open_exception.explanation)
    ignored = lead_of("A", phase=Phase.IGNORED, open_exception=open_exception)
    open_leads = [lead_of(name, phase=Phase.EXCEPTION, open_exception=open_exception) for name in "BCD"]
    rows = [row_of(ignored, raised, ExceptionIgnored(rep_id="m"), off=0)]
    rows += [row_of(lead, raised, off=n) for n, lead in enumerate(open_leads, 1)]
    writer.apply([record_of(row, offset) for offset, row in enumerate(rows)])
    with engine.connect() as connection:
        shown = queries.exceptions(connection, "default")
        with_ignored = queries.exceptions(connection, show_ignored=True)
        pages = [queries.exceptions(connection, limit=2, offset=offset) for offset in (0, 2)]
        assert queries.exceptions(connection, "another") == []
    assert {row["lead_id"] for row in shown} == {lead.lead_id for lead in open_leads}
    assert with_ignored[-1]["lead_id"] == ignored.lead_id
    assert [*pages[0], *pages[1]] == shown


def test_the_database_says_how_far_the_journal_is_applied(scenario: Scenario, engine: Engine) -> None:
    with engine.connect() as connection:
        offsets = queries.offsets(connection)
    assert offsets == {("lead-journal", 2): AppliedPosition(200, scenario.off)}


def test_m6_a_lock_began_after_the_last_release_of_its_own_lead(writer: CrmWriter, engine: Engine) -> None:
    """Releases of other leads, before and after, in this partition or another, say nothing about it."""

    def record(
        name: str, offset: int, *decisions: LockTaken | LockReleased, partition: int = 0
    ) -> JournalRecord:
        lock = Lock("rep-3", START, UNTIL, 1) if isinstance(decisions[-1], LockTaken) else None
        row = row_of(lead_of(name, lock=lock), *decisions, off=offset, seq=offset + 1)
        return record_of(row, offset, partition=partition)

    lock_taken, lock_released = LockTaken("rep-3", UNTIL, 1), LockReleased("rep-3", "it ran out")
    records = [
        record("A", 0, lock_taken),
        record("B", 1, lock_taken),
        record("A", 2, lock_released),
        record("A", 3, lock_taken),
    ]
    records += [
        record("C", 4, lock_taken),
        record("C", 5, lock_released),
        record("D", 6, lock_taken, partition=1),
    ]
    records += [record("B", 7, lock_taken)]  # extended
    writer.apply(records)
    with engine.connect() as connection:
        rows, total = open_locks(connection, "default", START, limit=10)
    since = {row["facts"]["external_id"]: (row["since"] - START).total_seconds() for row in rows}
    assert since == {"A": 3.0, "B": 1.0, "D": 6.0}
    assert total == 3


def test_r3_an_offer_that_is_over_takes_no_place_among_those_that_are_counted(
    writer: CrmWriter, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many are read. The rows of offers that are over stay until the engine writes them again."""
    monkeypatch.setattr(day_reports, "MAX_OFFERS", 1)

    def record(name: str, offset: int, until: datetime) -> JournalRecord:
        offer = Distribution(
            group_id="west",
            epoch=5,
            stage=DistributionStatus.OFFERED,
            method="round_robin",
            reps=(name,),
            until=until,
        )
        lead = lead_of(name, phase=Phase.OFFERED, open_distribution=offer)
        return record_of(row_of(lead, off=offset), offset)

    writer.apply([record("rep-1", 1, START), record("rep-2", 2, UNTIL), record("rep-3", 3, START)])
    with engine.connect() as connection:
        offers = day_reports.offers_by_rep(connection, "default", START + timedelta(minutes=1))
    assert offers == ({"rep-2": 1}, 1)
