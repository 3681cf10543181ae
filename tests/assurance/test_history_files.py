"""The history of a run is written as checkers of others read it, and says only what the answers say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assurance.history_files import (
    OPERATIONS,
    TRANSACTIONS,
    OwnerChange,
    operation_lines,
    transaction_lines,
    write_histories,
)
from assurance.linearizability import Operation
from assurance.load.client import RequestedAction
from models.public import LeadDecision
from models.results import Result

if TYPE_CHECKING:
    from pathlib import Path

LEAD = "0c929b85-3707-5b16-91e8-0d9f3ddc6570"
EVENT = re.compile(
    r"\{:index (\d+), :time (\d+), :type :(invoke|ok|fail|info), :process (\d+), :f :txn, :value \[(\[.*\])\]\}"
)
"""One line of a Jepsen history, as Elle's documentation shows them."""


def answered_action(
    action_id: str,
    rep_id: str,
    result: str | None,
    *,
    at: tuple[float, float],
    action_type: str = "claim",
    version: int = 1,
    owner: str | None = None,
) -> RequestedAction:
    """Return one action of a rep on LEAD and its answer; no answer where `result` is None."""
    answer = None
    if result is not None:
        answer = LeadDecision(
            action_id=action_id,
            lead_id=LEAD,
            rep_id=rep_id,
            type=action_type,
            result=Result(result),
            reason=None,
            owner=owner,
            version=version,
            decided_at=datetime(2026, 11, 20, 14, tzinfo=UTC),
            why=None,
            merged_into=None,
        )
    action: dict[str, Any] = {"action_id": action_id, "type": action_type, "lead_id": LEAD, "rep_id": rep_id}
    return RequestedAction(
        action=action, invoked_at=at[0], returned_at=at[1] if answer is not None else None, answer=answer
    )


def events(actions: list[RequestedAction], changes: list[OwnerChange]) -> list[tuple[str, int, str]]:
    """Return (type, process, micro-operation) of each line, with the lead's id as `x`."""
    parsed = []
    for index, line in enumerate(transaction_lines(actions, {LEAD: changes})):
        matched = EVENT.fullmatch(line)
        assert matched, line
        assert int(matched[1]) == index
        parsed.append((matched[3], int(matched[4]), matched[5].replace(f'"{LEAD}"', "x")))
    return parsed


def test_q8_a_won_claim_appends_and_a_lost_one_reads_up_to_its_version() -> None:
    won = answered_action("a-1", "rep-1", "won", at=(1, 3), version=2, owner="rep-1")
    lost = answered_action("a-2", "rep-2", "lost", at=(2, 4), version=2, owner="rep-1")
    assert events([won, lost], [OwnerChange(2, "a-1", "rep-1")]) == [
        ("invoke", 0, '[:append x "a-1"]'),
        ("invoke", 1, "[:r x nil]"),
        ("ok", 0, '[:append x "a-1"]'),
        ("ok", 1, '[:r x ["a-1"]]'),
        ("invoke", 0, "[:r x nil]"),
        ("ok", 0, '[:r x ["a-1"]]'),
    ]


def test_q8_a_claim_that_was_told_lost_and_took_effect_is_an_aborted_read() -> None:
    """Elle calls it G1a: what failed is in a list that was read."""
    lost_claim = answered_action("a-1", "rep-1", "lost", at=(1, 2), version=2, owner="rep-2")
    event_list = events([lost_claim], [OwnerChange(2, "a-1", "rep-1")])
    assert ("fail", 0, '[:append x "a-1"]') in event_list
    assert event_list[-1][2] == '[:r x ["a-1"]]'


def test_q8_a_claim_that_was_told_won_and_took_no_effect_is_an_append_that_no_read_shows() -> None:
    won_claim = answered_action("a-1", "rep-1", "won", at=(1, 2), version=2, owner="rep-1")
    event_list = events([won_claim], [OwnerChange(2, "a-2", "rep-2")])
    assert ("ok", 1, '[:append x "a-1"]') in event_list
    assert ("ok", 1, '[:r x ["a-2"]]') in event_list


def test_a_process_with_an_unknown_outcome_does_nothing_more() -> None:
    """A deadline's change has no client; its process begins before all others and never learns the outcome."""
    given_up = answered_action("a-1", "rep-1", None, at=(1, 1))
    later = answered_action("a-2", "rep-1", "won", at=(5, 6), version=3, owner="rep-1")
    changes = [
        OwnerChange(2, "a-1", "rep-1"),
        OwnerChange(3, "a-2", "rep-1"),
        OwnerChange(4, "deadline/7", None),
    ]
    event_list = events([given_up, later], changes)
    assert event_list[:3] == [
        ("invoke", 0, '[:append x "deadline/7"]'),
        ("invoke", 1, '[:append x "a-1"]'),
        ("invoke", 2, '[:append x "a-2"]'),
    ]
    assert event_list[-3:] == [
        ("ok", 2, '[:r x ["a-1" "a-2" "deadline/7"]]'),
        ("info", 1, '[:append x "a-1"]'),
        ("info", 0, '[:append x "deadline/7"]'),
    ]


def test_an_owners_own_claim_changes_nothing_and_is_a_read() -> None:
    claim = answered_action("a-1", "rep-1", "won", at=(1, 2), version=2, owner="rep-1")
    repeated_claim = answered_action("a-2", "rep-1", "won", at=(3, 4), version=2, owner="rep-1")
    note = answered_action("a-3", "rep-1", "done", at=(5, 6), action_type="note", version=3)
    event_list = events([claim, repeated_claim, note], [OwnerChange(2, "a-1", "rep-1")])
    assert event_list[2:4] == [("invoke", 0, "[:r x nil]"), ("ok", 0, '[:r x ["a-1"]]')]
    assert len(event_list) == 6, "the note says nothing of the owner"


def test_operations_are_json_lines_with_calls_and_returns_in_nanoseconds(tmp_path: Path) -> None:
    operations = [
        Operation(process="rep-2", op="claim", lead=f"{LEAD} owner", invoked_at=2.5, to=None),
        Operation(
            process="rep-1",
            op="claim",
            lead=f"{LEAD} owner",
            invoked_at=1.0,
            returned_at=4.25,
            result="lost",
            owner="rep-2",
        ),
    ]
    write_histories(tmp_path / "new", operations, [], {})
    lines = (tmp_path / "new" / OPERATIONS).read_text().splitlines()
    assert lines == list(operation_lines(operations))
    assert [json.loads(line) for line in lines] == [
        {
            "client_id": 0,
            "call": 1_000_000_000,
            "return": 4_250_000_000,
            "input": {"op": "claim", "process": "rep-1", "key": f"{LEAD} owner", "to": None},
            "output": {"result": "lost", "owner": "rep-2"},
        },
        {
            "client_id": 1,
            "call": 2_500_000_000,
            "return": 4_250_000_000,
            "input": {"op": "claim", "process": "rep-2", "key": f"{LEAD} owner", "to": None},
            "output": {"result": "unknown", "owner": None},
        },
    ]
    assert (tmp_path / "new" / TRANSACTIONS).read_text() == ""
