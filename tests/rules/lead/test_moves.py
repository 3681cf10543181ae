"""A lead that somebody has can be moved by whoever may, and every move says who, from whom and why (M1)."""

from datetime import timedelta

import pytest

from models.decisions import LeadReopened, LockReleased, OwnerChanged
from models.lead import Phase
from models.offer_decisions import RepSought
from models.results import Reason, Result
from rules.outbound.notifications import notifications_of
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import START, Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead that rep-7 owns, in an org with a work queue and no group."""
    scenario = Scenario().queue("all").arrives()
    scenario.asks("assign", "mia", to_rep_id="rep-7")
    return scenario


def notified(scenario: Scenario) -> list[tuple[str, str, str]]:
    """Return template, kind and rep of the last event's notifications."""
    return [
        (notification.template, notification.kind, notification.rep_id)
        for notification in notifications_of(scenario.row)
    ]


def test_m1_what_number_one_has_a_manager_gives_to_another() -> None:
    """With round robin off, number one has every lead, and nobody could give one to anybody else."""
    sales_floor = SalesFloor("ann", "bob").settings(round_robin=False)
    assert isinstance(sales_floor, SalesFloor)
    sales_floor.group("west", "ann", "bob").comes("A-1")
    assert sales_floor.lead.owner == "ann"
    refused = sales_floor.asks("assign", "mia", to_rep_id="bob")
    assert (refused.result, refused.reason, refused.owner) == (Result.LOST, Reason.ALREADY_CLAIMED, "ann")
    assert "reassign" in (refused.why or "")
    moved = sales_floor.asks("reassign", "mia", to_rep_id="bob", why="ann has too many")
    assert (moved.result, moved.owner, sales_floor.lead.phase) == (Result.DONE, "bob", Phase.OWNED)
    assert (sales_floor.in_hand("ann"), sales_floor.in_hand("bob")) == ((0, 0), (1, 0))
    sales_floor.agree()


def test_m1_reassign_names_both_owners_who_did_it_and_why_and_tells_both(scenario: Scenario) -> None:
    scenario.asks("reassign", "mia", to_rep_id="rep-9", why="vacation")
    why = "reassigned by mia: vacation"
    assert scenario.decisions == [
        OwnerChanged(rep_id="rep-9", previous_rep_id="rep-7", how="reassigned", via="manager/mia", why=why)
    ]
    assert notified(scenario) == [
        ("lead_assigned", "email", "rep-9"),
        ("lead_assigned", "push", "rep-9"),
        ("lead_reassigned", "email", "rep-7"),
        ("lead_reassigned", "push", "rep-7"),
    ]
    assert notifications_of(scenario.row)[2].data["why"] == why
    assert notifications_of(scenario.row)[2].data["to_rep_id"] == "rep-9"


def test_m1_two_moves_there_and_back_are_told_by_different_notifications(scenario: Scenario) -> None:
    notification_ids = []
    for to in ("rep-9", "rep-7", "rep-9"):
        scenario.asks("reassign", "mia", to_rep_id=to, why="again")
        notification_ids += [notification.notification_id for notification in notifications_of(scenario.row)]
    assert len(set(notification_ids)) == len(notification_ids)


