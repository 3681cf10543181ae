"""Leads are moved over HTTP and by messages of a client that is not ours, and their facts are corrected (M1, M2)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from assurance.chaos.vendor_producers import producer
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from tests.web.audited import on_the_topic

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

STATES = ("RI", "RI", "TX", "TX", "NY", "RI")


async def open_lender(running_org: RunningOrg) -> list[str]:
    """Open a lender with its round robin off, where number one has all six leads; return their ids."""
    await running_org.publish("settings", "settings", round_robin=False)
    await running_org.rep("mia", "manager")
    await running_org.rep("ann")
    await running_org.rep("bob", licensed_states=["RI", "TX"])
    await running_org.rep("cyd", licensed_states=["RI"])
    roster = [{"rep_id": rep_id} for rep_id in ("ann", "bob", "cyd")]
    await running_org.publish("group", "west", method="round_robin", members=roster)
    await running_org.publish("campaign", "west", group_id="west")
    for kind, object_id in (("campaign", "west"), ("rep", "cyd"), ("settings", "settings")):
        await running_org.until_published(kind, object_id)
    return [
        await running_org.arrive(f"M-{n}", last_name=f"Lead {n}", state=state, campaign="west")
        for n, state in enumerate(STATES)
    ]


async def run_bulk_action(program: httpx.AsyncClient, **request: Any) -> dict[str, Any]:
    """Run one action on many leads, and return the last line of the answer."""
    answer = await program.post("/api/v1/leads/actions", json=request)
    assert answer.status_code == 200, answer.text
    last_line: dict[str, Any] = json.loads(answer.text.strip().rsplit("\n", 1)[-1])
    return last_line


async def owners(program: httpx.AsyncClient, *leads: str) -> list[str | None]:
    """Return the leads' owners as the API lists them."""
    rows = (await program.get("/api/v1/leads?limit=100")).json()["rows"]
    owner_of = {row["lead_id"]: row["owner"] for row in rows}
    return [owner_of.get(lead) for lead in leads]


async def test_m1_a_portfolio_is_dealt_by_licence_and_single_leads_are_moved(running_org: RunningOrg) -> None:
    """R1, M1: what number one has, the broker gives to others, over HTTP; as the dry run says."""
    leads = await open_lender(running_org)
    mia, ann = await running_org.program("mia"), await running_org.program("ann")

    async def all_anns() -> bool:
        return await owners(mia, *leads) == ["ann"] * 6

    await eventually(all_anns, "number one has every lead")
    refused = (await ann.post(f"/api/v1/leads/{leads[0]}/actions", json=move("bob"))).json()
    assert (refused["result"], refused["reason"]) == ("refused", "not_allowed")
    lost = await mia.post(f"/api/v1/leads/{leads[0]}/actions", json={"type": "assign", "to_rep_id": "bob"})
    assert (lost.json()["result"], lost.json()["owner"]) == ("lost", "ann")
    assert "reassign" in lost.json()["why"]
    portfolio: dict[str, Any] = {
        "which": {"of": "leads", "query": "owner=ann"},
        "do": {"type": "reassign", "why": "she has too many", "from_rep_id": "ann"},
        "to": ["bob", "cyd"],
        "split": "by_licence",
    }
    dry = await run_bulk_action(mia, **portfolio, dry_run=True)
    assert (dry["by_rep"], dry["unlicensed"], dry["of"]) == ({"bob": 3, "cyd": 2}, 1, 6)
    summary = await run_bulk_action(mia, **portfolio)
    assert (summary["done"], summary["by_rep"]) == (5, {"bob": 3, "cyd": 2})
    new_owners = await owners(mia, *leads)
    assert new_owners[4] == "ann", "nobody else has a licence in New York"
    assert new_owners[2:4] == ["bob", "bob"]
    assert sorted(str(rep_id) for rep_id in new_owners) == ["ann", "bob", "bob", "bob", "cyd", "cyd"]
    lead = (await mia.get(f"/api/v1/leads/{leads[2]}")).json()
    assert (lead["owner"], lead["how"]) == ("bob", "Bob got it from its former owner, by Mia")
    # A second run finds nothing of hers to move.
    again = {**portfolio, "which": {"leads": [leads[2]]}}
    assert (await run_bulk_action(mia, **again))["refusals"] == {"not_owned": 1}
    closed = await mia.post(f"/api/v1/leads/{leads[2]}/actions", json={"type": "reopen", "why": "w"})
    assert closed.json()["reason"] == "not_qualified"
    without = await mia.post(f"/api/v1/leads/{leads[2]}/actions", json={"type": "unassign"})
    assert (without.json()["reason"], without.json()["why"]) == (
        "invalid",
        "why: unassign needs a reason",
    )


