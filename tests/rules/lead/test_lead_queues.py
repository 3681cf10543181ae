"""The queues of a lead after given events, and from when until when it is in them (Q2, Q4, Q6, Q7)."""

from datetime import timedelta
from unittest.mock import ANY

import pytest

from models.decisions import QueueEntered, QueueLeft, QueueMoved
from models.lead import DeadlineKind, Phase
from rules.lead.stale_leads import is_stale
from tests.rules.lead.lead_scenario import START, Scenario

TICK = timedelta(microseconds=1)


def test_q2_a_lead_is_in_every_queue_whose_inclusion_it_meets_and_whose_exclusion_it_does_not() -> None:
    scenario = Scenario().queue("ri", ("state", "=", "RI")).queue("tx", ("state", "=", "TX")).queue("all")
    quiet = {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]}
    scenario.queue("loud", exclusion=quiet)
    assert scenario.arrives("A-1").queues == ["all", "loud", "ri"]
    assert scenario.arrives("A-2", state="TX", silenced=True).queues == ["all", "tx"]


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
    scenario = Scenario().queue("q", ("created_at", operator, length)).queue("rest", ("state", "=", "RI"))
    scenario.arrives()
    for when, expected in moves:
        if when == "created":
            assert [queue for queue in scenario.queues if queue == "q"] == expected
        else:
            before = [queue for queue in scenario.wait(days=30, microseconds=-1).queues if queue == "q"]
            assert before == moves[0][1]
            assert [queue for queue in scenario.wait(microseconds=1).queues if queue == "q"] == expected
    assert scenario.lead.deadlines == ()


def test_q2_in_the_next_hour_begins_an_hour_before_and_ends_when_it_comes() -> None:
    scenario = Scenario().queue("soon", ("callback_at", "inNext", "1 hour")).queue("all")
    scenario.settings(auto_claim_on_timed_callback=False).arrives().opens("rep-7")
    scenario.asks("callback", "rep-7", at=START + timedelta(hours=3))
    assert scenario.queues == ["all"]
    assert scenario.deadline(DeadlineKind.RULES).due == START + timedelta(hours=2)
    assert scenario.wait(hours=2, microseconds=-1).queues == ["all"]
    assert scenario.wait(microseconds=1).queues == ["all", "soon"]
    assert scenario.wait(hours=1, microseconds=-1).queues == ["all", "soon"]
    assert scenario.wait(microseconds=1).queues == ["all"]


def test_q2_the_deadline_is_the_first_instant_of_all_queues_and_moves_on_from_one_to_the_next() -> None:
    scenario = (
        Scenario()
        .queue("day", ("arrived_at", "inLast", "1 day"))
        .queue("hour", ("arrived_at", "inLast", "1 hour"))
    )
    scenario.queue("week", ("arrived_at", "notInLast", "1 week")).arrives()
    steps = []
    while deadline := scenario.lead.deadline(DeadlineKind.RULES):
        steps.append((deadline.due - START, scenario.queues))
        scenario.wait(seconds=(deadline.due - scenario.now).total_seconds())
    assert steps == [
        (timedelta(hours=1), ["day", "hour"]),
        (timedelta(days=1), ["day"]),
        (timedelta(days=7), []),
    ]
    assert scenario.queues == ["week"]


def test_q2_a_timer_that_comes_late_brings_the_lead_where_it_belongs_by_then() -> None:
    scenario = (
        Scenario()
        .queue("hour", ("arrived_at", "inLast", "1 hour"))
        .queue("day", ("arrived_at", "inLast", "1 day"))
    )
    deadline = scenario.arrives().deadline(DeadlineKind.RULES)
    assert scenario.at(days=2).passes(deadline).queues == []
    assert scenario.kinds == ["QueueLeft", "QueueLeft", "ExceptionRaised"]
    assert scenario.passes(deadline).kinds == ["DeadlineIgnored"]


def test_q2_any_event_after_the_instant_brings_the_lead_where_it_belongs() -> None:
    scenario = Scenario().queue("hour", ("arrived_at", "inLast", "1 hour")).queue("all")
    scenario.arrives().at(hours=2)
    assert scenario.asks("note", "mia", note="late").result == "done"
    assert scenario.queues == ["all"]


def test_q6_a_publication_takes_effect_on_the_leads_that_are_there() -> None:
    scenario = Scenario().arrives("A-1").arrives("A-2", state="TX")
    assert (scenario.of("A-1").lead.phase, scenario.of("A-2").lead.phase) == (
        Phase.EXCEPTION,
        Phase.EXCEPTION,
    )
    scenario.queue("ri", ("state", "=", "RI"))
    assert scenario.of("A-1").kinds == ["QueueEntered", "ExceptionResolved"]
    assert scenario.of("A-1").decisions[0] == QueueEntered(
        queue_id="ri",
        sort_key=ANY,
        rules_version=5,
        why="in ri by its rules of version 5: state is RI",
        columns={"name": "Jones"},
    )
    assert scenario.of("A-2").lead.phase is Phase.EXCEPTION


def test_q6_a_new_version_moves_and_a_removed_queue_lets_go() -> None:
    scenario = Scenario().queue("all").queue("ri", ("state", "=", "RI")).arrives()
    scenario.queue("ri", ("state", "=", "RI"), columns=["state"])
    assert scenario.decisions == [
        QueueMoved(
            queue_id="ri", sort_key=ANY, rules_version=7, why=ANY, columns={"name": "Jones", "state": "RI"}
        )
    ]
    scenario.queue("ri", ("state", "=", "TX"))
    assert scenario.decisions == [
        QueueLeft(queue_id="ri", why="not in ri by its rules of version 8: state is RI, not TX")
    ]
    scenario.publishes("queue", "all", None)
    assert scenario.kinds == ["QueueLeft", "ExceptionRaised"]
    assert scenario.decisions[0] == QueueLeft(queue_id="all", why="the queue was removed")


