"""V6: what became of each vendor's arrivals is counted once, in the transaction that stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from sink.migrate import downgrade, upgrade
from sink.rebuild import empty_tables
from sink.refused_arrivals import RefusedArrivalWriter, refused_arrival
from sink.tables import VendorCountTable, VendorHourTable
from sink.vendor_count_reader import vendor_counts
from sink.vendor_count_writer import MAX_DETAILS
from sink.writer import CrmWriter
from tests.sink.seeded_journal import START, apply_in, fail_on_dead_letter
from tests.sink.vendor_history import Letter, history_of, refusals_of, sums_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.sink.conftest import Database

VENDORS = ("acme", "globex")


@dataclass
class Record:
    """A record of `dead-letters`, as Kafka's client returns it."""

    value: bytes
    headers: list[tuple[str, bytes]]
    offset: int
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    topic: str = "dead-letters"


def refused_arrivals(letters: list[Letter]) -> list[Any]:
    return [
        refused_arrival(Record(value, headers, offset)) for offset, (value, headers) in enumerate(letters)
    ]


def stored_counts(engine: Engine) -> dict[tuple[Any, ...], int]:
    table = VendorCountTable
    query = select(table.vendor, table.begins_at, table.kind, table.detail, table.count)
    with engine.connect() as connection:
        return {(*counter_key,): count for *counter_key, count in connection.execute(query)}


def test_v6_records_that_come_again_are_counted_once(engine: Engine, writer: CrmWriter) -> None:
    records = history_of(0, VENDORS, 40)
    apply_in(writer, records[:50], 7)
    apply_in(CrmWriter(engine, fail_on_dead_letter), records, 11)
    once = stored_counts(engine)
    sums = sums_of(records, [])
    for name, kind in (("accepted", "accepted"), ("resends", "resend"), ("assigned", "assigned")):
        of_topic = sum(count for key, count in sums.items() if key[2] == name)
        assert sum(count for key, count in once.items() if key[2] == kind) == of_topic > 0
    empty_tables(engine, history=False)
    apply_in(CrmWriter(engine, fail_on_dead_letter), records, 5)
    assert stored_counts(engine) == once
    empty_tables(engine, history=True)
    apply_in(CrmWriter(engine, fail_on_dead_letter), records, 100)
    assert stored_counts(engine) == once
    with engine.connect() as connection:
        query = select(VendorHourTable.version)
        assert sum(connection.scalars(query)) == sum(once.values())


def test_v6_a_refusal_is_counted_once_and_its_reasons_are_bounded(engine: Engine) -> None:
    writer = RefusedArrivalWriter(engine)
    letters = refusals_of(VENDORS, 60)
    assert writer.apply(refused_arrivals(letters[:40]), {}, {0: 40})
    assert writer.apply(refused_arrivals(letters[:40]), {0: 40}, {0: 80}), "intake wrote them again"
    assert writer.apply(refused_arrivals(letters), {0: 80}, {0: 140})
    assert sum(stored_counts(engine).values()) == 60
    assert not writer.apply(refused_arrivals(letters), {0: 141}, {0: 150}), "the database is behind"
    further_letters: list[Letter] = []
    for n in range(MAX_DETAILS + 20):
        value, headers = refusals_of(VENDORS, 1)[0]
        changed = {**dict(headers), "reason": b"r" * (n + 1), "source-offset": str(1_000 + n).encode()}
        further_letters.append((value, [*changed.items()]))
    assert writer.apply(refused_arrivals(further_letters), {}, {0: 300})
    with engine.connect() as connection:
        refused = vendor_counts(connection, ("default",), START)["acme"].refused
    assert len(refused) <= MAX_DETAILS + 1
    assert refused["others"] >= 20
    assert refused.total() == 30 + len(further_letters)


def test_v6_the_migration_counts_what_the_tables_have(database: Database) -> None:
    engine = database.engine()
    writer, records = CrmWriter(engine, fail_on_dead_letter), history_of(0, VENDORS, 40)
    writer.apply(records[:80])
    before = {
        key: count for key, count in stored_counts(engine).items() if key[2] not in ("remark", "reused_id")
    }
    downgrade(database.url, "0012")
    upgrade(database.url)
    assert stored_counts(engine) == before
    CrmWriter(engine, fail_on_dead_letter).apply(records)
    sums = sums_of(records, [])
    accepted = sum(count for key, count in sums.items() if key[2] == "accepted")
    assert (
        sum(count for key, count in stored_counts(engine).items() if key[2] == "accepted") == accepted == 40
    )
    engine.dispose()
