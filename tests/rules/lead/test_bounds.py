"""The bounds of a lead: its attributes, the answers for ids that never arrived, and the leads that a rep has open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from models.codec import decode_row, encode_row
from models.decisions import Answered, ArrivalRepeated, InquiryAdded, LeadAccepted
from models.events import ActionRequested, DirectoryPublished, LeadArrived
from models.facts import MAX_ATTRIBUTES_BYTES, Facts
from models.lead import LeadRow
from models.persons import Inquiry
from models.results import Reason, Result
from rules.lead import partition_indexes
from rules.lead.lead_partition import LeadOutcome, LeadPartition
from tests.rules.lead.lead_scenario import Scenario

START: Final = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
LARGE: Final = "x" * 400_000


@pytest.fixture
def partition() -> Partition:
    """Return a partition whose org has two reps and a work queue."""
    org_partition = Partition()
    for rep_id in ("rep-1", "rep-2"):
        org_partition.publish("rep", rep_id, {"rep_id": rep_id})
    org_partition.publish("queue", "work", {"queue_id": "work"})
    return org_partition


class Partition:
    """A partition with a log: each event gets the next offset."""

    def __init__(self) -> None:
        self.leads = LeadPartition(0)
        self.offset = -1
        self.journal: list[tuple[bytes, bytes | None]] = []

    def publish(self, kind: str, object_id: str, value: dict[str, Any]) -> None:
        """Publish an object."""
        self.offset += 1
        event = DirectoryPublished(
            lead_id="",
            cause="p",
            org="default",
            kind=kind,
            object_id=object_id,
            version=self.offset,
            value=value,
        )
        self._accept(self.leads.decide(b"", event, off=self.offset, at=self.at))

    def arrives(self, lead_id: str, **more: Any) -> LeadRow:
        """Let a lead arrive, or an inquiry of it."""
        inquiry = more.pop("inquiry", None)
        facts = Facts(vendor="acme", last_name="Jones", created_at=START, **more)
        return self.event(LeadArrived(lead_id=lead_id, cause=f"a{self.offset}", facts=facts, inquiry=inquiry))

    def asks(
        self, lead_id: str, action: str, rep_id: str = "rep-1", cause: str = "", **more: Any
    ) -> Answered:
        """Ask for an action; return its answer."""
        cause = cause or f"action-{self.offset}"
        event = ActionRequested(lead_id=lead_id, cause=cause, action=action, rep_id=rep_id, **more)
        answer = next(decision for decision in self.event(event).decisions if isinstance(decision, Answered))
        assert answer.action_id == cause
        return answer

    def event(self, event: Any) -> LeadRow:
        """Decide an event."""
        self.offset += 1
        outcome = self.leads.decide(event.lead_id.encode(), event, off=self.offset, at=self.at)
        row = self._accept(outcome)
        assert isinstance(row, LeadRow)
        return row

    @property
    def at(self) -> datetime:
        """The broker's time of the newest event."""
        return START + timedelta(seconds=self.offset)

    def recovered(self) -> LeadPartition:
        """Return the partition that a new worker reads from the compacted journal."""
        partition = LeadPartition(0)
        compacted = dict(self.journal)
        last = {key: position for position, (key, _) in enumerate(self.journal)}
        for key in sorted(compacted, key=lambda lead_key: last[lead_key]):
            value = compacted[key]
            partition.apply(key, None if value is None else decode_row(value))
        partition.recovered()
        return partition

    def _accept(self, outcome: LeadOutcome | None) -> Any:
        assert outcome is not None
        assert outcome.failure is None, outcome.failure
        self.journal.append((outcome.key, outcome.value))
        self.journal.extend((key, None) for key in outcome.removes)
        self.leads.accept(outcome)
        return outcome.row


# -- attributes ------------------------------------------------------------------------------------------------


