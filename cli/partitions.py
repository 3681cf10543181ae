"""Defines commands that move the system to a Kafka with another number of partitions."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsJson, finish, running, say, unchecked_settings

partitions = typer.Typer(
    help="Move to a Kafka with another number of partitions (docs/operations/partitions.md).",
    no_args_is_help=True,
)


@partitions.command("export")
def export_state(
    file: Annotated[Path, typer.Argument(help="The file to make. It has leads: keep it safe.")],
    leave_dead_letters: Annotated[
        bool, typer.Option("--leave-dead-letters", help="Leave open dead letters behind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything that Kafka must keep to a file. All processes must be stopped, with nothing under way.

    Dead letters stay behind: replay or skip them before.

    Example: firstclaim partitions export state.jsonl.gz
    """
    from application.partition_move.export import export

    counts = asyncio.run(export(running(), file, say=say, leave_dead_letters=leave_dead_letters))
    say(f"{file}: {sum(counts.values()):,} records, {file.stat().st_size:,} bytes.")
    finish({"ok": True, "file": str(file), "records": counts}, as_json=as_json)


@partitions.command("import")
def import_state(
    file: Annotated[Path, typer.Argument(help="A file of `firstclaim partitions export`.")],
    as_json: AsJson = False,
) -> None:
    """Write such a file to an empty Kafka, and keep the databases' earlier history separate. No process may run yet.

    FIRSTCLAIM_PARTITIONS is the new number. If it fails, empty the new Kafka and repeat it.

    Example: firstclaim partitions import state.jsonl.gz
    """
    from application.partition_move.load import load
    from cli.console_store import open_console_store
    from sink.database_engine import connect
    from sink.earlier_history import set_apart
    from web.store.audit import AuditIndex

    settings = unchecked_settings()
    counts = asyncio.run(load(settings, file, say=say))
    engine = connect(settings.database_url)
    try:
        history = set_apart(engine, settings.database_url)
    finally:
        engine.dispose()
    if history is None:
        say(
            "The CRM database is empty; the sink fills it with leads, but former owners and decisions are not there."
        )
    else:
        say(f"The CRM database keeps its history: {history:,} decisions and activities.")
    with open_console_store() as store:
        AuditIndex(store).read_again()
    say("Start the processes, then run firstclaim verify.")
    finish({"ok": True, "records": counts, "history": history}, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(partitions, name="partitions")
