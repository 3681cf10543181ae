"""Lists the first steps of a new org, from its admin to a first offered test lead, and which of them are done."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from rules.queues.rule_book import OrgRules
from sink.tables import LeadTable
from web.auth import ADMINS, Person
from web.console_services import Services
from web.services.crm_query import ask


class FirstStep(NamedTuple):
    """One step. `href`: the page on which it is done."""

    text: str
    href: str
    is_done: bool


async def first_steps(parts: Services, person: Person) -> list[FirstStep]:
    """Return the steps in order; none if all are done, or if the person may not do them."""
    if person.role not in ADMINS:
        return []
    has_lead = await ask(parts, lambda connection: _has_lead(connection, person.org))
    steps = steps_of(parts.directory.org(person.org), person.rep_id, has_lead=has_lead)
    return [] if all(step.is_done for step in steps) else steps


def steps_of(rules: OrgRules, rep_id: str, *, has_lead: bool) -> list[FirstStep]:
    """Return the steps of an org. `rep_id`: the admin who does them. `has_lead`: whether a lead has ever come."""
    values = {key: published.value for key, published in rules.objects.items() if published.value is not None}
    with_members = {
        name for (kind, name), value in values.items() if kind == "group" and value.get("members")
    }
    leads_to = {value.get("group_id") for (kind, _), value in values.items() if kind == "campaign"}
    others = any(rep.active and rep.rep_id != rep_id for rep in rules.reps.values())
    return [
        FirstStep("Publish yourself as an admin", f"/directory/reps/{rep_id}", rep_id in rules.reps),
        FirstStep("Add the people who work leads", "/directory/reps", others),
        FirstStep("Make a group of them", "/directory/groups", bool(with_members)),
        FirstStep(
            "Make a campaign that distributes to the group",
            "/directory/campaigns",
            not with_members.isdisjoint(leads_to),
        ),
        FirstStep("Build a call queue for leads that nobody took", "/queue-builder", bool(rules.queues)),
        FirstStep(
            "Create a test lead of the campaign, and see whom it is offered", "/my-leads#create", has_lead
        ),
    ]


def _has_lead(connection: Connection, org: str) -> bool:
    return (
        connection.execute(select(LeadTable.lead_id).where(LeadTable.org == org).limit(1)).first() is not None
    )
