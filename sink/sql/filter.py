"""Translates a rule tree to SQL over the lead table.

For every lead the condition gives the result that the rule's closure gives at the same instant (Q2, X5). A condition
is true or false, never NULL. On a field without a value only `null` is true; `not` of a group inverts that, as in
`rules.language.tree`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from models.errors import Problem, RuleErrors
from models.lead import Phase
from models.spelling import folded
from rules.language.catalogue import FIELDS, Field
from rules.language.conditions import compared_value
from rules.language.day_counts import DAY
from rules.language.instants import Amount, DateSpan, span, utc
from rules.language.operands import Operand
from rules.language.operators import COMPLEMENT, RELATIVE, FieldType, Operator
from rules.language.tree import Condition, Node, RuleGroup
from rules.queues.membership import CompiledQueue
from rules.queues.queue_eligibility import ORPHANED
from sink.sql.field_expressions import Expression, LeadColumns
from sink.tables import LeadTable

MAX_VALUES: Final = 10_000
"""How many values one rule may compare with. Databases accept some ten thousands in a statement."""

_FREE: Final = (Phase.QUEUED.value, Phase.EXCEPTION.value)


def rule_condition(tree: Node, at: datetime, dialect: str) -> ColumnElement[bool]:
    """Return the condition on `LeadTable` that a lead meets a rule at `at` (aware).

    `dialect`: `sqlite` or `postgresql`. Raises `RuleErrors` for a rule with more than `MAX_VALUES` values, which no
    statement can hold.
    """
    if (count := _values(tree)) > MAX_VALUES:
        reason = f"{count} values to compare with, at most {MAX_VALUES} can be counted or listed"
        raise RuleErrors((Problem(path="rules", reason=reason),))
    return _Where(LeadColumns(dialect), utc(at)).node(tree)


def queue_condition(
    queue: CompiledQueue, at: datetime, dialect: str, protect_minutes: float = 0
) -> ColumnElement[bool]:
    """Return the condition that a lead is in a queue at `at`, by rules and phase as `membership` decides.

    `protect_minutes`: how long a fresh assignment is in no claimable queue (M4).
    """
    in_queue = and_(
        phase_condition(claimable=queue.queue.claimable), rule_condition(queue.rule.tree, at, dialect)
    )
    if not queue.queue.claimable or not protect_minutes:
        return in_queue
    table, limit = LeadTable, utc(at) - timedelta(minutes=protect_minutes)
    return and_(
        in_queue,
        or_(
            table.owner.is_(None),
            table.assigned_at.is_(None),
            func.coalesce(table.how, "") == "claim",
            func.coalesce(table.in_queue_since, table.assigned_at) <= limit,
        ),
    )


def phase_condition(*, claimable: bool) -> ColumnElement[bool]:
    """Return the condition that a lead's phase allows a kind of queue (`queue_eligibility`; D1, D3, Q10, Q11)."""
    phase, through = LeadTable.phase, LeadTable.claimed_through
    if claimable:
        return and_(phase.in_((*_FREE, Phase.OWNED.value)), through.is_(None))
    has_left = and_(through.is_not(None), func.coalesce(LeadTable.failed, "") == ORPHANED)
    return and_(phase.in_(_FREE), not_(has_left))


