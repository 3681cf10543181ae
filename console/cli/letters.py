"""Commands for dead letters: what was refused, why, and once it is mended, again."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, finish, running

if TYPE_CHECKING:
    from console.replay import NotReplayable

letters = typer.Typer(help="Messages that could not be accepted: list, show, replay.", no_args_is_help=True)
Place = Annotated[str, typer.Argument(help="PARTITION:OFFSET in dead-letters, as `list` prints it.")]


@letters.command("list")
def list_letters(
    topic: Annotated[str | None, typer.Option(help="Only those that came from this topic.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters with their reasons.

    Example: firstclaim dead-letters list --topic lead-arrivals
    """
    from console.letters import read_letters

    found, total = asyncio.run(read_letters(running(), topic=topic, limit=limit))
    for letter in found:
        typer.echo(f"{letter['place']:>10}  {letter['failed_at']}  {letter['source']}")
        typer.echo(f"            {letter['error_class']}: {letter['reason']}")
    typer.echo(f"{total} dead letters" + (f", the newest {len(found)} shown" if total > len(found) else ""))
    finish({"total": total, "letters": found}, as_json=as_json)


@letters.command("show")
def show_letter(place: Place, as_json: AsJson = False) -> None:
    """Show one dead letter, with its bytes.

    Example: firstclaim dead-letters show 2:17
    """
    from console.letters import show_letter as read

    letter = asyncio.run(read(running(), place))
    for name, value in letter.items():
        typer.echo(f"{name}: {value}")
    finish(letter, as_json=as_json)


@letters.command("replay")
def replay_letter(
    places: Annotated[list[str] | None, typer.Argument(help="PARTITION:OFFSET, one or more.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    topic: Annotated[
        str | None, typer.Option(help="With --all: only those that came from this topic.")
    ] = None,
    error_class: Annotated[
        str | None, typer.Option("--class", help="With --all: only those of this error class.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to the topic they came from again; what is known already changes nothing.

    Example: firstclaim dead-letters replay --all --class fatal_error
    """
    from console.letters import replay, replay_all

    if not places and not every:
        raise typer.BadParameter("name dead letters, or say --all")
    refused: list[NotReplayable] = []
    if places:
        sent = asyncio.run(replay(running(), places))
    else:
        sent, refused = asyncio.run(replay_all(running(), topic=topic, error_class=error_class))
    for reason in refused:
        typer.echo(str(reason), err=True)
    typer.echo(f"{sent} sent again" + (f", {len(refused)} not" if refused else ""))
    finish({"replayed": sent, **({"refused": len(refused)} if refused else {})}, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(letters, name="dead-letters")
