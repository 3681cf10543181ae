"""Indexes rules by their most selective equality, so that a lead is tested against few of them.

The results of conditions are cached for the lead, so a condition that many rules share is evaluated once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from models.lead import Lead
from rules.language.catalogue import FIELDS
from rules.language.compile import CompiledNode, CompiledRule, build, combine
from rules.language.conditions import (
    Answer,
    Read,
    StaticTest,
    is_timed,
    keys,
    reader,
    static_test,
    timed_test,
)
from rules.language.operators import FieldType
from rules.language.tree import Condition, Node

_NO, _YES = 1, 2
"""The values of a cached answer; 0 means not tested yet."""

_UNKNOWN_DOMAIN: Final = 10
"""The minimum number of distinct values assumed for a free text when the selectivity of a list is estimated."""
_UNFILED: Final = 0.5
"""The assumed share of leads that meet a condition that is not an equality."""

Required = tuple[Node, bool]
"""A node and the result it must have."""


class IndexedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to index. `kind`: a look-up tests only rules of the wanted kinds."""

    name: str
    rule: CompiledRule
    kind: bool


class _Entry(msgspec.Struct, frozen=True, eq=False):
    """One indexed rule. `literals`: slots and their required answers. `others`: the other conditions that must hold."""

    name: str
    literals: tuple[tuple[int, int], ...]
    others: CompiledNode | None
    rule: CompiledRule


class _KindIndex:
    """The rules of one kind, filed by the values of a field, or in the list of rules that are always tested."""

    def __init__(self) -> None:
        self.always: list[_Entry] = []
        self.value_indexes: dict[tuple[str, bool], tuple[Read, dict[Any, list[_Entry]]]] = {}

    def candidates(self, lead: Lead) -> list[_Entry]:
        entries_found = self.always.copy()
        for read, drawer in self.value_indexes.values():
            if entries := drawer.get(read(lead)):
                entries_found.extend(entries)
        return entries_found

    def file(self, entry: _Entry, condition: Condition | None) -> None:
        values = None if condition is None else keys(condition)
        if condition is None or values is None:
            self.always.append(entry)
            return
        # An attribute is read as text or as number. Each way of reading has its own drawers.
        index_key = (condition.field, any(isinstance(value, str) for value in values))
        if index_key not in self.value_indexes:
            self.value_indexes[index_key] = (reader(FIELDS[condition.field], condition.value), {})
        drawer = self.value_indexes[index_key][1]
        for value in values:
            drawer.setdefault(value, []).append(entry)


class _LookUp:
    """One lead during a look-up, with the results of the conditions tested so far."""

    __slots__ = ("answers", "lead", "timed")

    def __init__(self, lead: Lead, answers: bytearray) -> None:
        self.lead = lead
        self.answers = answers
        self.timed: dict[int, Answer] = {}


