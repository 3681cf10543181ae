"""Compiles a rule tree into closures.

They give the result, the instant at which time alone changes it, and the reasons (Q2, X1).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from models.lead import Lead
from rules.language.conditions import (
    MET,
    UNMET,
    Answer,
    StaticTest,
    TimedTest,
    is_timed,
    static_test,
    timed_test,
)
from rules.language.explanations import ConditionOutcome, outcome
from rules.language.tree import EMPTY, Condition, Node, RuleGroup

EVERY_LEAD: Final = "every lead"


class RuleResult(msgspec.Struct, frozen=True):
    """The result of a rule for a lead at an instant, with its reasons.

    `conditions`: every condition's outcome, in the tree's order. `valid_until`: the result holds up to, but not
    including, this instant if nothing but time passes; None means for ever.
    """

    meets: bool
    why: str
    valid_until: datetime | None
    conditions: tuple[ConditionOutcome, ...]


class CompiledNode(msgspec.Struct, frozen=True):
    """A compiled node: `static` if it does not depend on time, otherwise `timed`.

    `moments`: the number of timed conditions. The closures take a lead; if the caller supplies its own leaves, they
    take the same argument as these leaves.
    """

    static: Callable[[Any], bool] | None
    timed: Callable[[Any, datetime], Answer] | None
    moments: int


Leaf = Callable[[Condition], CompiledNode]


def leaf(condition: Condition) -> CompiledNode:
    """Compile one condition on a lead."""
    if is_timed(condition):
        return CompiledNode(None, timed_test(condition), 1)
    return CompiledNode(static_test(condition), None, 0)


def build(node: Node, leaf: Leaf = leaf) -> CompiledNode:
    """Compile a node; `leaf` compiles its conditions. Conditions that do not depend on time are tested first."""
    if isinstance(node, Condition):
        return leaf(node)
    return combine([build(rule, leaf) for rule in node.rules], node.combinator == "or", negated=node.negated)


def combine(parts: list[CompiledNode], decides: bool, *, negated: bool = False) -> CompiledNode:
    """Join compiled nodes.

    `decides`: the result of one part that decides the whole: True for `or`, False for `and`.
    """
    statics = [part.static for part in parts if part.static is not None]
    timed = [part.timed for part in parts if part.timed is not None]
    static = _static(statics, decides) if statics or not timed else None
    if not timed:
        return CompiledNode(_inverted(static) if negated and static else static, None, 0)
    test = timed[0] if len(timed) == 1 and static is None else _timed(static, timed, decides)
    return CompiledNode(None, _negated(test) if negated else test, sum(part.moments for part in parts))


def exact_change(test: TimedTest, lead: Any, now: datetime) -> Answer:
    """Return a timed result with the exact instant at which it changes.

    Bounds at which the result stays the same are skipped. The loop ends, because each bound is a later instant at
    which one of the tree's conditions changes. A date changes at most twice, a number of days at most twice for each
    value that it is compared with.
    """
    meets, until = test(lead, now)
    while until is not None:
        later, following = test(lead, until)
        if later is not meets:
            break
        until = following
    return meets, until


class CompiledRule:
    """One compiled rule tree. Immutable.

    `test(lead, now)` returns whether the lead meets the rule at `now` (aware), and the earliest later instant at which
    time alone changes the result, None if it never does. At that instant the result has changed.
    """

    __slots__ = ("test", "tree")

    tree: RuleGroup
    test: TimedTest

    def __init__(self, tree: RuleGroup) -> None:
        self.tree = tree
        self.test = _tester(build(tree))

    def explain(self, lead: Lead, now: datetime) -> RuleResult:
        """Return the result with its reasons in words. It is slower than `test` and always gives the same result."""
        meets, until = self.test(lead, now)
        outcomes: list[ConditionOutcome] = []
        _, why = _explain_node(self.tree, lead, now, "", outcomes)
        return RuleResult(meets, why if self.tree.rules else EVERY_LEAD, until, tuple(outcomes))


def membership(inclusion: RuleGroup, exclusion: RuleGroup) -> RuleGroup:
    """Join inclusion and exclusion into one tree (Q2).

    The tree is met if the inclusion is met and the exclusion, unless it is empty, is not.
    """
    parts: list[Node] = [inclusion] if inclusion.rules else []
    if exclusion.rules:
        parts.append(msgspec.structs.replace(exclusion, negated=not exclusion.negated))
    return RuleGroup("and", tuple(parts)) if parts else EMPTY


def _tester(built: CompiledNode) -> TimedTest:
    if built.static is not None:
        static = built.static
        return lambda lead, _now: MET if static(lead) else UNMET
    timed = built.timed
    if timed is None:
        raise TypeError("a compiled node has a test")
    if built.moments == 1:
        return timed
    return lambda lead, now: exact_change(timed, lead, now)


def _static(tests: list[StaticTest], decides: bool) -> StaticTest:
    if len(tests) == 1:
        return tests[0]
    conditions = tuple(tests)
    if decides:

        def any_met(lead: Lead) -> bool:
            for test in conditions:  # noqa: SIM110  # a generator costs more than the tests
                if test(lead):
                    return True
            return False

        return any_met

    def all_met(lead: Lead) -> bool:
        for test in conditions:  # noqa: SIM110  # likewise
            if not test(lead):
                return False
        return True

    return all_met


def _timed(static: StaticTest | None, tests: list[TimedTest], decides: bool) -> TimedTest:
    """Join timed tests. An undecided result changes with the first test, a decided one with the last deciding test."""
    conditions = tuple(tests)
    settled: Answer = (decides, None)

    def test(lead: Lead, now: datetime) -> Answer:
        if static is not None and static(lead) is decides:
            return settled
        decided, until = False, None
        for ask in conditions:
            met, bound = ask(lead, now)
            if met is decides:
                if bound is None:
                    return settled
                if not decided or until is None or bound > until:
                    until = bound
                decided = True
            elif not decided and bound is not None and (until is None or bound < until):
                until = bound
        return decides if decided else not decides, until

    return test


def _inverted(test: StaticTest) -> StaticTest:
    return lambda lead: not test(lead)


def _negated(test: TimedTest) -> TimedTest:
    def turned(lead: Lead, now: datetime) -> Answer:
        met, until = test(lead, now)
        return not met, until

    return turned


def _explain_node(
    node: Node, lead: Lead, now: datetime, path: str, outcomes: list[ConditionOutcome]
) -> tuple[bool, str]:
    """Explain a node by the parts that decided it: for an unmet `and`, its unmet parts."""
    if isinstance(node, Condition):
        result = outcome(node, lead, now, path)
        outcomes.append(result)
        return result.met, result.why
    part_reasons = [
        _explain_node(rule, lead, now, f"{path}.rules[{index}]".lstrip("."), outcomes)
        for index, rule in enumerate(node.rules)
    ]
    met = any(m for m, _ in part_reasons) if node.combinator == "or" else all(m for m, _ in part_reasons)
    reasons = [why for m, why in part_reasons if m is met]
    why = "; ".join(reasons)
    if node.negated:
        why = f"not ({why})" if not met else f"({why}), which is not wanted"
    elif len(reasons) > 1 and path:
        why = f"({why})"
    return met is not node.negated, why
