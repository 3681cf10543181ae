"""Defines commands for managers: assign leads by hand, and work the exceptions desk."""

import asyncio
import sys
from typing import Annotated

import msgspec
import typer

from cli.common import AsJson, finish, print_refusal, read_lead_id, running
from cli.lead_options import (
    SHOWN,
    BulkAction,
    By,
    ByLicence,
    Column,
    DryRun,
    Leads,
    ListFile,
    NamedLeads,
    Org,
    OverrideCap,
    OverrideLicence,
    Seconds,
    SegmentRule,
    SomeWhy,
    To,
    overriding,
    run,
)


def assign(
    to: To,
    by: By,
    leads: Leads = None,
    segment: SegmentRule = None,
    file: ListFile = None,
    column: Column = None,
    by_licence: ByLicence = False,
    override_licence: OverrideLicence = False,
    override_cap: OverrideCap = False,
    why: SomeWhy = None,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Assign leads that nobody has: one lead, a selection, a segment or a list. Exit 0 only if all were assigned.

    Several reps share evenly the leads that are free. A lead that somebody has is moved by `firstclaim reassign`.

    Example: firstclaim assign --from leads.csv --to rep-7 --to rep-8 --by manager-1 --dry-run
    """
    named_leads = NamedLeads(leads or (), segment, file, column)
    named_leads.check()
    fields = overriding(override_licence=override_licence, override_cap=override_cap, why=why)
    bulk = BulkAction(
        action="assign",
        which=named_leads,
        by=by,
        org=org,
        seconds=seconds,
        to=tuple(dict.fromkeys(to)),
        by_licence=by_licence,
        fields=fields,
        done="Assigned",
    )
    run(running(), bulk, dry_run=dry_run, as_json=as_json)


exceptions = typer.Typer(
    help="Leads that could not be distributed: list, ignore, unignore.", no_args_is_help=True
)
Lead = Annotated[str, typer.Argument(help="Lead id.")]


@exceptions.command("list")
def list_exceptions(
    every: Annotated[bool, typer.Option("--all", help="Also show ignored ones, at the end.")] = False,
    org: Org = "default",
    limit: Annotated[int, typer.Option(min=1, help="The largest number to show.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """List the exceptions desk: prospect, source, and the reason why no rep has the lead.

    Example: firstclaim exceptions list --all
    """
    from application.exceptions_desk import print_exceptions, read_exceptions

    desk = read_exceptions(running(), org, show_ignored=every, limit=limit)
    print_exceptions(desk)
    finish(desk, as_json=as_json)


@exceptions.command()
def ignore(
    lead: Lead,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Hide an exception. It stays assignable, and `list --all` shows it. At a terminal, ask for confirmation.

    Example: firstclaim exceptions ignore 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1
    """
    if not yes and sys.stdin.isatty():
        typer.confirm("Do you really want to ignore this lead?", abort=True)
    _decide("ignore", lead, by, org, seconds, as_json=as_json)


@exceptions.command()
def unignore(
    lead: Lead, by: By, org: Org = "default", seconds: Seconds = 15.0, as_json: AsJson = False
) -> None:
    """Bring an ignored exception back, to a queue that currently takes it, or else to the desk.

    Example: firstclaim exceptions unignore 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1
    """
    _decide("unignore", lead, by, org, seconds, as_json=as_json)


def _decide(action_type: str, lead: str, by: str, org: str, seconds: float, *, as_json: bool) -> None:
    from streams.engine_client import ask_once

    action = {"type": action_type, "lead_id": read_lead_id(lead), "rep_id": by, "org": org}
    answer = asyncio.run(ask_once(running(), action, seconds))
    is_done = answer.result == "done"
    if is_done:
        typer.echo("The lead is ignored." if action_type == "ignore" else "The lead is not ignored any more.")
    else:
        print_refusal(answer.result, answer.reason, answer.why)
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=is_done)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(assign)
    app.add_typer(exceptions, name="exceptions")
