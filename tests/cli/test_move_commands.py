"""Leads are moved by commands on a running stack: a portfolio, a segment, one lead (M1, M2)."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from application.journal_snapshot import journal_now
from assurance.load.client import LoadClient
from tests.cli import test_manager_commands as desk
from tests.cli.test_manager_commands import a_lead, last_line, owners
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from runtime.up import RunningStack

ORG = "moves"
LEADS = [a_lead("acme", n, ORG) for n in range(6)]
firstclaim = partial(desk.firstclaim, org=ORG)


@pytest.fixture(scope="module")
def stack(stack: RunningStack) -> RunningStack:
    """Return the stack of this room, where rep-1, number one of the org's roster, has six leads."""
    asyncio.run(send_leads(stack))
    return stack


async def send_leads(stack: RunningStack) -> None:
    """Publish the lender, let the leads arrive, and wait until number one has them."""
    async with LoadClient(stack.settings, org=ORG) as client:
        await client.publish("rep", "mia", {"role": "manager"})
        for rep_id, states in (("rep-1", None), ("rep-2", ["RI"]), ("rep-3", ["MA", "RI"])):
            await client.publish("rep", rep_id, {"licensed_states": states})
        for n in range(6):
            state = "RI" if n < 4 else "MA"
            message = {"vendor": "acme", "external_id": str(n), "last_name": f"L{n}", "state": state}
            await client.arrive({**message, "org": ORG, "assigned_to": "rep-1"})

    async def all_owned() -> bool:
        leads = (await journal_now(stack.settings)).leads
        return [leads[lead].owner if lead in leads else None for lead in LEADS] == ["rep-1"] * 6

    await eventually(all_owned, "rep-1 has every lead")


def test_m1_a_portfolio_is_moved_by_licence_as_the_dry_run_says(stack: RunningStack) -> None:
    arguments = ("reassign", "--of", "rep-1", "--to", "rep-2", "--to", "rep-3", "--by-licence", "--by", "mia")
    tried = firstclaim(stack, *arguments, "--why", "away", "--dry-run")
    assert (tried.exit_code, last_line(tried)["by_rep"]) == (0, {"rep-2": 3, "rep-3": 3})
    assert owners(stack, *LEADS) == ["rep-1"] * 6
    result = firstclaim(stack, *arguments, "--why", "away")
    assert (result.exit_code, last_line(result)["assigned"]) == (0, 6), result.output
    new_owners = owners(stack, *LEADS)
    assert new_owners[4:] == ["rep-3", "rep-3"]
    assert sorted(map(str, new_owners)) == ["rep-2"] * 3 + ["rep-3"] * 3


def test_m1_a_lead_is_taken_back_reopened_and_told_why_not(stack: RunningStack) -> None:
    lead = LEADS[5]
    refused = firstclaim(stack, "redistribute", lead, "--by", "mia")
    assert (refused.exit_code, last_line(refused)["refusals"]) == (1, {"no_group": 1})
    not_closed = firstclaim(stack, "reopen", lead, "--by", "mia", "--why", "w")
    assert last_line(not_closed)["refusals"] == {"not_qualified": 1}
    unassigned = firstclaim(stack, "unassign", lead, "--by", "mia", "--why", "spam")
    assert (unassigned.exit_code, owners(stack, lead)) == (0, [None])
    rule = json.dumps({"rules": [{"field": "state", "operator": "=", "value": "MA"}]})
    segment = firstclaim(stack, "unassign", "--segment", rule, "--by", "mia", "--why", "all back")
    assert (segment.exit_code, last_line(segment)["assigned"]) == (0, 1), "only the one that is owned"
    assert owners(stack, LEADS[4]) == [None]


def test_m2_a_lead_is_corrected_by_a_command(stack: RunningStack) -> None:
    """The answer says what is wrong; `why` shows author, reason and difference."""
    lead = LEADS[0]
    wrong = firstclaim(stack, "update", lead, "--by", "mia", "--set", "phone=12", "--set", "shoe=44")
    assert (wrong.exit_code, last_line(wrong)["reason"]) == (1, "invalid")
    assert last_line(wrong)["why"].startswith(
        "facts.phone: is not a phone number in use; facts.shoe: is no fact"
    )
    arguments = ("update", lead, "--by", "mia", "--set", "state=Massachusetts", "--set", "last_name=")
    corrected = firstclaim(stack, *arguments, "--why", "she told me")
    assert (corrected.exit_code, last_line(corrected)["result"]) == (0, "done"), corrected.output
    again = firstclaim(stack, *arguments)
    assert last_line(again)["why"] == "it has these facts already: nothing changes"
    explained = firstclaim(stack, "why", lead)
    assert "last name L0 → empty; state RI → MA" in explained.output
    assert "she told me" in explained.output
    assert last_line(explained)["state"]["facts"]["state"] == "MA"
    assert firstclaim(stack, "update", lead, "--by", "mia", "--set", "state").exit_code == 2


def test_m3_an_activity_is_recorded_by_a_command(stack: RunningStack) -> None:
    lead = LEADS[1]
    (owner,) = owners(stack, lead)
    arguments = ("activity", lead, "--by", str(owner))
    recorded = firstclaim(stack, *arguments, "--kind", "Phone call", "--note", "left a message")
    assert (recorded.exit_code, last_line(recorded)["result"]) == (0, "done"), recorded.output
    explained = firstclaim(stack, "why", lead)
    assert "Activity recorded" in explained.output
    assert "left a message" in explained.output
    wrong = firstclaim(stack, *arguments, "--kind", "whistled")
    assert (wrong.exit_code, last_line(wrong)["reason"]) == (1, "invalid")
    assert "kind: is not a kind of activity" in wrong.output


def test_m1_a_move_needs_a_reason_and_one_way_to_name_leads(stack: RunningStack) -> None:
    assert firstclaim(stack, "unassign", LEADS[0], "--by", "mia").exit_code == 2
    named_twice = firstclaim(stack, "unassign", LEADS[0], "--of", "rep-1", "--by", "mia", "--why", "w")
    assert named_twice.exit_code == 2
    assert "exactly one of" in named_twice.output
