"""A publication that is no valid rule is refused. Every problem has its path, field, operator and reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Problem, RuleErrors
from rules.language.compile import CompiledRule
from rules.language.tree import EMPTY, MAX_CONDITIONS, MAX_DEPTH, parse
from tests.rules.language.reference_language import NOW, make

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
almost_rules = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "field": st.sampled_from(["state", "created_at", "credit_score", "attributes.", "attributes.x"])
            | json_values,
            "operator": st.sampled_from(["=", "in", "inLast", "between", "null", "contains"]) | json_values,
            "value": st.sampled_from(["RI", 7, ["RI"], {"amount": 1, "unit": "day"}]) | json_values,
            "valueSource": json_values,
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"combinator": st.just("and") | json_values, "rules": st.lists(inner) | json_values}
    ),
)


@given(almost_rules)
def test_q6_whatever_is_published_is_accepted_or_refused_with_reasons(raw: Any) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        tree = parse(raw)
    except RuleErrors as error:
        problems = error.problems
    else:
        CompiledRule(tree).test(make(), NOW)
        return
    assert problems
    assert all(problem.path.startswith("rules") and 0 < len(problem.reason) < 400 for problem in problems)


STATE = {"field": "state", "operator": "=", "value": "RI"}


def _tree_with(**changes: Any) -> dict[str, Any]:
    return {"combinator": "and", "rules": [STATE, STATE | changes]}


def _deep(levels: int) -> dict[str, Any]:
    return {"combinator": "and", "rules": [_deep(levels - 1) if levels > 1 else STATE]}


REFUSED = [
    # what is published, path, field, operator, words of the reason
    ([], "inclusion", None, None, "expected a group"),
    ({"combinator": "xor", "rules": [STATE]}, "inclusion", None, None, "combinator must be and or or"),
    ({"combinator": "and", "not": 1, "rules": [STATE]}, "inclusion", None, None, "not must be true or false"),
    ({"combinator": "and"}, "inclusion", None, None, "rules must be a list"),
    ({"combinator": "and", "not": True, "rules": []}, "inclusion", None, None, "the group is empty"),
    (
        {"combinator": "and", "rules": [STATE, {"combinator": "or", "rules": []}]},
        "inclusion.rules[1]",
        None,
        None,
        "the group is empty",
    ),
    (
        {"rules": [STATE, "and", STATE]},
        "inclusion.rules[1]",
        None,
        None,
        "expected a rule or a group, got and",
    ),
    (_tree_with(muted=True), "inclusion.rules[1]", None, None, "has unknown keys: muted"),
    (_tree_with(valueSource="field"), "inclusion.rules[1]", "state", "=", "not with another field"),
    (_tree_with(field="sate"), "inclusion.rules[1]", "sate", "=", "there is no such field"),
    (_tree_with(field=None), "inclusion.rules[1]", None, "=", "field is missing"),
    (_tree_with(field="attributes."), "inclusion.rules[1]", "attributes.", "=", "there is no such field"),
    (_tree_with(operator="like"), "inclusion.rules[1]", "state", "like", "there is no such operator"),
    (_tree_with(operator=None), "inclusion.rules[1]", "state", None, "operator is missing"),
    (
        _tree_with(operator="contains"),
        "inclusion.rules[1]",
        "state",
        "contains",
        "choice fields allow only: = !=",
    ),
    (_tree_with(value="ri"), "inclusion.rules[1]", "state", "=", "did you mean RI?"),
    (_tree_with(value=""), "inclusion.rules[1]", "state", "=", "the text is empty"),
    (_tree_with(value=7), "inclusion.rules[1]", "state", "=", "expected a text, got 7"),
    (
        _tree_with(operator="in", value="RI, MA"),
        "inclusion.rules[1]",
        "state",
        "in",
        "expected a list, got RI, MA",
    ),
    (_tree_with(operator="in", value=[]), "inclusion.rules[1]", "state", "in", "the list is empty"),
    (
        _tree_with(operator="in", value=["RI", "XX"]),
        "inclusion.rules[1]",
        "state",
        "in",
        "value 2: XX is not one",
    ),
    (_tree_with(operator="in", value=["RI"] * 1001), "inclusion.rules[1]", "state", "in", "at most 1000"),
    (_tree_with(field="last_name", value="x" * 501), "inclusion.rules[1]", "last_name", "=", "at most 500"),
    (
        _tree_with(field="last_name", value="\ud800"),
        "inclusion.rules[1]",
        "last_name",
        "=",
        "not valid Unicode",
    ),
    (
        _tree_with(field="credit_score", value="700"),
        "inclusion.rules[1]",
        "credit_score",
        "=",
        "expected a number",
    ),
    (_tree_with(field="credit_score", value=True), "inclusion.rules[1]", "credit_score", "=", "got true"),
    (
        _tree_with(field="credit_score", value=1.5),
        "inclusion.rules[1]",
        "credit_score",
        "=",
        "a whole number",
    ),
    (_tree_with(field="loan_amount", value=1e300), "inclusion.rules[1]", "loan_amount", "=", "beyond"),
    (_tree_with(field="loan_amount", value=float("nan")), "inclusion.rules[1]", "loan_amount", "=", "finite"),
    (
        _tree_with(field="silenced", value="true"),
        "inclusion.rules[1]",
        "silenced",
        "=",
        "expected true or false",
    ),
    (
        _tree_with(field="created_at", value="20.11.2026"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "expected a date",
    ),
    (
        _tree_with(field="created_at", value="2026-02-30"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "day is out of",
    ),
    (
        _tree_with(field="created_at", value="2026-11-20T09:00:00"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "time with offset",
    ),
    (
        _tree_with(field="created_at", value="1066-10-14"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "the year must be",
    ),
    (
        _tree_with(field="created_at", operator="between", value=["2026-11-20", "2026-11-19"]),
        "inclusion.rules[1]",
        "created_at",
        "between",
        "from must not exceed to",
    ),
    (
        _tree_with(field="credit_score", operator="between", value=[1]),
        "inclusion.rules[1]",
        "credit_score",
        "between",
        "a list of two",
    ),
    (
        _tree_with(field="attributes.x", operator="in", value=[1, "1"]),
        "inclusion.rules[1]",
        "attributes.x",
        "in",
        "use one kind",
    ),
    (
        _tree_with(field="created_at", operator="inLast", value=30),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "expected amount and unit, got 30",
    ),
    (
        _tree_with(field="created_at", operator="inLast", value={"amount": 0, "unit": "day"}),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "a whole number from 1",
    ),
    (
        _tree_with(field="created_at", operator="inLast", value={"amount": 1, "unit": "month"}),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "unit must be one of minute, hour, day, week",
    ),
    (
        _tree_with(field="created_at", operator="inLast", value={"amount": 10**400, "unit": "week"}),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "longer than a hundred years",
    ),
    (_deep(MAX_DEPTH + 1), "inclusion" + ".rules[0]" * MAX_DEPTH, None, None, "nested deeper than 8"),
    ({"rules": [STATE] * (MAX_CONDITIONS + 1)}, "inclusion", None, None, "at most 200"),
    (
        {"rules": [{"rules": [STATE] * 150}, {"rules": [STATE] * 150}]},
        "inclusion.rules[1].rules[50]",
        None,
        None,
        "more than 200 conditions",
    ),
]


@pytest.mark.parametrize(("raw", "path", "field", "operator", "reason"), REFUSED)
def test_q6_an_invalid_rule_is_refused_with_path_field_operator_and_reason(
    raw: Any, path: str, field: str | None, operator: str | None, reason: str
) -> None:
    with pytest.raises(RuleErrors) as refused:
        parse(raw, "inclusion")
    (problem,) = refused.value.problems
    assert (problem.path, problem.field, problem.operator) == (path, field, operator)
    assert reason in problem.reason


def test_q6_every_problem_is_named_at_once() -> None:
    raw = {
        "combinator": "and",
        "rules": [
            {"field": "state", "operator": "=", "value": "xx"},
            {"combinator": "or", "rules": [{"field": "nope", "operator": "=", "value": 1}, STATE]},
            {"field": "credit_score", "operator": "inLast", "value": 1},
        ],
    }
    with pytest.raises(RuleErrors) as refused:
        parse(raw, "exclusion")
    assert [problem.path for problem in refused.value.problems] == [
        "exclusion.rules[0]",
        "exclusion.rules[1].rules[0]",
        "exclusion.rules[2]",
    ]


def test_q6_the_deepest_allowed_tree_is_accepted() -> None:
    assert parse(_deep(MAX_DEPTH)) != EMPTY
