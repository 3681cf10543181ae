"""Opens the console's database for commands, at its newest schema, with the audit of what a command does to it."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from application.audit.entry import AuditedAct
    from models.audit import Act


@contextmanager
def open_console_store() -> "Iterator[Engine]":
    """Yield the console's database after migrating it to the newest schema."""
    from sink.database_engine import connect
    from web.settings import WebSettings
    from web.store.migrate import upgrade

    url = WebSettings.read().console_database_url
    upgrade(url)
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def recorded_act(store: "Engine", org: str, act: "Act", object_name: str) -> "Iterator[AuditedAct]":
    """Do an act inside of this, and it is recorded in the outbox. The console sends it to Kafka when it runs.

    An act that raises is not recorded. If the command is killed, its record gets the outcome `unknown`.
    """
    from application.audit.entry import AuditedAct, operator
    from web.store.audit import AuditOutbox, Write

    outbox, entry = AuditOutbox(store), AuditedAct(operator(org), act, object_name)
    outbox.write([Write(entry.audit_id, entry.record(), ready=False, begins=True)])
    try:
        yield entry
    except Exception:
        outbox.write([Write(entry.audit_id, None, ready=True, begins=False)])
        raise
    record = None if entry.is_void else entry.record()
    outbox.write([Write(entry.audit_id, record, ready=True, begins=False)])
