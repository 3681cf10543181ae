"""What compaction has removed from the journal, and the CRM database still has, is no finding."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from assurance.verify.database import check_database
from assurance.verify.records import COMPACTABLE
from tests.assurance.verify.checking import check
from tests.assurance.verify.test_stores import fill_database
from tests.assurance.verify.working import partition_with_reps, worked_partition

if TYPE_CHECKING:
    from pathlib import Path

    from assurance.verify.catch_up import Snapshot
    from tests.assurance.verify.partition import Partition


def compact_after_two_days(partition: Partition) -> Snapshot:
    """Let two days pass, and leave the journal the newest record of each key, and the log and topics nothing."""
    partition.now += timedelta(days=2)
    snapshot = partition.snapshot()
    newest = {record.key: record for record in partition.journal}
    partition.journal[:] = [record for record in partition.journal if newest[record.key] is record]
    partition.log.clear()
    for records in partition.public.values():
        records.clear()
    return snapshot


def findings_of(partition: Partition, url: str, snapshot: Snapshot | None = None) -> dict[str, int]:
    checked = check(partition, snapshot)
    check_database(url, checked.journal_facts, checked.findings, cut=partition.now - COMPACTABLE)
    return {code: count for code, count in checked.codes.items() if code.startswith("crm_")}


def test_a_refusal_may_be_all_that_is_left_of_the_version_that_named_the_owner(tmp_path: Path) -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", assigned_to="rep-1")
    partition.ask("claim", lead_id, "rep-2")
    row = partition.row(lead_id)
    assert (row.seq, row.lead and row.lead.owner) == (1, "rep-1"), "the lost claim made no new version"
    url = fill_database(f"sqlite:///{tmp_path / 'crm.sqlite'}", partition)
    assert findings_of(partition, url) == {}
    assert findings_of(partition, url, compact_after_two_days(partition)) == {}


def test_whatever_is_left_of_a_days_work_agrees(tmp_path: Path) -> None:
    partition = worked_partition(60, seed=7)
    url = fill_database(f"sqlite:///{tmp_path / 'crm.sqlite'}", partition)
    assert findings_of(partition, url, compact_after_two_days(partition)) == {}


def test_an_owner_whom_the_newest_record_names_is_still_compared(tmp_path: Path) -> None:
    partition = partition_with_reps()
    lead_id = partition.arrive("A-1", assigned_to="rep-1")
    url = fill_database(f"sqlite:///{tmp_path / 'crm.sqlite'}", partition)
    partition.ask("reassign", lead_id, "boss", to_rep_id="rep-2", why="to share")
    counts = findings_of(partition, url, compact_after_two_days(partition))
    assert counts["crm_differs"] >= 2, "the database does not have the newest owner"
