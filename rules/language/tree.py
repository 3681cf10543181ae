"""Parses a rule tree. The result is frozen, typed and within bounds; otherwise every reason is reported (Q2, Q6).

The external form is react-querybuilder's tree without ids (docs/contracts, `<rules>`). `parse` reads it, `dump` writes
it, and parsing a dumped tree gives the same tree. The semantics are the same for closures, index and previews:

- A null field meets only `null`. Every other operator, including the negative ones, is false on it. `not` of a
  group only inverts the group's result, so a null field may meet a negated group.
- Text is compared without regard to case, by code point. Choices, numbers and instants are compared exactly.
- A date without time is that whole day in the org's time zone (C1): `=` means within it, `>` means after it, and
  `between` includes both ends.
- `inLast` is met while value <= now < value + amount, and `inNext` while value - amount <= now < value.
  `notInLast` is met by every other non-null value. So each result holds from one exact instant to another.
- The empty root matches every lead as inclusion and no lead as exclusion. An empty group below the root is refused.
"""

from typing import Any, Final, Literal

import msgspec

from models.errors import Problem, RuleErrors
from rules.language.catalogue import FIELDS
from rules.language.instants import Amount
from rules.language.operands import Operand, OperandError, clipped_text, operand
from rules.language.operators import NULLNESS, FieldType, Operator

MAX_DEPTH: Final = 8
"""The maximum nesting of groups, including the root."""
MAX_CONDITIONS: Final = 200
"""The maximum number of conditions in one tree, and of entries in one group."""

_IGNORED: Final = frozenset({"id", "path"})
"""The keys that the builder adds for its own use."""
_GROUP_KEYS: Final = frozenset({"combinator", "not", "rules"}) | _IGNORED
_CONDITION_KEYS: Final = frozenset({"field", "operator", "value", "valueSource"}) | _IGNORED


class Condition(msgspec.Struct, frozen=True):
    """One test of one field. `value`: None for null and notNull, a pair for between, a tuple for in.

    `time_zone`: the zone whose days are meant by dates without a time.
    """

    field: str
    operator: Operator
    value: Operand = None
    time_zone: str = "UTC"


class RuleGroup(msgspec.Struct, frozen=True):
    """Nodes joined by `and` or `or`; `negated` inverts the result."""

    combinator: Literal["and", "or"] = "and"
    rules: tuple["Node", ...] = ()
    negated: bool = False


Node = Condition | RuleGroup

EMPTY: Final = RuleGroup()
"""The tree without conditions."""


def in_zone(tree: RuleGroup, time_zone: str) -> RuleGroup:
    """Return a tree whose dates without a time are days of a zone (reading C1)."""
    return tree if time_zone == "UTC" else _in_zone(tree, time_zone)


def _in_zone(tree: RuleGroup, time_zone: str) -> RuleGroup:
    rules = tuple(
        _in_zone(rule, time_zone)
        if isinstance(rule, RuleGroup)
        else msgspec.structs.replace(rule, time_zone=time_zone)
        if FIELDS[rule.field].type is FieldType.DATE
        else rule
        for rule in tree.rules
    )
    return msgspec.structs.replace(tree, rules=rules)


def parse(raw: Any, root: str = "rules") -> RuleGroup:
    """Parse a published tree. None and `{}` give the empty tree. `root`: the beginning of paths (such as `inclusion`).

    Raises `RuleErrors` with every problem: path, field, operator and reason.
    """
    if raw is None or raw == {}:
        return EMPTY
    reader = _Reader()
    group = reader.group(raw, root, depth=1)
    if reader.problems or group is None:
        raise RuleErrors(tuple(reader.problems))
    return group if group.rules else EMPTY


def dump(node: Node) -> dict[str, Any]:
    """Return a tree in its external form, ready for JSON. `parse` of the result gives the same tree."""
    if isinstance(node, RuleGroup):
        return {
            "combinator": node.combinator,
            "not": node.negated,
            "rules": [dump(rule) for rule in node.rules],
        }
    return {"field": node.field, "operator": node.operator.value, "value": _plain(node.value)}


