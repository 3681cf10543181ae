"""Vendors' bytes on `lead-arrivals`: strangers are never one person, whatever they share (A2, B1, B2, K1-K3, K6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from models.codec import decode_org_record
from models.decisions import InquiryAdded, LeadAccepted, SharedHandleFound
from models.ids import lead_id
from models.lead import Lead, LeadRow
from models.org_decisions import OrgStep
from models.persons import ArrivalPlaced
from streams.topics import DIRECTORY, DO_NOT_CONTACT, LEAD_ARRIVALS, ORG_JOURNAL

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def vendor_message(external_id: str, last_name: str, **more: Any) -> tuple[int, bytes | None, bytes]:
    """Return one lead as a vendor sends it."""
    message = {"vendor": "acme", "external_id": external_id, "last_name": last_name, **more}
    return 0, None, json.dumps(message).encode()


async def leads_by_name(engine: Engine) -> dict[str, Lead]:
    """Return the leads by last name; a name has one lead."""
    rows = [row for row in (await engine.rows()).values() if isinstance(row, LeadRow) and row.lead]
    by_name = {row.lead.facts.last_name or "": row.lead for row in rows if row.lead}
    assert len(by_name) == len(rows), "no last name has two leads"
    return by_name


async def arrivals_placed(engine: Engine) -> int:
    """Return how many arrivals the org has placed."""
    records = [decode_org_record(record.value) for record in await engine.records(ORG_JOURNAL)]
    steps = [record for record in records if isinstance(record, OrgStep)]
    return sum(isinstance(decision, ArrivalPlaced) for step in steps for decision in step.decisions)


SENT = (
    # B2, dummies and service numbers
    vendor_message("B2-1", "Ash", first_name="Ann", email="none@none.com"),
    vendor_message(
        "B2-2", "Birch", first_name="Ben", email="NONE@none.com", phone="401-419-0001", silenced=True
    ),
    vendor_message("B2-3", "Cedar", phone="1-800-555-1212"),
    vendor_message("B2-4", "Elm", phone="800 555 1212", loan_amount=5),
    vendor_message("B2-5", "Fir", phone="888-419-4247"),
    vendor_message("B2-6", "Gum", phone="(888) 419-4247"),
    # the org's own list: a switchboard
    vendor_message("S-1", "Hazel", phone="401-419-9000"),
    vendor_message("S-2", "Iron", phone="401-419-9000 x7"),
    # B1, extensions
    vendor_message("B1-1", "Juniper", phone="401-419-4247 x12", email="j@x.org"),
    vendor_message("B1-2", "Kauri", phone="401-419-4247 x13", email="k@x.org"),
    # K2: one mailbox, name and phone differ
    vendor_message("K2-1", "Larch", phone="401-419-0010", email="home@x.org"),
    vendor_message("K2-2", "Maple", phone="401-419-0011", email="home@x.org"),
    # A2, K6: a row number as id, twice
    vendor_message("1", "Oak", phone="401-419-0020", email="oak@x.org"),
    vendor_message("1", "Pine", phone="401-419-0021", email="pine@x.org", zip="02903"),
    vendor_message("1", "Pine", phone="401-419-0021", email="pine@x.org", zip="02903"),
    # K1 by observation, K3
    vendor_message("O-1", "Rowan", phone="401-419-0030"),
    vendor_message("O-2", "Spruce", phone="401-419-0030", zip="02903", email="spruce@x.org"),
    vendor_message("O-3", "Teak", phone="401-419-0030"),
    vendor_message("O-4", "Yew", phone="401-419-0030"),
)
NAMES = {
    *("Ash", "Birch", "Cedar", "Elm", "Fir", "Gum", "Hazel", "Iron", "Juniper", "Kauri", "Larch", "Maple"),
    *("Oak", "Pine", "Rowan", "Teak", "Yew"),
}


async def test_a2_b1_b2_k1_k2_k3_k6_strangers_are_never_one_person(engine: Engine) -> None:
    """Everything arrives once, and again after worker and relay were killed."""
    settings = json.dumps({"shared_handles": ["(401) 419-9000"]}).encode()
    await engine.send(DIRECTORY, [(0, b"default/settings/settings", settings)])
    async with engine.worker() as worker, engine.relay() as relay:

        async def published() -> bool:
            return bool(await engine.records(ORG_JOURNAL))

        await worker.until_async(published, "the org has its settings")
        await engine.send(LEAD_ARRIVALS, SENT)

        async def all_are_leads() -> bool:
            return await arrivals_placed(engine) >= len(SENT) and set(await leads_by_name(engine)) == NAMES

        await worker.until_async(all_are_leads, "each person is a lead")
        await worker.kill9()
        await relay.kill9()
    async with engine.worker() as worker, engine.relay():
        await engine.send(LEAD_ARRIVALS, SENT)
        await engine.send(DO_NOT_CONTACT, [(0, b"default/phone/888-419-4247", b'{"reason": "asked"}')])

        async def sent_again() -> bool:
            leads = await leads_by_name(engine)
            listed = all(leads[name].suppressed for name in ("Fir", "Gum"))
            return await arrivals_placed(engine) >= 2 * len(SENT) and listed

        await worker.until_async(sent_again, "all came again, and a service number is listed")
        by_name = await leads_by_name(engine)
    assert set(by_name) == NAMES
    assert {name for name, lead in by_name.items() if lead.silenced} == {"Birch", "Fir", "Gum"}
    assert (by_name["Ash"].facts.phone, by_name["Cedar"].facts.loan_amount) == (None, None)
    assert [by_name[name].facts.phone_extension for name in ("Juniper", "Kauri")] == ["12", "13"]
    assert (by_name["Rowan"].inquiries, by_name["Rowan"].facts.zip, by_name["Rowan"].facts.email) == (
        2,
        None,
        None,
    )
    assert {name: lead.inquiries for name, lead in by_name.items() if lead.inquiries > 1} == {"Rowan": 2}
    assert (by_name["Oak"].lead_id, by_name["Oak"].facts.zip) == (lead_id("default", "acme", "1", {}), None)
    assert by_name["Pine"].facts.attributes["remarks"]["id_reused"]
    placed = [
        (row.lead, decision)
        for _, row in await engine.journal()
        if isinstance(row, LeadRow)
        for decision in row.decisions
    ]
    accepted_by_name = {
        lead.facts.last_name: decision
        for lead, decision in placed
        if lead and isinstance(decision, LeadAccepted)
    }
    assert accepted_by_name["Maple"].maybe == (by_name["Larch"].lead_id,)
    assert accepted_by_name["Teak"].maybe == (by_name["Rowan"].lead_id,)
    assert accepted_by_name["Pine"].id_reused == by_name["Oak"].lead_id
    assert {name for name, decision in accepted_by_name.items() if decision.doubt} == {
        "Maple",
        "Teak",
        "Pine",
    }
    (inquiry,) = {
        decision.inquiry_id: decision for _, decision in placed if isinstance(decision, InquiryAdded)
    }.values()
    assert inquiry.facts is not None
    assert (inquiry.facts.last_name, inquiry.facts.zip, inquiry.facts.email) == (
        "Spruce",
        "02903",
        "spruce@x.org",
    )
    (shared,) = [(lead, decision) for lead, decision in placed if isinstance(decision, SharedHandleFound)]
    assert (shared[0].facts.last_name if shared[0] else None, shared[1].handle) == (
        "Rowan",
        "phone/+14014190030",
    )
