"""An answer becomes an operation only for what it says for sure; the words for it are in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from assurance.linearizability import Operation, check
from assurance.load.client import RequestedAction
from assurance.load.operation_history import CLOCKS_SECONDS, OperationHistory
from models.public import LeadDecision
from models.results import Reason, Result

LEAD = "lead-1"
DECIDED_AT = datetime(2026, 11, 20, 14, tzinfo=UTC)


def answered_action(
    action_type: str, result: str | None, reason: str | None = None, *, owner: str | None = None, **more: Any
) -> RequestedAction:
    """Return one action of rep-1 between second 10 and second 11, and its answer."""
    answer = None
    if result is not None:
        answer = LeadDecision(
            action_id="a",
            lead_id=LEAD,
            rep_id="rep-1",
            type=action_type,
            result=Result(result),
            reason=Reason(reason) if reason else None,
            owner=owner,
            version=1,
            decided_at=DECIDED_AT,
            why=None,
            merged_into=None,
        )
    action = {"action_id": "a", "type": action_type, "lead_id": LEAD, "rep_id": "rep-1", **more}
    return RequestedAction(
        action=action, invoked_at=10.0, returned_at=11.0 if answer else None, answer=answer
    )


def operations_of(action: RequestedAction, **how: Any) -> list[tuple[str, ...]]:
    """Return the operations as (register, op, result)."""
    history = OperationHistory(lock_seconds=3, **how)
    history.record(action)
    return [(op.lead.removeprefix(f"{LEAD} "), op.op, op.result or "?") for op in history.ops]


AT = "2026-11-20T14:00:00Z"


@pytest.mark.parametrize(
    ("action", "operations"),
    [
        (answered_action("claim", "won", owner="rep-1"), [("owner", "claim", "won")]),
        (answered_action("claim", "lost", "already_claimed", owner="rep-2"), [("owner", "claim", "lost")]),
        (answered_action("claim", "refused", "not_qualified"), []),
        (answered_action("claim", "refused", "locked_by_other"), []),
        (answered_action("claim", None), [("owner", "claim", "?")]),
        (
            answered_action("reassign", "done", owner="rep-2", to_rep_id="rep-2"),
            [("owner", "move", "done"), ("open", "free", "done")],
        ),
        (
            answered_action("reassign", "refused", "not_owned", to_rep_id="rep-2"),
            [("owner", "move", "refused")],
        ),
        (answered_action("reassign", "refused", "lead_closed", to_rep_id="rep-2"), []),
        (
            answered_action("reassign", None, to_rep_id="rep-2"),
            [("owner", "move", "?"), ("open", "free", "?")],
        ),
        (answered_action("unassign", "done"), [("owner", "free", "done"), ("open", "free", "done")]),
        (answered_action("unassign", "refused", "not_owned"), []),
        (answered_action("redistribute", "done"), [("owner", "free", "done"), ("open", "free", "done")]),
        (answered_action("reopen", "done", owner="rep-1"), []),
        (answered_action("claim_now", "won"), [("owner", "claim", "won"), ("open", "leave", "done")]),
        (answered_action("claim_now", "refused", "not_locked"), []),
        (answered_action("claim_now", None), [("owner", "claim", "?"), ("open", "leave", "?")]),
        (answered_action("callback", "done", at=AT), [("owner", "claim", "won"), ("open", "leave", "done")]),
        (answered_action("callback", "done"), [("open", "leave", "done")]),
        (answered_action("callback", None, at=AT), [("owner", "claim", "?"), ("open", "leave", "?")]),
        (answered_action("assign", "done", to_rep_id="rep-2"), [("owner", "assign", "done")]),
        (answered_action("assign", "lost", owner="rep-3", to_rep_id="rep-2"), [("owner", "assign", "lost")]),
        (answered_action("assign", None, to_rep_id="rep-2"), [("owner", "assign", "?")]),
        (answered_action("view", "done"), [("open", "claim", "won"), ("open", "expire", "?")]),
        (answered_action("view", "refused", "locked_by_other"), [("open", "claim", "lost")]),
        (answered_action("view", "refused", "not_allowed"), []),
        (answered_action("view", None), [("open", "claim", "?"), ("open", "expire", "?")]),
        (answered_action("view", "done", view_only=True), []),
        (answered_action("release", "done"), [("open", "release", "done")]),
        (answered_action("release", "refused", "not_locked"), [("open", "release", "refused")]),
        (answered_action("release", "refused", "lead_closed"), []),
        (answered_action("release", None), [("open", "release", "?")]),
        (answered_action("outcome", "done", outcome="x"), [("open", "leave", "done")]),
        (answered_action("outcome", "refused", "lock_expired", outcome="x"), []),
        (answered_action("note", "done", note="x"), []),
        (answered_action("ignore", "done"), []),
    ],
)
def test_what_an_answer_says_of_owner_and_lock(
    action: RequestedAction, operations: list[tuple[str, ...]]
) -> None:
    assert operations_of(action) == operations


def test_d4_a_callback_claims_only_where_the_org_says_so() -> None:
    callback = answered_action("callback", "done", at=AT)
    assert operations_of(callback, auto_claim_on_timed_callback=False) == [("open", "leave", "done")]


def test_d2_a_lock_runs_out_no_sooner_than_it_may() -> None:
    history = OperationHistory(lock_seconds=3)
    history.record(answered_action("view", "done"))
    expiry = history.ops[1]
    assert (expiry.invoked_at, expiry.returned_at) == (13.0 - CLOCKS_SECONDS, None)


def test_q8_a_loser_is_told_the_owner_and_that_is_checked() -> None:
    history = OperationHistory()
    history.record(answered_action("claim", "lost", "already_claimed", owner="rep-2"))
    assert history.ops == [
        Operation(
            process="rep-1",
            op="claim",
            lead="lead-1 owner",
            invoked_at=10.0,
            returned_at=11.0,
            result="lost",
            owner="rep-2",
        )
    ]
    assert len(check(history.ops)) == 1
    history.arrived(LEAD, "rep-2", 5.0)  # R5: it came with an owner
    assert check(history.ops) == []


def test_actions_of_unknown_outcome_are_counted() -> None:
    history = OperationHistory()
    history.record(answered_action("claim", None))
    history.record(answered_action("note", "done"))
    assert (history.actions, history.unknown) == (2, 1)


@pytest.mark.parametrize("result", ["done", None])
def test_k5_a_merge_or_split_may_give_a_lead_to_the_rep_it_may_have_come_with(result: str | None) -> None:
    """The lead that takes another in is distributed by the other one's campaign, if nobody owns it."""
    history = OperationHistory()
    history.arrived("lead-2", "rep-9", 1.0)
    history.record(answered_action("merge", "refused", "not_qualified", into_lead_id="lead-3"))
    assert [op.lead for op in history.ops] == ["lead-2 owner"]
    history.record(answered_action("merge", result, lead_id="lead-2", into_lead_id=LEAD))
    history.record(answered_action("split", result, inquiry_id="lead-2"))
    assignments = [(op.lead, op.op, op.to, op.invoked_at, op.returned_at) for op in history.ops[1:]]
    assert assignments == [
        (f"{LEAD} owner", "assign", "rep-9", 10.0, None),
        ("lead-2 owner", "assign", "rep-9", 10.0, None),
    ]
    history.record(answered_action("claim", "lost", "already_claimed", owner="rep-9"))
    assert check(history.all()) == []


def test_x2_a_rep_who_leaves_often_loses_a_lead_at_most_as_often_as_it_got_it() -> None:
    """A run of an hour has hundreds of leavings and many thousand leads; their product would be too much."""
    history = OperationHistory(lock_seconds=3)
    for n in range(300):
        history.left("rep-1", 5.0 + n)
    history.record(answered_action("claim", "won", owner="rep-1"))
    history.record(answered_action("claim", "lost", "already_claimed", owner="rep-2", lead_id="lead-2"))
    expiries = [op for op in history.all() if op.op == "expire"]
    assert [(op.lead, op.process, op.invoked_at) for op in expiries] == [
        (f"{LEAD} owner", "rep-1", 5.0),
        ("lead-2 owner", "rep-1", 5.0),
    ]


def test_x2_a_lead_is_free_again_after_its_owner_has_left() -> None:
    history = OperationHistory()
    won = answered_action("claim", "won", owner="rep-1")
    history.record(won)
    again = msgspec.structs.replace(
        won, action={**won.action, "rep_id": "rep-2"}, invoked_at=20.0, returned_at=21.0
    )
    history.record(again)
    assert len(check(history.all())) == 1
    history.left("rep-1", 15.0)
    assert check(history.all()) == []
