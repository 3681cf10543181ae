"""Inputs from the field about distribution and desk come from their edge: bytes on a topic or an HTTP request.

The ids are those of the cases D1 to D18. `test_promised_calls.py` and `test_forbidden_contact.py` hold D8 and D9.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from assurance.chaos.vendor_producers import producer
from models.ids import lead_id
from streams.topics import LEAD_ACTIONS, LEAD_ARRIVALS
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    import httpx

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow

ANN_AND_BOB: Final = [{"rep_id": rep_id} for rep_id in ("ann", "bob")]


class Crm:
    """A CRM and a vendor that write to the topics with librdkafka, and a manager who reads the answers by the API."""

    def __init__(self, running_org: RunningOrg, manager: httpx.AsyncClient) -> None:
        self.org = running_org.org
        self.manager = manager
        self._sender = producer(running_org.stack.settings)

    def sends(self, topic: str, **message: Any) -> None:
        """Write one message."""
        self._sender.produce(topic, value=json.dumps({"org": self.org, **message}).encode())
        self._sender.flush(PATIENCE_SECONDS)

    async def asks(self, kind: str, lead: str, rep_id: str, program: httpx.AsyncClient, **fields: Any) -> Any:
        """Write an action, and return its answer. `program`: the client of the rep who acts."""
        action_id = str(uuid.uuid4())
        self.sends(LEAD_ACTIONS, action_id=action_id, type=kind, lead_id=lead, rep_id=rep_id, **fields)

        async def answer() -> Any:
            reply = await program.get(f"/api/v1/actions/{action_id}")
            return reply.json() if reply.status_code == 200 else None

        return await eventually(answer, f"{kind} is answered")

    async def shows(self, lead: str, **expected: Any) -> dict[str, Any]:
        """Wait until the manager's view of a lead has these values, and return it."""

        async def lead_as_wanted() -> dict[str, Any] | None:
            answer = await self.manager.get(f"/api/v1/leads/{lead}")
            row: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
            return row if all(row.get(name) == value for name, value in expected.items()) else None

        shown: dict[str, Any] = await eventually(lead_as_wanted, f"the lead has {expected}")
        return shown

    async def types(self, lead: str) -> set[str]:
        """Return the types of the decisions about a lead."""
        events = (await self.manager.get(f"/api/v1/leads/{lead}/why?limit=200")).json()["events"]
        return {event["type"] for event in events}


async def open_lender(running_org: RunningOrg) -> None:
    """Open a lender with its round robin off, where ann is number one, and with phones that ring and a window."""
    await running_org.publish("settings", "settings", round_robin=False, quiet_hours=[])
    await running_org.rep("mia", "manager", email="mia@lender.example")
    for rep_id in ("ann", "bob"):
        await running_org.rep(rep_id, email=f"{rep_id}@lender.example")
    await running_org.publish("group", "west", method="round_robin", members=ANN_AND_BOB)
    await running_org.publish("group", "phones", method="ring_all", members=ANN_AND_BOB, ring_seconds=600)
    desk = [{"rep_id": "mia"}, *ANN_AND_BOB]
    await running_org.publish("group", "desk", method="roster", members=desk, claim_window_seconds=900)
    for group in ("west", "phones", "desk"):
        await running_org.publish("campaign", group, group_id=group)
        await running_org.until_published("campaign", group)
    await running_org.until_published("settings", "settings")


