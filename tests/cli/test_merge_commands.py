"""Managers merge and split leads on a running stack, by bytes of another client and by commands (K5)."""

from __future__ import annotations

import asyncio
import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from sqlalchemy import select

from application.journal_snapshot import journal_now
from assurance.load.client import LoadClient
from models.lead import Phase
from sink.database_engine import connect
from sink.tables import InquiryTable, LeadAliasTable
from streams.topics import LEAD_ACTIONS
from tests.cli import test_manager_commands as desk
from tests.cli.test_manager_commands import a_lead, last_line, owners
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from runtime.up import RunningStack

ORG = "merges"
A, B, C = (a_lead("acme", n, ORG) for n in range(3))
OWNERS = {A: "rep-1", B: "rep-2", C: "rep-2"}
firstclaim = partial(desk.firstclaim, org=ORG)


@pytest.fixture(scope="module")
def stack(stack: RunningStack) -> RunningStack:
    """Return the stack of this room, where three persons with nothing in common have a lead each."""
    asyncio.run(send_leads(stack))
    return stack


async def send_leads(stack: RunningStack) -> None:
    """Publish the reps, let the leads arrive, and wait until the reps have them."""
    async with LoadClient(stack.settings, org=ORG) as client:
        await client.publish("rep", "mia", {"role": "manager"})
        for rep_id in ("rep-1", "rep-2"):
            await client.publish("rep", rep_id, {})
        for n, owner in enumerate(OWNERS.values()):
            person = {"last_name": "Doe", "phone": f"+1401419424{n}", "email": f"doe{n}@x.org"}
            message = {"vendor": "acme", "external_id": str(n), "org": ORG, "assigned_to": owner}
            await client.arrive({**message, **person})

    async def all_owned() -> bool:
        leads = (await journal_now(stack.settings)).leads
        return {lead: leads[lead].owner if lead in leads else None for lead in OWNERS} == OWNERS

    await eventually(all_owned, "the reps have their leads")


def send_action(stack: RunningStack, action_type: str, lead: str, **fields: Any) -> None:
    """Send an action's bytes by librdkafka."""
    action = {
        "action_id": str(uuid.uuid4()),
        "type": action_type,
        "lead_id": lead,
        "rep_id": "mia",
        "org": ORG,
    }
    producer = Producer({"bootstrap.servers": stack.settings.kafka_bootstrap_servers})
    producer.produce(LEAD_ACTIONS, json.dumps({**action, **fields}).encode())
    assert producer.flush(PATIENCE_SECONDS) == 0


def until_stored(stack: RunningStack, expected: dict[str, str]) -> None:
    """Wait until the tables `lead_alias` and `inquiry` say to which lead each id of this org belongs."""
    engine = connect(stack.settings.database_url)

    def rows_are_stored() -> bool:
        with engine.connect() as connection:
            select_rows = (
                select(LeadAliasTable.alias_id, LeadAliasTable.lead_id).where(
                    LeadAliasTable.alias_id.in_(OWNERS)
                ),
                select(InquiryTable.inquiry_id, InquiryTable.lead_id).where(InquiryTable.org == ORG),
            )
            return all(
                {tuple(row) for row in connection.execute(query)} == set(expected.items())
                for query in select_rows
            )

    asyncio.run(eventually(rows_are_stored, f"both tables have {expected}"))
    engine.dispose()


def test_k5_leads_are_merged_by_bytes_and_by_a_command_and_come_apart_again(stack: RunningStack) -> None:
    send_action(stack, "merge", B, into_lead_id=A, why="he called")
    until_stored(stack, {B: A})
    merging = firstclaim(stack, "merge", C, "--into", A, "--by", "mia", "--why", "the same address")
    assert merging.exit_code == 0, merging.output
    until_stored(stack, {B: A, C: A})
    leads = asyncio.run(journal_now(stack.settings)).leads
    lead = leads[A]
    assert (lead.owner, lead.inquiries, lead.phase) == ("rep-1", 3, Phase.OWNED)
    for merged in (leads[B], leads[C]):
        assert merged.merged is not None
        assert (merged.phase, merged.last_outcome, merged.merged.into) == (Phase.CLOSED, "merged", A)
    for old in (B, C):
        late = firstclaim(stack, "reopen", old, "--by", "mia", "--why", "w")
        assert late.exit_code == 1, late.output
        assert last_line(late)["refusals"] == {"unknown_lead": 1}
        late = firstclaim(stack, "activity", old, "--kind", "call", "--by", "rep-2")
        assert (late.exit_code, last_line(late)["merged_into"]) == (1, A), late.output
    explained = firstclaim(stack, "why", A)
    assert explained.exit_code == 0
    assert "he called" in explained.output
    assert "the same address" in explained.output
    verified = firstclaim(stack, "verify")
    assert verified.exit_code == 0, verified.output

    send_action(stack, "split", A, inquiry_id=B, why="two brothers")
    until_stored(stack, {C: A})
    splitting = firstclaim(stack, "split", A, "--inquiry", C, "--by", "mia", "--why", "a neighbour")
    assert splitting.exit_code == 0, splitting.output
    until_stored(stack, {})
    assert dict(zip(OWNERS, owners(stack, *OWNERS), strict=True)) == OWNERS
    again = firstclaim(stack, "split", A, "--inquiry", C, "--by", "mia")
    assert (again.exit_code, last_line(again)["reason"]) == (1, "not_qualified"), again.output
    verified = firstclaim(stack, "verify")
    assert verified.exit_code == 0, verified.output
