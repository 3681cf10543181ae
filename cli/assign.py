"""Commands of a manager's desk: give leads out by hand, and see to the exceptions."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from cli.common import AsJson, finish, running, say

if TYPE_CHECKING:
    from application.assignment import Given
    from application.lead_selection import Chosen
    from streams.settings import Settings

SHOWN: Final = 100
"""Leads that are named one by one; the others are counted."""

By = Annotated[str, typer.Option("--by", help="The manager who decides.")]
Org = Annotated[str, typer.Option(help="Whose leads.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long to wait for each answer.")]


def assign(
    to: Annotated[list[str], typer.Option("--to", help="Who gets them; several share them evenly.")],
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
        typer.Option(
            help="The list's column of lead ids; without it lead_id, else vendor and external_id are looked for."
        ),
    ] = None,
    org: Org = "default",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say who would get how many; nothing is assigned.")
    ] = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Assign leads to reps: one, a selection, a segment or a list. Exit 0 only if all were assigned.

    Example: firstclaim assign --from leads.csv --to rep-7 --to rep-8 --by manager-1 --dry-run
    """
    from application.assignment import assign_all, summed
    from application.lead_selection import dealt

    if sum((bool(leads), segment is not None, file is not None)) != 1:
        raise typer.BadParameter("name LEADs, or say --segment RULE, or --from FILE: one of the three")
    if column is not None and file is None:
        raise typer.BadParameter("--column is for a list: --from FILE")
    reps = tuple(dict.fromkeys(to))
    settings = running()
    chosen = _chosen(settings, org, leads or [], segment, file, column)
    _name_unusable(chosen)
    wanted = list(dealt(chosen.leads, reps))
    if dry_run:
        by_rep = {rep_id: sum(1 for _, each in wanted if each == rep_id) for rep_id in reps}
        typer.echo(f"{len(wanted)} leads would be assigned; nothing is done")
        _tell_reps(by_rep)
        result = {**summed([], len(chosen.unusable)), "by_rep": by_rep, "dry_run": True}
        finish(result, as_json=as_json, ok=not chosen.unusable)
        return
    given = asyncio.run(assign_all(settings, wanted, by=by, org=org, patience_seconds=seconds, say=say))
    result = summed(given, len(chosen.unusable))
    _tell(given, result)
    finish(result, as_json=as_json, ok=not (result["lost"] or result["refused"] or result["unanswered"]))


def _chosen(
    settings: "Settings",
    org: str,
    leads: list[str],
    segment: str | None,
    file: Path | None,
    column: str | None,
) -> "Chosen":
    from application.journal_snapshot import journal_now
    from application.lead_selection import Segment, listed, selection

    if segment is not None:
        rule = Segment.read(segment)
        journal = asyncio.run(journal_now(settings))
        return rule.unowned(journal.leads.values(), org, datetime.now(UTC))
    return listed(file, org, column) if file is not None else selection(leads)


def _name_unusable(chosen: "Chosen") -> None:
    for one in chosen.unusable[:SHOWN]:
        say(f"{one.place}: {one.reason}")
    if len(chosen.unusable) > SHOWN:
        say(f"and {len(chosen.unusable) - SHOWN} more")
    if chosen.repeated:
        say(f"named again, and assigned once: {chosen.repeated}")


def _tell(given: "list[Given]", result: dict[str, Any]) -> None:
    """Print who got how many, and of every other lead why not."""
    counts = [f"{name} {result[name]}" for name in ("assigned", "lost", "refused")]
    if result["unanswered"]:
        counts.append(f"without an answer {result['unanswered']}")
    typer.echo(", ".join(counts))
    _tell_reps(result["by_rep"])
    others = [one for one in given if one.result != "done"]
    for one in others[:SHOWN]:
        if one.result is None:
            typer.echo(
                f"  {one.lead_id}: no answer; it may be assigned yet. Is a worker and a relay running?"
            )
        elif one.result == "lost":
            typer.echo(f"  {one.lead_id}: {one.owner} has it")
        else:
            typer.echo(f"  {one.lead_id}: {one.reason}: {one.why or ''}")
    if len(others) > SHOWN:
        typer.echo(f"  and {len(others) - SHOWN} more")


def _tell_reps(by_rep: dict[str, int]) -> None:
    for rep_id, count in by_rep.items():
        typer.echo(f"  {count:6d}  {rep_id}")


exceptions = typer.Typer(
    help="Leads that nobody could be given: list, ignore, unignore.", no_args_is_help=True
)
Lead = Annotated[str, typer.Argument(help="Lead id.")]


@exceptions.command("list")
def list_exceptions(
    every: Annotated[bool, typer.Option("--all", help="Ignored ones too, at the end.")] = False,
    org: Org = "default",
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """List the exceptions desk: who the prospect is, where the lead came from, and why nobody has it.

    Example: firstclaim exceptions list --all
    """
    from application.exceptions_desk import exceptions_now, print_exceptions

    seen = exceptions_now(running(), org, show_ignored=every, limit=limit)
    print_exceptions(seen)
    finish(seen, as_json=as_json)


@exceptions.command()
def ignore(
    lead: Lead,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Hide an exception; it stays assignable, and `list --all` shows it. Asks again at a terminal.

    Example: firstclaim exceptions ignore 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1
    """
    if not yes and sys.stdin.isatty():
        typer.confirm("Do you really want to ignore this lead?", abort=True)
    _decide("ignore", lead, by, org, seconds, as_json=as_json)


@exceptions.command()
def unignore(
    lead: Lead, by: By, org: Org = "default", seconds: Seconds = 15.0, as_json: AsJson = False
) -> None:
    """Bring an ignored exception back: to a queue that takes it by now, else to the desk.

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
    typer.echo(f"{what}d" if done else f"{answer.result}: {answer.reason}: {answer.why or ''}")
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=done)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(assign)
    app.add_typer(exceptions, name="exceptions")