def test_m1_a_move_ends_the_former_owners_lock_and_its_late_outcome_is_refused(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.asks("reassign", "ada", to_rep_id="rep-9", why="urgent")
    assert (scenario.kinds, scenario.lead.lock) == (["LockReleased", "OwnerChanged"], None)
    late = scenario.asks("outcome", "rep-7", outcome="talked")
    assert (late.result, late.reason, late.owner) == (Result.REFUSED, Reason.NOT_ALLOWED, "rep-9")
    assert scenario.opens("rep-9").result is Result.DONE


def test_m1_a_promised_call_goes_with_the_lead(scenario: Scenario) -> None:
    call = START + timedelta(hours=3)
    scenario.asks("callback", "rep-7", at=call)
    scenario.asks("reassign", "mia", to_rep_id="rep-9", why="ann left early")
    assert scenario.lead.callback_at == call
    scenario.asks("unassign", "mia", why="nobody is there")
    assert (scenario.lead.callback_at, scenario.lead.owner) == (call, None)
    scenario.asks("assign", "mia", to_rep_id="rep-3")
    assert scenario.lead.callback_at == call
    assert scenario.wait(hours=3).kinds == ["CallbackDue"]


def test_m1_reassigning_to_the_owner_changes_nothing(scenario: Scenario) -> None:
    lead = scenario.lead
    answer = scenario.asks("reassign", "mia", to_rep_id="rep-7", why="by mistake")
    assert (answer.result, answer.why) == (Result.DONE, "rep-7 has it already: nothing changes")
    assert scenario.lead == lead


def test_m1_an_owner_may_give_its_lead_away_only_by_the_orgs_setting(scenario: Scenario) -> None:
    refused = scenario.asks("reassign", "rep-7", to_rep_id="rep-9", why="not mine")
    assert (refused.reason, refused.why) == (Reason.NOT_ALLOWED, "reassigning is for managers and admins")
    scenario.settings(owners_may_reassign=True)
    assert scenario.asks("reassign", "rep-3", to_rep_id="rep-3", why="mine").reason is Reason.NOT_ALLOWED
    assert scenario.asks("reassign", "rep-7", to_rep_id="rep-9", why="not mine").owner == "rep-9"
    assert [rep_id for _, _, rep_id in notified(scenario)] == ["rep-9", "rep-9"], "who gave it away knows"


@pytest.mark.parametrize(
    ("action", "actor", "fields", "reason"),
    [
        ("reassign", "mia", {"why": "w"}, Reason.INVALID),
        ("reassign", "mia", {"to_rep_id": "rep-9"}, Reason.INVALID),
        ("reassign", "mia", {"to_rep_id": "nobody", "why": "w"}, Reason.UNKNOWN_REP),
        ("reassign", "mia", {"to_rep_id": "rep-9", "why": "w", "from_rep_id": "rep-3"}, Reason.NOT_OWNED),
        ("unassign", "mia", {}, Reason.INVALID),
        ("unassign", "rep-7", {"why": "w"}, Reason.NOT_ALLOWED),
        ("unassign", "mia", {"why": "w", "from_rep_id": "rep-3"}, Reason.NOT_OWNED),
        ("redistribute", "rep-7", {}, Reason.NOT_ALLOWED),
        ("redistribute", "mia", {}, Reason.NO_GROUP),
        ("redistribute", "mia", {"from_rep_id": "rep-3"}, Reason.NOT_OWNED),
        ("reopen", "mia", {"why": "w"}, Reason.NOT_QUALIFIED),
    ],
)
def test_m1_a_move_that_is_refused_says_why_and_changes_nothing(
    scenario: Scenario, action: str, actor: str, fields: dict[str, str], reason: Reason
) -> None:
    lead = scenario.lead
    answer = scenario.asks(action, actor, **fields)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert scenario.lead == lead


@pytest.mark.parametrize("action", ["reassign", "unassign"])
def test_m1_what_nobody_owns_is_assigned_and_not_moved(action: str) -> None:
    scenario = Scenario().queue("all").arrives()
    answer = scenario.asks(action, "mia", to_rep_id="rep-7", why="w")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_OWNED)
    assert answer.why == "it is queued: nobody owns it, so it can be assigned"


def test_m1_an_unassigned_lead_returns_to_its_queues_and_its_owner_is_told(scenario: Scenario) -> None:
    answer = scenario.asks("unassign", "mia", why="it was spam")
    assert (answer.result, answer.owner, scenario.lead.phase, scenario.queues) == (
        Result.DONE,
        None,
        Phase.QUEUED,
        ["all"],
    )
    assert notified(scenario) == [
        ("lead_reassigned", "email", "rep-7"),
        ("lead_reassigned", "push", "rep-7"),
    ]


