"""Other inquiries are kept whole in the CRM database, under their ids, and emptied by an erasure (K4)."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, select

from models.decisions import InquiryAdded, MergedInto
from models.erasure import ERASED
from models.erasure_decisions import LeadErased
from models.facts import Facts
from models.lead import Phase
from models.merging_decisions import InquirySplit, LeadSplit
from sink import rows
from sink.migrate import downgrade, upgrade
from sink.tables import DecisionTable, InquiryTable, LeadAliasTable, LeadTable
from sink.writer import CrmWriter
from tests.sink.conftest import Database
from tests.sink.seeded_journal import START, fail_on_dead_letter, lead_of, record_of, row_of

pytestmark = pytest.mark.usefixtures("always_by_copy")

FACTS = Facts(
    vendor="globex", last_name="Roe", phone="+14014194247", loan_amount=310_000, attributes={"car": "red"}
)
ADDED = InquiryAdded(
    inquiry_id="B", vendor="globex", campaign="east", external_id=None, rep_id=None, why="phone", facts=FACTS
)
STORED_FACTS = {
    "vendor": "globex",
    "last_name": "Roe",
    "phone": "+14014194247",
    "loan_amount": 310_000,
    "attributes": {"car": "red"},
}


def inquiries(engine: Engine) -> list[tuple[object, ...]]:
    """Return the rows of `inquiry`."""
    table = InquiryTable
    with engine.connect() as connection:
        query = select(table.inquiry_id, table.lead_id, table.facts, table.vendor, table.campaign, table.at)
        return [tuple(row) for row in connection.execute(query)]


def aliases(engine: Engine) -> list[tuple[str, str]]:
    """Return the rows of `lead_alias`."""
    with engine.connect() as connection:
        return [
            (alias, lead_id)
            for alias, lead_id in connection.execute(select(LeadAliasTable.alias_id, LeadAliasTable.lead_id))
        ]


def test_b3_k4_an_inquiry_has_a_row_with_its_facts_and_its_id_an_alias(
    writer: CrmWriter, engine: Engine
) -> None:
    lead = lead_of()
    merged = row_of(None, MergedInto(into=lead.lead_id, why="phone"), off=1, seq=0)
    writer.apply([record_of(row_of(lead, ADDED), 0), record_of(merged, 1, key="B")])
    assert inquiries(engine) == [("B", lead.lead_id, STORED_FACTS, "globex", "east", START)]
    assert aliases(engine) == [("B", lead.lead_id)]
    writer.apply([record_of(row_of(lead, LeadErased(rep_id="ada", why="w"), off=2, seq=2), 2)])
    assert [row[2] for row in inquiries(engine)] == [{}]
    assert handles(engine) == [(None, None)]


def handles(engine: Engine) -> list[tuple[str | None, str | None]]:
    """Return the phone and mail columns of the rows of `inquiry`."""
    with engine.connect() as connection:
        query = select(InquiryTable.phone, InquiryTable.email)
        return [(phone, email) for phone, email in connection.execute(query)]


def test_k4_an_older_schema_gets_the_handles_and_the_phones_extension_from_the_facts(
    database: Database,
) -> None:
    lead, engine = lead_of(), database.engine()
    facts = msgspec.structs.replace(lead.facts, phone_extension="12")
    lead = msgspec.structs.replace(lead, facts=facts)
    CrmWriter(engine, fail_on_dead_letter).apply([record_of(row_of(lead, ADDED), 0)])
    downgrade(database.url, "0009")
    upgrade(database.url)
    assert handles(engine) == [("+14014194247", None)]
    with engine.connect() as connection:
        query = select(LeadTable.phone, LeadTable.phone_extension)
        assert connection.execute(query).one() == ("+14014194247", "12")
    engine.dispose()


def test_k4_the_inquiries_of_an_older_schema_are_filled_from_its_decisions(database: Database) -> None:
    lead, engine = lead_of(), database.engine()
    merged = row_of(None, MergedInto(into=lead.lead_id, why="phone"), off=1, seq=0)
    CrmWriter(engine, fail_on_dead_letter).apply(
        [record_of(row_of(lead, ADDED), 0), record_of(merged, 1, key="B")]
    )
    rows_before = inquiries(engine), aliases(engine)
    downgrade(database.url, "0008")
    upgrade(database.url)
    assert (inquiries(engine), aliases(engine)) == rows_before
    assert rows_before[0]
    engine.dispose()


def test_k5_rows_made_before_another_writer_was_faster_bring_nothing_back(
    writer: CrmWriter, engine: Engine
) -> None:
    lead = lead_of("lead-1")
    out = InquirySplit(inquiry_id="B", rep_id="mia", why="another", facts=FACTS)
    added = record_of(row_of(lead, ADDED), 0)
    slow = CrmWriter(engine, fail_on_dead_letter)
    ahead = slow.prepared([added, record_of(row_of(lead, off=1, seq=2), 1)])
    assert [staged.table.name for staged in ahead.ready.to_store if staged.table.name == "inquiry"]
    writer.apply([added])
    writer.apply(
        [added, record_of(row_of(lead, off=1, seq=2), 1), record_of(row_of(lead, out, off=2, seq=3), 2)]
    )
    assert inquiries(engine) == []
    assert slow.store(ahead).stale == 2
    assert inquiries(engine) == []


def test_k5_what_a_manager_takes_out_has_no_row_any_more(writer: CrmWriter, engine: Engine) -> None:
    """The records of the two leads may be read in either order, in one batch or in several."""
    lead, other_lead = lead_of("lead-1"), lead_of("lead-2")
    merged = MergedInto(into=lead.lead_id, why="phone")
    inquiry_split = InquirySplit(inquiry_id="B", rep_id="mia", why="another", facts=FACTS)
    again = MergedInto(into=other_lead.lead_id, why="merged", rep_id="mia")
    own = replace(lead, lead_id="B")
    lead_split = LeadSplit(from_lead_id=lead.lead_id, rep_id="mia", owner=None, why="another")
    writer.apply(
        [record_of(row_of(lead, ADDED), 0), record_of(row_of(None, merged, off=1, seq=0), 1, key="B")]
    )
    writer.apply(
        [
            record_of(row_of(lead, inquiry_split, off=2, seq=2), 2),
            record_of(row_of(own, lead_split, off=3), 3, key="B"),
        ]
    )
    assert (inquiries(engine), aliases(engine)) == ([], [])
    later = record_of(replace(row_of(other_lead, ADDED, off=4), at=START + timedelta(minutes=1)), 4)
    writer.apply([later, record_of(row_of(own, again, off=5, seq=2), 5, key="B")])
    assert [row[:2] for row in inquiries(engine)] == [("B", other_lead.lead_id)]
    assert aliases(engine) == [("B", other_lead.lead_id)]
    late = row_of(lead, replace(inquiry_split, why="again"), off=6, seq=3)
    writer.apply([record_of(late, 6)])
    assert [row[:2] for row in inquiries(engine)] == [("B", other_lead.lead_id)], (
        "it is another lead's by now"
    )


@pytest.mark.parametrize("as_json", [False, True], ids=["objects", "JSON"])
@pytest.mark.parametrize("later", [False, True], ids=["former lead first", "erased lead first"])
def test_k5_the_former_lead_of_an_erased_person_keeps_none_of_its_facts(
    writer: CrmWriter, engine: Engine, monkeypatch: pytest.MonkeyPatch, *, later: bool, as_json: bool
) -> None:
    """The two leads lie in two partitions, which are read in either order. Decisions may be JSON in their rows."""
    if as_json:  # as they are if none of their fields has a column
        monkeypatch.setattr(rows, "_COLUMNS_OF_FIELDS", frozenset())
        monkeypatch.setattr(rows, "_json_of", rows._json_of.__wrapped__)  # without its cache
    lead = lead_of("lead-1")
    own = replace(lead, lead_id="B", split_from=(lead.lead_id,))
    erased_lead = replace(own, facts=Facts(vendor="globex"), phase=Phase.CLOSED, last_outcome=ERASED)
    inquiry_split = InquirySplit(inquiry_id="B", rep_id="mia", why="another", facts=FACTS)
    other_inquiry = replace(ADDED, inquiry_id="C")
    lead_split = LeadSplit(from_lead_id=lead.lead_id, rep_id="mia", owner=None, why="another")
    former = [
        record_of(row_of(lead, ADDED, other_inquiry), 0),
        record_of(row_of(lead, inquiry_split, off=2, seq=2), 1),
    ]
    of_its_own = [
        record_of(row_of(own, lead_split, off=3), 0, partition=1, key="B"),
        record_of(
            row_of(erased_lead, LeadErased(rep_id="ada", why="w"), off=4, seq=2), 1, partition=1, key="B"
        ),
    ]
    for records in (of_its_own, former) if later else (former, of_its_own):
        writer.apply(records)
    with engine.connect() as connection:
        table = DecisionTable
        query = select(table.type, table.why).order_by(table.source_partition, table.source_offset, table.n)
        decisions = [tuple(row) for row in connection.execute(query.where(table.lead_id == lead.lead_id))]
    assert decisions[0] == ("inquiry_added", {})
    assert decisions[2] == ("inquiry_split", {})
    assert decisions[1][1]["facts"] == STORED_FACTS, "another person's inquiry stays"
    assert [row[0] for row in inquiries(engine)] == ["C"]