def org_condition(org: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that a lead is of an org, for a statement that reads all leads of the org.

    It keeps SQLite from using an index here: to jump from row to row costs several times as much as to read the table
    in its stored order.
    """
    column = LeadTable.org.expression
    return (UnaryExpression(column, operator=custom_op("+")) if dialect == "sqlite" else column) == org


class _Where:
    """Turns nodes into conditions, at one instant."""

    def __init__(self, columns: LeadColumns, at: datetime) -> None:
        self._columns = columns
        self._at = at

    def node(self, node: Node) -> ColumnElement[bool]:
        if isinstance(node, Condition):
            return self._condition(node)
        parts = [self.node(rule) for rule in node.rules]
        if not parts:
            return true()
        joined = or_(*parts) if node.combinator == "or" else and_(*parts)
        return not_(joined.self_group()) if node.negated else joined.self_group()

    def _condition(self, condition: Condition) -> ColumnElement[bool]:
        field, operator = FIELDS[condition.field], condition.operator
        if operator is Operator.NULL:
            return not_(self._columns.present(field))
        if operator is Operator.NOT_NULL:
            return self._columns.present(field)
        operator_used = COMPLEMENT.get(operator, operator)
        test = self._test(field, operator_used, compared_value(condition), condition.time_zone)
        # The test is NULL where the lead has no value. Then neither the test nor its complement is true.
        return func.coalesce(not_(test) if operator in COMPLEMENT else test, false())

    def _test(self, field: Field, operator: Operator, value: Operand, time_zone: str) -> ColumnElement[bool]:
        """Return the positive form of an operator; NULL where there is no value."""
        if operator in RELATIVE:
            return self._relative(self._columns.raw(field), operator, value)
        if field.type is FieldType.DAYS:
            return _days(self._columns.raw(field), operator, value, self._at)
        if field.type is FieldType.DATE:
            return _date(self._columns.raw(field), operator, value, time_zone)
        if field.type is FieldType.BOOLEAN:
            read = self._columns.raw(field)
            return read if value else not_(read)
        if field.type is FieldType.CHOICE:
            return _compared(self._columns.raw(field), operator, value)
        first = value[0] if isinstance(value, tuple) else value
        if not isinstance(first, str):
            expression_of = self._columns.number if field.type is FieldType.ATTRIBUTE else self._columns.raw
            return _compared(expression_of(field), operator, value)
        return self._text(self._columns.folded(field), operator, value)

    def _text(self, text: Expression, operator: Operator, value: Operand) -> ColumnElement[bool]:
        if isinstance(value, tuple):
            return _compared(text, operator, tuple(folded(str(option)) for option in value))
        part = folded(str(value))
        if operator is Operator.CONTAINS:
            return self._columns.contains(text, part)
        if operator is Operator.BEGINS:
            return func.substr(text, 1, len(part)) == part
        if operator is Operator.ENDS:
            # If the text is shorter than the part, this is not the whole part, so it is never equal.
            return func.substr(text, func.length(text) - len(part) + 1) == part
        return _compared(text, operator, part)

    def _relative(self, read: Expression, operator: Operator, value: Operand) -> ColumnElement[bool]:
        if not isinstance(value, Amount):
            raise TypeError(f"{operator} needs an amount of time")
        if operator is Operator.IN_NEXT:
            return and_(read > self._at, read <= self._at + value.length)
        return and_(read <= self._at, read > self._at - value.length)


def _compared(read: Expression, operator: Operator, value: Operand) -> ColumnElement[bool]:
    if operator is Operator.BETWEEN and isinstance(value, tuple):
        return and_(read >= value[0], read <= value[1])
    if isinstance(value, tuple):
        # A list is bound with the type of its first value: 12.5 among whole numbers would become 12.
        mixed = any(isinstance(option, float) for option in value)
        return read.in_(tuple(map(float, value)) if mixed else value)
    return _COMPARISONS[operator](read, value)


def _date(read: Expression, operator: Operator, value: Operand, time_zone: str) -> ColumnElement[bool]:
    """Compare with a day or an instant: from its start to before its end (`rules.language.instants.span`)."""
    if operator is Operator.BETWEEN and isinstance(value, tuple):
        first, last = (span(str(text), time_zone) for text in value)
        return _within(read, DateSpan(first.start, last.end))
    target = span(str(value), time_zone)
    if operator is Operator.EQUAL:
        return _within(read, target)
    after = operator in {Operator.AT_MOST, Operator.MORE}
    comparison = {Operator.AT_MOST: Operator.LESS, Operator.MORE: Operator.AT_LEAST}.get(operator, operator)
    return _COMPARISONS[comparison](read, target.end if after else target.start)


def _days(since: Expression, operator: Operator, value: Operand, at: datetime) -> ColumnElement[bool]:
    """Compare the number of whole days from an instant to `at` (`rules.language.day_counts`)."""

    def at_least(days: int) -> ColumnElement[bool]:
        return since <= at - days * DAY if days > 0 else since.is_not(None)

    values = [
        day_count
        for day_count in (value if isinstance(value, tuple) else (value,))
        if isinstance(day_count, int)
    ]
    low, high = values[0], values[-1]
    if operator is Operator.IN:
        return or_(*(and_(at_least(day_count), not_(at_least(day_count + 1))) for day_count in values))
    if operator in {Operator.EQUAL, Operator.BETWEEN}:
        return and_(at_least(low), not_(at_least(high + 1)))
    is_next_day = operator in {Operator.AT_MOST, Operator.MORE}
    is_reached = at_least(low + 1 if is_next_day else low)
    return not_(is_reached) if operator in {Operator.LESS, Operator.AT_MOST} else is_reached


def _within(read: Expression, target: DateSpan) -> ColumnElement[bool]:
    return and_(read >= target.start, read < target.end)


_COMPARISONS: Final[dict[Operator, Callable[[Expression, Any], ColumnElement[bool]]]] = {
    Operator.EQUAL: lambda read, value: read == value,
    Operator.LESS: lambda read, value: read < value,
    Operator.AT_MOST: lambda read, value: read <= value,
    Operator.MORE: lambda read, value: read > value,
    Operator.AT_LEAST: lambda read, value: read >= value,
}


def _values(node: Node) -> int:
    if isinstance(node, RuleGroup):
        return sum(map(_values, node.rules))
    return len(node.value) if isinstance(node.value, tuple) else 1
