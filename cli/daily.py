"""Defines commands for daily use: send leads, claim a lead, show the status, a lead's history and its way."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.common import AsJson, finish, print_refusal, read_lead_id, running, say, unchecked_settings


def send(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON lines or ADF XML.")],
    vendor: Annotated[str, typer.Option(help="The vendor of the leads.")],
    campaign: Annotated[str, typer.Option(help="The campaign they belong to.")],
    mapping: Annotated[
        Path | None, typer.Option(exists=True, help="The mapping of columns to fields (YAML).")
    ] = None,
    org: Annotated[str, typer.Option(help="The org of the leads.")] = "default",
    refusals: Annotated[Path | None, typer.Option(help="Write refused lines here instead of stderr.")] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse a file with unread columns; `vendor try` names them."),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Send only the rows that an earlier send of this file did not."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a file of leads. Print each rejected line with field and reason, and send the rest.

    Exit 1 if no lead was accepted now or earlier.

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
            strict=strict,
            resume=resume,
            say=say,
        )
    )
    skipped = f" Sent earlier: {result['skipped']:,}." if result["skipped"] else ""
    typer.echo(f"Accepted: {result['accepted']:,}. Refused: {result['refused']:,}.{skipped}")
    if doubts := result["doubts"]:
        fields = ", ".join(
            f"{field} ({rows:,} {'row' if rows == 1 else 'rows'})" for field, rows in doubts.items()
        )
        typer.echo(f"Values that cannot be read are kept as attributes.invalid: {fields}.")
    for reason, count in result["refusals"].items():
        typer.echo(f"  {count:6,d}  {reason}")
    finish(result, as_json=as_json, ok=bool(result["accepted"] or result["skipped"]))


def claim(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    rep: Annotated[str, typer.Option(help="The rep who claims it.")],
    queue: Annotated[
        str | None, typer.Option(help="The queue to claim from. Default: any claimable queue.")
    ] = None,
    org: Annotated[str, typer.Option()] = "default",
    seconds: Annotated[float, typer.Option(help="How long to wait for the answer.")] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Claim a lead and print the answer. Exit 0 if the claim won, 1 if not.

    Example: firstclaim claim 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --rep rep-7 --queue new
    """
    from streams.engine_client import ask_once

    lead_id = read_lead_id(lead)
    answer = asyncio.run(
        ask_once(
            running(),
            {"type": "claim", "lead_id": lead_id, "rep_id": rep, "queue_id": queue, "org": org},
            seconds,
        )
    )
    won = answer.result == "won"
    if won:
        typer.echo("Congratulations! You have a new lead.")
    elif answer.reason == "already_claimed":
        typer.echo(f"Lead already claimed: {answer.owner} has it.")
    else:
        print_refusal(answer.result, answer.reason, answer.why)
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=won)


def status(as_json: AsJson = False) -> None:
    """Show leads by phase, queues, lag of each stage and dead letters. Exit 1 if there is a problem.

    A condition that may pass within seconds is watched for 15 seconds before it counts as a problem.

    Example: firstclaim status
    """
    from application.status import print_status, read_status

    report = asyncio.run(read_status(unchecked_settings()))
    print_status(report)
    finish(report, as_json=as_json, ok=report["ok"])


def why(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    as_json: AsJson = False,
) -> None:
    """Show a lead's history: each event, the decision, and the reason.

    Example: firstclaim why 0c929b85-3707-5b16-91e8-0d9f3ddc6570
    """
    from application.history import print_history, read_history

    lead_id = read_lead_id(lead)
    history = asyncio.run(read_history(running(), lead_id))
    print_history(history)
    finish(history, as_json=as_json, ok=bool(history["events"]))


def trace(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    as_json: AsJson = False,
) -> None:
    """Show the way of a lead through the topics: each record, what happened, when, and the time since its cause.

    The times are those of the records. A block is one trace: what one message, or one deadline, caused. Exit 1 if no
    topic has a record of the lead.

    Example: firstclaim trace 0c929b85-3707-5b16-91e8-0d9f3ddc6570
    """
    from application.lead_trace import print_trace, read_trace, trace_json

    lead_id = read_lead_id(lead)
    hops = asyncio.run(read_trace(running(), lead_id))
    print_trace(lead_id, hops)
    finish(trace_json(lead_id, hops), as_json=as_json, ok=bool(hops))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(send)
    app.command()(claim)
    app.command()(status)
    app.command()(why)
    app.command()(trace)
