"""Defines commands that check the installation and the guarantees."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from cli.common import AsJson, finish, running, say


def doctor(as_json: AsJson = False) -> None:
    """Check what is installed, reachable and configured. Exit 1 if there is a problem.

    Example: firstclaim doctor
    """
    from runtime.doctor import examine_all

    checks = examine_all()
    for check in checks:
        result = typer.style("ok   ", fg="green") if check.ok else typer.style("wrong", fg="red")
        typer.echo(f"{result} {check.name}: {check.detail}")
        if check.hint:
            typer.echo(f"      → {check.hint}")
    ok = all(check.ok for check in checks)
    finish({"ok": ok, "checks": [asdict(check) for check in checks]}, as_json=as_json, ok=ok)


def verify(
    wait_seconds: Annotated[float, typer.Option(help="How long to wait for the stages to catch up.")] = 60.0,
    erased: Annotated[
        bool,
        typer.Option(
            "--erased",
            help="Search all topics, Valkey and the databases for erased persons, also what retention removes.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check logs, journal, CRM database and board: one owner per lead, none lost, every answer true. Exit 1 otherwise.

    Example: firstclaim verify --json

    Example: firstclaim verify --erased
    """
    from assurance.verify import verify as check
    from cli.erase import console_database

    more = [url] if erased and (url := console_database()) else []
    report = asyncio.run(
        check(running(), wait_seconds=wait_seconds, say=say, search_all=erased, more_databases=more)
    )
    for line in report.lines():
        typer.echo(line)
    finish(report.as_dict(), as_json=as_json, ok=report.ok)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(doctor)
    app.command()(verify)
