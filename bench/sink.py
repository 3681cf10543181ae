"""Measures (`bench sink`) how fast the sink stores the journal in Postgres, beside a plain COPY of the same rows.

The journal has a record for each lead's arrival, and later one for the claim of every second lead. Both sides begin
with empty tables of the CRM's schema, with all indexes, in turns on the same Postgres, which is started for it.

- The sink's writer gets the records as bytes, as many at once as the sink stores at once. It decodes them, makes rows,
  leaves out repeats, counts for the vendors, stores only newer versions, and moves its offsets in the same transaction.
  As in the sink, a thread makes the rows of the next batch meanwhile.
- The copy gets the finished rows of the end, in a form that the driver takes, and does nothing but COPY them, as many
  in a transaction as the sink stores at once. As the sink's, its transactions do not wait for the disk. It writes
  a lead that was claimed once, and the sink twice.

Rows a second are rows written, a lead's second version included. The result is the medians of the repeats.
"""

import gc
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, MetaData, Table

from bench import workload
from bench.testbed import Say, ends_in_order, ignore_progress
from models.errors import PermanentError, StartFailed
from rules.lead.lead_partition import LeadPartition
from runtime.own_folder import own_folder
from runtime.postgres import PostgresServer
from sink.consumer import BATCH_RECORDS
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.service import GC_THRESHOLDS, SWITCH_S
from sink.tables import Base
from sink.writer import CrmWriter, JournalRecord
from streams.file_permissions import PASSABLE

KEPT: Final = ("alembic_version",)


def run(*, leads: int = 40_000, repeats: int = 3, progress: Say = ignore_progress) -> dict[str, Any]:
    """Return {sink_rows_per_s, copy_rows_per_s, ratio_copy, records_per_s} and the numbers of leads and rows.

    Raises FirstclaimError if Postgres does not start or a record is not stored.
    """
    with ends_in_order(), own_folder("bench", passable=True) as folder:
        folder.chmod(PASSABLE)
        progress("starting a Postgres")
        with PostgresServer(folder / "postgres") as postgres:
            upgrade(postgres.url)
            engine = connect(postgres.url)
            before, interval = gc.get_threshold(), sys.getswitchinterval()
            gc.set_threshold(*GC_THRESHOLDS)
            sys.setswitchinterval(SWITCH_S)
            try:
                journal = _journal(leads)
                gc.collect()
                gc.freeze()  # a sink has no such heap of records, whose objects are never garbage here
                return _measure(engine, journal, leads, repeats, progress)
            finally:
                gc.unfreeze()
                gc.set_threshold(*before)
                sys.setswitchinterval(interval)
                engine.dispose()


def _measure(
    engine: Engine, records: Sequence[JournalRecord], leads: int, repeats: int, say: Say
) -> dict[str, Any]:
    batches = [records[at : at + BATCH_RECORDS] for at in range(0, len(records), BATCH_RECORDS)]
    sink: list[float] = []
    copied: list[float] = []
    for n in range(repeats):
        _empty(engine)
        writer, stored = CrmWriter(engine, _refuse), 0
        began = time.perf_counter()
        with ThreadPoolExecutor(1) as thread:
            ahead = thread.submit(writer.prepared, batches[0])
            for following in [*batches[1:], ()]:
                batch, ahead = ahead.result(), thread.submit(writer.prepared, following)
                stored += sum(rows for _, rows in writer.store(batch).rows)
        took = time.perf_counter() - began
        sink.append(stored / took)
        rows = _rows(engine)
        _empty(engine)
        began = time.perf_counter()
        _copy(engine, rows)
        copied.append(sum(map(len, rows.values())) / (time.perf_counter() - began))
        say(f"{n + 1}/{repeats}: sink {sink[-1]:,.0f} rows/s, copy {copied[-1]:,.0f} rows/s")
    ours, plain = statistics.median(sink), statistics.median(copied)
    return {
        "sink_rows_per_s": round(ours),
        "copy_rows_per_s": round(plain),
        "ratio_copy": round(ours / plain, 2),
        "records_per_s": round(ours * len(records) / stored),
        "leads": leads,
        "rows": stored,
        "repeats": repeats,
    }


def _journal(leads: int) -> list[JournalRecord]:
    """Return the journal of so many leads in one partition."""
    ids = workload.lead_ids(leads)
    claims = (workload.claim(lead_id, 0) for lead_id in ids[::2])
    partition, records = LeadPartition(0), list[JournalRecord]()
    events: list[Any] = [workload.queue(), *map(workload.arrival, ids), *claims]
    for off, event in enumerate(events):
        at = workload.BEGAN + timedelta(days=2, milliseconds=off)
        outcome = partition.decide(event.lead_id.encode(), event, off=off, at=at)
        if outcome is None or outcome.row is None or outcome.failure is not None:
            raise StartFailed("sink", f"event {off} gives no record")
        partition.accept(outcome)
        records.append(JournalRecord(0, off, outcome.key, outcome.value, (), int(at.timestamp() * 1000)))
    return records


def _refuse(record: JournalRecord, error: PermanentError) -> None:
    raise StartFailed("sink", f"record {record.offset} is not stored: {error}")


def _empty(engine: Engine) -> None:
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names}")


def _rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the stored rows by table, as text, which COPY takes as it is."""
    by_table = {}
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        for table in _filled(tables):
            cast = ", ".join(f'"{column.name}"::text' for column in table.columns)
            rows = connection.exec_driver_sql(f"SELECT {cast} FROM {table.name}").all()  # noqa: S608
            by_table[table.name] = [tuple(row) for row in rows]
    return by_table


def _filled(tables: MetaData) -> list[Table]:
    return [table for table in tables.sorted_tables if table.name not in KEPT]


def _copy(engine: Engine, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    engine = engine.execution_options(writes=True, waits_for_disk=False)
    for name, table_rows in rows.items():
        for at in range(0, len(table_rows), BATCH_RECORDS):
            with engine.begin() as connection:
                driver: Any = connection.connection.driver_connection
                assert isinstance(driver, psycopg.Connection)  # noqa: S101  # it is what `connect` makes
                with driver.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN".encode()) as copy:
                    for row in table_rows[at : at + BATCH_RECORDS]:
                        copy.write_row(row)
