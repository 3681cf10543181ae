"""Defines the options by which a command names leads and who acts, and the output of many actions (D6, M1)."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from cli.common import finish, say

if TYPE_CHECKING:
    from application.assignment import AssignmentResult
    from application.lead_dealing import DealtLeads
    from application.lead_selection import LeadSelection
    from streams.settings import Settings

SHOWN: Final = 100
"""The most leads that are named one by one. Further ones are counted."""

By = Annotated[
    str,
    typer.Option("--by", help="The rep id of who acts: a manager, or the lead's owner where the owner may."),
]
Org = Annotated[str, typer.Option(help="The org of the leads.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long to wait for each answer.")]
Leads = Annotated[list[str] | None, typer.Argument(metavar="LEAD", help="Lead ids.")]
SegmentRule = Annotated[
    str | None,
    typer.Option("--segment", help="Instead: all leads that meet this rule, JSON or @FILE (JSON, YAML)."),
]
ListFile = Annotated[
    Path | None, typer.Option("--from", exists=True, dir_okay=False, help="Instead: a list of leads, CSV.")
]
Column = Annotated[
    str | None,
    typer.Option(help="The file's column of lead ids. Default: lead_id, or else vendor and external_id."),
]
Portfolio = Annotated[
    str | None, typer.Option("--of", help="Instead: all leads that this rep has and that are not closed.")
]
To = Annotated[list[str], typer.Option("--to", help="The rep who gets them; several reps share them evenly.")]
ByLicence = Annotated[
    bool, typer.Option("--by-licence", help="Give each lead only to a rep with a licence in its state.")
]
OverrideLicence = Annotated[
    bool,
    typer.Option(
        "--override-licence", help="Assign also to a rep without the licence of the state. Needs --why."
    ),
]
OverrideCap = Annotated[
    bool, typer.Option("--override-cap", help="Assign also to a rep at the cap of open leads. Needs --why.")
]
SomeWhy = Annotated[str | None, typer.Option("--why", help="The reason, if there is one to record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show how many leads would be changed.")]


def overriding(*, override_licence: bool, override_cap: bool, why: str | None) -> dict[str, Any]:
    """Return the fields of an action that may override a rule (M6). An override without a reason is refused."""
    if (override_licence or override_cap) and why is None:
        raise typer.BadParameter("an override needs a reason: give --why")
    fields = {"override_licence": override_licence or None, "override_cap": override_cap or None, "why": why}
    return {name: value for name, value in fields.items() if value is not None}


class NamedLeads(msgspec.Struct, frozen=True):
    """The leads that a command names: by ids, a rule, a file, or the rep who has them. Exactly one is given."""

    leads: Sequence[str] = ()
    segment: str | None = None
    file: Path | None = None
    column: str | None = None
    portfolio: str | None = None

    def check(self) -> None:
        """Raise `typer.BadParameter` unless exactly one way is used."""
        ways = (bool(self.leads), self.segment is not None, self.file is not None, self.portfolio is not None)
        if sum(ways) != 1:
            raise typer.BadParameter(
                "give exactly one of: LEAD ids, --segment RULE, --from FILE, or --of REP where there is one"
            )
        if self.column is not None and self.file is None:
            raise typer.BadParameter("--column needs --from FILE")


class BulkAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action on many leads. `to`: the reps who share them; empty for an action that names no rep."""

    action: str
    which: NamedLeads
    by: str
    org: str
    seconds: float
    to: tuple[str, ...] = ()
    by_licence: bool = False
    fields: dict[str, Any] = {}
    done: str = "Done"
    lost: str = "Owned by somebody else"


def run(settings: "Settings", bulk: BulkAction, *, dry_run: bool, as_json: bool) -> None:
    """Run the action, or with `dry_run` only say what it would do. Exit 0 only if it was done with every lead."""
    from application.assignment import assign_all, summarize

    selection, deal, changing = _dealt(settings, bulk)
    _print_unusable(selection)
    for lead in deal.unlicensed[:SHOWN]:
        say(f"{lead}: no rep has a licence in its state.")
    unusable = len(selection.unusable) + len(deal.unlicensed)
    if dry_run:
        changed = [(lead, to) for lead, to in deal.pairs if changing is None or lead in changing]
        by_rep = {rep_id: sum(1 for _, receiver in changed if receiver == rep_id) for rep_id in bulk.to}
        typer.echo(f"{len(changed):,} leads would be changed by {bulk.action}. Nothing was changed.")
        if others := len(deal.pairs) - len(changed):
            typer.echo(f"{others:,} leads would be refused or lost, as they stand.")
        _print_reps(by_rep)
        result = {**summarize([], unusable), "by_rep": by_rep, "would_change": len(changed), "dry_run": True}
        finish(result, as_json=as_json, ok=not unusable)
        return
    results = asyncio.run(
        assign_all(
            settings,
            [(lead, to or None) for lead, to in deal.pairs],
            by=bulk.by,
            org=bulk.org,
            patience_seconds=bulk.seconds,
            action=bulk.action,
            fields=bulk.fields,
            say=say,
        )
    )
    result = summarize(results, unusable)
    _print_results(bulk, results, result)
    finish(result, as_json=as_json, ok=not (result["lost"] or result["refused"] or result["unanswered"]))


