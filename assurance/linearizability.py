"""Checks that one order of operations explains every answer. The model of a lead is two registers.

One register holds the lead's owner, the other who has the lead open; each holds a rep or nobody and is checked by
itself. A history is linearizable if each operation can be given one instant between its invocation and its return at
which it took effect, so that the register explains every answer. The search is Wing and Gong's, lead by lead, and
remembers the configurations it has seen.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

Kind = Literal["claim", "assign", "move", "free", "release", "leave", "expire"]
Answer = Literal["won", "lost", "done", "refused"]

_NEVER_RETURNED: Final = float("inf")


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of one process (a rep) on one lead, as its client saw it. Times are seconds on one clock.

    `returned_at` None: its outcome is unknown; it may have happened at any time after `invoked_at`, or never.
    `owner`: who has the lead, if the answer said so. `to`: assign's new owner.

    ========  ========  ==============================================  ==============
    op        result    the register held                               and holds then
    ========  ========  ==============================================  ==============
    claim     won       nobody, or the process                          the process
    claim     lost      another, `owner` if that was said               the same
    assign    done      nobody                                          `to`
    assign    lost      somebody, `owner` if that was said              the same
    move      done      somebody                                        `to`
    move      refused   nobody                                          the same
    free      done      anybody, or nobody                              nobody, or `to` as before
    release   done      the process                                     nobody
    release   refused   nobody or another                               the same
    leave     done      nobody, or the process                          nobody
    expire    unknown   the process (else it has no effect)             nobody
    ========  ========  ==============================================  ==============

    Any other refusal says nothing about the register and is not looked at.
    """

    process: str
    op: Kind
    lead: str
    invoked_at: float
    returned_at: float | None = None
    result: Answer | None = None
    owner: str | None = None
    to: str | None = None


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A lead whose history no order explains. `explained`: the longest sequence of operations that could be ordered."""

    lead: str
    explained: tuple[Operation, ...]
    ops: tuple[Operation, ...]

    def __str__(self) -> str:
        unexplained = [op for op in self.ops if op not in self.explained and op.returned_at is not None]
        return f"{self.lead}: after {_shown(self.explained)} nothing explains {_shown(unexplained)}"


def check(history: Iterable[Operation]) -> list[Violation]:
    """Return the leads whose histories are not linearizable. Empty if all are."""
    by_lead: dict[str, list[Operation]] = {}
    for op in history:
        if op.returned_at is None or (op.op, op.result) in _KNOWN:
            by_lead.setdefault(op.lead, []).append(op)
    return [violation for lead, ops in by_lead.items() if (violation := _check_lead(lead, ops))]


def _is_win(op: Operation, owner: str | None) -> bool:
    return owner is None or owner == op.process


def _lost_claim(op: Operation, owner: str | None) -> bool:
    return owner is not None and owner != op.process and op.owner in (None, owner)


def _lost_assign(op: Operation, owner: str | None) -> bool:
    return owner is not None and op.owner in (None, owner)


_KNOWN: Final[dict[tuple[str, str | None], tuple[Callable[[Operation, str | None], bool], str]]] = {
    ("claim", "won"): (_is_win, "process"),
    ("claim", "lost"): (_lost_claim, "same"),
    ("assign", "done"): (lambda _, owner: owner is None, "to"),
    ("assign", "lost"): (_lost_assign, "same"),
    ("move", "done"): (lambda _, owner: owner is not None, "to"),
    ("move", "refused"): (lambda _, owner: owner is None, "same"),
    ("free", "done"): (lambda *_: True, "only to"),
    ("release", "done"): (lambda op, owner: owner == op.process, "nobody"),
    ("release", "refused"): (lambda op, owner: owner != op.process, "same"),
    ("leave", "done"): (_is_win, "nobody"),
}
"""(op, result) -> (whether the register can have held this owner, what it holds afterwards)."""

_EFFECT: Final = {
    "claim": "won",
    "assign": "done",
    "move": "done",
    "free": "done",
    "release": "done",
    "leave": "done",
}
"""The answer of an operation with unknown outcome, if it had any effect."""


def _only_reads(op: Operation) -> bool:
    return op.result in ("lost", "refused")


def _apply_to_register(op: Operation, owner: str | None) -> tuple[bool, str | None]:
    """Return whether the operation can take effect on a register holding `owner`, and what it holds afterwards."""
    if op.returned_at is not None:
        possible, then = _KNOWN[op.op, op.result]
    elif op.op == "expire":
        return owner == op.process, None
    else:
        possible, then = _KNOWN[op.op, _EFFECT[op.op]]
    if not possible(op, owner):
        return False, owner
    only_to = owner if owner == op.to else None
    holds = {"process": op.process, "to": op.to, "nobody": None, "same": owner, "only to": only_to}
    return True, holds[then]


def _check_lead(lead: str, ops: list[Operation]) -> Violation | None:
    """Search an order of one lead's operations, depth first. Return None if there is one."""
    ops.sort(key=lambda op: op.invoked_at)
    returns = [_NEVER_RETURNED if op.returned_at is None else op.returned_at for op in ops]
    required = sum(1 << n for n, op in enumerate(ops) if op.returned_at is not None)
    visited: set[tuple[int, str | None]] = set()
    stack: list[tuple[int, str | None, tuple[int, ...]]] = [(0, None, ())]
    deepest: tuple[int, ...] = ()
    while stack:
        applied, owner, order = stack.pop()
        if applied & required == required:
            return None
        if (applied, owner) in visited:
            continue
        visited.add((applied, owner))
        if len(order) > len(deepest):
            deepest = order
        branches = []
        for n in _next(ops, returns, applied):
            possible, then = _apply_to_register(ops[n], owner)
            if not possible or (then == owner and returns[n] == _NEVER_RETURNED):
                continue  # unknown outcome, no effect: treated as if it did not happen
            branch = (applied | 1 << n, then, (*order, n))
            if _only_reads(ops[n]):
                # It is possible now and changes nothing, so it is safe to try only this branch.
                branches = [branch]
                break
            branches.append(branch)
        stack.extend(reversed(branches))
    return Violation(lead=lead, explained=tuple(ops[n] for n in deepest), ops=tuple(ops))


def _next(ops: list[Operation], returns: list[float], applied: int) -> list[int]:
    """Return the operations that may be next: those invoked before any remaining one had returned."""
    candidates: list[int] = []
    earliest = _NEVER_RETURNED
    for n, op in enumerate(ops):
        if applied >> n & 1:
            continue
        if op.invoked_at > earliest:
            break  # they are sorted, so all later ones are excluded too
        candidates.append(n)
        earliest = min(earliest, returns[n])
    return [n for n in candidates if ops[n].invoked_at <= earliest]


def _shown(ops: Iterable[Operation]) -> str:
    return "; ".join(_operation_text(op) for op in ops) or "nothing"


def _operation_text(op: Operation) -> str:
    to = f" to {op.to}" if op.to else ""
    until = "?" if op.returned_at is None else f"{op.returned_at:.3f}"
    owner_text = f" ({op.owner} has it)" if op.owner and op.result == "lost" else ""
    return f"{op.process} {op.op}{to} {op.invoked_at:.3f}-{until} {op.result or 'unknown'}{owner_text}"