async def test_d1_d3_d12_d14_d18_by_bytes_each_is_answered_and_followed(running_org: RunningOrg) -> None:
    """CASES D1, D3, D12, D14 and D18."""
    await open_lender(running_org)
    mia, ann, bob = [await running_org.program(rep_id) for rep_id in ("mia", "ann", "bob")]
    crm = Crm(running_org, mia)

    # D1: with round robin off, ann is number one. An assign says who has her lead and how to move it; a reassign does.
    lead = await running_org.arrive("D1", last_name="Jones", campaign="west")
    await crm.shows(lead, owner="ann")
    lost = await crm.asks("assign", lead, "mia", mia, to_rep_id="bob")
    assert (lost["result"], lost["reason"], lost["owner"]) == ("lost", "already_claimed", "ann")
    assert "reassign moves it" in lost["why"]
    moved = await crm.asks("reassign", lead, "mia", mia, to_rep_id="bob", why="ann has enough")
    assert (moved["result"], moved["owner"]) == ("done", "bob")

    # D14: what R3 names as actions are types of their own.
    for kind in ("call", "email", "sms", "call_log", "todo", "drip_plan"):
        assert (await crm.asks(kind, lead, "bob", bob))["result"] == "done", kind
    assert (await crm.shows(lead))["last_contacted_at"] is not None

    # D3: a manager on the roster is offered a lead, and ignores it. Ignoring is not what one does with an offer.
    offered = await running_org.arrive("D3", last_name="Poe", campaign="desk")
    await crm.shows(offered, phase="offered")
    ignored = await crm.asks("ignore", offered, "mia", mia)
    assert (ignored["result"], ignored["reason"]) == ("refused", "not_an_exception")
    await crm.shows(offered, phase="offered")

    # D12: a vendor names the rep by mail in another case, and another one a rep whom nobody knows.
    named = {"vendor": "acme", "last_name": "Roe", "campaign": "WEST"}
    crm.sends(LEAD_ARRIVALS, **named, external_id="D12-1", assigned_to="BOB@Lender.Example")
    crm.sends(LEAD_ARRIVALS, **named, external_id="D12-2", assigned_to="nobody@lender.example")
    named_lead, unnamed_lead = [lead_id(running_org.org, "acme", f"D12-{n}", {}) for n in (1, 2)]
    assert (await crm.shows(named_lead, owner="bob"))["phase"] == "owned"
    await crm.shows(unnamed_lead, owner="ann")
    assert "preassignment_not_followed" in await crm.types(unnamed_lead)

    # D18: whoever hung up is not connected any more.
    ring = await running_org.arrive("D18", last_name="Doe", campaign="phones", phone="+14014194247")
    await crm.shows(ring, phase="offered")
    assert (await crm.asks("press_one", ring, "bob", bob))["result"] == "won"
    assert (await crm.asks("hang_up", ring, "bob", bob))["result"] == "done"
    late_connect = await crm.asks("connect", ring, "bob", bob)
    assert (late_connect["result"], late_connect["reason"]) == ("refused", "offer_over")
    late = await crm.asks("press_one", ring, "ann", ann)
    assert (late["result"], late["owner"]) == ("lost", "bob")


async def test_d4_d15_the_desk_splits_evenly_and_shows_no_phone_as_a_name(running_org: RunningOrg) -> None:
    """CASES D4 and D15."""
    for rep_id, role in (("mia", "manager"), ("ann", "rep"), ("bob", "rep")):
        await running_org.rep(rep_id, role)
    mia, ann = await running_org.program("mia"), await running_org.program("ann")
    crm = Crm(running_org, mia)

    # D15: leads with only a phone or a mail. Reps read neither as the name under Unassigned.
    nameless = [
        await running_org.arrive("D15-1", phone="+14014194247"),
        await running_org.arrive("D15-2", email="jeremy@x.example"),
    ]
    for lead in nameless:
        await crm.shows(lead, phase="exception")

    async def unassigned() -> list[str]:
        rows = (await ann.get("/api/v1/unassigned")).json()["rows"]
        return [row["prospect_name"] for row in rows]

    async def both_are_unnamed() -> bool:
        return await unassigned() == ["unnamed", "unnamed"]

    await eventually(both_are_unnamed, "both are there without a name")

    # D4: free, owned, free, owned, to two reps: the dry run promises what happens.
    leads = [await running_org.arrive(f"D4-{n}", last_name=f"Lead {n}") for n in range(4)]
    for lead in leads:
        await crm.shows(lead, phase="exception")
    for lead in (leads[1], leads[3]):
        assert (await crm.asks("assign", lead, "mia", mia, to_rep_id="mia"))["result"] == "done"
        await crm.shows(lead, owner="mia")
    request = {"which": {"leads": leads}, "do": {"type": "assign"}, "to": ["ann", "bob"]}

    async def assign_many(**more: Any) -> dict[str, Any]:
        answer = await mia.post("/api/v1/leads/actions", json={**request, **more})
        assert answer.status_code == 200, answer.text
        last_line: dict[str, Any] = json.loads(answer.text.strip().rsplit("\n", 1)[-1])
        return last_line

    promised, summary = await assign_many(dry_run=True), await assign_many()
    assert promised["by_rep"] == summary["by_rep"] == {"ann": 1, "bob": 1}
    assert (summary["done"], summary["lost"]) == (2, 2)
    owners = sorted([(await crm.shows(lead))["owner"] for lead in leads])
    assert owners == ["ann", "bob", "mia", "mia"]


