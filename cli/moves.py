"""Defines commands on leads that have or had an owner: moves, corrections, consent, merges (M1-M3, M8, K5)."""

import asyncio
from typing import Annotated, Any

import msgspec
import typer

from cli.common import AsJson, finish, print_refusal, read_lead_id, running
from cli.lead_options import (
    BulkAction,
    By,
    ByLicence,
    Column,
    DryRun,
    Leads,
    ListFile,
    NamedLeads,
    Org,
    OverrideCap,
    OverrideLicence,
    Portfolio,
    Seconds,
    SegmentRule,
    SomeWhy,
    To,
    overriding,
    run,
)

Why = Annotated[str, typer.Option("--why", help="The reason. It is recorded, and the former owner is told.")]


def reassign(
    to: To,
    by: By,
    why: Why,
    leads: Leads = None,
    segment: SegmentRule = None,
    file: ListFile = None,
    column: Column = None,
    portfolio: Portfolio = None,
    by_licence: ByLicence = False,
    override_licence: OverrideLicence = False,
    override_cap: OverrideCap = False,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Give leads that somebody has to other reps. Former and new owner are told. Exit 0 only if all were moved.

    Example: firstclaim reassign --of ann --to bob --to cyd --by-licence --by manager-1 --why "ann is away"
    """
    named_leads = NamedLeads(leads or (), segment, file, column, portfolio)
    reps = tuple(dict.fromkeys(to))
    more = overriding(override_licence=override_licence, override_cap=override_cap, why=why)
    _move(
        "reassign",
        named_leads,
        by,
        org,
        seconds,
        dry_run,
        as_json,
        why=why,
        to=reps,
        by_licence=by_licence,
        more=more,
    )


def unassign(
    by: By,
    why: Why,
    leads: Leads = None,
    segment: SegmentRule = None,
    file: ListFile = None,
    column: Column = None,
    portfolio: Portfolio = None,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Take leads from their owners. Each goes to another rep of its group, or else back to its queues.

    Example: firstclaim unassign --of ann --by manager-1 --why "ann has left early"
    """
    named_leads = NamedLeads(leads or (), segment, file, column, portfolio)
    _move("unassign", named_leads, by, org, seconds, dry_run, as_json, why=why)


def redistribute(
    by: By,
    why: SomeWhy = None,
    leads: Leads = None,
    segment: SegmentRule = None,
    file: ListFile = None,
    column: Column = None,
    portfolio: Portfolio = None,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Ask the leads' groups again. Reps who were tried before are tried again; an owner loses the lead.

    Example: firstclaim redistribute 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1
    """
    named_leads = NamedLeads(leads or (), segment, file, column, portfolio)
    _move("redistribute", named_leads, by, org, seconds, dry_run, as_json, why=why)


def reopen(
    by: By,
    why: Why,
    leads: Leads = None,
    segment: SegmentRule = None,
    file: ListFile = None,
    column: Column = None,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Reopen closed leads. Each is its owner's again if the owner is active; otherwise it is distributed again.

    Example: firstclaim reopen 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1 --why "he called again"
    """
    _move(
        "reopen", NamedLeads(leads or (), segment, file, column), by, org, seconds, dry_run, as_json, why=why
    )


def update(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    by: By,
    changes: Annotated[
        list[str], typer.Option("--set", help="A corrected field, as name=value. An empty value is no value.")
    ],
    why: SomeWhy = None,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Correct facts of a lead. What is corrected, no vendor's resend or inquiry changes. Exit 0 only if it was done.

    Example: firstclaim update 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --set state=RI --set phone= --by rep-7
    """
    facts: dict[str, str | None] = {}
    for change in changes:
        name, separator, value = change.partition("=")
        if not separator or not name.strip():
            raise typer.BadParameter(f"--set {change!r} must be name=value")
        facts[name.strip()] = value.strip() or None
    fields: dict[str, Any] = {"facts": facts} if why is None else {"facts": facts, "why": why}
    _ask("update", lead, by, org, seconds, fields, "The lead is corrected.", as_json=as_json)


def consent(
    by: By,
    why: Annotated[str, typer.Option("--why", help="Who agreed to be contacted, when and how.")],
    leads: Leads = None,
    file: ListFile = None,
    column: Column = None,
    org: Org = "default",
    dry_run: DryRun = False,
    seconds: Seconds = 60.0,
    as_json: AsJson = False,
) -> None:
    """Record that leads' persons agree to be contacted. They come off the do-not-contact list.

    Example: firstclaim consent 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by manager-1 --why "signed on 21 November"
    """
    named_leads = NamedLeads(leads or (), None, file, column)
    _move("consent", named_leads, by, org, seconds, dry_run, as_json, why=why)


def activity(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    by: Annotated[str, typer.Option("--by", help="The rep id of who did it.")],
    kind: Annotated[
        str, typer.Option("--kind", help="The kind: call, email, sms, note, todo, … or a CRM's word for it.")
    ],
    note: Annotated[str | None, typer.Option("--note", help="A comment on it.")] = None,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Record what a rep did with a lead. Within an offer's window it claims the lead. Exit 0 only if it was recorded.

    Example: firstclaim activity 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --kind call --note "left a message" --by rep-7
    """
    fields = {"kind": kind} if note is None else {"kind": kind, "note": note}
    _ask("activity", lead, by, org, seconds, fields, "The activity is recorded.", as_json=as_json)


def merge(
    lead: Annotated[
        str, typer.Argument(help="Lead id. This lead closes and becomes an inquiry of the other one.")
    ],
    into: Annotated[
        str, typer.Option("--into", help="Lead id. This lead keeps its owner and gets the inquiry.")
    ],
    by: By,
    why: SomeWhy = None,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Merge two leads of one person. `split` undoes it. Exit 0 only if it was done.

    Example: firstclaim merge 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --into 7c9e6679-7425-40de-944b-e07fc1f90ae7 --by mia
    """
    fields = {"into_lead_id": read_lead_id(into, "--into")} | ({} if why is None else {"why": why})
    _ask("merge", lead, by, org, seconds, fields, "The leads are merged.", as_json=as_json)


def split(
    lead: Annotated[str, typer.Argument(help="Lead id.")],
    inquiry: Annotated[
        str, typer.Option("--inquiry", help="Id of the inquiry, or of the lead that was merged.")
    ],
    by: By,
    why: SomeWhy = None,
    org: Org = "default",
    seconds: Seconds = 15.0,
    as_json: AsJson = False,
) -> None:
    """Take an inquiry out of a lead, as a lead of its own. `merge` undoes it. Exit 0 only if it was done.

    Example: firstclaim split 7c9e6679-7425-40de-944b-e07fc1f90ae7 --inquiry 0c929b85-3707-5b16-91e8-0d9f3ddc6570 --by m
    """
    fields = {"inquiry_id": read_lead_id(inquiry, "--inquiry")} | ({} if why is None else {"why": why})
    _ask("split", lead, by, org, seconds, fields, "The inquiry is a lead of its own.", as_json=as_json)


def _ask(
    action: str,
    lead: str,
    by: str,
    org: str,
    seconds: float,
    fields: dict[str, Any],
    message: str,
    *,
    as_json: bool,
) -> None:
    """Ask for one action on one lead, and print the answer. `message`: what to print if it was done."""
    from streams.engine_client import ask_once

    lead_id = read_lead_id(lead)
    request = {"type": action, "lead_id": lead_id, "rep_id": by, "org": org, **fields}
    answer = asyncio.run(ask_once(running(), request, seconds))
    ok = answer.result == "done"
    if ok:
        typer.echo(f"Nothing changed: {answer.why}." if answer.why else message)
    else:
        print_refusal(answer.result, answer.reason, answer.why)
    finish(msgspec.to_builtins(answer), as_json=as_json, ok=ok)


def _move(
    action: str,
    named_leads: NamedLeads,
    by: str,
    org: str,
    seconds: float,
    dry_run: bool,
    as_json: bool,
    *,
    why: str | None,
    to: tuple[str, ...] = (),
    by_licence: bool = False,
    more: dict[str, Any] | None = None,
) -> None:
    named_leads.check()
    fields: dict[str, Any] = {**(more or {}), **({} if why is None else {"why": why})}
    if named_leads.portfolio is not None:
        fields["from_rep_id"] = named_leads.portfolio  # a lead that the rep lost meanwhile is not moved
    bulk = BulkAction(
        action=action,
        which=named_leads,
        by=by,
        org=org,
        seconds=seconds,
        to=to,
        by_licence=by_licence,
        fields=fields,
    )
    run(running(), bulk, dry_run=dry_run, as_json=as_json)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (reassign, unassign, redistribute, reopen, update, consent, activity, merge, split):
        app.command()(command)