class PredicateIndex:
    """An index of any number of rules. Immutable once built."""

    def __init__(self, rules: Iterable[IndexedRule]) -> None:
        filed = [(rule, tuple(required_nodes(rule.rule.tree))) for rule in rules]
        self._slots: dict[Condition, int] = {}
        self._tests: list[StaticTest] = []
        self._timed: dict[Condition, int] = {}
        self._shelves = {False: _KindIndex(), True: _KindIndex()}
        domains = _domains(needed for _, needed in filed)
        for indexed, needed in filed:
            condition = _most_selective(needed, domains)
            self._shelves[indexed.kind].file(self._entry(indexed, needed, condition, domains), condition)

    def look(self, lead: Lead, now: datetime, kinds: Iterable[bool]) -> tuple[list[str], datetime | None]:
        """Return the names of the rules a lead meets, and when time alone next changes that."""
        answers = bytearray(len(self._tests))
        sight, tests = _LookUp(lead, answers), self._tests
        rule_names: list[str] = []
        earliest: datetime | None = None
        for kind in kinds:
            for entry in self._shelves[kind].candidates(lead):
                for slot, expected in entry.literals:
                    answer = answers[slot]
                    if not answer:
                        answer = answers[slot] = _YES if tests[slot](lead) else _NO
                    if answer != expected:
                        break
                else:
                    meets, until = _always_tested(entry, sight, now)
                    if meets:
                        rule_names.append(entry.name)
                    if until is not None and (earliest is None or until < earliest):
                        earliest = until
        return rule_names, earliest

    def _entry(
        self,
        indexed: IndexedRule,
        needed: tuple[Required, ...],
        filed_under: Condition | None,
        domains: dict[str, int],
    ) -> _Entry:
        literals: list[tuple[float, int, int]] = []
        other_nodes: list[CompiledNode] = []
        for node, expected in dict.fromkeys(needed):
            if node is filed_under:
                continue  # the drawer already guarantees this condition
            if isinstance(node, Condition) and not is_timed(node):
                share = _share(node, domains) if expected else _UNFILED
                literals.append((share, self._index_slot(node), _YES if expected else _NO))
            else:
                part = build(node, self._leaf)
                other_nodes.append(part if expected else combine([part], False, negated=True))
        literals.sort()
        return _Entry(
            indexed.name,
            tuple((slot, answer) for _, slot, answer in literals),
            combine(other_nodes, False) if other_nodes else None,
            indexed.rule,
        )

    def _index_slot(self, condition: Condition) -> int:
        slot = self._slots.setdefault(condition, len(self._tests))
        if slot == len(self._tests):
            self._tests.append(static_test(condition))
        return slot

    def _leaf(self, condition: Condition) -> CompiledNode:
        """Compile a condition of a group so that it is tested once for a lead and its result is then reused."""
        if is_timed(condition):
            index = self._timed.setdefault(condition, len(self._timed))
            ask = timed_test(condition)

            def timed(sight: _LookUp, now: datetime) -> Answer:
                result = sight.timed.get(index)
                if result is None:
                    result = sight.timed[index] = ask(sight.lead, now)
                return result

            return CompiledNode(None, timed, 1)
        slot = self._index_slot(condition)
        test = self._tests[slot]

        def static(sight: _LookUp) -> bool:
            answer = sight.answers[slot]
            if not answer:
                answer = sight.answers[slot] = _YES if test(sight.lead) else _NO
            return answer == _YES

        return CompiledNode(static, None, 0)


def required_nodes(node: Node, expected: bool = True) -> Iterator[Required]:
    """Split a rule into nodes that must each have a certain result for the rule to have the wanted one."""
    if isinstance(node, Condition):
        yield node, expected
        return
    inner = expected is not node.negated
    if len(node.rules) == 1 or (node.combinator == "and") is inner or not node.rules:
        for rule in node.rules:
            yield from required_nodes(rule, inner)
    else:
        yield node, expected


def _always_tested(entry: _Entry, sight: _LookUp, now: datetime) -> Answer:
    remaining = entry.others
    if remaining is None:
        return True, None
    if remaining.static is not None:
        return remaining.static(sight), None
    if remaining.timed is None:
        raise TypeError("a compiled node has a test")
    meets, until = remaining.timed(sight, now)
    if until is None or remaining.moments == 1:
        return meets, until
    return entry.rule.test(sight.lead, now)


def _domains(rules: Iterable[tuple[Required, ...]]) -> dict[str, int]:
    """Count the distinct values that the rules use, for each field they could be indexed by."""
    values_of: dict[str, set[Any]] = {}
    for needed in rules:
        for node, expected in needed:
            if expected and isinstance(node, Condition) and (values := keys(node)):
                values_of.setdefault(node.field, set()).update(values)
    return {name: len(values) for name, values in values_of.items()}


def _share(condition: Condition, domains: dict[str, int]) -> float:
    """Estimate the share of leads that meet a condition."""
    values = keys(condition)
    if values is None:
        return _UNFILED
    field = FIELDS[condition.field]
    if field.type is FieldType.BOOLEAN:
        domain = 2
    else:
        domain = len(field.options) if field.type is FieldType.CHOICE else 0
        domain = max(domain, domains.get(field.name, 0), _UNKNOWN_DOMAIN)
    return len(values) / domain


def _most_selective(needed: tuple[Required, ...], domains: dict[str, int]) -> Condition | None:
    fileable = [
        node
        for node, expected in needed
        if expected and isinstance(node, Condition) and keys(node) is not None
    ]
    return min(fileable, key=lambda node: _share(node, domains), default=None)