def _dealt(settings: "Settings", bulk: BulkAction) -> "tuple[LeadSelection, DealtLeads, set[str] | None]":
    """Return the leads, who is to get each, and which are expected to change; None if that was not looked up."""
    from application.journal_snapshot import journal_now
    from application.lead_dealing import deal_by_licence, deal_evenly, licences_of, owner_and_phase_of
    from application.lead_selection import Segment, select_by_ids, select_from_file, select_portfolio

    named_leads = bulk.which
    from_file = (
        select_from_file(named_leads.file, bulk.org, named_leads.column)
        if named_leads.file is not None
        else None
    )
    rule = Segment.read(named_leads.segment) if named_leads.segment is not None else None
    journal = asyncio.run(journal_now(settings))
    if from_file is not None:
        selection = from_file
    elif rule is not None:
        rule.in_zone(journal.rule_book.org(bulk.org).settings.time_zone)
        selection = rule.select(journal.leads.values(), bulk.org, datetime.now(UTC), bulk.action)
    elif named_leads.portfolio is not None:
        selection = select_portfolio(journal.leads.values(), bulk.org, named_leads.portfolio)
    else:
        selection = select_by_ids(named_leads.leads)
    by_lead = {
        lead_id: owner_and_phase_of(lead.owner, lead.phase, lead.facts.state)
        for lead_id in selection.leads
        if (lead := journal.leads.get(lead_id)) is not None and lead.facts.org == bulk.org
    }
    changing = {lead_id for lead_id, standing in by_lead.items() if standing.changes(bulk.action)}
    if bulk.by_licence:
        licences = licences_of(journal.rule_book.org(bulk.org), bulk.to)
        return selection, deal_by_licence(selection.leads, licences, by_lead, bulk.action), changing
    return selection, deal_evenly(selection.leads, bulk.to or ("",), changing), changing


def _print_unusable(selection: "LeadSelection") -> None:
    for entry in selection.unusable[:SHOWN]:
        say(f"{entry.place}: {entry.reason}")
    if len(selection.unusable) > SHOWN:
        say(f"{len(selection.unusable) - SHOWN:,} more are not shown.")
    if selection.repeated:
        say(f"Named more than once, and used once: {selection.repeated:,}")


def _print_results(bulk: BulkAction, results: "list[AssignmentResult]", result: dict[str, Any]) -> None:
    """Print how many leads each rep got, and why each other lead was not changed."""
    counts = {bulk.done: result["assigned"], bulk.lost: result["lost"], "Refused": result["refused"]}
    if result["unanswered"]:
        counts["No answer"] = result["unanswered"]
    typer.echo(" ".join(f"{label}: {count:,}." for label, count in counts.items()))
    _print_reps(result["by_rep"])
    others = [assignment for assignment in results if assignment.result != "done"]
    for assignment in others[:SHOWN]:
        if assignment.result is None:
            typer.echo(
                f"  {assignment.lead_id}: No answer. It may be decided yet. Is a worker and a relay running?"
            )
        elif assignment.result == "lost":
            typer.echo(f"  {assignment.lead_id}: {assignment.owner} owns it. firstclaim reassign moves it.")
        else:
            reason = (assignment.reason or "refused").replace("_", " ")
            typer.echo(
                f"  {assignment.lead_id}: {reason.capitalize()}.{f' Why: {assignment.why}' if assignment.why else ''}"
            )
    if len(others) > SHOWN:
        typer.echo(f"  {len(others) - SHOWN:,} more are not shown.")


def _print_reps(by_rep: dict[str, int]) -> None:
    for rep_id, count in by_rep.items():
        typer.echo(f"  {count:6,d}  {rep_id}")
