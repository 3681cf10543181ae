"""Defines commands for rules: try a rule before it is published."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
import typer

from cli.common import AsJson, finish, running

if TYPE_CHECKING:
    from application.rule_preview import LeadExplanation

T = TypeVar("T")

rules = typer.Typer(
    help="Rules of queues, filters and segments: try them before publishing.", no_args_is_help=True
)

INVALID: Final = 2
"""The exit code for an invalid rule."""


@rules.command("try")
def try_rule(
    rule: Annotated[
        str | None, typer.Argument(help="A rule tree in JSON, or @FILE with one in JSON or YAML.")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="A published queue to try instead of a rule, with its exclusion.")
    ] = None,
    lead: Annotated[str | None, typer.Option(help="Also explain the result for this lead id.")] = None,
    at: Annotated[str | None, typer.Option(help="The instant, RFC 3339. Default: now.")] = None,
    org: Annotated[str, typer.Option(help="The org of the leads.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Show how many and which leads a rule matches, and explain one lead. Nothing changes. Exit 2 if it is invalid.

    Example: firstclaim rules try '{"rules": [{"field": "state", "operator": "in", "value": ["RI", "MA"]}]}'
    """
    from application.rule_preview import read_rule, try_on_leads
    from models import moments, normalize
    from models.errors import RuleErrors

    if (rule is None) is (queue is None):
        raise typer.BadParameter("give a RULE, or a published one with --queue")
    instant = _read(moments.instant, at, "--at") or datetime.now(UTC)
    about = None if lead is None else _read(normalize.lead_id, lead, "--lead")
    try:
        question = (queue or "") if rule is None else read_rule(rule)
        trial = asyncio.run(try_on_leads(running(), org, question, instant, about))
    except RuleErrors as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        result = {
            "matched": 0,
            "leads": 0,
            "examples": [],
            "problems": [str(problem) for problem in error.problems],
        }
        finish(result, as_json=as_json)
        raise typer.Exit(INVALID) from error
    typer.echo(
        f"{trial.matched:,} of {trial.leads:,} leads match at {trial.at.isoformat(timespec='seconds')}"
    )
    for example in trial.examples:
        typer.echo(f"  {example.lead_id}  {example.name}: {example.why}")
    if trial.matched > len(trial.examples):
        typer.echo(f"  {trial.matched - len(trial.examples):,} more are not shown.")
    if trial.lead is not None:
        _tell(trial.lead)
    elif about is not None:
        typer.echo(f"{org} has no lead {about}", err=True)
    finish(msgspec.structs.asdict(trial), as_json=as_json, ok=about is None or trial.lead is not None)


def _read(reader: Callable[[str | None], T], value: str | None, option: str) -> T:
    try:
        return reader(value)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from error


def _tell(explanation: "LeadExplanation") -> None:
    """Print why a lead matches or does not match, condition by condition."""
    until = (
        f", until {explanation.valid_until.isoformat(timespec='seconds')}" if explanation.valid_until else ""
    )
    typer.echo(
        f"{explanation.lead_id}  {explanation.name} {'matches' if explanation.matches else 'does not match'}{until}"
    )
    typer.echo(f"  {explanation.why}")
    for condition in explanation.conditions:
        label = typer.style("met    ", fg="green") if condition.met else typer.style("not met", fg="red")
        typer.echo(f"  {label} {condition.path}: {condition.why}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(rules, name="rules")