async def test_m1_moves_by_bytes_on_the_topic_are_answered_and_shown(running_org: RunningOrg) -> None:
    """M1: a CRM that writes to `lead-actions` with librdkafka moves a lead from its owner to the next rep."""
    leads = await open_lender(running_org)
    mia = await running_org.program("mia")
    sender = producer(running_org.stack.settings)

    async def request_action(lead: str, kind: str, **fields: Any) -> dict[str, Any]:
        action_id = str(uuid.uuid4())
        action = {
            "action_id": action_id,
            "type": kind,
            "lead_id": lead,
            "rep_id": "mia",
            "org": running_org.org,
        }
        sender.produce(LEAD_ACTIONS, value=json.dumps({**action, **fields}).encode())
        sender.flush(PATIENCE_SECONDS)

        async def answer() -> dict[str, Any] | None:
            reply = await mia.get(f"/api/v1/actions/{action_id}")
            return reply.json() if reply.status_code == 200 else None

        answered: dict[str, Any] = await eventually(answer, f"{kind} is answered")
        return answered

    async def owned() -> bool:
        return await owners(mia, leads[0]) == ["ann"]

    await eventually(owned, "number one has the lead")
    unassigned = await request_action(leads[0], "unassign", why="not hers")
    assert (unassigned["result"], unassigned["type"]) == ("done", "unassign")

    async def next_one() -> bool:
        return await owners(mia, leads[0]) == ["bob"]

    await eventually(next_one, "the next rep of the roster has it")
    unreadable = await request_action(leads[0], "reassign", why={"a": 1}, to_rep_id="cyd")
    assert (unreadable["reason"], unreadable["why"]) == ("invalid", "why: must be text, not an object")
    moved = await request_action(leads[0], "reassign", why="hers now", to_rep_id="cyd", from_rep_id="bob")
    assert (moved["result"], moved["owner"]) == ("done", "cyd")
    again = await request_action(leads[0], "redistribute")
    assert again["result"] == "done"

    async def first_again() -> bool:
        return await owners(mia, leads[0]) == ["ann"]

    await eventually(first_again, "the group was asked anew, and number one has it")


async def test_m2_facts_are_corrected_over_http_and_by_bytes_and_every_reader_follows(
    running_org: RunningOrg,
) -> None:
    """M2: API, topic, CRM lists, history and audit. A vendor's resend by a foreign client undoes nothing."""
    await open_lender(running_org)
    mia, ann, bob = [await running_org.program(rep_id) for rep_id in ("mia", "ann", "bob")]
    lead = await running_org.arrive(
        "M-C", last_name="Jnes", phone="(401) 419-4247", state="TX", campaign="west"
    )

    async def anns() -> bool:
        return await owners(mia, lead) == ["ann"]

    await eventually(anns, "number one has the lead")
    path = f"/api/v1/leads/{lead}/actions"
    update = {"type": "update", "facts": {"phone": None, "last_name": "Jones", "state": "Rhode Island"}}
    assert (await bob.post(path, json=update)).json()["reason"] == "not_allowed"
    wrong = (await ann.post(path, json={"type": "update", "facts": {"phone": "12", "vendor": "x"}})).json()
    assert wrong["reason"] == "invalid"
    assert wrong["why"] == (
        "facts.phone: is not a phone number in use; "
        "facts.vendor: belongs to the arrival, so it cannot be corrected"
    )
    assert (await ann.post(path, json={"type": "update", "facts": {"phone": [1]}})).status_code == 422
    updated = (await ann.post(path, json={**update, "why": "she told me"})).json()
    assert (updated["result"], updated["owner"]) == ("done", "ann")
    shown = (await mia.get(f"/api/v1/leads/{lead}?at_least={updated['version']}")).json()
    facts = shown["facts"]
    assert (facts.get("phone"), facts["last_name"], facts["state"]) == (None, "Jones", "RI")
    history = (await mia.get(f"/api/v1/leads/{lead}/why")).json()["events"]
    corrected = [event for event in history if event["type"] == "facts_corrected"]
    assert corrected[0]["text"] == "Ann corrected last name, phone, state, time zone"
    assert corrected[0]["why"].startswith(
        "corrected by Ann: last name Jnes → Jones; phone +14014194247 → empty"
    )
    sender = producer(running_org.stack.settings)
    resend = {
        "vendor": "acme",
        "external_id": "M-C",
        "org": running_org.org,
        "last_name": "Jnes",
        "state": "TX",
    }
    sender.produce(
        LEAD_ARRIVALS, value=json.dumps({**resend, "phone": "4014194247", "zip": "02903"}).encode()
    )
    action = {"action_id": str(uuid.uuid4()), "type": "update", "lead_id": lead, "rep_id": "mia"}
    correction = {**action, "org": running_org.org, "facts": {"loan_amount": "310k"}}
    sender.produce(LEAD_ACTIONS, value=json.dumps(correction).encode())
    sender.flush(PATIENCE_SECONDS)

    async def both_corrections() -> dict[str, Any] | None:
        facts: dict[str, Any] = (await mia.get(f"/api/v1/leads/{lead}")).json()["facts"]
        return facts if (facts.get("zip"), facts.get("loan_amount")) == ("02903", 310000) else None

    facts = await eventually(both_corrections, "the resend filled the zip, and the amount is corrected")
    assert (facts.get("phone"), facts["last_name"], facts["state"]) == (None, "Jones", "RI")
    (entry,) = [
        audit_record
        for audit_record in await on_the_topic(running_org, "lead_corrected")
        if audit_record["act"] == "lead_corrected"
    ]
    assert (entry["actor"], entry["object"]) == ("ann", f"lead/{lead}")
    assert entry["difference"] == [{"path": "facts", "old": None, "new": ["last_name", "phone", "state"]}]


def move(to: str) -> dict[str, str]:
    """Return a reassignment."""
    return {"type": "reassign", "to_rep_id": to, "why": "to share"}
