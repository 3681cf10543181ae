"""A partition of leads changes only by accepted outcomes, and repeats a deadline until its row has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from models.codec import directory_key, encode_row
from models.decisions import Answered
from models.errors import PermanentError
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, LeadArrived
from models.facts import Facts
from models.lead import Deadline, DeadlineKind, DirectoryRow, Lead, LeadRow, Phase
from models.results import Reason
from rules.deadlines import MAX_AT_ONCE, RETRY_SECONDS, due_events
from rules.lead import lead_partition
from rules.lead.lead_partition import LeadOutcome, LeadPartition
from rules.lead.undecided import REASON

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
NOW = START.timestamp()
KEY = b"lead"


def row(*deadlines: tuple[float, int], lead_id: str = "lead") -> LeadRow:
    """Return a row with lock deadlines at the given seconds after `START`, with the given epochs."""
    lead = Lead(
        lead_id=lead_id,
        facts=Facts(vendor="acme", created_at=START),
        phase=Phase.LOCKED,
        arrived_at=START,
        updated_at=START,
        deadlines=tuple(
            Deadline(DeadlineKind.LOCK, START + timedelta(seconds=seconds), epoch)
            for seconds, epoch in deadlines
        ),
    )
    return LeadRow(off=0, seq=1, lead=lead, at=START, cause="cause")


def put_row(leads: LeadPartition, key: bytes, new: LeadRow) -> None:
    """Change a row, as an event does."""
    leads.accept(LeadOutcome(key, encode_row(new), new))


def due_deadlines(leads: LeadPartition, seconds: float) -> list[DeadlinePassed]:
    """Return what is due the given number of seconds after `START`."""
    return leads.due(NOW + seconds)


def arrival(lead_id: str = "lead", cause: str = "arrival") -> LeadArrived:
    """Return a lead's arrival."""
    facts = Facts(vendor="acme", last_name="Jones", state="RI", created_at=START)
    return LeadArrived(lead_id=lead_id, cause=cause, facts=facts)


def publication(
    version: int, value: dict[str, Any] | None, kind: str = "queue", object_id: str = "aged"
) -> DirectoryPublished:
    """Return a publication."""
    return DirectoryPublished(
        lead_id="",
        cause=f"directory/{object_id}/{version}",
        org="default",
        kind=kind,
        object_id=object_id,
        version=version,
        value=value,
    )


def decide_and_accept(leads: LeadPartition, event: Any, off: int, key: bytes = KEY) -> LeadOutcome:
    """Decide an event that is no replay and accept the outcome."""
    outcome = leads.decide(key, event, off=off, at=START + timedelta(seconds=off))
    assert outcome is not None
    leads.accept(outcome)
    return outcome


# -- events -----------------------------------------------------------------------------------------------------------


def test_x4_nothing_changes_until_the_outcome_is_accepted_and_a_replay_decides_nothing() -> None:
    leads = LeadPartition(2)
    first = leads.decide(KEY, arrival(), off=5, at=START)
    assert first is not None
    assert leads.decide(KEY, arrival(), off=5, at=START) == first
    assert len(leads) == 0
    leads.accept(first)
    assert leads.decide(KEY, arrival(), off=5, at=START) is None
    assert leads.decide(KEY, arrival(), off=4, at=START) is None
    stored = leads.rows[KEY]
    assert isinstance(stored, LeadRow)
    assert stored.decisions == ()
    assert isinstance(first.row, LeadRow)
    assert first.row.decisions
    assert first.value == encode_row(first.row)


def test_an_event_that_does_not_belong_here_is_a_failure_without_a_record() -> None:
    leads = LeadPartition(2, partition_of=lambda key: 1 if key == b"stranger" else 2)
    decide_and_accept(leads, publication(1, {}), 0)
    object_key = directory_key(2, "default", "queue", "aged")
    for key, lead_id, reason in (
        (object_key, object_key.decode(), "is a directory object, not a lead"),
        (b"other", "lead", "key b'other' is not the lead id lead"),
        (b"stranger", "stranger", "in partition 2; the key belongs to 1"),
    ):
        outcome = leads.decide(key, arrival(lead_id), off=7, at=START)
        assert outcome is not None
        assert outcome.row is None
        assert isinstance(outcome.failure, PermanentError)
        assert outcome.failure.error_class == "misplaced_event"
        assert reason in outcome.failure.reason


