"""A fresh assignment stands in no claimable queue for an hour, and its former owner is told of a claim (M4, D5)."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import RuleErrors
from models.lead import DeadlineKind, Lead, Phase
from models.results import Result
from rules.language.tree import parse
from rules.outbound.notifications import notifications_of
from rules.queues.membership import CompiledQueue, QueueIndex
from tests.rules.language.reference_language import NOW, TICK, instants, leads, trees
from tests.rules.lead.lead_scenario import Scenario, where

PROTECTED = timedelta(minutes=60)


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a queue that anyone may claim from, whoever owns the lead."""
    return Scenario().queue("aged", claimable=True)


@pytest.mark.parametrize("how", ["manual", "pre_assigned"])
def test_m4_a_fresh_assignment_is_claimed_by_nobody_and_enters_when_its_protection_ends(
    scenario: Scenario, how: str
) -> None:
    if how == "manual":
        scenario.arrives().asks("assign", "mia", to_rep_id="rep-9")
    else:
        scenario.arrives(assigned_to="rep-9")
    assert scenario.queues == []
    answer = scenario.claims("rep-7")
    assert (answer.result, answer.owner) == (Result.LOST, "rep-9")
    assert "it is protected until" in scenario.rule_book.org("default").explain(
        scenario.lead, "aged", scenario.now
    )
    ends = scenario.deadline(DeadlineKind.RULES).due
    assert ends == scenario.now + timedelta(minutes=60)
    assert scenario.wait(minutes=59).queues == []
    assert scenario.wait(minutes=1).queues == ["aged"]
    assert scenario.claims("rep-7").result is Result.WON
    notified = [
        (notification.template, notification.kind, notification.rep_id, notification.data["to_rep_id"])
        for notification in notifications_of(scenario.row)
    ]
    assert notified == [
        ("lead_claimed", "email", "rep-9", "rep-7"),
        ("lead_claimed", "push", "rep-9", "rep-7"),
    ]


def test_m4_protection_is_a_setting_and_a_change_counts_for_present_leads(scenario: Scenario) -> None:
    scenario.arrives(assigned_to="rep-9")
    assert scenario.queues == []
    assert scenario.settings(protect_assigned_minutes=0).queues == ["aged"]
    assert scenario.settings(protect_assigned_minutes=90).queues == []
    assert scenario.wait(minutes=89).queues == []
    assert scenario.wait(minutes=1).queues == ["aged"]


def test_m4_a_protected_lead_that_no_queue_will_take_has_no_deadline() -> None:
    scenario = Scenario().queue("texas", ("state", "=", "TX"), claimable=True).queue("work")
    scenario.arrives(assigned_to="rep-9")
    assert scenario.lead.deadline(DeadlineKind.RULES) is None


def test_m4_a_relative_date_that_ends_after_the_protection_decides(scenario: Scenario) -> None:
    scenario.publishes("queue", "aged", None).queue(
        "old", ("assigned_at", "notInLast", "2 day"), claimable=True
    )
    scenario.arrives(assigned_to="rep-9")
    assert scenario.deadline(DeadlineKind.RULES).due == scenario.now + timedelta(days=2)
    assert scenario.wait(days=2).queues == ["old"]


@given(
    st.lists(trees, min_size=1, max_size=3),
    leads([Phase.OWNED]),
    st.sampled_from(["round_robin", "manual", "pre_assigned", "ring_all", "reassigned", None]),
    instants,
)
def test_m4_no_lead_younger_than_the_protection_is_in_a_claimable_queue(
    inclusions: list[dict[str, object]], lead: Lead, how: str | None, now: datetime
) -> None:
    """M4: whatever the queues' rules say. When the protection ends, the lead is where those rules put it."""
    lead = msgspec.structs.replace(lead, how=how, assigned_at=NOW, queue_since=NOW, claimed_through=None)
    queues = [
        CompiledQueue.from_value(f"q{n}", {"claimable": True, "inclusion": inclusion}, n)
        for n, inclusion in enumerate(inclusions)
    ]
    protecting, open_at_once = QueueIndex(queues, 60), QueueIndex(queues)
    evaluation = protecting.evaluate(lead, now)
    if now >= NOW + PROTECTED:
        assert evaluation == open_at_once.evaluate(lead, now)
        return
    assert evaluation.sort_keys == {}
    enters = evaluation.valid_until
    at_the_end = open_at_once.evaluate(lead, NOW + PROTECTED)
    if at_the_end.sort_keys:
        assert enters == NOW + PROTECTED
    else:
        assert enters == at_the_end.valid_until
    if enters is not None:
        assert protecting.evaluate(lead, enters - TICK).sort_keys == {}
        assert protecting.evaluate(lead, enters).sort_keys


