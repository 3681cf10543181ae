"""How late deadlines were decided is measured, and one that was decided before it was due is found (X3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from models.codec import decode_row, encode_row
from models.decisions import DeadlineIgnored
from models.events import DeadlinePassed
from models.lead import LeadRow
from tests.assurance.verify.checking import check
from tests.assurance.verify.partition import WORK, Partition
from tests.assurance.verify.records import ms

MINUTE = timedelta(minutes=1)


def partition_with_open_leads(*names: str) -> tuple[Partition, list[str]]:
    """Return a partition with a lead of each name, each of which another rep has open."""
    partition = Partition()
    partition.publish("queue", "work", WORK)
    leads = [partition.arrive(name, loan_purpose="refinance") for name in names]
    for n, lead_id in enumerate(leads):
        partition.ask("view", lead_id, f"rep-{n}")
    return partition, leads


def passed(partition: Partition, lead_id: str) -> DeadlinePassed:
    """Return the event of a lead's first deadline."""
    lead = partition.row(lead_id).lead
    assert lead is not None
    deadline = lead.deadlines[0]
    return DeadlinePassed(
        lead_id=lead_id, cause="early", kind=deadline.kind, due=deadline.due, epoch=deadline.epoch
    )


def test_d2_the_lateness_of_each_lock_end_is_told_and_the_worst_is_named() -> None:
    partition, leads = partition_with_open_leads("A", "B", "C")
    for lead_id, late in zip(leads, (timedelta(0), 5 * MINUTE, 2 * MINUTE), strict=True):
        due = passed(partition, lead_id).due
        partition.now = max(partition.now, due + late)
        partition.pass_deadline(lead_id)
    checked = check(partition)
    lateness = checked.deadlines.lateness()
    assert checked.codes == {}, "no lateness is a finding"
    assert (lateness.decided, lateness.worst_lead, lateness.worst_kind) == (3, leads[1], "lock")
    assert lateness.p50_seconds == pytest.approx(
        300, abs=1
    )  # the third came after the second, which was late
    assert lateness.p99_seconds == lateness.worst_seconds == pytest.approx(300, abs=1)
    assert lateness.line().startswith("3 deadlines were decided: half within 300.")


def test_without_a_deadline_there_is_no_lateness() -> None:
    partition, _ = partition_with_open_leads("A")
    lateness = check(partition).deadlines.lateness()
    assert (lateness.decided, lateness.worst_seconds, lateness.line()) == (0, None, "no deadline was decided")


def test_x3_an_event_before_its_deadline_is_no_decision_and_no_finding() -> None:
    """A worker's clock may be ahead. The event changes nothing, and the deadline counts when it takes effect."""
    partition, (lead_id,) = partition_with_open_leads("A")
    event = passed(partition, lead_id)
    partition.now = event.due - timedelta(milliseconds=500)
    partition.tell(event)
    row = decode_row(partition.journal[-1].value or b"")
    assert isinstance(row, LeadRow)
    assert [type(decision) for decision in row.decisions] == [DeadlineIgnored]
    checked = check(partition)
    assert (checked.codes, checked.deadlines.lateness().decided) == ({}, 0)
    partition.pass_deadline(lead_id)
    checked = check(partition)
    assert (checked.codes, checked.deadlines.lateness().decided) == ({}, 1)


def test_x3_a_deadline_that_took_effect_before_it_was_due_is_found() -> None:
    partition, (lead_id,) = partition_with_open_leads("A")
    due = passed(partition, lead_id).due
    partition.pass_deadline(lead_id)
    early = due - timedelta(seconds=2)
    row = decode_row(partition.journal[-1].value or b"")
    assert isinstance(row, LeadRow)
    partition.log[-1] = replace(partition.log[-1], timestamp=ms(early))
    partition.journal[-1] = replace(
        partition.journal[-1], value=encode_row(changed(row, at=early)), timestamp=ms(early)
    )
    checked = check(partition)
    assert checked.codes["deadline_early"] == 1
    (finding,) = [reported for reported in checked.findings.found if reported.code == "deadline_early"]
    assert (finding.lead_id, finding.details["seconds_early"]) == (lead_id, 2.0)