async def test_d7_d10_d11_by_bytes_promises_rings_and_repeats_hold(running_org: RunningOrg) -> None:
    """CASES D7, D10 and D11."""
    await open_lender(running_org)
    await running_org.publish(
        "group", "buttons", method="distribute_all", members=ANN_AND_BOB, ring_seconds=600
    )
    await running_org.publish("campaign", "buttons", group_id="buttons")
    await running_org.until_published("campaign", "buttons")
    mia, ann = await running_org.program("mia"), await running_org.program("ann")
    crm = Crm(running_org, mia)

    # D10: three leads for the same reps, by New Lead button and ring. The next ring waits for its turn.
    for n, campaign in enumerate(("buttons", "buttons", "phones", "phones")):
        crm.sends(
            LEAD_ARRIVALS, vendor="acme", external_id=f"D10-{n}", last_name=f"Lead {n}", campaign=campaign
        )
    leads = [lead_id(running_org.org, "acme", f"D10-{n}", {}) for n in range(4)]
    for lead in leads:
        assert (await crm.shows(lead, phase="offered"))["owner"] is None

    async def offered() -> list[str]:
        offers = {lead: (await crm.shows(lead))["offer"] for lead in leads}
        assert all(offer is None or offer["names"] == ["Ann", "Bob"] for offer in offers.values())
        return [lead for lead, offer in offers.items() if offer is not None]

    async def three() -> bool:
        return len(await offered()) == len(leads) - 1

    await eventually(three, "both buttons are shown, and one lead rings")
    offered_leads = await offered()
    assert {leads[0], leads[1]} < set(offered_leads), "the one that waits is a ring: a button takes no ring"
    (rings_now,) = set(offered_leads) - {leads[0], leads[1]}
    (waits,) = set(leads) - set(offered_leads)
    assert (await crm.asks("press_one", rings_now, "ann", ann))["result"] == "won"

    async def rings() -> bool:
        return waits in await offered()

    await eventually(rings, "the lead in line rings when a phone is free")

    # D11: 33 actions after a callback, the callback's id again. It changes nothing.
    promised = await running_org.arrive("D11", last_name="Jones", campaign="west", phone="+14014194247")
    await crm.shows(promised, owner="ann")
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    callback = {
        "action_id": str(uuid.uuid4()),
        "type": "callback",
        "lead_id": promised,
        "rep_id": "ann",
        "at": at.isoformat(),
    }
    crm.sends(LEAD_ACTIONS, **callback)
    await crm.shows(promised, callback_at=shown_time(at))
    for n in range(33):
        note = {"type": "note", "note": f"note {n}", "lead_id": promised, "rep_id": "ann"}
        crm.sends(LEAD_ACTIONS, action_id=str(uuid.uuid4()), **note)
    later = at + timedelta(hours=1)
    await crm.shows(promised, notes=33)
    assert (await crm.asks("callback", promised, "ann", ann, at=later.isoformat()))["result"] == "done"
    crm.sends(LEAD_ACTIONS, **callback)
    assert (await crm.asks("note", promised, "ann", ann, note="after the repeat"))["result"] == "done"
    assert (await crm.shows(promised, notes=34))["callback_at"] == shown_time(later)

    # D7: its owner leaves, and another inquiry distributes the lead. The promised time stays.
    await running_org.publish("rep", "ann", name="Ann", active=False)
    await crm.shows(promised, owner=None)
    person = {"vendor": "globex", "external_id": "D7", "last_name": "Jones", "phone": "+14014194247"}
    crm.sends(LEAD_ARRIVALS, **person, campaign="west")
    row = await crm.shows(promised, owner="bob", inquiries=2)
    assert row["callback_at"] == shown_time(later)


def shown_time(at: datetime) -> str:
    """Return an instant as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
