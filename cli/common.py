"""Shares functions among the commands: the settings of the running system, and the output of results."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from streams.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, help="Port of /health, /ready and /metrics; 0 takes any free one.")
]
Instance = Annotated[
    str | None,
    typer.Option("--instance-id", help="Static group member: a restart after a kill needs no rebalance."),
]


def running() -> Settings:
    """Return the settings. If `firstclaim up` runs in the same state folder, they point at its servers.

    Raises `RuntimeFailure` if Kafka is unavailable.
    """
    import asyncio

    from runtime import find_running
    from streams.topics import as_made

    return asyncio.run(as_made(find_running(Settings.read())))


def unchecked_settings() -> Settings:
    """Return the settings as `running` does, without a check of Kafka: for commands that report unavailable servers."""
    from runtime import find_running

    return find_running(Settings.read())


def read_lead_id(text: str, name: str = "LEAD") -> str:
    """Return a lead id in its canonical form. Another text is a wrong use of the argument or option `name`."""
    from models import normalize

    try:
        return normalize.lead_id(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name} {error}") from error


def say(text: str) -> None:
    """Print progress to stderr, so that it does not mix with a result on stdout."""
    typer.echo(text, err=True)


def print_refusal(result: str, reason: str | None, why: str | None) -> None:
    """Print an answer other than `won` or `done`: its result, the reason and the explanation."""
    reason_text = f": {reason.replace('_', ' ')}" if reason else ""
    typer.echo(f"{result.capitalize()}{reason_text}.{f' Why: {why}' if why else ''}")


def finish(result: dict[str, Any], *, as_json: bool, ok: bool = True) -> None:
    """Print the JSON line if --json is given, and exit 1 unless `ok`."""
    if as_json:
        sys.stdout.flush()
        typer.echo(msgspec.json.encode(result).decode())
    if not ok:
        raise typer.Exit(1)


def instant(text: str | None, option: str) -> datetime | None:
    """Return the time that an option names, in UTC if it has no offset. Raises `typer.BadParameter`."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a time like 2026-11-25T08:00", param_hint=option
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