def test_m1_q10_an_unassigned_lead_that_was_claimed_is_in_no_claimable_queue() -> None:
    scenario = Scenario().queue("new", ("owned", "=", False), claimable=True).arrives()
    scenario.claims("rep-7", "new")
    scenario.asks("unassign", "mia", why="back")
    assert (scenario.lead.phase, scenario.queues) == (Phase.EXCEPTION, [])
    assert scenario.claims("rep-9", "new").result is Result.REFUSED
    assert scenario.asks("assign", "mia", to_rep_id="rep-9").owner == "rep-9"
    assert scenario.claims("rep-7", "new").owner == "rep-9"


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a round robin of three reps, who have 15 minutes each."""
    sales_floor = SalesFloor("ann", "bob", "cyd")
    return sales_floor.group("west", "ann", "bob", "cyd", claim_window_seconds=900)


def test_m1_an_unassigned_lead_is_offered_by_its_group_to_another_rep(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1").asks("accept", "ann")
    sales_floor.asks("unassign", "mia", why="not her state")
    assert (sales_floor.has("A-1"), sales_floor.lead.phase) == (("bob",), Phase.OFFERED)
    assert sales_floor.in_hand("ann") == (0, 0)
    sales_floor.asks("decline", "bob")
    sales_floor.asks("decline", "cyd")
    assert sales_floor.lead.phase is Phase.EXCEPTION
    assert sales_floor.offered("A-1") == ["ann", "bob", "cyd"]
    sales_floor.agree()


def test_m1_r8_redistribute_tries_the_reps_of_the_former_round_again(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1")
    for rep_id in ("ann", "bob", "cyd"):
        sales_floor.asks("decline", rep_id)
    assert sales_floor.lead.open_exception is not None
    assert sales_floor.lead.open_exception.reason == "all_agents_tried"
    assert sales_floor.asks("redistribute", "mia").result is Result.DONE
    assert (sales_floor.has("A-1"), sales_floor.lead.phase) == (("ann",), Phase.OFFERED)
    sought = sales_floor.all_decisions("A-1", RepSought)[-1]
    assert (sought.tried, sought.why) == ((), "redistributed by mia through campaign west")
    sales_floor.agree()


def test_m1_redistribute_withdraws_an_open_offer_and_the_turn_is_owed(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1")
    late = sales_floor.lead.epoch
    sales_floor.asks("redistribute", "mia", why="wrong rep")
    assert ("lead_offered", "ann", True) in sales_floor.all_notifications("A-1")
    assert sales_floor.has("A-1") == ("ann",), "the voided turn is made up"
    answer = sales_floor.asks("accept", "ann", epoch=late)
    assert answer.reason is Reason.OFFER_OVER
    sales_floor.agree()


def test_m1_redistribute_takes_an_owned_lead_back_and_gives_it_by_turn(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1").asks("accept", "ann")
    sales_floor.asks("redistribute", "mia", from_rep_id="ann")
    assert (sales_floor.has("A-1"), sales_floor.lead.owner) == (("bob",), None)
    sales_floor.asks("accept", "bob")
    sales_floor.agree()


def test_m1_redistribute_brings_back_an_ignored_lead_and_waits_for_whoever_has_it_open(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.queue("work").comes("A-1")
    for rep_id in ("ann", "bob", "cyd"):
        sales_floor.asks("decline", rep_id)
    sales_floor.opens("bob")
    assert sales_floor.asks("redistribute", "mia").reason is Reason.LOCKED_BY_OTHER
    sales_floor.asks("release", "bob")
    sales_floor.publishes("queue", "work", None)
    sales_floor.asks("ignore", "mia")
    assert sales_floor.lead.phase is Phase.IGNORED
    sales_floor.asks("redistribute", "mia")
    assert sales_floor.has("A-1") == ("ann",)


def test_m1_a_reopened_lead_is_its_owners_again(scenario: Scenario) -> None:
    scenario.asks("outcome", "rep-7", outcome="closed_lost")
    assert scenario.asks("reassign", "mia", to_rep_id="rep-9", why="w").reason is Reason.LEAD_CLOSED
    assert scenario.asks("reopen", "rep-7", why="w").reason is Reason.NOT_ALLOWED
    answer = scenario.asks("reopen", "mia", why="the bank changed its mind")
    assert (answer.result, answer.owner, scenario.lead.phase) == (Result.DONE, "rep-7", Phase.OWNED)
    why = "reopened by mia: the bank changed its mind"
    assert scenario.decisions == [LeadReopened(rep_id="mia", owner="rep-7", why=why)]
    assert "rep/rep-7" in scenario.listed["A-1"]


def test_m1_x2_a_reopened_lead_whose_owner_has_left_is_distributed(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1").asks("accept", "ann")
    sales_floor.asks("outcome", "ann", outcome="closed_lost")
    sales_floor.rep("ann", active=False)
    sales_floor.asks("reopen", "mia", why="he called")
    assert (sales_floor.has("A-1"), sales_floor.lead.phase) == (("bob",), Phase.OFFERED)
    sales_floor.asks("accept", "bob")
    sales_floor.agree()


def test_m1_a_reopened_lead_counts_against_its_owners_cap_again(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A-1").asks("accept", "ann")
    sales_floor.asks("outcome", "ann", outcome="closed_lost")
    assert sales_floor.in_hand("ann") == (0, 0)
    sales_floor.asks("reopen", "mia", why="he called")
    assert sales_floor.in_hand("ann") == (1, 0)
    sales_floor.agree()


def test_x7_a_manager_with_an_offer_may_do_only_what_the_table_lists() -> None:
    """A manager on the roster ignored the lead that was offered to her, which LIFECYCLE does not list."""
    sales_floor = SalesFloor("ann").group("west", "mia", "ann", claim_window_seconds=900)
    sales_floor.comes("A-1")
    assert sales_floor.has("A-1") == ("mia",)
    lead = sales_floor.lead
    for action, reason in {
        "ignore": Reason.NOT_AN_EXCEPTION,
        "unignore": Reason.NOT_AN_EXCEPTION,
        "release": Reason.NOT_LOCKED,
        "reassign": Reason.NOT_OWNED,
        "unassign": Reason.NOT_OWNED,
        "reopen": Reason.NOT_QUALIFIED,
        "connect": Reason.NOT_ALLOWED,
    }.items():
        answer = sales_floor.asks(action, "mia", to_rep_id="ann", why="w")
        assert (answer.result, answer.reason) == (Result.REFUSED, reason), action
    assert sales_floor.lead == lead
    assert sales_floor.asks("assign", "mia", to_rep_id="ann").owner == "ann"


def test_m1_an_unlocked_lead_of_a_manager_is_redistributed_by_that_manager(sales_floor: SalesFloor) -> None:
    sales_floor.queue("work").comes("A-1")
    for rep_id in ("ann", "bob", "cyd"):
        sales_floor.asks("decline", rep_id)
    sales_floor.opens("mia")
    sales_floor.asks("redistribute", "mia")
    assert any(
        isinstance(decision, LockReleased) for decision in sales_floor.all_decisions("A-1", LockReleased)
    )
    assert (sales_floor.has("A-1"), sales_floor.lead.lock) == (("ann",), None)
