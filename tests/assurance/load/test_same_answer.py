"""What the load client makes of answers that come more than once."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from assurance.load.client import same_answer
from models.public import LeadDecision
from models.results import Result


def test_x4_answers_agree_whatever_their_words() -> None:
    """X4: an old action is decided anew, later and in other words; another result or owner is a contradiction."""
    decision = LeadDecision(
        action_id="a",
        lead_id="l",
        rep_id="mia",
        type="assign",
        result=Result.DONE,
        reason=None,
        owner="rep-1",
        version=2,
        decided_at=datetime(2026, 11, 20, tzinfo=UTC),
        why="assigned by mia",
        merged_into=None,
    )
    later = decision.decided_at + timedelta(hours=1)
    assert same_answer(decision, replace(decision, why=None, decided_at=later, merged_into="m"))
    assert not same_answer(decision, replace(decision, owner="rep-2"))
    assert not same_answer(decision, replace(decision, result=Result.REFUSED))
