"""A public topic that lacks, adds, changes or reorders what the journal says is found out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from models.public import ASSIGNMENTS, LEAD_DECISIONS, LEAD_EXCEPTIONS, QUEUE_CHANGES
from tests.assurance.verify.checking import check
from tests.assurance.verify.partition import FRESH, WORK, Partition


def owned_twice() -> Partition:
    """Return a partition in which a lead had two owners one after the other, and was an exception before."""
    partition = Partition()
    lead_id = partition.arrive("A-1")
    partition.publish("settings", "settings", {"protect_assigned_minutes": 0})
    partition.publish("queue", "aged", {"queue_id": "aged", "claimable": True})
    partition.ask("assign", lead_id, "rep-1", to_rep_id="rep-1")
    partition.ask("claim", lead_id, "rep-2")
    assert len(partition.public[ASSIGNMENTS]) == 2
    return partition


def test_a_repeat_of_the_newest_is_no_finding() -> None:
    partition = owned_twice()
    partition.append(ASSIGNMENTS, partition.public[ASSIGNMENTS][-1])
    for topic in (LEAD_DECISIONS, QUEUE_CHANGES):
        for record in list(partition.public[topic]):
            partition.append(topic, record)
    assert check(partition).codes == {}


def test_an_older_version_after_a_newer_one_is_found() -> None:
    """Whoever keeps the newest record of a lead would see its former owner (docs/contracts, `assignments`)."""
    partition = owned_twice()
    first, second = partition.public[ASSIGNMENTS]
    partition.append(ASSIGNMENTS, first)
    assert check(partition).codes == {"version_went_back": 1, "newest_is_stale": 1}
    partition.append(ASSIGNMENTS, second)
    assert check(partition).codes == {"version_went_back": 1}


@pytest.mark.parametrize("topic", [ASSIGNMENTS, LEAD_DECISIONS, LEAD_EXCEPTIONS, QUEUE_CHANGES])
def test_a_message_that_is_missing_is_found(topic: str) -> None:
    partition = owned_twice()
    partition.drop(topic, 0)
    assert check(partition).codes == {"not_published": 1}


def test_e1_an_exception_of_another_version_than_the_lead_is_found() -> None:
    """Also where the relay itself makes of a record what it should not: the journal alone says the version."""
    partition = Partition()
    partition.arrive("A-1", phone="+14014194247")
    partition.arrive("A-2", phone="+14014194247")
    assert check(partition).codes == {}
    partition.drop(LEAD_EXCEPTIONS, 1)
    assert check(partition).codes == {"not_published": 1, "published_differs": 1}


def test_a_compacted_topic_needs_only_the_newest() -> None:
    partition = owned_twice()
    del partition.public[ASSIGNMENTS][0]  # the others keep their offsets, as compaction leaves them
    assert check(partition).codes == {}
    del partition.public[ASSIGNMENTS][0]
    assert check(partition).codes == {"not_published": 2}


def test_an_old_message_may_be_gone_by_now() -> None:
    partition = owned_twice()
    partition.now += timedelta(days=2)
    partition.public[QUEUE_CHANGES].clear()
    assert check(partition).codes == {}


def test_q8_a_forged_answer_is_found() -> None:
    """By its bytes, and by what it says."""
    partition = owned_twice()
    record = partition.public[LEAD_DECISIONS][1]
    message = msgspec.json.decode(record.value or b"")
    forged = msgspec.json.encode({**message, "result": "lost", "owner": "rep-9"})
    partition.public[LEAD_DECISIONS][1] = replace(record, value=forged)
    assert check(partition).codes == {"published_differs": 2}


def test_q8_a_forged_owner_is_found() -> None:
    partition = owned_twice()
    record = partition.public[ASSIGNMENTS][1]
    message = msgspec.json.decode(record.value or b"")
    partition.public[ASSIGNMENTS][1] = replace(
        record, value=msgspec.json.encode({**message, "rep_id": "rep-9"})
    )
    assert check(partition).codes == {"published_differs": 2}


@pytest.mark.parametrize("headers", [(), (("ce_id", b"lead-log-0-1-77"),), (("ce_id", b"other-log-0-1-0"),)])
def test_a_message_without_a_cause_is_found(headers: tuple[tuple[str, bytes], ...]) -> None:
    partition = owned_twice()
    partition.append(QUEUE_CHANGES, replace(partition.public[QUEUE_CHANGES][0], headers=headers))
    assert check(partition).codes == {"published_unasked": 1}


def test_what_is_told_of_later_events_than_the_journal_was_read_to_is_no_finding() -> None:
    partition = Partition()
    partition.publish("queue", "fresh", FRESH)
    partition.publish("queue", "work", WORK)
    partition.arrive("A-1")
    snapshot = partition.snapshot()
    partition.arrive("A-2")
    del partition.log[-1], partition.journal[-1]
    assert check(partition, snapshot).codes == {}
