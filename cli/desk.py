"""Commands for people: send leads, claim one, see where things stand and why."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.common import AsJson, finish, found, running, say


def send(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON lines or ADF XML.")],
    vendor: Annotated[str, typer.Option(help="Who the leads come from.")],
    campaign: Annotated[str, typer.Option(help="The campaign they belong to.")],
    mapping: Annotated[
        Path | None, typer.Option(exists=True, help="Which column is which field (YAML).")
    ] = None,
    org: Annotated[str, typer.Option(help="Whose leads they are.")] = "default",
    refusals: Annotated[Path | None, typer.Option(help="Write refused lines here instead of stderr.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a file of leads; refused lines are named with field and reason, the rest goes on.

    Example: firstclaim send leads.csv --mapping mapping.yaml --vendor acme --campaign purchase-west
    """
    from application.importing.send import send_file

    result = asyncio.run(
        send_file(
            running(),
            file,
            mapping=mapping,
            vendor=vendor,
            campaign=campaign,
            org=org,
            refusals=refusals,
            say=say,
        )
    )
    typer.echo(f"accepted {result['accepted']}, refused {result['refused']}")
    if doubts := result["doubts"]:
        fields = ", ".join(f"{field} in {rows}" for field, rows in doubts.items())
        typer.echo(f"kept as attributes.invalid, because they cannot be read: {fields} of the rows")
    for reason, count in result["refusals"].items():
        typer.echo(f"  {count:6d}  {reason}")
    finish(result, as_json=as_json)


def claim(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    rep: Annotated[str, typer.Option(help="Who claims it.")],
    queue: Annotated[str | None, typer.Option(help="From which queue; any claimable one without it.")] = None,
    org: Annotated[str, typer.Option()] = "default",
    seconds: Annotated[float, typer.Option(help="How long to wait for the answer.")] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Claim a lead and print the answer: exit 0 if won, 1 if not.

    Example: firstclaim claim 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --rep rep-7 --queue new
    """
    from application.engine_client import ask_once

    answer = asyncio.run(
        ask_once(
            running(),
            {"type": "claim", "lead_id": lead, "rep_id": rep, "queue_id": queue, "org": org},
            seconds,
        )
    )
    won = answer.result == "won"
    if won:
        typer.echo("Congratulations! You have a new lead.")
    elif answer.reason == "already_claimed":
        typer.echo(f"Lead already claimed: {answer.owner} has it.")
    else:
        typer.echo(f"{answer.result}: {answer.reason}: {answer.why or ''}")
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=won)


def status(as_json: AsJson = False) -> None:
    """Say where things stand: leads by phase, queues, lag of each stage, dead letters; exit 1 if something is wrong.

    What may be a matter of moments is looked at for 15 seconds before it is a problem.

    Example: firstclaim status
    """
    from application.status import look, print_status

    seen = asyncio.run(look(found()))
    print_status(seen)
    finish(seen, as_json=as_json, ok=seen["ok"])


def why(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    as_json: AsJson = False,
) -> None:
    """Tell the lead's whole story: what happened, what was decided, and for what reason.

    Example: firstclaim why 0c929b85-3707-5b16-91e8-0d9f3ddc6570
    """
    from application.history import print_story, story_of

    story = asyncio.run(story_of(running(), lead))
    print_story(story)
    finish(story, as_json=as_json, ok=bool(story["events"]))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(send)
    app.command()(claim)
    app.command()(status)
    app.command()(why)
