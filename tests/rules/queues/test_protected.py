"""A fresh assignment stands in no claimable queue for an hour, and its former owner is told of a claim (M4, D5)."""

from datetime import timedelta

import pytest

from models.lead import DeadlineKind
from models.results import Result
from rules.outbound.notifications import notifications_of
from tests.rules.lead.lead_story import Story


@pytest.fixture
def story() -> Story:
    """Return a story with a queue that anyone may claim from, whoever owns the lead."""
    return Story().queue("aged", claimable=True)


@pytest.mark.parametrize("how", ["manual", "pre_assigned"])
def test_m4_a_fresh_assignment_is_claimed_by_nobody_and_enters_when_its_protection_ends(
    story: Story, how: str
) -> None:
    if how == "manual":
        story.arrives().asks("assign", "mia", to_rep_id="rep-9")
    else:
        story.arrives(assigned_to="rep-9")
    assert story.queues == []
    answer = story.claims("rep-7")
    assert (answer.result, answer.owner) == (Result.LOST, "rep-9")
    assert "it is protected until" in story.book.org("default").explain(story.lead, "aged", story.now)
    ends = story.deadline(DeadlineKind.RULES).due
    assert ends == story.now + timedelta(minutes=60)
    assert story.wait(minutes=59).queues == []
    assert story.wait(minutes=1).queues == ["aged"]
    assert story.claims("rep-7").result is Result.WON
    told = [
        (each.template, each.kind, each.rep_id, each.data["to_rep_id"])
        for each in notifications_of(story.row)
    ]
    assert told == [("lead_claimed", "email", "rep-9", "rep-7"), ("lead_claimed", "push", "rep-9", "rep-7")]


def test_m4_protection_is_a_setting_and_a_change_counts_for_present_leads(story: Story) -> None:
    story.arrives(assigned_to="rep-9")
    assert story.queues == []
    assert story.settings(protect_assigned_minutes=0).queues == ["aged"]
    assert story.settings(protect_assigned_minutes=90).queues == []
    assert story.wait(minutes=89).queues == []
    assert story.wait(minutes=1).queues == ["aged"]


def test_m4_a_protected_lead_that_no_queue_will_take_has_no_deadline() -> None:
    story = Story().queue("texas", ("state", "=", "TX"), claimable=True).queue("work")
    story.arrives(assigned_to="rep-9")
    assert story.lead.deadline(DeadlineKind.RULES) is None


def test_m4_a_relative_date_that_ends_after_the_protection_decides(story: Story) -> None:
    story.publishes("queue", "aged", None).queue("old", ("assigned_at", "notInLast", "2 day"), claimable=True)
    story.arrives(assigned_to="rep-9")
    assert story.deadline(DeadlineKind.RULES).due == story.now + timedelta(days=2)
    assert story.wait(days=2).queues == ["old"]
