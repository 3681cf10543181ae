"""Defines commands for dead letters: list rejected messages and reasons, replay them after a fix, or skip them."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.common import AsJson, finish, instant, running

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from application.dead_letter_commands import RunResult, Selection
    from models.audit import Act
    from streams.settings import Settings

letters = typer.Typer(
    help="Messages that could not be accepted: list, show, replay, skip.", no_args_is_help=True
)
Position = Annotated[str, typer.Argument(help="PARTITION:OFFSET in dead-letters, as `list` prints it.")]
Positions = Annotated[list[str] | None, typer.Argument(help="PARTITION:OFFSET, one or more.")]
Every = Annotated[bool, typer.Option("--all", help="All letters that the other options select.")]
Topic = Annotated[str | None, typer.Option(help="Only letters from this topic.")]
ErrorClass = Annotated[str | None, typer.Option("--class", help="Only letters of this error class.")]
Since = Annotated[
    str | None, typer.Option(help="Only letters that failed at this time or later (2026-11-25T08:00, UTC).")
]
Until = Annotated[str | None, typer.Option(help="Only letters that failed before this time.")]
OfOrg = Annotated[str | None, typer.Option("--org", help="Only letters of this org.")]
OfVendor = Annotated[str | None, typer.Option("--vendor", help="Only letters of this vendor.")]
Again = Annotated[bool, typer.Option("--again", help="Also letters that were replayed or skipped before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count the letters that would be handled.")]


@letters.command("list")
def list_letters(
    topic: Topic = None,
    limit: Annotated[int, typer.Option(min=1, help="The most letters to show, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters with their reasons and what was done about them.

    Example: firstclaim dead-letters list --topic lead-arrivals
    """
    from msgspec import to_builtins

    from application.dead_letter_marks import read_marks
    from application.dead_letters import read_letters

    settings = running()
    letters, total = asyncio.run(read_letters(settings, topic=topic, limit=limit))
    marks = asyncio.run(read_marks(settings)) if letters else {}
    for letter in letters:
        mark = marks.get(letter["place"])
        typer.echo(f"{letter['place']:>10}  {letter['failed_at']}  {letter['source']}")
        typer.echo(f"            {letter['error_class']}: {letter['reason']}{f' ({mark})' if mark else ''}")
        letter["mark"] = to_builtins(mark)
    typer.echo(
        f"{total:,} dead letters" + (f", the newest {len(letters):,} shown" if total > len(letters) else "")
    )
    finish({"total": total, "letters": letters}, as_json=as_json)


@letters.command("show")
def show_letter(position: Position, as_json: AsJson = False) -> None:
    """Show one dead letter with its bytes.

    Example: firstclaim dead-letters show 2:17
    """
    from application.dead_letters import show_letter as read

    letter = asyncio.run(read(running(), position))
    for name, value in letter.items():
        typer.echo(f"{name}: {value}")
    finish(letter, as_json=as_json)


