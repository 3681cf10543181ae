"""A lead that nobody has is asked for again, from bytes on the topics, though worker and relay die (M5; case D2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.lead import Lead, LeadRow, Phase
from models.offer_decisions import LeadOffered
from streams.topics import LEAD_ARRIVALS
from tests.agents.conftest import requested_action
from tests.agents.test_orgs import (
    group,
    in_phase,
    leads_of,
    people,
    publications_are_known,
    publish,
    vendor_message,
)

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def leads_by_vendor_id(engine: Engine) -> dict[str, Lead]:
    """Return every lead by its vendor's id."""
    return {lead.facts.external_id or "": lead for lead in (await leads_of(engine)).values()}


async def test_m5_d2_what_the_failure_named_changes_and_the_lead_is_asked_for_again(engine: Engine) -> None:
    """A resend brings the state, a licence is added, a campaign is added, a lead is un-ignored; each gives an owner."""
    boss = ("rep", "boss", {"rep_id": "boss", "role": "admin"})
    objects = [boss, *people("ann", licensed_states=["RI"]), *group("roster", "ann")[:1]]
    objects.append(("campaign", "west", {"campaign_id": "west", "group_id": "west"}))
    await publish(engine, *objects)
    worker, relay = engine.worker(INSTANCE="worker-0"), engine.relay(INSTANCE="relay-0")
    async with worker as first, relay as carrier:
        await first.until_async(
            lambda: publications_are_known(engine, len(objects)), "the org knows its people"
        )
        await engine.send(
            LEAD_ARRIVALS,
            [
                vendor_message("acme", "no-state", campaign="west", state=None),
                vendor_message("acme", "texas", campaign="west", state="TX"),
                vendor_message("acme", "no-group", campaign="east"),
                vendor_message("acme", "hidden", campaign="west", state="MA"),
            ],
        )
        await first.until_async(lambda: in_phase(engine, Phase.EXCEPTION, 4), "nobody may have them")
        hidden = (await leads_by_vendor_id(engine))["hidden"].lead_id
        await engine.tell(requested_action(hidden, "ignore", "boss"))
        await first.until_async(lambda: in_phase(engine, Phase.IGNORED, 1), "it is ignored")
        await carrier.kill9()
        await first.kill9()
    await engine.send(LEAD_ARRIVALS, [vendor_message("acme", "no-state", campaign="west", state="RI")])
    await publish(
        engine,
        ("rep", "ann", {"rep_id": "ann", "licensed_states": ["RI", "TX", "MA"]}),
        ("campaign", "east", {"campaign_id": "east", "group_id": "west"}),
    )
    async with engine.worker(INSTANCE="worker-0") as second, engine.relay(INSTANCE="relay-0"):
        await second.until_async(lambda: in_phase(engine, Phase.OWNED, 3), "each was asked for again")
        assert (await leads_by_vendor_id(engine))["hidden"].phase is Phase.IGNORED, (
            "an ignored lead is not asked for"
        )
        await engine.tell(requested_action(hidden, "unignore", "boss"))
        await second.until_async(lambda: in_phase(engine, Phase.OWNED, 4), "it was asked for again")
    by_vendor_id = await leads_by_vendor_id(engine)
    assert {lead.owner for lead in by_vendor_id.values()} == {"ann"}
    texas = by_vendor_id["texas"].lead_id
    whys = [
        decision.why
        for record, row in await engine.journal()
        if isinstance(row, LeadRow) and record.key.decode() == texas
        for decision in row.decisions
        if isinstance(decision, LeadOffered)
    ]
    assert whys == ["asked again: ann is now licensed in MA, TX; number 1 of the roster"]
