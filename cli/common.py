"""What the commands share: the settings of what runs here, and how a result is printed."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from streams.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON object on the last line.")]
Port = Annotated[
    int, typer.Option(min=0, max=65_535, help="Port of /health, /ready and /metrics; 0 takes any free one.")
]
Instance = Annotated[
    str | None,
    typer.Option("--instance-id", help="Static group member: back after a kill without a rebalance."),
]


def running() -> Settings:
    """Return the settings, pointed at the servers `firstclaim up` runs in the same state folder, if it does.

    Raises `RuntimeFailure` where Kafka is away.
    """
    import asyncio

    from runtime import find_running
    from streams.topics import as_made

    return asyncio.run(as_made(find_running(Settings.read())))


def found() -> Settings:
    """Return the settings as `running` does, without asking Kafka: for commands that say themselves what is away."""
    from runtime import find_running

    return find_running(Settings.read())


def say(text: str) -> None:
    """Print progress, where it does not mix with a result."""
    typer.echo(text, err=True)


def finish(result: dict[str, Any], *, as_json: bool, ok: bool = True) -> None:
    """Print the last line if it is asked for, and exit 1 if it is not well."""
    if as_json:
        sys.stdout.flush()
        typer.echo(msgspec.json.encode(result).decode())
    if not ok:
        raise typer.Exit(1)
