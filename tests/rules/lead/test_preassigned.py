"""A vendor names a rep as it knows it, and the lead's history says why that was not followed (R5, E1, Q4, R1)."""

import pytest

from models.decisions import OwnerChanged, PreassignmentNotFollowed
from models.lead import Phase
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with reps that have names and addresses; two share a name, and two have left."""
    scenario = Scenario().queue("all")
    scenario.rep("rep-7", name="Ann Doe", email="ann@example.org", teams=["west"])
    scenario.rep("rep-8", name="Jo Roe").rep("rep-9", name="jo roe")
    scenario.rep("gone", name="Old Hand", active=False).rep("removed")
    return scenario.publishes("rep", "removed", None)


@pytest.mark.parametrize("text", ["rep-7", "REP-7", "Ann@Example.org", "ann  doe", "ANN DOE", " rep-7 "])
def test_d12_r5_a_rep_is_found_by_id_mail_or_name_in_any_case(scenario: Scenario, text: str) -> None:
    scenario.arrives(assigned_to=text)
    assert (scenario.lead.owner, scenario.lead.how) == ("rep-7", "pre_assigned")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nobody", "unknown"),
        ("Jo Roe", "ambiguous"),
        ("gone", "left"),
        ("old hand", "left"),
        ("Removed", "left"),
    ],
)
def test_d12_r5_what_is_not_followed_says_why(scenario: Scenario, text: str, reason: str) -> None:
    scenario.arrives(assigned_to=text)
    decisions = [
        decision for decision in scenario.decisions if isinstance(decision, PreassignmentNotFollowed)
    ]
    assert [(decision.assigned_to, decision.reason) for decision in decisions] == [(text, reason)]
    assert (scenario.lead.owner, scenario.lead.phase) == (None, Phase.QUEUED)


def test_d12_a_campaign_is_found_in_any_case() -> None:
    sales_floor = (
        SalesFloor("ann").group("west", "ann", claim_window_seconds=900).comes("A-1", through="WEST")
    )
    assert sales_floor.has("A-1") == ("ann",)


def test_q4_a_queue_may_be_for_single_reps(scenario: Scenario) -> None:
    scenario.queue("hers", ("owned", "=", False), claimable=True, teams=[], reps=["rep-7"]).arrives()
    rules = scenario.rule_book.org("default")
    assert [rep for rep in ("rep-7", "rep-8", "mia") if rules.may_see(rep, "hers")] == ["rep-7", "mia"]
    assert scenario.claims("rep-8", "hers").owner is None
    assert scenario.claims("rep-7", "hers").owner == "rep-7"


@pytest.mark.parametrize("licence", [["TX"], None])
def test_e1_all_agents_tried_is_said_only_if_all_were(licence: list[str] | None) -> None:
    sales_floor = SalesFloor("ann").rep("bob", licensed_states=licence)
    assert isinstance(sales_floor, SalesFloor)
    sales_floor.group("west", "ann", "bob", claim_window_seconds=900).comes("A-1", state="RI")
    for rep_id in sales_floor.offered("A-1"):
        sales_floor.asks("decline", rep_id)
    if licence is None:
        sales_floor.asks("decline", "bob")
    assert sales_floor.lead.open_exception is not None
    expected = "all_agents_tried" if licence is None else "no_available_agents"
    assert sales_floor.lead.open_exception.reason == expected


@pytest.mark.parametrize("method", ["round_robin", "roster"])
def test_r1_mail_says_assigned_for_good_and_offered_for_a_window(method: str) -> None:
    sales_floor = SalesFloor("ann", "bob")
    sales_floor.group("good", "ann", method=method).comes("A-1", through="good")
    assert sales_floor.all_decisions("A-1", OwnerChanged)
    assert {template for template, _, _ in sales_floor.all_notifications("A-1")} == {"lead_assigned"}
    sales_floor.group("west", "ann", "bob", method=method, claim_window_seconds=900).comes("A-2").wait(
        minutes=15
    )
    notified = sales_floor.all_notifications("A-2")
    assert ("lead_offered", "ann", False) in notified
    assert ("lead_offered", "ann", True) in notified
    assert ("lead_reassigned", "ann", False) in notified
    assert "lead_assigned" not in {template for template, _, _ in notified}


def test_d2_a_late_action_after_a_lapsed_lock_is_bounded_by_a_day() -> None:
    scenario = Scenario().queue("all").arrives()
    scenario.opens("rep-7")
    late = scenario.wait(hours=24, minutes=59).asks("note", "rep-7", note="n")
    assert late.reason is None
    refused = scenario.wait(minutes=1).asks("note", "rep-7", note="n")
    assert (refused.reason, refused.why) == (
        "lock_expired",
        "your lock has run out more than 24 hours ago: open the lead again",
    )
