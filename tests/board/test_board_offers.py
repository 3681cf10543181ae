"""What is offered to a rep, or rings for it, is in the rep's own queue for as long as that lasts (R3, S1, S5)."""

from datetime import timedelta

import redis.asyncio

from board.reader import Reader
from board.rebuild import rebuild
from models.lead import Distribution, DistributionStatus, Phase
from models.offer_decisions import LeadOffered, OfferEnded
from models.offers import Outcome
from tests.board.engine import AT, ORG, Engine, claim_decision, claimed_lead, ids, lead, running_board, until

RING = Distribution(
    group_id="west",
    epoch=3,
    stage=DistributionStatus.RINGING,
    method="ring_all",
    reps=("rep-7", "rep-8"),
    until=AT + timedelta(minutes=15),
)


async def test_r3_s5_an_offer_is_in_its_reps_queues_above_their_leads_until_it_is_over(
    engine: Engine, client: redis.asyncio.Redis
) -> None:
    reader = Reader(client)
    owned, ringing = claimed_lead(lead(1), "rep-7"), lead(2, phase=Phase.OFFERED, open_distribution=RING)
    offer = LeadOffered(group_id="west", epoch=3, method="ring_all", reps=RING.reps, why="", until=RING.until)
    async with running_board(engine, client) as board:
        await engine.decide(owned, claim_decision("rep-7"))
        await engine.decide(ringing, offer)
        await until(lambda: board.state.applied == 3)
        expected = {
            "name": "Lead 2",
            "offer": True,
            "method": "ring_all",
            "group_id": "west",
            "epoch": 3,
            "until": "2026-11-20T14:27:00Z",
        }
        for rebuilt in (False, True):
            if rebuilt:
                await rebuild(engine.settings, client=client, sources=engine.sources)
            assert await ids(reader, "rep/rep-7") == [ringing.lead_id, owned.lead_id]
            for rep_id in RING.reps:
                assert (await reader.own(ORG, rep_id)).rows[0].columns == expected
        await until(lambda: board.state.ready()[0])
        offer_ended = OfferEnded(group_id="west", epoch=3, outcome=Outcome.CLAIMED, why="", reps=("rep-8",))
        await engine.decide(claimed_lead(lead(2), "rep-7"), offer_ended, claim_decision("rep-7"))
        await until(lambda: board.state.applied == 5)
        assert await ids(reader, "rep/rep-8") == []
        assert (await reader.own(ORG, "rep-7")).rows[1].columns["phone"] == "+14014190002"
