"""Keeps a CRM's tables up to date from firstclaim's topics, with aiokafka.

    python consumer.py BOOTSTRAP DATABASE

Rows and position are written in one transaction, so a crash repeats nothing and skips nothing.
"""

import asyncio
import json
import signal
import sqlite3
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

SCHEMA = Path(__file__).parent.parent / "schema.sql"
# A message that is not newer than the row is a repeat.
UPSERTS = {
    "assignments": """
        INSERT INTO assignment (lead_id, rep_id, how, via, version) VALUES (:lead_id, :rep_id, :how, :via, :version)
        ON CONFLICT (lead_id) DO UPDATE SET rep_id = excluded.rep_id, how = excluded.how, via = excluded.via,
            version = excluded.version WHERE excluded.version > assignment.version""",
    "lead-exceptions": """
        INSERT INTO lead_exception (lead_id, status, reason, version) VALUES (:lead_id, :status, :reason, :version)
        ON CONFLICT (lead_id) DO UPDATE SET status = excluded.status, reason = excluded.reason,
            version = excluded.version WHERE excluded.version > lead_exception.version""",
}
# A record without a value: the lead was erased.
DELETES = {
    "assignments": "DELETE FROM assignment WHERE lead_id = ?",
    "lead-exceptions": "DELETE FROM lead_exception WHERE lead_id = ?",
}
POSITION = "INSERT OR REPLACE INTO position (topic, partition, next) VALUES (?, ?, ?)"


def save(database: sqlite3.Connection, records: dict) -> None:
    """Write the records of one poll, and where to read on, in one transaction."""
    with database:
        for partition, batch in records.items():
            for record in batch:
                if record.value is None:
                    database.execute(DELETES[record.topic], (record.key.decode(),))
                else:
                    database.execute(UPSERTS[record.topic], json.loads(record.value))
            database.execute(POSITION, (partition.topic, partition.partition, batch[-1].offset + 1))


async def main(bootstrap: str, path: str) -> None:
    """Read until SIGTERM or SIGINT."""
    database = sqlite3.connect(path)
    database.executescript(SCHEMA.read_text())
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    # Without a group: the database says where to read on, and this program reads every partition.
    # read_committed is right for every topic. These two are written without transactions.
    consumer = AIOKafkaConsumer(
        *UPSERTS, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        for topic, partition, offset in database.execute("SELECT topic, partition, next FROM position"):
            consumer.seek(TopicPartition(topic, partition), offset)
        while not stopped.is_set():
            if records := await consumer.getmany(timeout_ms=500, max_records=1000):
                save(database, records)
    finally:
        await consumer.stop()
        database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