def test_inquiries_with_large_attributes_do_not_jam_a_lead(partition: Partition) -> None:
    """Three of them filled the row to its limit, and from then on every action on the lead failed."""
    partition.arrives("lead", attributes={"income": 9_500, "first": LARGE})
    for n in range(5):
        inquiry = Inquiry(f"other-{n}", "lead lead has the same phone")
        row = partition.arrives("lead", attributes={f"more-{n}": LARGE, f"small-{n}": n}, inquiry=inquiry)
        added = next(decision for decision in row.decisions if isinstance(decision, InquiryAdded))
        assert added.apart == {f"more-{n}": LARGE}, "it is kept with the inquiry"
        assert row.lead is not None
        assert row.lead.inquiries == n + 2
    assert partition.asks("lead", "view").result is Result.DONE
    assert partition.asks("lead", "outcome", outcome="talked").result is Result.DONE
    stored = partition.leads.rows[b"lead"]
    assert isinstance(stored, LeadRow)
    assert stored.lead is not None
    assert stored.lead.facts.attributes == {"income": 9_500, **{f"small-{n}": n for n in range(5)}}
    assert len(encode_row(stored)) < MAX_ATTRIBUTES_BYTES


def test_many_small_attributes_over_all_arrivals_are_bounded_too(partition: Partition) -> None:
    names = [f"field-{n}" for n in range(600)]
    partition.arrives("lead", attributes=dict.fromkeys(names[:200], "v" * 500))
    rows = [
        partition.arrives("lead", attributes=dict.fromkeys(names[start : start + 200], "v" * 500))
        for start in (200, 400)
    ]
    apart: set[str] = set()
    for row in rows:
        apart |= next(
            decision for decision in row.decisions if isinstance(decision, ArrivalRepeated)
        ).apart.keys()
    stored = partition.leads.rows[b"lead"]
    assert isinstance(stored, LeadRow)
    assert stored.lead is not None
    assert len(encode_row(stored)) < MAX_ATTRIBUTES_BYTES + 10_000
    assert apart | stored.lead.facts.attributes.keys() == set(names), "none is lost"
    assert apart.isdisjoint(stored.lead.facts.attributes)


def test_a_first_arrival_leaves_room_for_the_events_after_it(partition: Partition) -> None:
    row = partition.arrives("lead", attributes={"a": LARGE, "b": 1})
    accepted = next(decision for decision in row.decisions if isinstance(decision, LeadAccepted))
    assert accepted.apart == {"a": LARGE}
    assert row.lead is not None
    assert row.lead.facts.attributes == {"b": 1}


# -- ids that never arrived ------------------------------------------------------------------------------------


