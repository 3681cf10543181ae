"""Closures, printed form and exact instants of the rule language agree with a second reading of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Problem, RuleErrors
from models.facts import Facts
from models.lead import Lead
from rules.compile import CompiledRule
from rules.tree import EMPTY, MAX_CONDITIONS, MAX_DEPTH, dump, parse
from tests.rules.language import (
    NOW,
    TICK,
    dated_leads,
    instants,
    leads,
    make,
    meets,
    moments,
    timed_trees,
    trees,
    turns_at,
)

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


def one(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    """Return a tree of one condition."""
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


def verdict(raw: dict[str, Any], lead: Lead, now: datetime = NOW) -> bool:
    """Return what the closures say of a raw tree."""
    return CompiledRule(parse(raw)).test(lead, now)[0]


@given(trees)
def test_q2_a_tree_printed_and_parsed_is_itself(raw: dict[str, Any]) -> None:
    tree = parse(raw)
    assert parse(json.loads(json.dumps(dump(tree)))) == tree


@given(trees, leads(), instants)
def test_q2_closures_agree_with_a_second_reading_of_the_rules(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    assert verdict(raw, lead, now) is meets(raw, lead, now)


@given(trees, leads(), instants)
def test_q2_valid_until_is_the_very_instant_the_verdict_turns(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    check_turn(raw, lead, now)


@given(timed_trees, dated_leads, instants)
def test_q2_valid_until_is_exact_where_many_dates_turn(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    check_turn(raw, lead, now)


def check_turn(raw: dict[str, Any], lead: Lead, now: datetime) -> None:
    """Hold the answer against every instant at which anything could turn."""
    rule = CompiledRule(parse(raw))
    met, until = rule.test(lead, now)
    assert until == turns_at(lambda at: meets(raw, lead, at), moments(lead), now)
    if until is not None:
        assert until > now
        assert rule.test(lead, until - TICK)[0] is met
        assert rule.test(lead, until)[0] is not met


@given(trees, leads(), instants)
def test_x1_the_explanation_is_of_one_mind_with_the_verdict(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    rule = CompiledRule(parse(raw))
    told = rule.explain(lead, now)
    assert (told.meets, told.valid_until) == rule.test(lead, now)
    assert told.why
    for outcome in told.conditions:
        asked: Any = {"rules": raw["rules"]}
        for step in outcome.path.replace("]", "").split("."):
            asked = asked["rules"][int(step.removeprefix("rules["))]
        assert outcome.met is meets(asked, lead, now)


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


EDGES = [
    # field, operator, value, what the lead has, met
    ("created_at", "inLast", {"amount": 30, "unit": "day"}, timedelta(days=-30) + TICK, True),
    ("created_at", "inLast", {"amount": 30, "unit": "day"}, timedelta(days=-30), False),
    ("created_at", "inLast", {"amount": 30, "unit": "day"}, timedelta(0), True),
    ("created_at", "inLast", {"amount": 30, "unit": "day"}, TICK, False),
    ("created_at", "notInLast", {"amount": 2, "unit": "week"}, timedelta(days=-14), True),
    ("created_at", "notInLast", {"amount": 2, "unit": "week"}, timedelta(days=-14) + TICK, False),
    ("created_at", "notInLast", {"amount": 1, "unit": "minute"}, TICK, True),
    ("created_at", "inNext", {"amount": 1, "unit": "hour"}, timedelta(hours=1), True),
    ("created_at", "inNext", {"amount": 1, "unit": "hour"}, timedelta(hours=1) + TICK, False),
    ("created_at", "inNext", {"amount": 1, "unit": "hour"}, TICK, True),
    ("created_at", "inNext", {"amount": 1, "unit": "hour"}, timedelta(0), False),
    ("created_at", "=", "2026-11-20", timedelta(hours=11, minutes=59), True),
    ("created_at", "=", "2026-11-20", timedelta(hours=12), False),
    ("created_at", ">", "2026-11-20", timedelta(hours=12), True),
    ("created_at", "<=", "2026-11-20", timedelta(hours=12) - TICK, True),
    ("created_at", "between", ["2026-11-19", "2026-11-20"], timedelta(hours=12) - TICK, True),
    ("created_at", "between", ["2026-11-19", "2026-11-20"], timedelta(hours=12), False),
    ("created_at", "=", "2026-11-20T07:00:00-05:00", timedelta(0), True),
]


@pytest.mark.parametrize(("field", "operator", "value", "offset", "met"), EDGES)
def test_q2_dates_hold_up_to_their_exact_edge(
    field: str, operator: str, value: Any, offset: timedelta, met: bool
) -> None:
    lead = make(facts=Facts(vendor="acme", created_at=NOW + offset))
    assert verdict(one(field, operator, value), lead) is met


ALL_ON_NULL = [
    ("campaign", "=", "x"),
    ("campaign", "!=", "x"),
    ("campaign", "doesNotContain", "x"),
    ("campaign", "doesNotBeginWith", "x"),
    ("campaign", "doesNotEndWith", "x"),
    ("campaign", "notIn", ["x"]),
    ("campaign", "notNull", None),
    ("credit_score", "<", 700),
    ("credit_score", "notBetween", [1, 2]),
    ("consent", "!=", True),
    ("last_contacted_at", "notInLast", {"amount": 14, "unit": "day"}),
    ("last_contacted_at", "inNext", {"amount": 14, "unit": "day"}),
    ("last_contacted_at", "<", "2026-11-20"),
    ("attributes.tier", "!=", "x"),
    ("attributes.tier", "notIn", [7]),
]


@pytest.mark.parametrize(("field", "operator", "value"), ALL_ON_NULL)
def test_q2_a_null_field_meets_only_null(field: str, operator: str, value: Any) -> None:
    assert not verdict(one(field, operator, value), make())
    assert verdict(one(field, "null"), make())


def test_q2_not_turns_a_groups_verdict_also_where_a_field_is_null() -> None:
    assert verdict({**one("campaign", "=", "x"), "not": True}, make())


@pytest.mark.parametrize("raw", [None, {}, {"combinator": "or", "rules": []}])
def test_q2_an_empty_root_is_met_by_every_lead(raw: Any) -> None:
    assert CompiledRule(parse(raw)).test(make(), NOW) == (True, None)


def test_q2_a_day_is_24_hours_across_a_change_of_the_clocks() -> None:
    created = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("America/New_York"))
    lead = make(facts=Facts(vendor="acme", created_at=created))
    rule = CompiledRule(parse(one("created_at", "inLast", {"amount": 1, "unit": "day"})))
    assert rule.test(lead, created.astimezone(UTC)) == (True, datetime(2026, 11, 1, 16, tzinfo=UTC))


def test_q2_a_group_waits_for_the_last_of_what_keeps_it_from_turning() -> None:
    raw = {
        "combinator": "and",
        "rules": [
            {"field": "created_at", "operator": "notInLast", "value": {"amount": 1, "unit": "day"}},
            {"field": "last_contacted_at", "operator": "notInLast", "value": {"amount": 1, "unit": "week"}},
        ],
    }
    lead = make(facts=Facts(vendor="acme", created_at=NOW), last_contacted_at=NOW)
    assert CompiledRule(parse(raw)).test(lead, NOW) == (False, NOW + timedelta(weeks=1))


def test_q2_ids_the_builder_adds_are_dropped() -> None:
    raw = {"id": "a", **one("state", "=", "RI")}
    raw["rules"][0] |= {"id": "b", "path": [0], "valueSource": "value"}
    assert parse(raw) == parse(one("state", "=", "RI"))


WORDS = [
    ("state", "in", ["RI", "MA"], "state is TX, not in RI, MA"),
    ("state", "notIn", ["RI", "MA"], "state is TX, not in RI, MA"),
    ("state", "=", "TX", "state is TX"),
    ("state", "=", "RI", "state is TX, not RI"),
    ("campaign", "=", "west", "campaign is empty"),
    ("credit_score", ">=", 700, "credit_score is 640, not at least 700"),
    ("credit_score", "between", [600, 700], "credit_score is 640, between 600 and 700"),
    ("last_name", "contains", "on", "last_name is Jones, contains on"),
    ("last_name", "doesNotContain", "on", "last_name is Jones, contains on"),
    ("silenced", "=", True, "silenced is false, not true"),
    (
        "created_at",
        "inLast",
        {"amount": 1, "unit": "day"},
        "created_at is 2026-11-18T12:00:00Z, not in the last 1 day",
    ),
    ("created_at", "<", "2026-11-19", "created_at is 2026-11-18T12:00:00Z, before 2026-11-19"),
    ("attributes.tier", ">", 5, "attributes.tier is gold, not to be compared with 5"),
]


@pytest.mark.parametrize(("field", "operator", "value", "why"), WORDS)
def test_x1_a_condition_says_in_words_how_the_lead_stands_to_it(
    field: str, operator: str, value: Any, why: str
) -> None:
    lead = make(
        facts=Facts(
            vendor="acme",
            state="TX",
            last_name="Jones",
            credit_score=640,
            created_at=NOW - timedelta(days=2),
            attributes={"tier": "gold"},
        )
    )
    assert CompiledRule(parse(one(field, operator, value))).explain(lead, NOW).why == why


STATE = {"field": "state", "operator": "=", "value": "RI"}


def _with(**changes: Any) -> dict[str, Any]:
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
    (_with(muted=True), "inclusion.rules[1]", None, None, "unknown here: muted"),
    (_with(valueSource="field"), "inclusion.rules[1]", "state", "=", "not with another field"),
    (_with(field="sate"), "inclusion.rules[1]", "sate", "=", "there is no such field"),
    (_with(field=None), "inclusion.rules[1]", None, "=", "field is missing"),
    (_with(field="attributes."), "inclusion.rules[1]", "attributes.", "=", "there is no such field"),
    (_with(operator="like"), "inclusion.rules[1]", "state", "like", "there is no such operator"),
    (_with(operator=None), "inclusion.rules[1]", "state", None, "operator is missing"),
    (_with(operator="contains"), "inclusion.rules[1]", "state", "contains", "choice fields know only: = !="),
    (_with(value="ri"), "inclusion.rules[1]", "state", "=", "did you mean RI?"),
    (_with(value=""), "inclusion.rules[1]", "state", "=", "the text is empty"),
    (_with(value=7), "inclusion.rules[1]", "state", "=", "expected a text, got 7"),
    (
        _with(operator="in", value="RI, MA"),
        "inclusion.rules[1]",
        "state",
        "in",
        "expected a list, got RI, MA",
    ),
    (_with(operator="in", value=[]), "inclusion.rules[1]", "state", "in", "the list is empty"),
    (_with(operator="in", value=["RI", "XX"]), "inclusion.rules[1]", "state", "in", "value 2: XX is not one"),
    (_with(operator="in", value=["RI"] * 1001), "inclusion.rules[1]", "state", "in", "at most 1000"),
    (_with(field="last_name", value="x" * 501), "inclusion.rules[1]", "last_name", "=", "at most 500"),
    (_with(field="last_name", value="\ud800"), "inclusion.rules[1]", "last_name", "=", "not valid Unicode"),
    (
        _with(field="credit_score", value="700"),
        "inclusion.rules[1]",
        "credit_score",
        "=",
        "expected a number",
    ),
    (_with(field="credit_score", value=True), "inclusion.rules[1]", "credit_score", "=", "got true"),
    (_with(field="credit_score", value=1.5), "inclusion.rules[1]", "credit_score", "=", "a whole number"),
    (_with(field="loan_amount", value=1e300), "inclusion.rules[1]", "loan_amount", "=", "beyond"),
    (_with(field="loan_amount", value=float("nan")), "inclusion.rules[1]", "loan_amount", "=", "finite"),
    (_with(field="silenced", value="true"), "inclusion.rules[1]", "silenced", "=", "expected true or false"),
    (
        _with(field="created_at", value="20.11.2026"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "expected a date",
    ),
    (_with(field="created_at", value="2026-02-30"), "inclusion.rules[1]", "created_at", "=", "day is out of"),
    (
        _with(field="created_at", value="2026-11-20T09:00:00"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "time with offset",
    ),
    (
        _with(field="created_at", value="1066-10-14"),
        "inclusion.rules[1]",
        "created_at",
        "=",
        "the year must be",
    ),
    (
        _with(field="created_at", operator="between", value=["2026-11-20", "2026-11-19"]),
        "inclusion.rules[1]",
        "created_at",
        "between",
        "from must not exceed to",
    ),
    (
        _with(field="credit_score", operator="between", value=[1]),
        "inclusion.rules[1]",
        "credit_score",
        "between",
        "a list of two",
    ),
    (
        _with(field="attributes.x", operator="in", value=[1, "1"]),
        "inclusion.rules[1]",
        "attributes.x",
        "in",
        "use one kind",
    ),
    (
        _with(field="created_at", operator="inLast", value=30),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "expected amount and unit, got 30",
    ),
    (
        _with(field="created_at", operator="inLast", value={"amount": 0, "unit": "day"}),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "a whole number from 1",
    ),
    (
        _with(field="created_at", operator="inLast", value={"amount": 1, "unit": "month"}),
        "inclusion.rules[1]",
        "created_at",
        "inLast",
        "unit must be one of minute, hour, day, week",
    ),
    (
        _with(field="created_at", operator="inLast", value={"amount": 10**400, "unit": "week"}),
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
