"""The queues of a lead after given events, and from when until when it is in them (Q2, Q4, Q6, Q7)."""

from datetime import timedelta
from unittest.mock import ANY

import pytest

from models.decisions import QueueEntered, QueueLeft, QueueMoved
from models.lead import DeadlineKind, Phase
from rules.lead.reevaluation import is_stale
from tests.rules.lead.lead_story import START, Story

TICK = timedelta(microseconds=1)


def test_q2_a_lead_is_in_every_queue_whose_inclusion_it_meets_and_whose_exclusion_it_does_not() -> None:
    story = Story().queue("ri", ("state", "=", "RI")).queue("tx", ("state", "=", "TX")).queue("all")
    quiet = {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]}
    story.queue("loud", exclusion=quiet)
    assert story.arrives("A-1").queues == ["all", "loud", "ri"]
    assert story.arrives("A-2", state="TX", silenced=True).queues == ["all", "tx"]


@pytest.mark.parametrize(
    ("operator", "length", "moves"),
    [
        ("inLast", "30 day", [("created", ["q"]), ("created+30d", [])]),
        ("notInLast", "30 day", [("created", []), ("created+30d", ["q"])]),
        ("inNext", "1 hour", [("created", []), ("created+30d", [])]),
    ],
)
def test_q2_a_relative_date_takes_and_lets_go_at_its_very_instant_by_a_deadline(
    operator: str, length: str, moves: list[tuple[str, list[str]]]
) -> None:
    story = Story().queue("q", ("created_at", operator, length)).queue("rest", ("state", "=", "RI"))
    story.arrives()
    for when, expected in moves:
        if when == "created":
            assert [queue for queue in story.queues if queue == "q"] == expected
        else:
            before = [queue for queue in story.wait(days=30, microseconds=-1).queues if queue == "q"]
            assert before == moves[0][1]
            assert [queue for queue in story.wait(microseconds=1).queues if queue == "q"] == expected
    assert story.lead.deadlines == ()


def test_q2_in_the_next_hour_begins_an_hour_before_and_ends_when_it_comes() -> None:
    story = Story().queue("soon", ("callback_at", "inNext", "1 hour")).queue("all")
    story.settings(auto_claim_on_timed_callback=False).arrives().opens("rep-7")
    story.asks("callback", "rep-7", at=START + timedelta(hours=3))
    assert story.queues == ["all"]
    assert story.deadline(DeadlineKind.RULES).due == START + timedelta(hours=2)
    assert story.wait(hours=2, microseconds=-1).queues == ["all"]
    assert story.wait(microseconds=1).queues == ["all", "soon"]
    assert story.wait(hours=1, microseconds=-1).queues == ["all", "soon"]
    assert story.wait(microseconds=1).queues == ["all"]


def test_q2_the_deadline_is_the_first_instant_of_all_queues_and_moves_on_from_one_to_the_next() -> None:
    story = (
        Story()
        .queue("day", ("arrived_at", "inLast", "1 day"))
        .queue("hour", ("arrived_at", "inLast", "1 hour"))
    )
    story.queue("week", ("arrived_at", "notInLast", "1 week")).arrives()
    seen = []
    while deadline := story.lead.deadline(DeadlineKind.RULES):
        seen.append((deadline.due - START, story.queues))
        story.wait(seconds=(deadline.due - story.now).total_seconds())
    assert seen == [
        (timedelta(hours=1), ["day", "hour"]),
        (timedelta(days=1), ["day"]),
        (timedelta(days=7), []),
    ]
    assert story.queues == ["week"]


def test_q2_a_timer_that_comes_late_brings_the_lead_where_it_belongs_by_then() -> None:
    story = (
        Story()
        .queue("hour", ("arrived_at", "inLast", "1 hour"))
        .queue("day", ("arrived_at", "inLast", "1 day"))
    )
    deadline = story.arrives().deadline(DeadlineKind.RULES)
    assert story.at(days=2).passes(deadline).queues == []
    assert story.kinds == ["QueueLeft", "QueueLeft", "ExceptionRaised"]
    assert story.passes(deadline).kinds == ["DeadlineIgnored"]


def test_q2_any_event_after_the_instant_brings_the_lead_where_it_belongs() -> None:
    story = Story().queue("hour", ("arrived_at", "inLast", "1 hour")).queue("all")
    story.arrives().at(hours=2)
    assert story.asks("note", "mia", note="late").result == "done"
    assert story.queues == ["all"]


def test_q6_a_publication_takes_effect_on_the_leads_that_are_there() -> None:
    story = Story().arrives("A-1").arrives("A-2", state="TX")
    assert (story.of("A-1").lead.phase, story.of("A-2").lead.phase) == (Phase.EXCEPTION, Phase.EXCEPTION)
    story.queue("ri", ("state", "=", "RI"))
    assert story.of("A-1").kinds == ["QueueEntered", "ExceptionResolved"]
    assert story.of("A-1").said[0] == QueueEntered(
        queue_id="ri",
        sort_key=ANY,
        rules_version=5,
        why="in ri by its rules of version 5: state is RI",
        columns={"name": "Jones"},
    )
    assert story.of("A-2").lead.phase is Phase.EXCEPTION


