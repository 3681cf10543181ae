"""Defines commands that forget a person: erase, and list the receipts."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.common import AsJson, finish, running, say

if TYPE_CHECKING:
    from application.erasure.erase import ErasureSummary
    from application.erasure.request import PersonToErase
    from streams.settings import Settings

Org = Annotated[str, typer.Option(help="The org of the leads.")]
MAX_PERSONS = 100_000


def erase(
    by: Annotated[str, typer.Option(help="The admin (rep id) who requests it. The receipt names it.")],
    lead: Annotated[str | None, typer.Option(help="Erase the person of this lead id.")] = None,
    phone: Annotated[str | None, typer.Option(help="Erase the person with this phone number.")] = None,
    email: Annotated[str | None, typer.Option(help="Erase the person with this mail address.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A file with one lead id, phone or mail address per line; - reads stdin."
        ),
    ] = None,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="Delete old records of Kafka's logs now, instead of by retention within eight days."
        ),
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, help="How long to wait for the engine's answer for each person.")
    ] = 60.0,
    org: Org = "default",
    as_json: AsJson = False,
) -> None:
    """Erase a person: every lead with the same phone or mail address, in every place. Exit 1 if it is refused.

    The leads stay, closed and empty. A keyed hash recognises the person later. What an argument names is visible to
    other users of this machine while the command runs; `--from -` avoids that.

    Example: firstclaim erase --email j@x.org --by ada

    Example: firstclaim erase --from - --by ada --now < persons.txt
    """
    persons = _persons(lead, phone, email, file)
    outcome = asyncio.run(_recorded(running(), org, by, persons, seconds, now=now))
    for n, why in outcome.refused.items():
        typer.echo(f"person {n + 1} of {len(persons)}: {why}", err=True)
    for store, count in sorted(outcome.places.items()):
        typer.echo(f"  {count:8,d}  {store}")
    typer.echo(f"Erased: {outcome.leads:,} leads of {len(outcome.receipts):,} persons.")
    for receipt in outcome.receipts[:10]:
        typer.echo(
            f"receipt {receipt.receipt_id}: {len(receipt.leads)} leads, by {receipt.by}, at {receipt.at:%F %H:%M}"
        )
    if outcome.receipts and not now:
        typer.echo("Kafka's retention removes the rest within eight days; --now deletes it at once.")
    finish(msgspec.to_builtins(outcome, str_keys=True), as_json=as_json, ok=not outcome.refused)


async def _recorded(
    settings: "Settings", org: str, by: str, persons: "list[PersonToErase]", seconds: float, *, now: bool
) -> "ErasureSummary":
    """Erase, and record it in the audit: who requested it, and the receipts. Nobody who was erased is named."""
    from application.audit.entry import operator
    from application.audit.write import audited
    from application.erasure.erase import erase as run

    async with audited(settings, operator(org), "erased", "persons") as entry:
        outcome = await run(
            settings,
            org,
            by,
            persons,
            at_once=now,
            console_database_url=console_database(),
            patience_seconds=seconds,
            say=say,
        )
        entry.add("by", by)
        entry.add("leads", outcome.leads)
        entry.add("receipts", [receipt.receipt_id for receipt in outcome.receipts])
        return outcome


def erasures(org: Org = "default", as_json: AsJson = False) -> None:
    """List the receipts of erased persons: which leads, when, by whom, and what was removed where.

    Example: firstclaim erasures --json
    """
    from application.erasure.receipts import read_receipts

    receipts = asyncio.run(read_receipts(running(), org))
    for receipt in receipts:
        typer.echo(
            f"{receipt.at:%Y-%m-%d %H:%M} UTC  {receipt.receipt_id}  by {receipt.by:<12} {len(receipt.leads)} leads"
        )
    typer.echo(f"{len(receipts):,} receipts of {org}")
    finish({"receipts": [msgspec.to_builtins(receipt) for receipt in receipts]}, as_json=as_json)


def _persons(
    lead: str | None, phone: str | None, email: str | None, file: Path | None
) -> "list[PersonToErase]":
    from application.erasure.request import person_of, read_person

    options = {"lead": lead, "phone": phone, "email": email}
    chosen = {option: text for option, text in options.items() if text is not None}
    if len(chosen) + (file is not None) != 1:
        raise typer.BadParameter("name one person by --lead, --phone or --email, or give a file with --from")
    try:
        if file is None:
            return [person_of(**chosen)]
        return [read_person(line) for line in _lines(file)]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _lines(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > MAX_PERSONS:
        raise typer.BadParameter(f"{file} names {len(lines)} persons; it must name 1 to {MAX_PERSONS}")
    return lines


def console_database() -> str | None:
    """Return the address of the console's database; None if it is a file that does not exist: there is no console."""
    from web.settings import WebSettings

    url = WebSettings.read().console_database_url
    path = url.partition(":///")[2]
    return None if url.startswith("sqlite") and not Path(path).is_file() else url


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(erase)
    app.command()(erasures)
