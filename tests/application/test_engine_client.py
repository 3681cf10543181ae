"""What a client makes of answers that come more than once."""

import msgspec

from application.engine_client import Answer
from models.decisions import Result


def test_x4_answers_are_of_one_mind_whatever_their_words() -> None:
    """X4: an old action is decided anew and may be told in other words; another result or owner is a contradiction."""
    first = Answer(
        action_id="a",
        lead_id="l",
        rep_id="mia",
        type="assign",
        result=Result.DONE,
        reason=None,
        owner="rep-1",
        version=2,
        why="assigned by mia",
    )
    assert first.says_as(msgspec.structs.replace(first, why=None))
    assert not first.says_as(msgspec.structs.replace(first, owner="rep-2"))
