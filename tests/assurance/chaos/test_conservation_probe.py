"""A ledger compares what arrived with where leads are, both as of the same event, and names what does not add up."""

from __future__ import annotations

import pytest

from assurance.chaos.conservation_probe import Ledger
from models.lead import Phase
from tests.assurance.verify.working import distributed_partition

PARTITION = distributed_partition(40, seed=2)
ARRIVALS = [record for record in PARTITION.log if b'"lead_arrived"' in (record.value or b"")]


def ledger(*, journal: slice = slice(None), without: int | None = None) -> Ledger:
    """Read a part of the journal and all of the log, but for one arrival."""
    ledger_read = Ledger()
    for record in PARTITION.journal[journal]:
        ledger_read.row(record)
    for record in PARTITION.log:
        if without is None or record is not ARRIVALS[without]:
            ledger_read.event(record)
    return ledger_read


@pytest.mark.parametrize("end", range(0, len(PARTITION.journal), 17))
def test_x7_leads_add_up_at_any_moment_however_far_the_log_is_ahead(end: int) -> None:
    partial = ledger(journal=slice(0, end))
    assert partial.look() is None
    arrived = sum(record.offset <= partial.watermark for record in ARRIVALS)
    assert sum(partial.sums().values()) == arrived


def test_x7_at_the_end_every_kind_is_counted() -> None:
    sums = ledger().sums()
    assert sums.total() == 40
    assert sums["owned"] > 0
    assert len(sums) > 1


def test_x7_a_lead_without_a_row_and_one_that_never_arrived_are_named() -> None:
    lead_key = ARRIVALS[0].key or b""
    lost = Ledger()
    for record in PARTITION.journal:
        if record.key != lead_key:
            lost.row(record)
    for record in PARTITION.log:
        lost.event(record)
    assert lost.look() == f"1 arrived and have no row, as {lead_key.decode()}"
    assert ledger(without=0).look() == f"1 never arrived, as {lead_key.decode()}"


def test_x7_a_phase_that_contradicts_its_owner_is_named() -> None:
    whole = ledger()
    lead_id, lead = next((key, lead) for key, lead in whole.leads.items() if lead.phase is Phase.OWNED)
    lead.phase = Phase.QUEUED
    assert whole.look() == f"{lead_id} is queued and its owner is {lead.owner}"


def test_a_repeat_by_a_worker_that_lost_the_partition_changes_nothing() -> None:
    whole = ledger()
    before = dict(whole.leads)
    for record in PARTITION.journal[:30]:
        whole.row(record)
    assert whole.leads == before
