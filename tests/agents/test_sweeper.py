"""Publishing a queue updates thousands of leads, a hundred at a time, and delays no claim (Q6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agents.sweeper import SLICE_EVENTS
from models.lead import LeadRow
from tests.agents.conftest import lead_arrival, queue, requested_action, results_by_action

if TYPE_CHECKING:
    from tests.agents.conftest import Engine

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LEADS = [f"lead-{n}" for n in range(2500)]


async def test_q6_a_sweep_goes_in_slices_and_a_claim_in_the_middle_is_decided_first(engine: Engine) -> None:
    """The sweep is held at its tenth slice. It has told one slice of leads at most, and the claim is answered.

    Then a second worker joins. The sweep stops, tells no lead during the rebalance, and both workers begin it again.
    """
    await engine.tell(
        queue("aged", version=1), *(lead_arrival(lead) for lead in LEADS), queue("second", version=2)
    )
    async with engine.worker(FAULTS="the_sweep_is_watched") as worker:
        await worker.wait_for_report(held=True)
        await engine.tell(requested_action(LEADS[0], "claim"), requested_action(LEADS[-1], "claim"))

        async def answered() -> bool:
            rows = await engine.rows()
            return all(results_by_action(rows[lead]) for lead in (LEADS[0], LEADS[-1]))

        await worker.until_async(answered, "both are answered while the sweep stands")
        standing = [row for row in (await engine.rows()).values() if in_queue(row, "second")]
        assert 0 < len(standing) <= 10 * SLICE_EVENTS
        async with engine.worker() as second:
            await second.until(lambda: "recovered" in second.log.read_text(), "the second one has its share")
            worker.tell(go_on=True)

            async def swept() -> bool:
                rows = await engine.rows()
                return all(
                    in_queue(rows[lead], "second") for lead in LEADS if not results_by_action(rows[lead])
                )

            await worker.until_async(swept, "every other lead stands in the second queue")
        worker.tell(figures=True)
        figures = await worker.wait_for_field("most")
    assert figures["most"] <= SLICE_EVENTS
    assert figures["rounds"] >= 10
    assert worker.reports_naming("sent_while_rebalancing") == []


def in_queue(row: object, queue_id: str) -> bool:
    """Return whether a lead is in a queue."""
    return isinstance(row, LeadRow) and row.lead is not None and queue_id in row.lead.placements
