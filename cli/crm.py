"""Defines commands for the CRM database."""

import asyncio
from typing import Annotated

import typer

from cli.common import AsJson, finish, running, say

crm = typer.Typer(help="The CRM database: rebuild it from Kafka.", no_args_is_help=True)


@crm.command("rebuild")
def rebuild_crm(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    discard_history: Annotated[
        bool,
        typer.Option(
            "--discard-history",
            help="Also delete decisions and former owners, because they come from another Kafka.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the CRM database from the journal, if it was lost, restored from a backup, or belongs to another Kafka.

    The command shows what it will do and asks. The sink may keep running. If it is interrupted, run it again.

    Example: firstclaim crm rebuild --yes
    """
    from msgspec import to_builtins

    from application.crm_rebuild import plan, rebuild

    settings = running()
    planned = asyncio.run(plan(settings, discard_history=discard_history))
    for line in planned.lines():
        say(line)
    if dry_run:
        finish({"ok": True, "dry_run": True, "plan": to_builtins(planned)}, as_json=as_json)
        return
    if not yes:
        typer.confirm("Go on?", abort=True, err=True)
    result = asyncio.run(rebuild(settings, planned, say=say))
    rows = result["rows"]
    say(
        f"The CRM database is back: {rows['lead']:,} leads, {rows['assignment']:,} owners, {rows['lead_exception']:,} "
        f"exceptions, {rows['decision']:,} decisions, in {result['seconds']:.1f} seconds."
    )
    if result["buried"]:
        say(f"{result['buried']:,} records could not be stored; they are among the dead letters.")
    finish(result, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(crm, name="crm")