def test_q6_a_publication_that_changes_nothing_for_a_lead_is_not_told_to_it() -> None:
    scenario = Scenario().queue("ri", ("state", "=", "RI")).arrives()
    row = scenario.row
    scenario.queue("tx", ("state", "=", "TX")).rep("new").settings(lock_minutes=5)
    assert scenario.row is row
    assert not is_stale(scenario.lead, scenario.rule_book.org("default"), scenario.now)


def test_q6_a_queue_that_will_take_a_lead_only_later_is_told_to_it_all_the_same() -> None:
    """Nothing else happens to this lead. Only the deadline that the sweep sets can move it there (Q2)."""
    scenario = Scenario().queue("all").arrives()
    scenario.queue("old", ("arrived_at", "notInLast", "1 day"))
    assert (scenario.queues, scenario.deadline(DeadlineKind.RULES).due) == (
        ["all"],
        START + timedelta(days=1),
    )
    assert scenario.wait(days=1).queues == ["all", "old"]


def test_q6_a_queue_that_lets_a_lead_go_later_than_before_is_told_to_it() -> None:
    scenario = Scenario().queue("new", ("arrived_at", "inLast", "1 hour")).queue("all").arrives()
    scenario.queue("new", ("arrived_at", "inLast", "1 day"))
    assert scenario.wait(hours=2).queues == ["all", "new"]
    assert scenario.wait(hours=22).queues == ["all"]


def test_q6_an_event_before_the_sweep_already_meets_the_new_rules() -> None:
    scenario = Scenario().queue("all").arrives()
    scenario.queue("new", claimable=True, sweep=False)
    assert scenario.queues == ["all"]
    assert scenario.claims("rep-7", "new").result == "won"
    assert scenario.kinds == ["QueueEntered", "OwnerChanged", "QueueLeft", "QueueLeft"]
    row = scenario.row
    assert scenario.sweep().row is row


def test_q6_a_work_queue_that_becomes_claimable_closes_its_leads_to_opening() -> None:
    scenario = Scenario().queue("q").arrives().queue("q", claimable=True)
    assert scenario.opens("rep-7").reason == "not_allowed"
    assert scenario.claims("rep-7", "q").result == "won"


def test_q7_everyone_sees_the_same_order_by_the_queues_field_and_direction() -> None:
    scenario = Scenario().queue("up", sort={"field": "loan_amount"})
    scenario.queue("down", sort={"field": "loan_amount", "direction": "desc"})
    for name, loan in (("A-1", 300), ("A-2", None), ("A-3", 1000), ("A-4", 20.5), ("A-5", 300)):
        scenario.arrives(name, loan_amount=loan)
    assert scenario.list("up") == ["A-4", "A-1", "A-5", "A-3", "A-2"]
    assert scenario.list("down") == ["A-3", "A-1", "A-5", "A-4", "A-2"]


def test_q7_a_lead_moves_when_what_it_is_ordered_by_changes() -> None:
    scenario = Scenario().queue("calls", sort={"field": "last_contacted_at"})
    for name in ("A-1", "A-2"):
        scenario.arrives(name).opens("rep-7")
        scenario.wait(minutes=1).asks("outcome", "rep-7", outcome="no answer")
    assert scenario.list("calls") == ["A-1", "A-2"]
    scenario.of("A-1").opens("rep-9")
    assert scenario.list("calls") == ["A-2"]
    scenario.wait(minutes=1).asks("outcome", "rep-9", outcome="no answer")
    assert scenario.list("calls") == ["A-2", "A-1"]


def test_q7_a_lead_moves_within_the_list_it_stands_in() -> None:
    scenario = (
        Scenario().queue("busy", sort={"field": "notes", "direction": "desc"}).arrives("A-1").arrives("A-2")
    )
    assert scenario.list("busy") == ["A-1", "A-2"]
    scenario.asks("note", "mia", note="urgent")
    assert scenario.kinds == ["NoteRecorded", "QueueMoved"]
    assert scenario.list("busy") == ["A-2", "A-1"]


def test_q7_what_a_list_shows_is_told_when_it_changes_and_not_otherwise() -> None:
    scenario = Scenario().queue("all", columns=["email", "phase", "notes"]).queue("blind")
    scenario.arrives()
    columns = {"name": "Jones", "email": None, "phase": "queued", "notes": 0}
    assert scenario.decisions[1] == QueueEntered(
        queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns=columns
    )
    scenario.arrives(email="j@x.org")
    moved = QueueMoved(
        queue_id="all", sort_key=ANY, rules_version=5, why=ANY, columns={**columns, "email": "j@x.org"}
    )
    assert scenario.decisions[1:] == [moved]
    assert scenario.arrives(email="other@x.org").kinds == ["ArrivalRepeated"]


def test_q7_a_lead_that_a_queue_takes_from_the_desk_is_shown_as_it_then_is() -> None:
    scenario = Scenario().arrives()
    assert scenario.lead.phase is Phase.EXCEPTION
    scenario.queue("all", columns=["phase", "failure_reason"], sort={"field": "phase"})
    (entered, _) = scenario.decisions
    assert isinstance(entered, QueueEntered)
    assert entered.columns == {"name": "Jones", "phase": "queued", "failure_reason": None}