@letters.command("replay")
def replay_letter(
    positions: Positions = None,
    every: Every = False,
    topic: Topic = None,
    error_class: ErrorClass = None,
    since: Since = None,
    until: Until = None,
    org: OfOrg = None,
    vendor: OfVendor = None,
    again: Again = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to their original topic again. A known message changes nothing. Exit 1 if one fails.

    Without positions, replay those that match the options and are still unhandled. A failure does not stop the others.

    Example: firstclaim dead-letters replay --all --class fatal_error
    """
    from application.dead_letter_commands import replay_letters

    selection = _selection(positions, every, topic, error_class, since, until, org, vendor)
    settings = running()
    work = replay_letters(settings, selection, again=again, dry_run=dry_run)
    outcome = asyncio.run(_recorded(settings, selection, "dead_letter_replayed", work, dry_run=dry_run))
    _print_outcome(outcome, "sent again", as_json=as_json)


@letters.command("skip")
def skip_letter(
    positions: Positions = None,
    every: Every = False,
    topic: Topic = None,
    error_class: ErrorClass = None,
    since: Since = None,
    until: Until = None,
    org: OfOrg = None,
    vendor: OfVendor = None,
    why: Annotated[str, typer.Option(help="The reason, kept with the mark.")] = "",
    again: Again = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Mark dead letters as skipped, so that `replay --all` leaves them out. They can still be replayed by position.

    Example: firstclaim dead-letters skip --all --class not_json --vendor acme --why "acme sent a test"
    """
    from application.dead_letter_commands import skip_letters

    selection = _selection(positions, every, topic, error_class, since, until, org, vendor)
    settings = running()
    work = skip_letters(settings, selection, why=why, again=again, dry_run=dry_run)
    outcome = asyncio.run(_recorded(settings, selection, "dead_letter_skipped", work, dry_run=dry_run))
    _print_outcome(outcome, "skipped", as_json=as_json)


@letters.command("pass-over")
def pass_over_message(
    position: Annotated[
        str, typer.Argument(help="TOPIC:PARTITION:OFFSET of the message at which the workers end.")
    ],
    why: Annotated[str, typer.Option(help="The reason, kept with the dead letter.")],
) -> None:
    """Write a dead letter of a message that crashes every worker, and let the workers continue behind it.

    Stop all workers first. `dead-letters replay` sends the message again after a fix. Only the next
    message of `lead-arrivals` or `lead-actions` can be passed over.

    Example: firstclaim dead-letters pass-over lead-arrivals:0:1234 --why "crashes the interpreter"
    """
    from application.audit.entry import operator
    from application.audit.write import audited
    from application.pass_over import pass_over
    from streams.dead_letter_reading import SourcePosition

    topic, _, rest = position.partition(":")
    partition, _, offset = rest.partition(":")
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        raise typer.BadParameter(f"{position!r} is not TOPIC:PARTITION:OFFSET", param_hint="POSITION")
    settings = running()

    async def work() -> None:
        async with audited(settings, operator(""), "dead_letter_skipped", "dead-letters") as entry:
            entry.add("passed_over", position)
            await pass_over(settings, SourcePosition(topic, int(partition), int(offset)), why)

    asyncio.run(work())
    typer.echo(f"{position} is a dead letter now. The workers read on behind it.")


async def _recorded(
    settings: "Settings",
    selection: "Selection",
    act: "Act",
    work: "Coroutine[Any, Any, RunResult]",
    *,
    dry_run: bool,
) -> "RunResult":
    """Do the work, and record how many letters were handled. A dry run is not recorded."""
    from application.audit.entry import operator
    from application.audit.write import audited

    if dry_run:
        return await work
    try:
        async with audited(settings, operator(selection.org or ""), act, "dead-letters") as entry:
            result = await work
            handled = result.replayed + result.skipped
            entry.add("letters", handled)
            entry.is_void = handled == 0
            return result
    finally:
        work.close()  # it has not begun if the audit cannot be written


def _selection(  # one parameter for each option
    positions: list[str] | None,
    every: bool,  # the option's value
    topic: str | None,
    error_class: str | None,
    since: str | None,
    until: str | None,
    org: str | None,
    vendor: str | None,
) -> "Selection":
    from application.dead_letter_commands import Selection

    filters = (topic, error_class, since, until, org, vendor)
    if not positions and not every and not any(filters):
        raise typer.BadParameter(
            "name dead letters, or give --all, or select some with --class, --topic, --vendor …"
        )
    if positions and every:
        raise typer.BadParameter("name dead letters or give --all, not both")
    return Selection(
        positions=tuple(positions or ()),
        topic=topic,
        error_class=error_class,
        since=instant(since, "--since"),
        until=instant(until, "--until"),
        org=org,
        vendor=vendor,
    )


def _print_outcome(outcome: "RunResult", verb: str, *, as_json: bool) -> None:
    from msgspec import to_builtins

    for line in outcome.problems():
        typer.echo(line, err=True)
    for line in outcome.summary(verb):
        typer.echo(line)
    finish({"ok": outcome.ok, **to_builtins(outcome)}, as_json=as_json, ok=outcome.ok)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(letters, name="dead-letters")
