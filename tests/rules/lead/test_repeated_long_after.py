"""A repeated action never acts again, however long ago it was answered, within a stated time and memory (X4)."""

from datetime import timedelta

import msgspec
import pytest

from models.codec import encode_row
from models.decisions import Answered
from models.lead import ANSWERS_KEPT
from models.results import Reason, Result
from rules.lead.answered import ENTRY_BYTES, MAX_REMEMBERED, REMEMBERED_DAYS, recall, remember
from tests.rules.lead.lead_scenario import START, Scenario


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead that rep-7 owns."""
    scenario = Scenario().queue("all").arrives()
    scenario.asks("assign", "mia", to_rep_id="rep-7")
    return scenario


def ask_other_actions(scenario: Scenario, count: int = ANSWERS_KEPT) -> None:
    """Let so many other actions follow that the answers before them are no longer kept."""
    for _ in range(count):
        scenario.asks("note", "rep-7", note="n")


def test_d11_x4_the_33rd_action_later_a_callback_is_not_set_again(scenario: Scenario) -> None:
    """CASES D11: after 32 other actions the callback's id was executed again."""
    first = scenario.asks("callback", "rep-7", at=START + timedelta(hours=1), action_id="once")
    assert first.result is Result.DONE
    scenario.asks("outcome", "rep-7", outcome="talked")
    ask_other_actions(scenario, ANSWERS_KEPT - 1)
    assert not any(answer.action_id == "once" for answer in scenario.row.answers)
    lead, seq = scenario.lead, scenario.row.seq
    repeated = scenario.asks("callback", "rep-7", at=START + timedelta(hours=1), action_id="once")
    assert (repeated.result, scenario.lead, scenario.row.seq, scenario.decisions) == (
        Result.DONE,
        lead,
        seq,
        [],
    )
    assert repeated.why == "it was answered before, done in the hour of 2026-11-20 14:00 UTC: nothing changes"
    ask_other_actions(scenario, 3 * ANSWERS_KEPT)
    lead = scenario.lead
    assert scenario.wait(days=29).asks("callback", "rep-7", action_id="once").result is Result.DONE
    assert scenario.lead == lead


def test_x4_an_old_repeat_is_told_what_still_holds(scenario: Scenario) -> None:
    won = scenario.asks("claim_now", "rep-7", action_id="won")
    lost_answer = scenario.asks("assign", "mia", to_rep_id="rep-9", action_id="lost")
    refused = scenario.asks("release", "rep-7", action_id="refused")
    assert (won.result, lost_answer.result, refused.result) == (Result.WON, Result.LOST, Result.REFUSED)
    ask_other_actions(scenario)

    def repeat(action: str, rep_id: str, action_id: str) -> tuple[Result, Reason | None, str | None]:
        answer = scenario.asks(action, rep_id, action_id=action_id)
        return answer.result, answer.reason, answer.owner

    assert repeat("claim_now", "rep-7", "won") == (Result.WON, None, "rep-7")
    assert repeat("assign", "mia", "lost") == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-7")
    assert repeat("release", "rep-7", "refused") == (Result.REFUSED, Reason.REPEATED, "rep-7")
    scenario.asks("reassign", "mia", to_rep_id="rep-9", why="w")
    for _ in range(ANSWERS_KEPT):
        scenario.asks("note", "mia", note="n")
    assert repeat("claim_now", "rep-7", "won") == (Result.LOST, Reason.ALREADY_CLAIMED, "rep-9")
    scenario.asks("unassign", "mia", why="w")
    for _ in range(ANSWERS_KEPT):
        scenario.asks("note", "mia", note="n")
    assert repeat("claim_now", "rep-7", "won") == (Result.REFUSED, Reason.REPEATED, None)


def an_answer(number: int, days: float = 0) -> Answered:
    """Return an answer to one of many actions."""
    return Answered(
        action_id=f"action-{number}",
        action="note",
        rep_id="rep-7",
        result=Result.DONE,
        version=1,
        decided_at=START + timedelta(days=days),
    )


def test_x4_an_action_is_remembered_for_its_time_and_no_longer() -> None:
    memory = remember(b"", [an_answer(1)], START)
    last = START + timedelta(days=REMEMBERED_DAYS)
    assert recall(memory, "action-1", last) == (Result.DONE, START.replace(minute=0))
    assert recall(memory, "action-1", last + timedelta(hours=1)) is None
    assert recall(memory, "action-2", START) is None
    assert remember(memory, [an_answer(2, days=31)], START + timedelta(days=31)) == remember(
        b"", [an_answer(2, days=31)], START + timedelta(days=31)
    )


def test_x4_the_memory_is_bounded_and_its_size_is_what_is_stated(scenario: Scenario) -> None:
    """A remembered action takes 12 bytes in memory and 16 in the journal; a lead remembers 4,096 at most."""
    memory = remember(b"", map(an_answer, range(MAX_REMEMBERED + 10)), START)
    assert len(memory) == MAX_REMEMBERED * ENTRY_BYTES == 49_152
    assert recall(memory, "action-9", START) is None
    assert recall(memory, f"action-{MAX_REMEMBERED + 9}", START) is not None
    empty = len(encode_row(scenario.row))
    full = len(encode_row(msgspec.structs.replace(scenario.row, answered=memory)))
    assert full - empty == MAX_REMEMBERED * 16 + len(',"answered":""')