def test_x4_an_action_that_cannot_be_decided_is_answered_and_its_lead_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads = LeadPartition(2)
    decide_and_accept(leads, arrival(), 0)
    before = leads.rows[KEY]

    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(lead_partition, "step", fails)
    request = ActionRequested(lead_id="lead", cause="a", action="claim", rep_id="rep-7")
    outcome = decide_and_accept(leads, request, 1)
    assert isinstance(outcome.failure, ZeroDivisionError)
    after = leads.rows[KEY]
    assert isinstance(outcome.row, LeadRow)
    assert isinstance(before, LeadRow)
    assert isinstance(after, LeadRow)
    (answer,) = outcome.row.decisions
    assert isinstance(answer, Answered)
    assert answer.reason is Reason.FATAL_ERROR
    assert (after.lead, after.off) == (before.lead, 1)


@pytest.mark.parametrize(("org", "owner", "version"), [("default", "rep-7", 1), ("other", None, 0)])
def test_an_answer_without_a_decision_tells_another_org_nothing_of_the_lead(
    monkeypatch: pytest.MonkeyPatch, org: str, owner: str | None, version: int
) -> None:
    leads = LeadPartition(2)
    owned = row()
    assert owned.lead is not None
    put_row(leads, KEY, replace(owned, lead=replace(owned.lead, owner="rep-7")))

    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(lead_partition, "step", fails)
    request = ActionRequested(lead_id="lead", cause="a", action="claim", rep_id="rep-9", org=org)
    outcome = decide_and_accept(leads, request, 1)
    assert isinstance(outcome.row, LeadRow)
    (answer,) = outcome.row.decisions
    assert isinstance(answer, Answered)
    assert (answer.owner, answer.version) == (owner, version)
    assert answer.why == REASON