def test_claims_of_ids_that_never_arrived_leave_a_bounded_number_of_rows(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100,000 random claims left 100,000 rows, in every worker and in the journal, for ever."""
    monkeypatch.setattr(partition_indexes, "UNKNOWN_KEPT", 10)
    partition.arrives("lead")
    before = len(partition.leads)
    for n in range(100):
        assert partition.asks(f"random-{n}", "claim").reason is Reason.UNKNOWN_LEAD
    assert len(partition.leads) == before + 10
    assert sum(value is not None for value in dict(partition.journal).values()) == before + 10
    recovered = partition.recovered()
    assert recovered.rows == partition.leads.rows
    assert len(recovered.unknown) == 10


def test_x4_an_id_that_never_arrived_gives_the_same_answer_again_while_it_is_kept(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_indexes, "UNKNOWN_KEPT", 10)
    first = partition.asks("late", "claim", cause="c-1")
    partition.arrives("late")
    assert partition.asks("late", "claim", cause="c-1") == first
    for n in range(100):
        partition.asks(f"random-{n}", "claim")
    row = partition.leads.rows[b"late"]
    assert isinstance(row, LeadRow)
    assert row.lead is not None, "an id that has arrived is never removed"


def test_an_event_whose_row_was_removed_is_a_replay_after_a_crash(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_indexes, "UNKNOWN_KEPT", 10)
    begin = partition.offset + 1
    for n in range(30):
        partition.asks(f"random-{n}", "claim")
    recovered = partition.recovered()
    for n in range(30):
        event = ActionRequested(lead_id=f"random-{n}", cause="again", action="claim", rep_id="rep-1")
        outcome = recovered.decide(f"random-{n}".encode(), event, off=begin + n, at=START)
        assert outcome is None, "its record is in the journal already"


# -- locks -----------------------------------------------------------------------------------------------------


def test_d1_d13_a_rep_who_has_three_leads_open_opens_no_fourth(partition: Partition) -> None:
    """A rep could open all 500 leads of a work queue, and nobody else saw them for an hour."""
    for n in range(5):
        partition.arrives(f"lead-{n}")
    for n in range(3):
        assert partition.asks(f"lead-{n}", "view").result is Result.DONE
    fourth = partition.asks("lead-3", "view")
    assert (fourth.result, fourth.reason) == (Result.REFUSED, Reason.TOO_MANY_OPEN)
    assert fourth.why == (
        "you have 3 leads open (lead-0, lead-1, lead-2); at most 3 are allowed: finish or release one"
    )
    assert partition.asks("lead-0", "view").result is Result.DONE, "a lock of one's own is extended"
    assert partition.asks("lead-3", "view", "rep-2").result is Result.DONE, "the bound is each rep's own"
    assert partition.asks("lead-0", "release").result is Result.DONE
    assert partition.asks("lead-4", "view").result is Result.DONE
    held_leads = partition.recovered().open_leads.held_by("default", "rep-1", partition.at, but=b"")
    assert held_leads == ("lead-1", "lead-2", "lead-4")


def test_d1_leads_that_a_rep_took_or_whose_lock_ran_out_do_not_count(partition: Partition) -> None:
    partition.publish("settings", "settings", {"max_locks": 1, "lock_minutes": 0.1})
    for n in range(4):
        partition.arrives(f"lead-{n}")
    assert partition.asks("lead-0", "view").result is Result.DONE
    assert partition.asks("lead-1", "view").reason is Reason.TOO_MANY_OPEN
    assert partition.asks("lead-0", "claim_now").result is Result.WON
    assert partition.asks("lead-0", "view").result is Result.DONE, "its own lead"
    assert partition.asks("lead-1", "view").result is Result.DONE
    partition.offset += 7  # the lock of six seconds has run out, and its timer is late
    assert partition.asks("lead-2", "view").result is Result.DONE


# -- refusals --------------------------------------------------------------------------------------------------


def scenario() -> Scenario:
    """Return a lead in a work queue and a claimable queue of team west. rep-3 is of team east."""
    return Scenario().queue("secret", teams=["west"], outcomes=["confidential"]).arrives("A-1")


@pytest.mark.parametrize("action", ["view", "outcome", "callback", "claim_now", "claim", "release", "note"])
def test_q4_a_refusal_names_nobody_to_a_rep_who_cannot_see_the_leads_queues(action: str) -> None:
    more = {"outcome": {"outcome": "x"}, "note": {"note": "n"}}.get(action, {})
    lead_history = scenario()
    lead_history.opens("rep-7")
    answers = [lead_history.asks(action, "rep-3", **more)]
    lead_history.asks("outcome", "rep-7", outcome="closed_lost")
    answers.append(lead_history.asks(action, "rep-3", **more))
    for answer in answers:
        assert answer.result is Result.REFUSED
        for word in ("rep-7", "closed_lost", "secret", "confidential"):
            assert word not in (answer.why or ""), answer


def test_q12_a_refusal_names_no_claimable_queue_of_other_teams() -> None:
    lead_history = (
        Scenario().queue("hidden", claimable=True, teams=["west"]).queue("open", teams=["*"]).arrives("A-1")
    )
    answer = lead_history.asks("view", "rep-3")
    assert (answer.reason, answer.why) == (
        Reason.NOT_ALLOWED,
        "claim it first, from a queue of other teams",
    )
    assert lead_history.asks("view", "rep-7").why == "claim it first, from hidden"
    unknown, hidden = lead_history.claims("rep-3", "nothing"), lead_history.claims("rep-3", "hidden")
    assert (unknown.reason, (unknown.why or "").replace("nothing", "hidden")) == (hidden.reason, hidden.why)


def test_d2_a_rep_who_sees_the_queue_is_told_who_has_the_lead_open() -> None:
    lead_history = scenario()
    lead_history.opens("rep-7")
    assert "rep-7 has it open until" in (lead_history.asks("view", "rep-9").why or "")
