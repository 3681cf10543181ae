"""Commands for the directory: what an admin publishes, from a file."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, finish, running

directory = typer.Typer(help="Queues, reps and settings: publish them from a file.", no_args_is_help=True)


@directory.command("apply")
def apply(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="YAML; see docs/examples/directory.yaml.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a whole file, then publish it; a file with one wrong object publishes nothing.

    Example: firstclaim directory apply docs/examples/directory.yaml
    """
    from console.publish import publish, read_directory
    from models.errors import PublicationErrors

    try:
        org, objects = read_directory(file)
    except PublicationErrors as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        finish({"published": 0, "problems": [str(p) for p in error.problems]}, as_json=as_json, ok=False)
        return
    published = asyncio.run(publish(running(), org, objects))
    kinds = Counter(kind for kind, _, _ in objects)
    typer.echo(f"published for {org}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    finish({"published": published, "org": org, "kinds": kinds}, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(directory, name="directory")