def conditions(node: Node) -> int:
    """Return the number of conditions in a tree."""
    return sum(map(conditions, node.rules)) if isinstance(node, RuleGroup) else 1


def _plain(value: Operand) -> Any:
    if isinstance(value, Amount):
        return {"amount": value.amount, "unit": value.unit.value}
    return list(value) if isinstance(value, tuple) else value


class _Reader:
    """Parses one raw tree within bounds. It collects every problem instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.conditions = 0

    def problem(self, path: str, reason: str, field: Any = None, operator: Any = None) -> None:
        self.problems.append(
            Problem(
                path=path,
                reason=reason,
                field=None if field is None else clipped_text(field),
                operator=None if operator is None else clipped_text(operator),
            )
        )

    def group(self, raw: Any, path: str, depth: int) -> RuleGroup | None:
        if not isinstance(raw, dict):
            self.problem(path, f"expected a group with combinator and rules, got {clipped_text(raw)}")
            return None
        if depth > MAX_DEPTH:
            self.problem(path, f"groups are nested deeper than {MAX_DEPTH}")
            return None
        self._unknown(raw, _GROUP_KEYS, path)
        combinator, negated, rules = raw.get("combinator", "and"), raw.get("not", False), raw.get("rules")
        if combinator not in ("and", "or"):
            self.problem(path, f"combinator must be and or or, got {clipped_text(combinator)}")
        if not isinstance(negated, bool):
            self.problem(path, f"not must be true or false, got {clipped_text(negated)}")
        if not isinstance(rules, list):
            self.problem(path, f"rules must be a list, got {clipped_text(rules)}")
            return None
        if not rules and (depth > 1 or negated):
            self.problem(path, "the group is empty: give it a rule or take it out")
        if len(rules) > MAX_CONDITIONS:
            self.problem(path, f"{len(rules)} entries, at most {MAX_CONDITIONS} are allowed")
            return None
        nodes = [self._node(rule, f"{path}.rules[{index}]", depth) for index, rule in enumerate(rules)]
        if self.problems:
            return None
        return RuleGroup(combinator, tuple(node for node in nodes if node is not None), negated)

    def _node(self, raw: Any, path: str, depth: int) -> Node | None:
        if isinstance(raw, dict) and ("rules" in raw or "combinator" in raw):
            return self.group(raw, path, depth + 1)
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            if self.conditions == MAX_CONDITIONS + 1:
                self.problem(path, f"more than {MAX_CONDITIONS} conditions")
            return None
        return self._condition(raw, path)

    def _condition(self, raw: Any, path: str) -> Condition | None:
        if not isinstance(raw, dict):
            self.problem(path, f"expected a rule or a group, got {clipped_text(raw)}")
            return None
        name, operator_name, value = raw.get("field"), raw.get("operator"), raw.get("value")
        self._unknown(raw, _CONDITION_KEYS, path)
        if raw.get("valueSource", "value") not in ("value", None):
            self.problem(
                path, "a field is compared with a value, not with another field", name, operator_name
            )
        if not isinstance(name, str) or (field := FIELDS.get(name)) is None:
            self.problem(
                path, "field is missing" if name is None else "there is no such field", name, operator_name
            )
            return None
        try:
            operator = Operator(str(operator_name))
        except ValueError:
            self.problem(
                path,
                "operator is missing" if operator_name is None else "there is no such operator",
                name,
                operator_name,
            )
            return None
        if operator not in field.operators:
            allowed = " ".join(field.operators)
            self.problem(path, f"{field.type} fields allow only: {allowed}", name, operator_name)
            return None
        if operator in NULLNESS:
            return Condition(name, operator)
        try:
            return Condition(name, operator, operand(field, operator, value))
        except OperandError as error:
            self.problem(path, str(error), name, operator_name)
            return None

    def _unknown(self, raw: dict[Any, Any], allowed: frozenset[str], path: str) -> None:
        # Unknown keys are not dropped, because a key like `muted` or `match` changes the meaning of the tree.
        if unknown := sorted(clipped_text(key) for key in raw if key not in allowed):
            self.problem(path, f"has unknown keys: {', '.join(unknown[:5])}")