def test_q6_a_new_version_moves_and_a_removed_queue_lets_go() -> None:
    story = Story().queue("all").queue("ri", ("state", "=", "RI")).arrives()
    story.queue("ri", ("state", "=", "RI"), columns=["state"])
    assert story.said == [
        QueueMoved(
            queue_id="ri", sort_key=ANY, rules_version=7, why=ANY, columns={"name": "Jones", "state": "RI"}
        )
    ]
    story.queue("ri", ("state", "=", "TX"))
    assert story.said == [
        QueueLeft(queue_id="ri", why="not in ri by its rules of version 8: state is RI, not TX")
    ]
    story.publishes("queue", "all", None)
    assert story.kinds == ["QueueLeft", "ExceptionRaised"]
    assert story.said[0] == QueueLeft(queue_id="all", why="the queue was removed")


def test_q6_a_publication_that_changes_nothing_for_a_lead_is_not_told_to_it() -> None:
    story = Story().queue("ri", ("state", "=", "RI")).arrives()
    row = story.row
    story.queue("tx", ("state", "=", "TX")).rep("new").settings(lock_minutes=5)
    assert story.row is row
    assert not is_stale(story.lead, story.book.org("default"), story.now)


def test_q6_a_queue_that_will_take_a_lead_only_later_is_told_to_it_all_the_same() -> None:
    """Nothing else happens to this lead. Only the deadline that the sweep sets can move it there (Q2)."""
    story = Story().queue("all").arrives()
    story.queue("old", ("arrived_at", "notInLast", "1 day"))
    assert (story.queues, story.deadline(DeadlineKind.RULES).due) == (["all"], START + timedelta(days=1))
    assert story.wait(days=1).queues == ["all", "old"]


def test_q6_a_queue_that_lets_a_lead_go_later_than_before_is_told_to_it() -> None:
    story = Story().queue("new", ("arrived_at", "inLast", "1 hour")).queue("all").arrives()
    story.queue("new", ("arrived_at", "inLast", "1 day"))
    assert story.wait(hours=2).queues == ["all", "new"]
    assert story.wait(hours=22).queues == ["all"]


def test_q6_an_event_before_the_sweep_already_meets_the_new_rules() -> None:
    story = Story().queue("all").arrives()
    story.queue("new", claimable=True, sweep=False)
    assert story.queues == ["all"]
    assert story.claims("rep-7", "new").result == "won"
    assert story.kinds == ["QueueEntered", "OwnerChanged", "QueueLeft", "QueueLeft"]
    row = story.row
    assert story.sweep().row is row


def test_q6_a_work_queue_that_becomes_claimable_closes_its_leads_to_opening() -> None:
    story = Story().queue("q").arrives().queue("q", claimable=True)
    assert story.opens("rep-7").reason == "not_allowed"
    assert story.claims("rep-7", "q").result == "won"


def test_q7_everyone_sees_the_same_order_by_the_queues_field_and_direction() -> None:
    story = Story().queue("up", sort={"field": "loan_amount"})
    story.queue("down", sort={"field": "loan_amount", "direction": "desc"})
    for name, loan in (("A-1", 300), ("A-2", None), ("A-3", 1000), ("A-4", 20.5), ("A-5", 300)):
        story.arrives(name, loan_amount=loan)
    assert story.list("up") == ["A-4", "A-1", "A-5", "A-3", "A-2"]
    assert story.list("down") == ["A-3", "A-1", "A-5", "A-4", "A-2"]


def test_q7_a_lead_moves_when_what_it_is_ordered_by_changes() -> None:
    story = Story().queue("calls", sort={"field": "last_contacted_at"})
    for name in ("A-1", "A-2"):
        story.arrives(name).opens("rep-7")
        story.wait(minutes=1).asks("outcome", "rep-7", outcome="no answer")
    assert story.list("calls") == ["A-1", "A-2"]
    story.of("A-1").opens("rep-9")
    assert story.list("calls") == ["A-2"]
    story.wait(minutes=1).asks("outcome", "rep-9", outcome="no answer")
    assert story.list("calls") == ["A-2", "A-1"]


def test_q7_a_lead_moves_within_the_list_it_stands_in() -> None:
    story = Story().queue("busy", sort={"field": "notes", "direction": "desc"}).arrives("A-1").arrives("A-2")
    assert story.list("busy") == ["A-1", "A-2"]
    story.asks("note", "mia", note="urgent")
    assert story.kinds == ["NoteRecorded", "QueueMoved"]
    assert story.list("busy") == ["A-2", "A-1"]


def test_q7_what_a_list_shows_is_told_when_it_changes_and_not_otherwise() -> None:
    story = Story().queue("all", columns=["email", "phase", "notes"]).queue("blind")
    story.arrives()
    seen = {"name": "Jones", "email": None, "phase": "queued", "notes": 0}
    assert story.said[1] == QueueEntered(queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns=seen)
    story.arrives(email="j@x.org")
    moved = QueueMoved(
        queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns={**seen, "email": "j@x.org"}
    )
    assert story.said[1:] == [moved]
    assert story.arrives(email="other@x.org").kinds == ["ArrivalRepeated"]


def test_q7_a_lead_that_a_queue_takes_from_the_desk_is_shown_as_it_then_is() -> None:
    story = Story().arrives()
    assert story.lead.phase is Phase.EXCEPTION
    story.queue("all", columns=["phase", "failure_reason"], sort={"field": "phase"})
    (entered, _) = story.said
    assert isinstance(entered, QueueEntered)
    assert entered.columns == {"name": "Jones", "phase": "queued", "failure_reason": None}
