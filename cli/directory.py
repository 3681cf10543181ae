"""Defines commands for the directory: publish it from a file, and export it to a file."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.common import AsJson, finish, running, say

if TYPE_CHECKING:
    from application.directory.changes import ChangePlan
    from streams.settings import Settings

ATTEMPTS: Final = 5
"""How often the file is compared and published again after somebody else published in between."""

directory = typer.Typer(
    help="Queues, reps, groups, campaigns, settings: publish them from a file, or export them to one.",
    no_args_is_help=True,
)


@directory.command("apply")
def apply(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="YAML, or - for stdin; see docs/examples/directory.yaml.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, publish nothing.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove the org's objects that the file does not name, too. Scripts need --yes."
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask. Without a terminal only --prune needs it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a whole file, show what it would change, then publish it. If one object is wrong, nothing is published.

    Example: firstclaim directory apply docs/examples/directory.yaml --dry-run
    """
    from application.directory.apply import compare
    from application.directory.directory_file import read_directory
    from application.directory.yaml_text import read_bounded
    from models.errors import PublicationConflictError, PublicationErrors, RetryableError

    shown: ChangePlan | None = None
    agreed = False
    try:
        org, objects = read_directory(read_bounded(file), getattr(file, "name", "stdin"))
        settings = running()
        for _ in range(ATTEMPTS):
            plan = asyncio.run(compare(settings, org, objects, prune=prune))
            is_confirming = bool(plan.objects) and not dry_run
            if shown is None or (plan.objects, plan.changes) != (shown.objects, shown.changes):
                if shown is not None:
                    typer.echo("Somebody published meanwhile. This is what the file would change now:")
                _show(plan)
                agreed = is_confirming and (yes or _agreed(plan, org, prune=prune))
            shown = plan
            if not agreed:
                break
            try:
                asyncio.run(_publish(settings, org, plan))
                break
            except PublicationConflictError:
                continue
        else:
            raise RetryableError(
                "directory",
                f"others published {ATTEMPTS} times in between, so nothing was published. Run it again",
            )
    except PublicationErrors as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        problems = [str(problem) for problem in error.problems]
        finish({"published": 0, "removed": 0, "problems": problems}, as_json=as_json, ok=False)
        return
    removed = sum(value is None for value in plan.objects.values()) if agreed else 0
    published = len(plan.objects) - removed if agreed else 0
    typer.echo(f"{published:,} published, {removed:,} removed for {org}")
    result = {
        "org": org,
        "published": published,
        "unchanged": plan.unchanged,
        "removed": removed,
        "left": len(plan.unlisted),
        "changes": plan.changes,
    }
    finish(result, as_json=as_json, ok=agreed or not is_confirming)


async def _publish(settings: "Settings", org: str, plan: "ChangePlan") -> None:
    """Publish a plan, and record each object of it."""
    from application.audit.entry import AuditedAct, operator
    from application.audit.write import audited_all
    from application.directory.changes import differences
    from application.directory.publish import publish

    author = operator(org)
    entries = [
        AuditedAct(
            author,
            "removed" if change.change == "removed" else "published",
            f"{change.kind}/{change.id}",
            change.paths or differences({}, plan.objects.get((change.kind, change.id)) or {}),
        )
        for change in plan.changes
    ]
    async with audited_all(settings, entries):
        await publish(settings, org, plan.objects, seen=plan.read_end)


def _agreed(plan: "ChangePlan", org: str, *, prune: bool) -> bool:
    """Ask at a terminal. Without one, refuse only removals by `--prune`, because nobody named the objects."""
    removed = sum(value is None for value in plan.objects.values())
    if sys.stdin.isatty():
        question = f"Publish this for {org}, and remove {removed}?" if removed else f"Publish this for {org}?"
        return typer.confirm(question)
    if prune and removed:
        say(f"--prune would remove {removed} of {org}; nothing was published: say --yes to do it")
        return False
    return True


def _show(plan: "ChangePlan") -> None:
    """Print the changes of a plan."""
    for change in plan.changes:
        for line in change.lines():
            typer.echo(line)
    unlisted = f", {len(plan.unlisted)} not in the file and left as they are (--prune removes them)"
    typer.echo(f"{plan.unchanged:,} unchanged{unlisted if plan.unlisted else ''}")


@directory.command("export")
def export(
    org: Annotated[str, typer.Option(help="The org of the directory.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Write the published directory as a file that `apply` can read, always in the same order. JSON with --json.

    Example: firstclaim directory export --org default > directory.yaml
    """
    from application.directory.directory_file import as_document, write_directory
    from application.directory.publish import read_published

    published = asyncio.run(read_published(running(), org))
    for (kind, object_id), reason in published.refused.items():
        say(f"{kind}/{object_id}: its newest publication was refused: {reason}")
    if as_json:
        document: dict[str, Any] = as_document(org, published.present)
        finish(document, as_json=True)
    else:
        typer.echo(write_directory(org, published.present), nl=False)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(directory, name="directory")
