"""A rep may have a lead only with the licence for its state, unless a manager overrides that (M6, case D13)."""

import pytest

from models.decisions import OwnerChanged, PreassignmentNotFollowed
from models.lead import Phase
from models.results import Reason, Result
from tests.rules.lead.lead_story import REPS, Story

MASSACHUSETTS = {**REPS, "rep-7": {"teams": ["west"], "licensed_states": ["MA"]}}


@pytest.fixture
def story() -> Story:
    """Return a story in which rep-7 is licensed in MA only, with a lead of RI."""
    return Story(reps=MASSACHUSETTS)


@pytest.mark.parametrize(
    ("columns", "why"),
    [(["state"], "you are not licensed in RI"), ([], "you are not licensed in its state")],
)
def test_d13_m6_a_claim_needs_the_licence_and_a_blind_queue_does_not_tell_the_state(
    story: Story, columns: list[str], why: str
) -> None:
    story.queue("open", claimable=True, columns=columns).arrives()
    answer = story.claims("rep-7")
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, Reason.NOT_LICENSED, why)
    assert (story.lead.phase, story.lead.owner, story.queues) == (Phase.QUEUED, None, ["open"])
    assert story.claims("rep-9").result is Result.WON, "no licences are tracked for rep-9"


def test_d13_m6_opening_needs_the_licence_and_an_owned_lead_stays_open_to_its_owner(story: Story) -> None:
    story.queue("work", columns=["state"]).arrives()
    answer = story.opens("rep-7")
    assert (answer.result, answer.reason, answer.why) == (
        Result.REFUSED,
        Reason.NOT_LICENSED,
        "you are not licensed in RI",
    )
    assert story.lead.lock is None
    story.rep("rep-7", teams=["west"], licensed_states=["MA", "RI"])
    assert story.opens("rep-7").result is Result.DONE
    story.rep("rep-7", teams=["west"], licensed_states=["MA"])
    assert story.asks("claim_now", "rep-7").reason is Reason.NOT_LICENSED, "the licence was lost meanwhile"
    assert story.asks("outcome", "rep-7", outcome="no_answer").result is Result.DONE


@pytest.mark.parametrize("action", ["assign", "reassign"])
def test_m6_a_manager_overrides_with_a_reason_that_is_recorded(story: Story, action: str) -> None:
    story.queue("work").arrives()
    if action == "reassign":
        story.asks("assign", "mia", to_rep_id="rep-9")
    refused = story.asks(action, "mia", to_rep_id="rep-7", why="he asked")
    assert (refused.result, refused.reason) == (Result.REFUSED, Reason.NOT_LICENSED)
    assert (
        refused.why
        == "rep-7 is not licensed in RI; a manager may override that with a reason (override_licence)"
    )
    without = story.asks(action, "mia", to_rep_id="rep-7", override_licence=True)
    assert (without.result, without.reason) == (Result.REFUSED, Reason.INVALID)
    done = story.asks(action, "mia", to_rep_id="rep-7", override_licence=True, why="licence is on its way")
    assert (done.result, done.owner) == (Result.DONE, "rep-7")
    (changed,) = [one for one in story.said if isinstance(one, OwnerChanged)]
    assert changed.overrides == ("licence",)
    assert changed.why.endswith("by mia: licence is on its way")
    story.asks("reassign", "mia", to_rep_id="rep-9", override_licence=True, why="back")
    (changed,) = [one for one in story.said if isinstance(one, OwnerChanged)]
    assert changed.overrides == (), "nothing had to be overridden"


def test_m6_an_owner_who_may_reassign_does_not_override(story: Story) -> None:
    story.settings(owners_may_reassign=True).queue("work").arrives()
    story.asks("assign", "mia", to_rep_id="rep-9")
    answer = story.asks("reassign", "rep-9", to_rep_id="rep-7", override_licence=True, why="please")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_ALLOWED)
    assert story.lead.owner == "rep-9"


def test_m6_r5_a_vendor_cannot_give_a_lead_to_a_rep_without_the_licence(story: Story) -> None:
    story.queue("work").arrives(assigned_to="rep-7")
    assert story.lead.owner is None
    (said,) = [one for one in story.said if isinstance(one, PreassignmentNotFollowed)]
    assert (said.reason, said.why) == ("not_licensed", "rep-7 is not licensed in RI")


def test_m6_a_lead_without_a_state_and_an_org_that_does_not_enforce_are_open(story: Story) -> None:
    story.queue("open", claimable=True).arrives("A", state=None).arrives("B")
    assert story.of("A").claims("rep-7").result is Result.WON
    assert story.of("B").claims("rep-7").reason is Reason.NOT_LICENSED
    story.settings(enforce_licence=False)
    assert story.of("B").claims("rep-7").result is Result.WON