def test_a_deadline_that_cannot_be_decided_is_taken_out_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the deadline were appended again, it would fail for ever."""
    leads = LeadPartition(2)
    put_row(leads, KEY, row((10, 1), (20, 2)))
    (passed,) = due_deadlines(leads, 11)

    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(lead_partition, "step", fails)
    decide_and_accept(leads, passed, 1)
    assert [deadline.epoch for deadline in due_deadlines(leads, 30)] == [2]


def test_a_row_that_is_too_large_is_a_failure_and_the_lead_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_partition, "MAX_ROW_BYTES", 100)
    leads = LeadPartition(2)
    outcome = decide_and_accept(leads, arrival(), 0)
    assert isinstance(outcome.failure, PermanentError)
    assert outcome.failure.error_class == "record_too_large"
    assert isinstance(outcome.row, LeadRow)
    assert outcome.row.lead is None


def test_q6_a_publication_takes_effect_once_it_is_accepted_and_an_older_one_never() -> None:
    leads = LeadPartition(2)
    outcome = leads.decide(b"", publication(7, {"claimable": True}), off=0, at=START)
    assert outcome is not None
    assert leads.rule_book.org("default").version == -1
    leads.accept(outcome)
    assert (outcome.reevaluates, leads.rule_book.org("default").version) == ("default", 7)
    older = decide_and_accept(leads, publication(3, None), 1, b"")
    assert older.reevaluates is None
    assert isinstance(older.row, DirectoryRow)
    assert older.row.version == 7
    assert list(leads.rule_book.org("default").queues) == ["aged"]
    campaign = decide_and_accept(leads, publication(8, {}, "campaign", "all"), 2, b"")
    assert campaign.reevaluates is None  # it changes no lead's placements
    assert leads.decide(b"", publication(9, {}), off=1, at=START) is None


def test_x2_a_rep_who_leaves_makes_the_org_look_at_its_leads() -> None:
    leads = LeadPartition(2)
    first, other = {"rep_id": "rep-1"}, {"rep_id": "rep-1", "teams": ["west"]}
    assert (
        decide_and_accept(leads, publication(1, first, "rep", "rep-1"), 0).reevaluates == "default"
    )  # it was open before
    assert decide_and_accept(leads, publication(2, other, "rep", "rep-1"), 1).reevaluates is None
    assert (
        decide_and_accept(leads, publication(3, {"rep_id": "rep-2"}, "rep", "rep-2"), 2).reevaluates
        == "default"
    )
    assert decide_and_accept(leads, publication(4, None, "rep", "rep-1"), 3).reevaluates == "default"
    assert decide_and_accept(leads, publication(5, first, "rep", "rep-1"), 4).reevaluates == "default"


def test_what_the_journal_gives_back_is_the_same_partition() -> None:
    """The records are applied in the journal's order, followed by a zombie's older record (docs/faust.md 9)."""
    leads, journal = LeadPartition(2), list[tuple[bytes, Any]]()
    for off, (key, event) in enumerate(
        (
            (b"", publication(1, {"claimable": True})),
            (KEY, arrival()),
            (KEY, ActionRequested(lead_id="lead", cause="a", action="claim", rep_id="r", queue_id="aged")),
            (KEY, ActionRequested(lead_id="lead", cause="b", action="view", rep_id="r")),
            (b"", publication(2, {"claimable": False})),
        )
    ):
        outcome = decide_and_accept(leads, event, off, key)
        assert outcome.failure is None
        journal.append((outcome.key, outcome.row))
    assert len(leads.deadlines) == 1
    restored = LeadPartition(2)
    assert [restored.apply(*record) for record in journal] == [True] * 5
    assert [restored.apply(*record) for record in journal] == [False, False, False, True, True]
    restored.recovered()
    assert restored.rows == leads.rows
    assert restored.rule_book.org("default").objects == leads.rule_book.org("default").objects
    assert [deadline.epoch for deadline in due_deadlines(restored, 1e6)] == [
        deadline.epoch for deadline in due_deadlines(leads, 1e6)
    ]
    assert restored.apply(KEY, None)
    assert KEY not in restored.rows


def test_q6_only_leads_of_the_org_that_the_rules_would_change_are_stale() -> None:
    leads = LeadPartition(2)
    decide_and_accept(leads, arrival(), 0)
    assert leads.stale(KEY, "default", START) is None
    decide_and_accept(leads, publication(7, {"claimable": True}), 1, b"")
    stale = leads.stale(KEY, "default", START)
    assert stale is not None
    assert (stale.lead_id, stale.version, stale.cause) == ("lead", 7, "rules/lead/7")
    assert leads.stale(KEY, "west", START) is None
    assert leads.stale(directory_key(2, "default", "queue", "aged"), "default", START) is None
    decide_and_accept(leads, stale, 2)
    assert leads.stale(KEY, "default", START) is None


# -- deadlines --------------------------------------------------------------------------------------------------------


def test_a_deadline_is_due_not_before_its_time_and_again_only_after_the_retry() -> None:
    leads = LeadPartition(2)
    put_row(leads, KEY, row((10, 1)))
    assert leads.deadlines.next_due() == NOW + 10 + 0.001
    assert due_deadlines(leads, 10) == []  # in whole milliseconds, the broker's clock may be behind
    event = DeadlinePassed(
        lead_id="lead", cause="deadline/lead/lock/1", kind="lock", due=START + timedelta(seconds=10), epoch=1
    )
    assert due_deadlines(leads, 10.001) == [event]
    assert due_deadlines(leads, 10.002) == []
    assert due_deadlines(leads, 10.001 + RETRY_SECONDS - 0.01) == []
    assert due_deadlines(leads, 10.001 + RETRY_SECONDS) == [
        event
    ]  # the same id, so that a repeat is recognised


def test_what_its_row_does_not_confirm_is_dropped() -> None:
    """X3: a newer epoch, no deadline, no lead, no row."""
    leads = LeadPartition(2)
    for key, then in (
        (b"renewed", row((50, 2))),
        (b"done", row()),
        (b"stranger", LeadRow(off=0, seq=0, lead=None, at=START, cause="cause")),
    ):
        put_row(leads, key, row((10, 1)))
        put_row(leads, key, then)
    put_row(leads, b"lost", row((10, 1)))
    leads.apply(b"lost", None)
    assert due_deadlines(leads, 20) == []
    assert len(leads.deadlines) == 1
    assert [deadline.epoch for deadline in due_deadlines(leads, 51)] == [2]


def test_after_the_row_moved_on_the_retry_gives_nothing() -> None:
    leads = LeadPartition(2)
    put_row(leads, KEY, row((10, 1)))
    assert len(due_deadlines(leads, 11)) == 1
    put_row(leads, KEY, row())
    assert due_deadlines(leads, 11 + RETRY_SECONDS) == []
    assert len(leads.deadlines) == 0
    assert leads.deadlines.next_due() is None


def test_many_due_at_once_come_in_portions_each_once_the_longest_waiting_partition_first() -> None:
    """Thousands of deadlines due together leave room for claims between them."""
    late, early = LeadPartition(0), LeadPartition(1)
    for leads, seconds, count in ((late, 10, 2 * MAX_AT_ONCE), (early, 9, 7)):
        for n in range(count):
            name = f"{leads.partition}/{n}"
            put_row(leads, name.encode(), row((seconds, 1), lead_id=name))
    idle, portions = LeadPartition(2), []
    while events := list(due_events((late, early, idle), NOW + 11)):
        portions.append(events)
    assert [len(events) for events in portions] == [MAX_AT_ONCE, MAX_AT_ONCE, 7]
    assert [partition for partition, _ in portions[0]] == [1] * 7 + [0] * (MAX_AT_ONCE - 7)
    names = [event.lead_id for events in portions for _, event in events]
    assert len(set(names)) == len(names) == 2 * MAX_AT_ONCE + 7


def test_x3_deadlines_whose_log_is_not_read_do_not_hold_up_those_of_other_partitions() -> None:
    """Each is appended before one is appended again: a partition with a long log must not take all the room."""
    lagging, other = LeadPartition(0), LeadPartition(1)
    for n in range(100):
        put_row(lagging, str(n).encode(), row((10, 1), lead_id=str(n)))
    put_row(other, b"other", row((11, 1), lead_id="other"))
    appended: list[str] = []
    for round_ in range(5):
        now = NOW + 12 + round_ * RETRY_SECONDS
        appended += [event.lead_id for _, event in due_events((lagging, other), now, 25)]
    assert len(appended) == 5 * 25
    assert set(appended) == {*map(str, range(100)), "other"}


def test_a_deadline_is_pointed_at_once_however_often_its_row_changes() -> None:
    leads = LeadPartition(2)
    for _ in range(5):
        put_row(leads, KEY, row((10, 1), (20, 2)))
    assert len(leads.deadlines) == 2
    leads.recovered()  # from the row alone
    assert len(leads.deadlines) == 2


@pytest.mark.parametrize(
    ("now", "grace", "expected"), [(9, 0, []), (11, 0, [1]), (11, 5, []), (31, 5, [1, 2])]
)
def test_overdue_deadlines_are_found(now: float, grace: float, expected: list[int]) -> None:
    leads = LeadPartition(2)
    put_row(leads, KEY, row((10, 1), (20, 2)))
    assert [deadline.epoch for _, deadline in leads.overdue(NOW + now, grace)] == expected


def test_x3_a_deadline_that_a_clock_ahead_has_taken_is_taken_again_in_time() -> None:
    """The clock was an hour ahead for a while. The events it made were ignored by the broker's time."""
    leads = LeadPartition(0)
    leads.apply(KEY, row((600, 1)))
    [event] = due_deadlines(leads, 4_200)
    assert due_deadlines(leads, 599) == []
    assert leads.deadlines.next_due() == NOW + 600.001
    assert due_deadlines(leads, 600.001) == [event]
    assert len(leads.deadlines) == 1
