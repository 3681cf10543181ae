"""Defines the command that simulates distribution without changing anything."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from cli.common import AsJson, finish, running

if TYPE_CHECKING:
    from application.route_preview import RoutePreview

_STDIN: Final = frozenset({"-", "@-"})
_SHOWN: Final = 50
"""The most candidates that are named one by one. Further ones are counted."""


def route(
    message: Annotated[
        str | None, typer.Argument(metavar="LEAD.json", help="A message of lead-arrivals; @- reads stdin.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="Instead: a lead id, as if the lead were distributed again.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="The instant, RFC 3339. Default: now.")] = None,
    org: Annotated[str | None, typer.Option(help="The org of the message, if it names none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who would get a lead and why the others would not, based on the live state. Nothing changes.

    Example: firstclaim route lead.json --at 2026-11-20T21:00:00-05:00
    """
    from application.route_preview import route_lead, route_message
    from models import moments, normalize

    if (message is None) is (lead is None):
        raise typer.BadParameter("give a LEAD.json, or a known lead with --lead")
    try:
        instant = moments.instant(at) or datetime.now(UTC)
    except ValueError as error:
        raise typer.BadParameter(f"--at {error}") from error
    if message is not None:
        routed = asyncio.run(route_message(running(), _bytes(message), instant, org))
    else:
        try:
            lead_id = normalize.lead_id(lead)
        except ValueError as error:
            raise typer.BadParameter(f"--lead {error}") from error
        lead_route = asyncio.run(route_lead(running(), lead_id, instant))
        if lead_route is None:
            typer.echo(f"no lead {lead_id} is known", err=True)
            raise typer.Exit(1)
        routed = lead_route
    _tell(routed)
    finish(msgspec.structs.asdict(routed), as_json=as_json)


def _bytes(message: str) -> bytes:
    if message in _STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(message).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{message} cannot be read: {error.strerror}") from error


def _tell(routed: "RoutePreview") -> None:
    """Print where the lead would go, and why it would not go to the other candidates."""
    typer.echo(f"{routed.name} ({routed.lead_id}) at {routed.at.isoformat(sep=' ', timespec='seconds')}")
    if routed.inquiry is not None:
        typer.echo(f"  known person, another inquiry of lead {routed.lead_id}: {routed.inquiry}")
    elif routed.was is not None:
        owner = f": {routed.was['owner']} has it" if routed.was["owner"] else ""
        typer.echo(f"  it is known and {routed.was['phase']}{owner}; if it were distributed again:")
    group = f"group {routed.group}" if routed.group else "no group"
    typer.echo(
        f"  campaign {routed.campaign or 'none'}, {group}{f', {routed.method}' if routed.method else ''}"
    )
    until = f" until {routed.until.isoformat(sep=' ', timespec='seconds')}" if routed.until else ""
    if routed.offered_to:
        typer.echo(f"  goes to {', '.join(routed.offered_to)}{until}: {routed.why}")
    else:
        typer.echo(f"  goes to nobody{until}: {routed.why}")
    _list("not", routed.passed)
    _list("later", routed.later)
    for queue in routed.queues:
        typer.echo(f"  queue {queue['why']}")
    if not routed.offered_to and not routed.queues:
        typer.echo(f"  no queue takes it: {routed.phase}")


def _list(word: str, others: tuple[dict[str, Any], ...]) -> None:
    for entry in others[:_SHOWN]:
        name = entry.get("rep_id") or entry.get("queue_id")
        typer.echo(f"  {word} {f'{name}: ' if name else ''}{entry['why']}")
    if len(others) > _SHOWN:
        typer.echo(f"  {word} {len(others) - _SHOWN} more")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(route)
