"""A rep may have a lead only with the licence for its state, unless a manager overrides that (M6, case D13)."""

import pytest

from models.decisions import OwnerChanged, PreassignmentNotFollowed
from models.lead import Phase
from models.results import Reason, Result
from tests.rules.lead.lead_scenario import REPS, Scenario

MASSACHUSETTS = {**REPS, "rep-7": {"teams": ["west"], "licensed_states": ["MA"]}}


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario in which rep-7 is licensed in MA only, with a lead of RI."""
    return Scenario(reps=MASSACHUSETTS)


@pytest.mark.parametrize(
    ("columns", "why"),
    [(["state"], "you are not licensed in RI"), ([], "you are not licensed in its state")],
)
def test_d13_m6_a_claim_needs_the_licence_and_a_blind_queue_does_not_tell_the_state(
    scenario: Scenario, columns: list[str], why: str
) -> None:
    scenario.queue("open", claimable=True, columns=columns).arrives()
    answer = scenario.claims("rep-7")
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, Reason.NOT_LICENSED, why)
    assert (scenario.lead.phase, scenario.lead.owner, scenario.queues) == (Phase.QUEUED, None, ["open"])
    assert scenario.claims("rep-9").result is Result.WON, "no licences are tracked for rep-9"


def test_d13_m6_opening_needs_the_licence_and_an_owned_lead_stays_open_to_its_owner(
    scenario: Scenario,
) -> None:
    scenario.queue("work", columns=["state"]).arrives()
    answer = scenario.opens("rep-7")
    assert (answer.result, answer.reason, answer.why) == (
        Result.REFUSED,
        Reason.NOT_LICENSED,
        "you are not licensed in RI",
    )
    assert scenario.lead.lock is None
    scenario.rep("rep-7", teams=["west"], licensed_states=["MA", "RI"])
    assert scenario.opens("rep-7").result is Result.DONE
    scenario.rep("rep-7", teams=["west"], licensed_states=["MA"])
    assert scenario.asks("claim_now", "rep-7").reason is Reason.NOT_LICENSED, "the licence was lost meanwhile"
    assert scenario.asks("outcome", "rep-7", outcome="no_answer").result is Result.DONE


@pytest.mark.parametrize("action", ["assign", "reassign"])
def test_m6_a_manager_overrides_with_a_reason_that_is_recorded(scenario: Scenario, action: str) -> None:
    scenario.queue("work").arrives()
    if action == "reassign":
        scenario.asks("assign", "mia", to_rep_id="rep-9")
    refused = scenario.asks(action, "mia", to_rep_id="rep-7", why="he asked")
    assert (refused.result, refused.reason) == (Result.REFUSED, Reason.NOT_LICENSED)
    assert (
        refused.why
        == "rep-7 is not licensed in RI; a manager may override that with a reason (override_licence)"
    )
    without = scenario.asks(action, "mia", to_rep_id="rep-7", override_licence=True)
    assert (without.result, without.reason) == (Result.REFUSED, Reason.INVALID)
    assigned = scenario.asks(
        action, "mia", to_rep_id="rep-7", override_licence=True, why="licence is on its way"
    )
    assert (assigned.result, assigned.owner) == (Result.DONE, "rep-7")
    (changed,) = [decision for decision in scenario.decisions if isinstance(decision, OwnerChanged)]
    assert changed.overrides == ("licence",)
    assert changed.why.endswith("by mia: licence is on its way")
    scenario.asks("reassign", "mia", to_rep_id="rep-9", override_licence=True, why="back")
    (changed,) = [decision for decision in scenario.decisions if isinstance(decision, OwnerChanged)]
    assert changed.overrides == (), "nothing had to be overridden"


def test_m6_an_owner_who_may_reassign_does_not_override(scenario: Scenario) -> None:
    scenario.settings(owners_may_reassign=True).queue("work").arrives()
    scenario.asks("assign", "mia", to_rep_id="rep-9")
    answer = scenario.asks("reassign", "rep-9", to_rep_id="rep-7", override_licence=True, why="please")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_ALLOWED)
    assert scenario.lead.owner == "rep-9"


def test_m6_r5_a_vendor_cannot_give_a_lead_to_a_rep_without_the_licence(scenario: Scenario) -> None:
    scenario.queue("work").arrives(assigned_to="rep-7")
    assert scenario.lead.owner is None
    (decision,) = [
        decision for decision in scenario.decisions if isinstance(decision, PreassignmentNotFollowed)
    ]
    assert (decision.reason, decision.why) == ("not_licensed", "rep-7 is not licensed in RI")


def test_m6_a_lead_without_a_state_and_an_org_that_does_not_enforce_are_open(scenario: Scenario) -> None:
    scenario.queue("open", claimable=True).arrives("A", state=None).arrives("B")
    assert scenario.of("A").claims("rep-7").result is Result.WON
    assert scenario.of("B").claims("rep-7").reason is Reason.NOT_LICENSED
    scenario.settings(enforce_licence=False)
    assert scenario.of("B").claims("rep-7").result is Result.WON
