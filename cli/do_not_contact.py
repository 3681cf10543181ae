"""Defines commands for the do-not-contact list."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.common import AsJson, finish, running

if TYPE_CHECKING:
    from application.do_not_contact import Handles
    from models.audit import Act
    from streams.settings import Settings

do_not_contact = typer.Typer(
    help="Phones and mail addresses that are not to be contacted: add, remove, list, check.",
    no_args_is_help=True,
)

Whom = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PHONE|EMAIL]...", help="Phone numbers are US numbers unless they begin with +."),
]
File = Annotated[
    Path | None, typer.Option("--from", help="A file with one phone or mail address per line; - reads stdin.")
]
Org = Annotated[str, typer.Option(help="The org of the list.")]


@do_not_contact.command("add")
def add(
    whom: Whom = None,
    file: File = None,
    reason: Annotated[
        str, typer.Option(help="The reason. It is shown to reps who may not call.")
    ] = "asked not to be contacted",
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Add phone numbers or mail addresses to the list. Their leads are not called any more. Exit 1 if one is invalid.

    Example: firstclaim do-not-contact add "(401) 419-4247" j@x.org --reason "asked us by mail"
    """
    _publish(whom, file, org, reason, as_json=as_json)


@do_not_contact.command("remove")
def remove(whom: Whom = None, file: File = None, org: Org = "default", as_json: AsJson = False) -> None:
    """Remove phone numbers or mail addresses from the list. Exit 1 if one is invalid.

    Example: firstclaim do-not-contact remove "(401) 419-4247"
    """
    _publish(whom, file, org, None, as_json=as_json)


@do_not_contact.command("list")
def show(org: Org = "default", as_json: AsJson = False) -> None:
    """List the entries of the do-not-contact list, with time and reason.

    Example: firstclaim do-not-contact list --json
    """
    from application.do_not_contact import read_list

    listed = asyncio.run(read_list(running(), org))
    for entry in listed.values():
        typer.echo(f"{entry.handle:<40} {entry.at.isoformat(timespec='seconds')}  {entry.reason}")
    typer.echo(f"{len(listed):,} on the list of {org}")
    finish({"listed": [msgspec.to_builtins(entry) for entry in listed.values()]}, as_json=as_json)


@do_not_contact.command("check")
def check(whom: Whom = None, file: File = None, org: Org = "default", as_json: AsJson = False) -> None:
    """Check whether phone numbers or mail addresses are on the list. Exit 1 if one is listed or invalid.

    Example: firstclaim do-not-contact check 401-419-4247
    """
    from application.do_not_contact import read_list

    handles = _read(whom, file)
    listed = asyncio.run(read_list(running(), org))
    reasons = {handle: listed[handle].reason for handle in handles.accepted if handle in listed}
    for handle in handles.accepted:
        typer.echo(
            f"{handle}: {f'on the list: {reasons[handle]}' if handle in reasons else 'not on the list'}"
        )
    free = [handle for handle in handles.accepted if handle not in reasons]
    finish(
        {"listed": reasons, "free": free, "refused": handles.refused},
        as_json=as_json,
        ok=not (reasons or handles.refused),
    )


def _publish(
    whom: list[str] | None, file: Path | None, org: str, reason: str | None, *, as_json: bool
) -> None:
    from models import normalize

    try:
        normalize.org(org or "/")
    except ValueError as error:
        raise typer.BadParameter(f"--org {error}") from error
    handles = _read(whom, file)
    count = asyncio.run(_recorded(running(), org, handles, reason)) if handles.accepted else 0
    typer.echo(f"{count:,} {'taken off' if reason is None else 'put on'} the list of {org}")
    finish(
        {"published": count, "handles": list(handles.accepted), "refused": handles.refused},
        as_json=as_json,
        ok=not handles.refused,
    )


async def _recorded(settings: "Settings", org: str, handles: "Handles", reason: str | None) -> int:
    """Publish, and record how many entries it was. The entries themselves may have to be forgotten, so they are not."""
    from application.audit.entry import operator
    from application.audit.write import audited
    from application.do_not_contact import publish

    act: Act = "do_not_contact_removed" if reason is None else "do_not_contact_added"
    async with audited(settings, operator(org), act, "do-not-contact") as entry:
        count = await publish(settings, org, handles.accepted, reason)
        entry.add("handles", count)
        return count


def _read(whom: list[str] | None, file: Path | None) -> "Handles":
    from application.do_not_contact import read_handles

    if not whom and file is None:
        raise typer.BadParameter("name phones or mail addresses, or give a file with --from")
    handles = read_handles([*(whom or ()), *_lines(file)])
    for text, why in handles.refused.items():
        typer.echo(f"{text}: {why}", err=True)
    return handles


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(do_not_contact, name="do-not-contact")
