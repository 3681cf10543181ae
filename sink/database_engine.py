"""Creates the CRM database's engine, one per process. A write transaction locks from its first statement.

`engine.execution_options(writes=True).begin()` begins a write transaction. Readers do not block the writer, and the
writer does not block readers. With `waits_for_disk=False` as well, Postgres answers a commit before it is on the disk,
or on a synchronous standby. It is for what is read again if Postgres loses it: a crash of the server may take the
transactions of the last second, always the later ones and always whole.
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from streams.file_permissions import private_folder

BUSY_TIMEOUT_MS: Final = 5_000
"""How long SQLite waits for another writer before it reports "locked". The work is then tried again later."""
_LOOK_SECONDS: Final = 0.01
MAPPED_BYTES: Final = 1 << 30
"""How many bytes of an SQLite file are memory-mapped. All connections share the system's cache without a copy, so
lists of 100,000 leads are filtered several times as fast."""
CONNECT_TIMEOUT_S: Final = 5
"""How long Postgres may take to accept a connection before it counts as unreachable."""
UNHEARD_TIMEOUT_MS: Final = 10_000
"""How long a Postgres host may leave packets unacknowledged before the connection counts as dead."""
KEEPALIVE_S: Final = {"keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 4}
"""After how many seconds a silent connection is probed, how often, and how many probes may stay unanswered. A host that
vanished during a query is noticed after 22 seconds; the system's defaults take two hours."""
CLIENT_ENCODING: Final = "utf8"
"""The driver gives bytes instead of text to a client of a database in SQL_ASCII that names no encoding."""
STATEMENT_TIMEOUT_MS: Final = 60_000
"""How long one write statement may take, including the wait for locks."""
IDLE_TIMEOUT_MS: Final = 30_000
"""How long a writer may be idle in a transaction. A stalled old writer must not hold the locks of its successor."""


def connect(database_url: str, *, pooled: bool = True) -> Engine:
    """Return an engine for `sqlite:///FILE` or `postgresql+psycopg://…`. It connects at its first use.

    `pooled`: connections are kept for reuse, at most 15 at the same time; otherwise each use has a new one.

    SQLite uses WAL and has one writer at a time. With `synchronous=NORMAL` a power failure may lose the last
    transactions. Rows and offsets are lost together, so the records are read from Kafka again.
    """
    url = make_url(database_url)
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    sqlite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": UNHEARD_TIMEOUT_MS,
        "client_encoding": CLIENT_ENCODING,
        **KEEPALIVE_S,
    }
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    engine = create_engine(
        url,
        pool_pre_ping=not sqlite,
        json_serializer=to_json,
        json_deserializer=msgspec.json.decode,
        connect_args={} if sqlite else arguments,
        **({} if pooled else {"poolclass": NullPool}),
    )
    if sqlite:
        event.listen(engine, "do_connect", _make_sqlite_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgres)
    return engine


def to_json(value: Any) -> str:
    """Return a value of a JSON column as text."""
    return msgspec.json.encode(value).decode()


def _make_sqlite_private(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
    """Create a missing SQLite file readable by its owner only. SQLite gives its side files the same mode."""
    name = str(arguments[0]) if arguments else ""
    if not name or name.startswith((":memory:", "file:")):
        return
    private_folder(Path(name).absolute().parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, not the driver
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=NORMAL",
        f"mmap_size={MAPPED_BYTES}",
        "secure_delete=ON",  # what is erased is overwritten, not only marked as free
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    _use_wal(connection)


def _use_wal(connection: Any) -> None:
    """Let a file have a write-ahead log. SQLite itself does not wait for others who write to a new file meanwhile."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_LOOK_SECONDS)  # another process has the lock, and SQLite sends no event
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("writes", False):
        # SET LOCAL is used because connection poolers refuse connection options or leak them to other clients.
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS};"
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}"
            + ("" if options.get("waits_for_disk", True) else ";SET LOCAL synchronous_commit = off")
        )
