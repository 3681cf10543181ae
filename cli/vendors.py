"""Commands about vendors: what their files become."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.common import AsJson, finish

if TYPE_CHECKING:
    from application.importing.trial import Sample

vendor = typer.Typer(
    help="Vendors: try their files, their keys and mappings of the HTTP door.", no_args_is_help=True
)
Org = Annotated[str, typer.Option(help="The org.")]
MOST_STDIN_BYTES: Final = 256 << 20
"""The most bytes that are read from stdin. A larger file is given by its name."""
_CHUNK: Final = 1 << 20


@vendor.command("try")
def vendor_try(
    file: Annotated[str, typer.Argument(help="The file as `send` takes it, or - for stdin.")],
    mapping: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Which column is which field (YAML).")
    ] = None,
    name: Annotated[str, typer.Option("--vendor", help="Who the leads come from.")] = "vendor",
    org: Org = "default",
    leads: Annotated[int, typer.Option(min=0, max=1_000, help="How many leads to show.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Show what a file's columns become, with samples, and the leads as they would be read. Nothing is sent.

    Exit 1 if a column is unread: `send --strict` refuses such a file.

    Example: firstclaim vendor try leads.csv --mapping mapping.yaml
    """
    from application.importing.mapping import load
    from application.importing.trial import try_file

    with _as_file(file) as path:
        trial = try_file(path, load(mapping) if mapping else None, name, org=org, leads=leads)
    for title, becomes in (("Fields", "field"), ("Kept under attributes", "attribute"), ("Unread", "unread")):
        columns = [one for one in trial.columns.values() if one.becomes == becomes]
        if columns:
            typer.echo(f"{title}:")
        for one in columns:
            to = f" -> {one.field}" if one.field else ""
            lost = f", {one.unreadable:,} unreadable" if one.unreadable else ""
            typer.echo(f"  {one.column}{to}  ({one.rows:,} {'row' if one.rows == 1 else 'rows'}{lost})")
            for sample in one.samples:
                typer.echo(f"      {sample.sent!r}{_as_read(one.field, sample)}")
    if trial.more_columns:
        typer.echo(f"Further columns are not reported: {trial.more_columns:,} values.")
    for lead in trial.leads:
        facts = ", ".join(
            f"{key} {value!r}"
            for key, value in lead.items()
            if key not in ("line", "lead_id", "attributes", "vendor", "org") and value is not False
        )
        typer.echo(f"line {lead['line']}: lead {lead['lead_id']}: {facts}")
        if lead.get("attributes"):
            typer.echo(f"    attributes: {lead['attributes']}")
    for refusal in trial.refusals:
        typer.echo(f"line {refusal.line}: refused: {refusal.said}")
    if trial.refused > len(trial.refusals):
        typer.echo(f"and {trial.refused - len(trial.refusals):,} more refused rows")
    typer.echo(
        f"Would be accepted: {trial.accepted:,}. Would be refused: {trial.refused:,}. Nothing was sent."
    )
    report: dict[str, Any] = trial.report()
    finish(report, as_json=as_json, ok=not trial.unread)


def _as_read(field: str | None, sample: "Sample") -> str:
    if field is None or str(sample.read) == sample.sent:
        return ""
    return " cannot be read" if sample.read is None else f" is read as {sample.read!r}"


@contextmanager
def _as_file(name: str) -> Iterator[Path]:
    """Yield the path of a file; stdin becomes a temporary file. Raises `typer.BadParameter`."""
    if name != "-":
        path = Path(name)
        if not path.is_file():
            raise typer.BadParameter(f"there is no file {name}", param_hint="FILE")
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="firstclaim-try-") as file:
        size = 0
        while piece := sys.stdin.buffer.read(_CHUNK):
            size += len(piece)
            if size > MOST_STDIN_BYTES:
                raise typer.BadParameter(f"stdin has more than {MOST_STDIN_BYTES:,} bytes", param_hint="FILE")
            file.write(piece)
        file.flush()
        yield Path(file.name)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(vendor, name="vendor")
