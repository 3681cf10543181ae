"""The checker accepts what a register can have done and nothing else; a brute-force search is its judge."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assurance.linearizability import Operation, check

if TYPE_CHECKING:
    from collections.abc import Sequence


def op(
    who: str, operation: str, start: float, end: float | None, result: str | None = None, **more: Any
) -> Operation:
    return Operation(
        process=who,
        op=cast("Any", operation),
        lead="L",
        invoked_at=start,
        returned_at=end,
        result=cast("Any", result),
        **more,
    )


ACCEPTED = {
    "nothing happened": [],
    "one claims": [op("a", "claim", 0, 1, "won")],
    "the second is told who was first": [
        op("a", "claim", 0, 1, "won"),
        op("b", "claim", 2, 3, "lost", owner="a"),
    ],
    "a repeat wins again": [op("a", "claim", 0, 1, "won"), op("a", "claim", 2, 3, "won")],
    "the one who asked later was first": [
        op("a", "claim", 0, 9, "lost", owner="b"),
        op("b", "claim", 5, 6, "won"),
    ],
    "a lost claim overlaps the win it speaks of": [
        op("b", "claim", 0, 2, "lost", owner="a"),
        op("a", "claim", 1.9, 5, "won"),
    ],
    "a claim of unknown outcome won": [
        op("a", "claim", 0, None),
        op("b", "claim", 5, 6, "lost", owner="a"),
    ],
    "a claim of unknown outcome never was": [op("a", "claim", 0, None), op("b", "claim", 5, 6, "won")],
    "a claim of unknown outcome came late": [
        op("a", "claim", 0, None),
        op("b", "claim", 1, 2, "won"),
        op("b", "release", 3, 4, "done"),
        op("c", "claim", 8, 9, "lost", owner="a"),
    ],
    "a repeat that comes after one's own release": [
        op("a", "claim", 0, 1, "won"),
        op("a", "claim", 0.5, 9, "won"),
        op("a", "leave", 2, 3, "done"),
        op("b", "claim", 10, 11, "lost", owner="a"),
    ],
    "released and claimed again": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, 3, "done"),
        op("b", "claim", 4, 5, "won"),
    ],
    "a release of unknown outcome let the next one in": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, None),
        op("b", "claim", 4, 5, "won"),
    ],
    "a lock ran out": [
        op("a", "claim", 0, 1, "won"),
        op("a", "expire", 3, None),
        op("b", "claim", 4, 5, "won"),
        op("a", "release", 6, 7, "refused"),
    ],
    "an assignment and a claim, the assignment first": [
        op("m", "assign", 0, 4, "done", to="a"),
        op("b", "claim", 1, 3, "lost", owner="a"),
    ],
    "an assignment came second": [
        op("b", "claim", 0, 1, "won"),
        op("m", "assign", 2, 3, "lost", to="a", owner="b"),
    ],
    "a manager moves a lead and its former owner is told of the new one": [
        op("a", "claim", 0, 1, "won"),
        op("m", "move", 2, 5, "done", to="b"),
        op("a", "claim", 3, 4, "won"),
        op("a", "claim", 6, 7, "lost", owner="b"),
    ],
    "taken back, and nobody has it to move": [
        op("a", "claim", 0, 1, "won"),
        op("m", "free", 2, 3, "done"),
        op("n", "move", 4, 5, "refused", to="b"),
        op("b", "claim", 6, 7, "won"),
    ],
    "whom it is moved to keeps it open": [
        op("a", "claim", 0, 1, "won"),
        op("m", "free", 2, 3, "done", to="a"),
        op("a", "release", 4, 5, "done"),
    ],
    "leaving what one no longer has": [op("a", "leave", 0, 1, "done"), op("b", "claim", 2, 3, "won")],
    "another refusal says nothing": [op("a", "claim", 0, 1, "won"), op("b", "claim", 2, 3, "refused")],
}

REJECTED = {
    "two winners": [op("a", "claim", 0, 1, "won"), op("b", "claim", 2, 3, "won")],
    "two winners at the same moment": [op("a", "claim", 0, 9, "won"), op("b", "claim", 0, 9, "won")],
    "lost to somebody who had not asked yet": [
        op("b", "claim", 0, 1, "lost", owner="a"),
        op("a", "claim", 2, 3, "won"),
    ],
    "lost to nobody": [op("b", "claim", 0, 1, "lost", owner="a")],
    "told of an owner who never was": [
        op("a", "claim", 0, 1, "won"),
        op("b", "claim", 2, 3, "lost", owner="c"),
    ],
    "two losers are told of different owners": [
        op("a", "claim", 0, 9, "won"),
        op("b", "claim", 0, 9, None),
        op("c", "claim", 3, 4, "lost", owner="a"),
        op("d", "claim", 5, 6, "lost", owner="b"),
    ],
    "an answer read from a state that was over (a stale replica)": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, 3, "done"),
        op("b", "claim", 4, 5, "won"),
        op("c", "claim", 6, 7, "lost", owner="a"),
    ],
    "a claim forgotten after a crash": [
        op("a", "claim", 0, 1, "won"),
        op("b", "claim", 2, 3, "lost", owner="a"),
        op("c", "claim", 4, 5, "won"),
    ],
    "a release that was undone": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, 3, "done"),
        op("b", "claim", 4, 5, "lost", owner="a"),
    ],
    "one release lets two in": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, None),
        op("b", "claim", 3, 8, "won"),
        op("c", "claim", 3, 8, "won"),
    ],
    "released twice without a claim between": [
        op("a", "claim", 0, 1, "won"),
        op("a", "release", 2, 3, "done"),
        op("a", "release", 4, 5, "done"),
    ],
    "a lock expired before it could": [
        op("a", "claim", 0, 1, "won"),
        op("a", "expire", 6, None),
        op("b", "claim", 2, 3, "won"),
    ],
    "an expiry of another's lock": [
        op("a", "claim", 0, 1, "won"),
        op("b", "expire", 2, None),
        op("b", "claim", 3, 4, "won"),
    ],
    "assigned over an owner": [op("b", "claim", 0, 1, "won"), op("m", "assign", 2, 3, "done", to="a")],
    "moved what nobody has": [op("m", "move", 0, 1, "done", to="a")],
    "a move that was lost": [
        op("a", "claim", 0, 1, "won"),
        op("m", "move", 2, 3, "done", to="b"),
        op("c", "claim", 4, 5, "lost", owner="a"),
    ],
    "two owners after two moves at once": [
        op("a", "claim", 0, 1, "won"),
        op("m", "move", 2, 5, "done", to="b"),
        op("n", "move", 2, 5, "done", to="c"),
        op("x", "claim", 6, 7, "lost", owner="b"),
        op("y", "claim", 6, 7, "lost", owner="c"),
    ],
    "taken back, and its former owner still has it": [
        op("a", "claim", 0, 1, "won"),
        op("m", "free", 2, 3, "done"),
        op("b", "claim", 4, 5, "lost", owner="a"),
    ],
    "left what another has": [op("a", "claim", 0, 1, "won"), op("b", "leave", 2, 3, "done")],
    "an unknown claim cannot have come before it was asked": [
        op("b", "claim", 0, 1, "lost", owner="a"),
        op("a", "claim", 2, None),
    ],
}


@pytest.mark.parametrize("history", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_a_register_can_have_done_is_accepted(history: list[Operation]) -> None:
    assert check(history) == []
    assert some_order_explains(history)


@pytest.mark.parametrize("history", REJECTED.values(), ids=REJECTED.keys())
def test_q8_what_no_register_can_have_done_is_rejected(history: list[Operation]) -> None:
    history = [
        operation for operation in history if operation.returned_at is None or operation.result is not None
    ]
    (violation,) = check(history)
    assert violation.lead == "L"
    assert len(violation.explained) < len(history)
    assert str(violation).startswith("L: after ")
    assert not some_order_explains(history)


def test_leads_do_not_explain_each_other() -> None:
    history = [op("a", "claim", 0, 1, "won"), replace(op("b", "claim", 2, 3, "won"), lead="M")]
    assert check(history) == []
    history.append(replace(op("a", "claim", 4, 5, "won"), lead="M"))
    assert [violation.lead for violation in check(history)] == ["M"]


def test_a_crowd_at_the_same_moment_is_checked_at_once() -> None:
    """Two hundred claims that all overlap have 200! orders; losers never branch the search."""
    crowd = [op(f"r{n}", "claim", 0, 10, "lost", owner="w") for n in range(200)]
    assert check([*crowd, op("w", "claim", 0, 10, "won")]) == []
    assert len(check([*crowd, op("v", "claim", 0, 10, "won")])) == 1


# -- the judge --------------------------------------------------------------------------------


def some_order_explains(history: Sequence[Operation]) -> bool:
    """Try every order of every choice of the operations of unknown outcome."""
    answered = [
        operation
        for operation in history
        if operation.returned_at is not None
        and not (operation.result == "refused" and operation.op not in ("release", "move"))
    ]
    unanswered = [operation for operation in history if operation.returned_at is None]
    for count in range(len(unanswered) + 1):
        for happened in combinations(unanswered, count):
            for order in permutations([*answered, *happened]):
                if respects_real_time(order) and answers_are_explained(order):
                    return True
    return False


def respects_real_time(order: Sequence[Operation]) -> bool:
    """Say whether no operation stands before one that had returned when it was invoked."""
    return not any(
        later.returned_at is not None and later.returned_at < earlier.invoked_at
        for n, earlier in enumerate(order)
        for later in order[n + 1 :]
    )


def answers_are_explained(order: Sequence[Operation]) -> bool:
    """Play the operations one after the other and compare every answer with the one that was given."""
    register = Register()
    for operation in order:
        answer = register.ask(operation)
        if operation.returned_at is None:
            continue
        if answer[0] != operation.result or (
            operation.result == "lost" and operation.owner not in (None, answer[1])
        ):
            return False
    return True


@dataclass
class Register:
    """The model as code that answers, written without a look at the checker."""

    owner: str | None = None

    def ask(self, operation: Operation) -> tuple[str, str | None]:
        """Carry out one operation; return the answer and who has the lead."""
        owns_it = self.owner == operation.process
        if operation.op == "claim":
            if self.owner is None or owns_it:
                self.owner = operation.process
                return "won", operation.process
            return "lost", self.owner
        if operation.op == "assign":
            if self.owner is None:
                self.owner = operation.to
                return "done", operation.to
            return "lost", self.owner
        if operation.op == "move":
            if self.owner is None:
                return "refused", None
            self.owner = operation.to
            return "done", operation.to
        if operation.op == "free":
            if self.owner != operation.to:
                self.owner = None
            return "done", self.owner
        if operation.op == "release":
            if owns_it:
                self.owner = None
                return "done", None
            return "refused", self.owner
        if operation.op == "leave":
            if self.owner is None or owns_it:
                self.owner = None
                return "done", None
            return "refused", self.owner
        if owns_it:
            self.owner = None
        return "expired", self.owner


# -- histories from a register ----------------------------------------------------------------------


def random_history(source: random.Random, length: int) -> list[Operation]:
    """Let a register answer random operations one after the other; each interval contains its instant."""
    register, history = Register(), list[Operation]()
    for instant in range(length):
        rep_id, action = (
            source.choice("abc"),
            source.choice(["claim", "claim", "assign", "move", "free", "release", "leave", "expire"]),
        )
        operation = op(
            rep_id,
            action,
            instant - source.uniform(0, 3),
            instant + source.uniform(0, 3),
            to=source.choice("abc") if action in ("assign", "move", "free") else None,
        )
        if source.random() < 0.1 and action != "expire":  # asked, and never carried out
            history.append(replace(operation, returned_at=None))
            continue
        result, owner = register.ask(operation)
        if action == "expire" or source.random() < 0.15:
            history.append(replace(operation, returned_at=None))
        else:
            outcome: Any = result
            history.append(replace(operation, result=outcome, owner=owner if result == "lost" else None))
    return history


@given(st.integers(0, 2**32), st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_every_history_of_a_register_is_accepted(seed: int, length: int) -> None:
    assert check(random_history(random.Random(seed), length)) == []


@given(st.integers(0, 2**32), st.integers(2, 6))
@settings(max_examples=300, deadline=None)
def test_a_changed_history_is_judged_as_brute_force_judges_it(seed: int, length: int) -> None:
    source = random.Random(seed)
    history = random_history(source, length)
    for _ in range(source.randint(1, 3)):
        n = source.randrange(length)
        history[n] = changed_operation(source, history[n])
    assert (check(history) == []) == some_order_explains(history)


def changed_operation(source: random.Random, operation: Operation) -> Operation:
    """Return the operation with something else than what happened."""
    if operation.op == "expire":
        return replace(
            operation, process=source.choice("abc"), invoked_at=operation.invoked_at + source.uniform(-3, 3)
        )
    results: dict[str, list[Any]] = {
        "claim": ["won", "lost"],
        "assign": ["done", "lost"],
        "move": ["done", "refused"],
        "free": ["done"],
        "release": ["done", "refused"],
        "leave": ["done"],
    }
    match source.randrange(4):
        case 0 if operation.returned_at is not None:
            result = source.choice(results[operation.op])
            return replace(operation, result=result, owner=source.choice("abc") if result == "lost" else None)
        case 1:
            return replace(operation, process=source.choice("abc"))
        case 2 if operation.returned_at is not None:
            middle = (operation.invoked_at + operation.returned_at) / 2 + source.uniform(-2, 2)
            return replace(operation, invoked_at=middle, returned_at=middle + source.uniform(0, 0.5))
        case _:
            return replace(operation, returned_at=None, result=None)
