"""Commands for managers: assign leads by hand, and work the exceptions desk."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from cli.common import AsJson, finish, print_refusal, running, say

if TYPE_CHECKING:
    from application.assignment import AssignmentResult
    from application.lead_selection import LeadSelection
    from streams.settings import Settings

SHOWN: Final = 100
"""The most leads that are named one by one. Further ones are counted."""

By = Annotated[str, typer.Option("--by", help="The manager who acts.")]
Org = Annotated[str, typer.Option(help="The org of the leads.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long to wait for each answer.")]


def assign(
    to: Annotated[
        list[str], typer.Option("--to", help="The rep who gets them; several reps share them evenly.")
    ],
    by: By,
    leads: Annotated[list[str] | None, typer.Argument(metavar="LEAD", help="Lead ids.")] = None,
    segment: Annotated[
        str | None,
        typer.Option(help="Instead: all unowned leads that meet this rule, JSON or @FILE (JSON, YAML)."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="Instead: a list of leads, CSV."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="The file's column of lead ids. Default: lead_id, or else vendor and external_id."),
    ] = None,
    org: Org = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show how many leads each rep would get.")
    ] = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Assign leads to reps: one lead, a selection, a segment or a list. Exit 0 only if all were assigned.

    Example: firstclaim assign --from leads.csv --to rep-7 --to rep-8 --by manager-1 --dry-run
    """
    from application.assignment import assign_all, summarize
    from application.lead_selection import split_evenly

    if sum((bool(leads), segment is not None, file is not None)) != 1:
        raise typer.BadParameter("give exactly one of: LEAD ids, --segment RULE, --from FILE")
    if column is not None and file is None:
        raise typer.BadParameter("--column needs --from FILE")
    reps = tuple(dict.fromkeys(to))
    settings = running()
    selection = _select(settings, org, leads or [], segment, file, column)
    _print_unusable(selection)
    wanted = list(split_evenly(selection.leads, reps))
    if dry_run:
        by_rep = {rep_id: sum(1 for _, each in wanted if each == rep_id) for rep_id in reps}
        typer.echo(f"{len(wanted):,} leads would be assigned. Nothing was changed.")
        _print_reps(by_rep)
        result = {**summarize([], len(selection.unusable)), "by_rep": by_rep, "dry_run": True}
        finish(result, as_json=as_json, ok=not selection.unusable)
        return
    results = asyncio.run(assign_all(settings, wanted, by=by, org=org, patience_seconds=seconds, say=say))
    result = summarize(results, len(selection.unusable))
    _print_results(results, result)
    finish(result, as_json=as_json, ok=not (result["lost"] or result["refused"] or result["unanswered"]))


def _select(
    settings: "Settings",
    org: str,
    leads: list[str],
    segment: str | None,
    file: Path | None,
    column: str | None,
) -> "LeadSelection":
    from application.journal_snapshot import journal_now
    from application.lead_selection import Segment, select_by_ids, select_from_file

    if segment is not None:
        rule = Segment.read(segment)
        journal = asyncio.run(journal_now(settings))
        return rule.unowned(journal.leads.values(), org, datetime.now(UTC))
    return select_from_file(file, org, column) if file is not None else select_by_ids(leads)


def _print_unusable(selection: "LeadSelection") -> None:
    for one in selection.unusable[:SHOWN]:
        say(f"{one.place}: {one.reason}")
    if len(selection.unusable) > SHOWN:
        say(f"{len(selection.unusable) - SHOWN:,} more are not shown.")
    if selection.repeated:
        say(f"Named more than once, and assigned once: {selection.repeated:,}")


def _print_results(results: "list[AssignmentResult]", result: dict[str, Any]) -> None:
    """Print how many leads each rep got, and why each other lead was not assigned."""
    counts = {
        "Assigned": result["assigned"],
        "Owned by somebody else": result["lost"],
        "Refused": result["refused"],
    }
    if result["unanswered"]:
        counts["No answer"] = result["unanswered"]
    typer.echo(" ".join(f"{label}: {count:,}." for label, count in counts.items()))
    _print_reps(result["by_rep"])
    others = [one for one in results if one.result != "done"]
    for one in others[:SHOWN]:
        if one.result is None:
            typer.echo(
                f"  {one.lead_id}: No answer. It may be assigned yet. Is a worker and a relay running?"
            )
        elif one.result == "lost":
            typer.echo(f"  {one.lead_id}: {one.owner} owns it.")
        else:
            reason = (one.reason or "refused").replace("_", " ")
            typer.echo(f"  {one.lead_id}: {reason.capitalize()}.{f' Why: {one.why}' if one.why else ''}")
    if len(others) > SHOWN:
        typer.echo(f"  {len(others) - SHOWN:,} more are not shown.")


def _print_reps(by_rep: dict[str, int]) -> None:
    for rep_id, count in by_rep.items():
        typer.echo(f"  {count:6,d}  {rep_id}")


exceptions = typer.Typer(
    help="Leads that could not be distributed: list, ignore, unignore.", no_args_is_help=True
)
Lead = Annotated[str, typer.Argument(help="Lead id.")]


@exceptions.command("list")
def list_exceptions(
    every: Annotated[bool, typer.Option("--all", help="Also show ignored ones, at the end.")] = False,
    org: Org = "default",
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """List the exceptions desk: prospect, source, and the reason why no rep has the lead.

    Example: firstclaim exceptions list --all
    """
    from application.exceptions_desk import print_exceptions, read_exceptions

    seen = read_exceptions(running(), org, show_ignored=every, limit=limit)
    print_exceptions(seen)
    finish(seen, as_json=as_json)


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


def _decide(what: str, lead: str, by: str, org: str, seconds: float, *, as_json: bool) -> None:
    from application.engine_client import ask_once
    from models import normalize

    try:
        lead_id = normalize.lead_id(lead)
    except ValueError as error:
        raise typer.BadParameter(f"LEAD {error}") from error
    action = {"type": what, "lead_id": lead_id, "rep_id": by, "org": org}
    answer = asyncio.run(ask_once(running(), action, seconds))
    done = answer.result == "done"
    if done:
        typer.echo("The lead is ignored." if what == "ignore" else "The lead is not ignored any more.")
    else:
        print_refusal(answer.result, answer.reason, answer.why)
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=done)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(assign)
    app.add_typer(exceptions, name="exceptions")
