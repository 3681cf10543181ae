"""Defines commands of the audit: export who did what. There is no command that changes or removes an entry."""

import asyncio
import sys
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from cli.common import AsJson, finish, instant, running, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.audit.read import AuditCount, AuditSelection
    from streams.settings import Settings

audit = typer.Typer(help="Who did what, when and from where: export it.", no_args_is_help=True)
SAID_EVERY = 10_000
"""How many records of the topic are read between two lines of progress."""


@audit.command("export")
def export(  # each parameter is an option
    since: Annotated[
        str | None, typer.Option(help="Only this time or later (2026-11-25 or 2026-11-25T08:00, UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before this time.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only acts of this person: the rep's id.")] = None,
    act: Annotated[str | None, typer.Option(help="Only this act: published, exported, signed_in, …")] = None,
    org: Annotated[str | None, typer.Option(help="Only this org; all orgs by default.")] = None,
    form: Annotated[str, typer.Option("--format", help="ndjson or csv.")] = "ndjson",
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; stdout by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the entries of the audit, oldest first, as NDJSON or CSV. The export itself becomes an entry.

    Example: firstclaim audit export --since 2026-11-01 --act exported --format csv --to audit.csv
    """
    from application.audit.read import AuditCount, AuditSelection
    from models.audit import ACTS

    if form not in ("ndjson", "csv"):
        raise typer.BadParameter("must be ndjson or csv", param_hint="--format")
    if act is not None and act not in ACTS:
        raise typer.BadParameter(f"must be one of {', '.join(ACTS)}", param_hint="--act")
    selection = AuditSelection(
        org=org, actor=actor, act=act, since=instant(since, "--since"), until=instant(until, "--until")
    )
    count = AuditCount()
    settings = running()
    with _opened(to) as file:
        asyncio.run(_export(settings, selection, count, file, form))
    missing = f", {count.unreadable:,} records cannot be read" if count.unreadable else ""
    say(f"{count.written:,} entries written{missing}")
    result = {"written": count.written, "unreadable": count.unreadable, "to": None if to is None else str(to)}
    finish(result, as_json=as_json)


async def _export(
    settings: "Settings", selection: "AuditSelection", count: "AuditCount", file: TextIO, form: str
) -> None:
    from application.audit.entry import operator
    from application.audit.read import as_line, as_row, header, read_audit
    from application.audit.write import audited

    reported = 0

    def progress(passed: int, total: int) -> None:
        nonlocal reported
        if passed - reported >= SAID_EVERY:
            reported = passed
            say(f"{passed:,} of {total:,} records read")

    async with audited(settings, operator(selection.org or ""), "audit_exported", "audit") as entry:
        if form == "csv":
            file.write(header())
        async with aclosing(read_audit(settings, selection, count, progress)) as records:
            async for record in records:
                file.write(as_row(record) if form == "csv" else as_line(record))
        file.flush()
        for name in ("actor", "act", "since", "until"):
            if (value := getattr(selection, name)) is not None:
                entry.add(name, value)
        entry.add("entries", count.written)


@contextmanager
def _opened(to: Path | None) -> "Iterator[TextIO]":
    """Yield the file to write. Only its owner may read a new one."""
    from streams.file_permissions import private_opener

    if to is None:
        yield sys.stdout
        return
    try:
        with open(
            to, "w", encoding="utf-8", newline="", opener=private_opener
        ) as file:  # Path.open accepts no opener
            yield file
    except OSError as error:
        raise typer.BadParameter(f"{to} cannot be written: {error.strerror}", param_hint="--to") from error


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(audit, name="audit")
