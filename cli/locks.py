"""Defines commands for managers: which leads do reps have open, and free one of them (M6)."""

import asyncio
from typing import Annotated

import msgspec
import typer

from cli.common import AsJson, finish, print_refusal, read_lead_id, running
from cli.lead_options import SHOWN, By, Org, Seconds

locks = typer.Typer(help="Leads that reps have open: list them, free one.", no_args_is_help=True)


@locks.command("list")
def list_locks(
    org: Org = "default",
    limit: Annotated[int, typer.Option(min=1, help="The largest number to show.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """List the leads that reps have open: who, since when, and until when if nothing happens.

    Example: firstclaim locks list
    """
    from application.open_locks import print_locks, read_locks

    locks = read_locks(running(), org, limit=limit)
    print_locks(locks)
    finish(locks, as_json=as_json)


@locks.command()
def free(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    by: By,
    why: Annotated[str, typer.Option("--why", help="The reason. It is recorded, and the rep is told.")],
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Free a lead that a rep has open. It goes back to its queues, and the rep is told. Exit 0 only if it was freed.

    Example: firstclaim locks free 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1 --why "ann has gone home"
    """
    from streams.engine_client import ask_once

    action = {"type": "release", "lead_id": read_lead_id(lead), "rep_id": by, "org": org, "why": why}
    answer = asyncio.run(ask_once(running(), action, seconds))
    is_done = answer.result == "done"
    if is_done:
        typer.echo("The lead is free again.")
    else:
        print_refusal(answer.result, answer.reason, answer.why)
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=is_done)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(locks, name="locks")