AGED = {
    "combinator": "and",
    "rules": [
        {"field": "days_in_queue", "operator": ">=", "value": 14},
        {
            "combinator": "or",
            "rules": [
                {"field": "owner_last_contacted_at", "operator": "null"},
                {
                    "field": "owner_last_contacted_at",
                    "operator": "notInLast",
                    "value": {"amount": 14, "unit": "day"},
                },
            ],
        },
    ],
}


def test_m4_d6_the_contact_of_a_former_owner_does_not_age_a_lead_for_its_new_owner() -> None:
    """M4, D6: contacted by its former owner 20 days ago, it was aged the moment a new owner had it."""
    scenario = Scenario().publishes("queue", "aged", {"claimable": True, "inclusion": AGED})
    scenario.arrives(assigned_to="rep-9").asks("activity", "rep-9", kind="call")
    scenario.asks("reassign", "mia", to_rep_id="rep-3", why="to share")
    assert scenario.wait(days=6).queues == []
    scenario.asks("activity", "rep-3", kind="call")
    contacted = scenario.now
    assert scenario.wait(days=13).queues == []
    assert scenario.deadline(DeadlineKind.RULES).due == contacted + timedelta(days=14)
    assert scenario.wait(days=1).queues == ["aged"]
    scenario.asks("reassign", "mia", to_rep_id="rep-9", why="to share")
    assert scenario.queues == []
    assert scenario.lead.last_contacted_at == contacted
    assert scenario.deadline(DeadlineKind.RULES).due == scenario.now + timedelta(days=14)
    assert scenario.wait(days=14).queues == ["aged"]


def test_m4_days_in_queue_begin_anew_with_every_owner_and_with_none() -> None:
    scenario = Scenario().queue("old", ("days_in_queue", ">", 2), claimable=True)
    scenario.arrives(assigned_to="rep-9").wait(days=2, hours=23)
    assert scenario.queues == []
    scenario.asks("unassign", "mia", why="back")
    since = scenario.now
    assert scenario.deadline(DeadlineKind.RULES).due == since + timedelta(days=3)
    assert scenario.wait(days=2, hours=23, minutes=59).queues == []
    assert scenario.wait(minutes=1).queues == ["old"]
    assert "days_in_queue is 3, more than 2" in scenario.rule_book.org("default").explain(
        scenario.lead, "old", scenario.now
    )


def test_m4_a_reopened_lead_is_a_fresh_assignment() -> None:
    scenario = Scenario().queue("aged", claimable=True)
    scenario.arrives(assigned_to="rep-9").asks("outcome", "rep-9", outcome="closed_won")
    scenario.wait(days=200).asks("reopen", "mia", why="it came back")
    assert (scenario.lead.owner, scenario.queues) == ("rep-9", [])
    assert scenario.wait(minutes=60).queues == ["aged"]


def test_m4_who_has_left_is_no_active_owner() -> None:
    scenario = Scenario().queue("lost", ("owned", "=", True), ("owned_by_active", "=", False), claimable=True)
    scenario.arrives(assigned_to="rep-9").wait(days=1)
    assert scenario.queues == []
    assert scenario.rep("rep-9", active=False).queues == ["lost"]
    assert scenario.rep("rep-9").queues == []


@pytest.mark.parametrize("value", [-1, 36_526, 1.5, "7", True])
def test_m4_a_number_of_days_is_whole_and_at_most_a_hundred_years(value: object) -> None:
    with pytest.raises(RuleErrors, match=r"days|number"):
        parse(where(("days_in_queue", ">=", value)))
