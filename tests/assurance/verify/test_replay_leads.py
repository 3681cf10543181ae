"""Every contradiction between a partition's log and its journal is found, each with its own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace as changed

from models.codec import decode_row, encode_event, encode_row
from models.decisions import OwnerChanged
from models.events import ActionRequested
from models.lead import LeadRow, Phase
from models.public import ASSIGNMENTS, LEAD_DECISIONS, QUEUE_CHANGES
from streams.topics import LEAD_JOURNAL, LEAD_LOG
from tests.assurance.verify.checking import check
from tests.assurance.verify.partition import FRESH, Partition
from tests.assurance.verify.records import Record
from tests.assurance.verify.working import worked_partition

if TYPE_CHECKING:
    from collections.abc import Callable


def partition_with_claim() -> tuple[Partition, str]:
    """Return a partition in which rep-1 has claimed a lead and rep-2 was told that."""
    partition = Partition()
    partition.publish("queue", "fresh", FRESH)
    lead_id = partition.arrive("A-1")
    partition.ask("claim", lead_id, "rep-1")
    partition.ask("claim", lead_id, "rep-2")
    return partition, lead_id


def change_row(partition: Partition, n: int, change: Callable[[LeadRow], LeadRow]) -> None:
    """Change the n-th row of the journal."""
    record = partition.journal[n]
    row = decode_row(record.value or b"")
    assert isinstance(row, LeadRow)
    partition.journal[n] = replace(record, value=encode_row(change(row)))


@pytest.mark.parametrize("seed", range(5))
def test_what_worker_and_relay_leave_agrees(seed: int) -> None:
    partition = worked_partition(60, seed)
    checked = check(partition)
    assert checked.codes == {}
    assert len(checked.journal_facts.leads) == 60
    assert sum(checked.journal_facts.phases().values()) == 60
    assert checked.journal_facts.events["action_requested"] > 150


def test_a_repeat_of_a_zombie_is_no_finding() -> None:
    partition, _ = partition_with_claim()
    for record in partition.journal[2:4]:
        partition.append(LEAD_JOURNAL, record)
    assert check(partition).codes == {}


def test_a_repeat_that_says_something_else_is_found() -> None:
    partition, _ = partition_with_claim()
    partition.append(LEAD_JOURNAL, partition.journal[2])
    change_row(partition, 4, lambda row: changed(row, cause="something else"))
    assert check(partition).codes == {"repeat_differs": 1}


def test_an_event_that_was_never_decided_is_found() -> None:
    partition, _ = partition_with_claim()
    partition.drop(LEAD_JOURNAL, 3)
    partition.drop(LEAD_DECISIONS, 1)
    assert check(partition).codes == {"event_without_record": 1}


def test_a_record_behind_that_of_a_later_event_is_found() -> None:
    """Readers skip it, so for them it does not exist."""
    partition, lead_id = partition_with_claim()
    partition.arrive("A-2")
    last = partition.journal[-2]
    partition.drop(LEAD_JOURNAL, len(partition.journal) - 2)
    partition.append(LEAD_JOURNAL, last)
    codes = check(partition).codes
    assert codes.pop("published_unasked") == 1
    assert codes == {"event_without_record": 1, "record_late": 1}
    assert lead_id


def test_what_came_after_the_snapshot_may_be_on_its_way() -> None:
    partition, _ = partition_with_claim()
    snapshot = partition.snapshot()
    partition.arrive("A-2")
    late = partition.arrive("A-3")
    partition.drop(LEAD_JOURNAL, len(partition.journal) - 1)
    partition.drop(QUEUE_CHANGES, len(partition.public[QUEUE_CHANGES]) - 1)
    checked = check(partition, snapshot)
    assert checked.codes == {}
    assert len(checked.journal_facts.moving) == 2
    assert late not in checked.journal_facts.leads


def test_what_is_older_than_a_day_may_be_compacted_away() -> None:
    partition = worked_partition(30)
    newest = {record.key: record.offset for record in partition.journal}
    partition.now += timedelta(days=2)
    recent = partition.arrive("recent")
    partition.ask("claim", recent, "rep-1")
    partition.journal[:] = [
        record for record in partition.journal if record.offset >= newest.get(record.key, 0)
    ]
    checked = check(partition)
    # The public topics still have what the journal lacks. The journal's newest rows explain the rest.
    assert set(checked.codes) <= {"published_unasked", "published_differs"}
    assert len(checked.journal_facts.leads) == 31
    assert checked.journal_facts.leads[recent].lead.owner == "rep-1"


def test_a_log_that_has_lost_its_beginning_is_no_finding() -> None:
    partition = worked_partition(30)
    partition.now += timedelta(days=8)
    lead_id = partition.arrive("recent")
    partition.ask("claim", lead_id, "rep-1")
    del partition.log[: len(partition.log) - 2]
    assert check(partition).codes == {}


def test_a_record_nothing_in_the_log_explains_is_found() -> None:
    partition, lead_id = partition_with_claim()
    partition.write(lead_id.encode(), changed(partition.row(lead_id), off=99))
    assert check(partition).codes == {"record_without_event": 1}


def test_an_unreadable_record_is_found() -> None:
    partition, _ = partition_with_claim()
    partition.journal[3] = replace(partition.journal[3], value=b'{"off": 3, "row": "lead"}')
    codes = check(partition).codes
    assert codes["record_unreadable"] == 1


def test_an_event_under_a_strange_key_is_a_dead_letter_and_no_finding_here() -> None:
    partition, lead_id = partition_with_claim()
    event = ActionRequested(lead_id=lead_id, cause="x", action="claim", rep_id="rep-3")
    partition.log.append(
        Record(LEAD_LOG, len(partition.log), b"other", encode_event(event), partition.log[-1].timestamp)
    )
    assert check(partition).codes == {}


def test_x3_an_overdue_deadline_is_found_after_a_grace() -> None:
    partition = Partition()
    partition.publish("queue", "work", {"queue_id": "work"})
    lead_id = partition.arrive("A-1")
    partition.ask("view", lead_id, "rep-1")
    partition.now += timedelta(minutes=60, seconds=5)
    assert check(partition).codes == {}
    partition.now += timedelta(seconds=10)
    checked = check(partition)
    assert checked.codes == {"deadline_overdue": 1}
    assert checked.findings.found[0].details["kind"] == "lock"
    partition.pass_deadline(lead_id)
    assert check(partition).codes == {}


def with_owner(rep_id: str | None) -> Callable[[LeadRow], LeadRow]:
    def change(row: LeadRow) -> LeadRow:
        assert row.lead is not None
        return changed(row, lead=changed(row.lead, owner=rep_id))

    return change


def without_decision(kind: type) -> Callable[[LeadRow], LeadRow]:
    return lambda row: changed(row, decisions=tuple(d for d in row.decisions if not isinstance(d, kind)))


def second_claim_won(row: LeadRow) -> LeadRow:
    """Return the row as if the second claim had also won."""
    assert row.lead is not None
    answer: Any = changed(row.decisions[0], result="won", owner="rep-2", reason=None)
    change = OwnerChanged(rep_id="rep-2", previous_rep_id=None, how="claim", via="queue/fresh", why="")
    return changed(row, lead=changed(row.lead, owner="rep-2"), decisions=(answer, change))


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (with_owner("rep-2"), {"answer_differs_from_row", "loser_is_owner", "owner_unexplained"}),
        (with_owner(None), {"answer_differs_from_row", "loser_is_owner", "owner_unexplained", "phase_wrong"}),
        (second_claim_won, {"owner_unexplained", "claimed_again", "version_wrong"}),
        (lambda row: changed(row, seq=row.seq + 1), {"answer_differs_from_row", "version_wrong"}),
        (lambda row: changed(row, lead=None), {"not_conserved", "loser_is_owner"}),
        (lambda row: changed(row, decisions=()), {"unanswered"}),
        (lambda row: changed(row, decisions=row.decisions * 2), {"answered_twice"}),
    ],
)
def test_q8_a_second_owner_is_found_however_it_came(
    change: Callable[[LeadRow], LeadRow], codes: set[str]
) -> None:
    """The replay finds it, and so does the comparison of rows and decisions alone."""
    partition, _ = partition_with_claim()
    change_row(partition, 3, change)
    found_codes = check(partition).codes
    assert found_codes["journal_contradicts_log"] == 1
    assert codes <= set(found_codes)


def test_q8_an_owner_nobody_announced_is_found() -> None:
    partition, _ = partition_with_claim()
    change_row(partition, 2, without_decision(OwnerChanged))
    codes = check(partition).codes
    assert {"journal_contradicts_log", "owner_unexplained"} <= set(codes)


def test_x7_a_phase_that_does_not_fit_is_found() -> None:
    partition, _ = partition_with_claim()

    def queued(row: LeadRow) -> LeadRow:
        assert row.lead is not None
        return changed(row, lead=changed(row.lead, phase=Phase.QUEUED))

    change_row(partition, 2, queued)
    assert "phase_wrong" in check(partition).codes


def test_x4_a_repeat_is_answered_as_the_first_time() -> None:
    partition, lead_id = partition_with_claim()
    partition.ask("claim", lead_id, "rep-2", cause="action-2")
    assert check(partition).codes == {}

    def with_other_answer(row: LeadRow) -> LeadRow:
        answer: Any = row.decisions[0]
        return changed(row, decisions=(changed(answer, result="refused", reason="not_qualified"),))

    change_row(partition, 4, with_other_answer)
    assert "answered_twice" in check(partition).codes


def test_x4_a_repeat_after_more_answers_than_a_row_keeps_may_be_decided_anew() -> None:
    partition, lead_id = partition_with_claim()
    for _ in range(40):
        partition.ask("claim", lead_id, "rep-3")
    partition.ask("note", lead_id, "rep-1", note="called")  # a new version
    partition.ask("claim", lead_id, "rep-2", cause="action-2")
    assert check(partition).codes == {}


def test_an_assignment_that_was_not_published_is_found() -> None:
    partition, _ = partition_with_claim()
    partition.drop(ASSIGNMENTS, 0)
    assert check(partition).codes == {"not_published": 1}
