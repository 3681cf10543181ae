"""One engine per process for the CRM database; a write transaction holds its locks from its first statement.

Ask for it with `engine.execution_options(writes=True).begin()`. Reads never block the writer, nor it them.
"""

import contextlib
import os
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from streams.file_permissions import private_folder

BUSY_TIMEOUT_MS: Final = 5_000
"""How long SQLite waits for another writer before it says "locked", which is answered by trying later."""
MAPPED_BYTES: Final = 1 << 30
"""So much of an SQLite file is read through the system's own cache, shared by all connections, without a copy: lists
of 100,000 leads are filtered several times as fast."""
CONNECT_TIMEOUT_S: Final = 5
"""How long Postgres may take to accept a connection; longer means away."""
UNHEARD_TIMEOUT_MS: Final = 10_000
"""How long a Postgres host may leave our packets unacknowledged before the connection counts as dead."""
STATEMENT_TIMEOUT_MS: Final = 60_000
"""How long one write statement may take, waiting for locks included."""
IDLE_TIMEOUT_MS: Final = 30_000
"""How long a writer may do nothing in a transaction: a stopped zombie must not hold its successor's locks."""


def connect(database_url: str) -> Engine:
    """Return an engine for `sqlite:///FILE` or `postgresql+psycopg://…`; it connects at its first use.

    SQLite: WAL, one writer at a time. `synchronous=NORMAL` may forget the last transactions when the power
    fails, rows and offsets alike, so they are read from Kafka again.
    """
    url = make_url(database_url)
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    sqlite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": UNHEARD_TIMEOUT_MS}
    engine = create_engine(
        url,
        pool_pre_ping=not sqlite,
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
        connect_args={} if sqlite else arguments,
    )
    if sqlite:
        event.listen(engine, "do_connect", _make_sqlite_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgres)
    return engine


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _make_sqlite_private(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
    """Make an SQLite file that is not there its owner's alone; SQLite gives its files beside it the same mode."""
    name = str(arguments[0]) if arguments else ""
    if not name or name.startswith((":memory:", "file:")):
        return
    private_folder(Path(name).absolute().parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"mmap_size={MAPPED_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        # SET LOCAL rather than connection options: poolers between us and Postgres refuse or leak those.
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS};"
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}"
        )
