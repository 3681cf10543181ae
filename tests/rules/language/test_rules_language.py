"""Closures, printed form and exact instants of the rule language agree with a second implementation."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from models.facts import Facts
from models.lead import Lead
from rules.language.compile import CompiledRule
from rules.language.tree import dump, parse
from tests.rules.language.reference_language import (
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


def one_condition(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    """Return a tree of one condition."""
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


def result_of(raw: dict[str, Any], lead: Lead, now: datetime = NOW) -> bool:
    """Return the closures' result of a raw tree."""
    return CompiledRule(parse(raw)).test(lead, now)[0]


@given(trees)
def test_q2_a_tree_printed_and_parsed_is_itself(raw: dict[str, Any]) -> None:
    tree = parse(raw)
    assert parse(json.loads(json.dumps(dump(tree)))) == tree


@given(trees, leads(), instants)
def test_q2_closures_agree_with_a_second_reading_of_the_rules(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    assert result_of(raw, lead, now) is meets(raw, lead, now)


@given(trees, leads(), instants)
def test_q2_valid_until_is_the_very_instant_the_result_changes(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    check_turn(raw, lead, now)


@given(timed_trees, dated_leads, instants)
def test_q2_valid_until_is_exact_where_many_dates_turn(
    raw: dict[str, Any], lead: Lead, now: datetime
) -> None:
    check_turn(raw, lead, now)


def check_turn(raw: dict[str, Any], lead: Lead, now: datetime) -> None:
    """Compare the answer with every instant at which a result could change."""
    rule = CompiledRule(parse(raw))
    met, until = rule.test(lead, now)
    assert until == turns_at(lambda at: meets(raw, lead, at), moments(lead), now)
    if until is not None:
        assert until > now
        assert rule.test(lead, until - TICK)[0] is met
        assert rule.test(lead, until)[0] is not met


@given(trees, leads(), instants)
def test_x1_the_explanation_agrees_with_the_result(raw: dict[str, Any], lead: Lead, now: datetime) -> None:
    rule = CompiledRule(parse(raw))
    explanation = rule.explain(lead, now)
    assert (explanation.meets, explanation.valid_until) == rule.test(lead, now)
    assert explanation.why
    for outcome in explanation.conditions:
        subtree: Any = {"rules": raw["rules"]}
        for step in outcome.path.replace("]", "").split("."):
            subtree = subtree["rules"][int(step.removeprefix("rules["))]
        assert outcome.met is meets(subtree, lead, now)


EDGES = [
    # field, operator, value, the lead's value, whether it matches
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
    assert result_of(one_condition(field, operator, value), lead) is met


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
    assert not result_of(one_condition(field, operator, value), make())
    assert result_of(one_condition(field, "null"), make())


def test_q2_not_inverts_a_groups_result_also_where_a_field_is_null() -> None:
    assert result_of({**one_condition("campaign", "=", "x"), "not": True}, make())


@pytest.mark.parametrize("raw", [None, {}, {"combinator": "or", "rules": []}])
def test_q2_an_empty_root_is_met_by_every_lead(raw: Any) -> None:
    assert CompiledRule(parse(raw)).test(make(), NOW) == (True, None)


def test_q2_a_day_is_24_hours_across_a_change_of_the_clocks() -> None:
    created = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("America/New_York"))
    lead = make(facts=Facts(vendor="acme", created_at=created))
    rule = CompiledRule(parse(one_condition("created_at", "inLast", {"amount": 1, "unit": "day"})))
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
    raw = {"id": "a", **one_condition("state", "=", "RI")}
    raw["rules"][0] |= {"id": "b", "path": [0], "valueSource": "value"}
    assert parse(raw) == parse(one_condition("state", "=", "RI"))


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
    assert CompiledRule(parse(one_condition(field, operator, value))).explain(lead, NOW).why == why
