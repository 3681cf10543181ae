"""A publication that passes the check can be used as it is. One that does not is refused with every reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import PublicationErrors
from models.events import DirectoryPublished
from models.publication import KINDS
from rules.inbound.publication import accept_publication, check
from rules.queues.rule_book import RuleBook
from tests.rules.language.reference_language import trees

QUEUE: dict[str, Any] = {
    "queue_id": "aged",
    "name": "Aged leads",
    "description": "Claim these leads!",
    "claimable": True,
    "columns": ["state", "loan_amount", "attributes.tier"],
    "inclusion": {
        "combinator": "and",
        "not": False,
        "rules": [{"field": "created_at", "operator": "inLast", "value": {"amount": 30, "unit": "day"}}],
    },
    "exclusion": {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]},
    "sort": {"field": "last_contacted_at", "direction": "asc"},
    "teams": ["*"],
    "outcomes": [],
}
NIGHT = [{"days": ["mon", "tue"], "from": "20:00", "to": "08:00"}]
REP: dict[str, Any] = {
    "rep_id": "rep-7",
    "name": "Alex Thompson",
    "email": "a@x.org",
    "phone": "+14014194247",
    "role": "rep",
    "teams": ["west"],
    "active": True,
    "licensed_states": ["RI", "MA"],
    "hours": [{"days": ["sat"], "from": "00:00", "to": "24:00"}, *NIGHT],
    "absences": [{"from": "2026-12-24T00:00:00-05:00", "to": "2026-12-27T00:00:00-05:00"}],
    "max_open": 40,
    "max_per_day": 10,
    "filter": QUEUE["inclusion"],
    "time_zone": "America/New_York",
}
GROUP: dict[str, Any] = {
    "group_id": "west",
    "name": "West",
    "method": "round_robin",
    "members": [{"rep_id": "rep-7", "weight": 1}, {"rep_id": "rep-8"}],
    "filter": {},
    "claim_window_seconds": 900,
    "ring_seconds": 25,
    "pause": NIGHT,
    "time_zone": "America/Los_Angeles",
}
CAMPAIGN = {
    "campaign_id": "purchase-west",
    "name": "…",
    "description": "…",
    "vendor": "acme",
    "group_id": "west",
}
SETTINGS = {"lock_minutes": 60, "auto_claim_on_timed_callback": True, "round_robin": True}
CONTRACT: list[tuple[str, str, dict[str, Any]]] = [
    ("queue", "aged", QUEUE),
    ("rep", "rep-7", REP),
    ("group", "west", GROUP),
    ("campaign", "purchase-west", CAMPAIGN),
    ("settings", "settings", SETTINGS),
]
BASES = {kind: value for kind, _, value in CONTRACT}


@pytest.mark.parametrize(("kind", "object_id", "value"), CONTRACT)
def test_q6_every_object_of_the_contract_is_accepted_as_it_stands(
    kind: str, object_id: str, value: dict[str, Any]
) -> None:
    assert check(kind, object_id, value) == ()
    assert accept_publication(kind, object_id, value) == value
    assert check(kind, object_id, None) == ()


REFUSED = [
    ("queue", {"queue_id": "other"}, "queue_id", None, "not the id"),
    ("queue", {"claimable": "yes"}, "claimable", None, "boolean"),
    ("queue", {"columns": ["state", "shoe_size"]}, "columns[1]", None, "there is no such field"),
    ("queue", {"columns": ["state"] * 51}, "columns", None, "50"),
    (
        "queue",
        {"sort": {"field": "shoe_size", "direction": "asc"}},
        "sort.field",
        None,
        "there is no such field",
    ),
    ("queue", {"sort": {"field": "state", "direction": "up"}}, "sort.direction", None, "'asc' or 'desc'"),
    ("queue", {"teams": "*"}, "teams", None, "list"),
    ("queue", {"name": "x" * 201}, "name", None, "200"),
    ("queue", {"inclusion": []}, "inclusion", None, "must be an object"),
    (
        "queue",
        {"inclusion": {"rules": [{"field": "state", "operator": "inLast", "value": 1}]}},
        "inclusion.rules[0]",
        "inLast",
        "choice fields allow only",
    ),
    (
        "queue",
        {"exclusion": {"rules": [{"rules": [{"field": "phase", "operator": "=", "value": "exception"}]}]}},
        "exclusion.rules[0].rules[0]",
        "=",
        "a queue cannot ask for it",
    ),
    ("rep", {"role": "boss"}, "role", None, "'admin', 'manager' or 'rep'"),
    ("rep", {"licensed_states": ["RI", "Texas"]}, "licensed_states[1]", None, "did you mean TX?"),
    (
        "rep",
        {"hours": [{"days": ["mon"], "from": "8:00", "to": "17:00"}]},
        "hours[0].from",
        None,
        "time of day",
    ),
    (
        "rep",
        {"hours": [{"days": ["mon"], "from": "24:00", "to": "08:00"}]},
        "hours[0].from",
        None,
        "time of day",
    ),
    (
        "rep",
        {"hours": [{"days": ["monday"], "from": "08:00", "to": "17:00"}]},
        "hours[0].days[0]",
        None,
        "'mon'",
    ),
    ("rep", {"hours": [{"days": [], "from": "08:00", "to": "17:00"}]}, "hours[0].days", None, "at least 1"),
    (
        "rep",
        {"hours": [{"days": ["mon"], "from": "08:00", "to": "08:00"}]},
        "hours[0]",
        None,
        "00:00 to 24:00",
    ),
    ("rep", {"hours": [{"days": ["mon"], "to": "08:00"}]}, "hours[0].from", None, "is missing"),
    ("rep", {"time_zone": "Mars/Olympus"}, "time_zone", None, "time zone like"),
    (
        "rep",
        {"absences": [{"from": "2026-12-24", "to": "2026-12-27T00:00:00Z"}]},
        "absences[0].from",
        None,
        "offset",
    ),
    (
        "rep",
        {"absences": [{"from": "2026-12-24T00:00:00Z", "to": "2026-12-23T00:00:00Z"}]},
        "absences[0]",
        None,
        "from must be before to",
    ),
    ("rep", {"max_open": -1}, "max_open", None, "greater than or equal to 0"),
    ("rep", {"max_open": 1.5}, "max_open", None, "integer"),
    (
        "rep",
        {"filter": {"rules": [{"field": "nope", "operator": "=", "value": 1}]}},
        "filter.rules[0]",
        "=",
        "no such field",
    ),
    ("group", {"method": "lottery"}, "method", None, "'round_robin'"),
    ("group", {"members": [{"rep_id": "a"}, {"rep_id": "a"}]}, "", None, "on the roster twice"),
    (
        "group",
        {"members": [{"rep_id": "a", "weight": 0}]},
        "members[0].weight",
        None,
        "greater than or equal to 1",
    ),
    ("group", {"pause": [{"days": ["mon"], "from": "08:00", "to": "8"}]}, "pause[0].to", None, "time of day"),
    ("campaign", {"group_id": 7}, "group_id", None, "string"),
    ("settings", {"lock_minutes": 0}, "lock_minutes", None, "greater than 0"),
    ("settings", {"lock_minutes": float("nan")}, "lock_minutes", None, "finite"),
    (
        "settings",
        {"outcomes": [{"outcome": "a", "label": "Sold"}, {"outcome": "a", "label": "Gone"}]},
        "outcomes",
        None,
        "a is listed twice",
    ),
    (
        "settings",
        {"outcomes": [{"outcome": "a", "label": "Sold"}, {"outcome": "b", "label": "SOLD"}]},
        "outcomes",
        None,
        "two outcomes are both shown as SOLD",
    ),
    (
        "settings",
        {"outcomes": [{"outcome": "a", "label": " "}]},
        "outcomes[0].label",
        None,
        "text without spaces",
    ),
    ("settings", {"round_robin": 1}, "round_robin", None, "boolean"),
]


@pytest.mark.parametrize(("kind", "change", "path", "operator", "reason"), REFUSED)
def test_q6_an_invalid_object_is_refused_with_the_field_and_the_reason(
    kind: str, change: dict[str, Any], path: str, operator: str | None, reason: str
) -> None:
    object_id = next(object_id for object_kind, object_id, _ in CONTRACT if object_kind == kind)
    (problem,) = check(kind, object_id, {**BASES[kind], **change})
    assert (problem.path, problem.operator) == (path, operator)
    assert reason in problem.reason


def test_q6_all_problems_of_an_object_are_named_at_once() -> None:
    broken = {
        **QUEUE,
        "columns": ["a", "b"],
        "sort": {"field": "c"},
        "claimable": 1,
        "inclusion": {"rules": 1},
    }
    with pytest.raises(PublicationErrors) as refused:
        accept_publication("queue", "aged", broken)
    assert {problem.path for problem in refused.value.problems} == {
        "columns[0]",
        "columns[1]",
        "sort.field",
        "claimable",
        "inclusion",
    }


def test_q6_an_unknown_kind_is_refused() -> None:
    (problem,) = check("weather", "today", {})
    assert problem.path == "kind"
    assert "queue, rep, group, campaign, settings" in problem.reason


def test_q5_checking_claimable_clears_outcomes_and_does_not_refuse_them() -> None:
    accepted = accept_publication("queue", "aged", {**QUEUE, "outcomes": ["reached"]})
    assert accepted is not None
    assert accepted["outcomes"] == []
    work = accept_publication("queue", "aged", {**QUEUE, "claimable": False, "outcomes": ["reached"]})
    assert work is not None
    assert work["outcomes"] == ["reached"]


def test_q6_unknown_fields_are_kept_and_null_ones_are_as_if_not_given() -> None:
    assert accept_publication("queue", "aged", {"colour": "green", "description": None}) == {
        "queue_id": "aged",
        "colour": "green",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data(), st.sampled_from(list(KINDS)))
def test_q6_whatever_passes_the_check_compiles_and_the_rest_has_reasons(
    data: st.DataObject, kind: str
) -> None:
    base = BASES[kind]
    names = data.draw(st.lists(st.sampled_from(sorted(base)), max_size=3, unique=True))
    changes = {name: data.draw(json_values | trees, label=name) for name in names}
    value = {**base, **changes, "extra": data.draw(json_values)}
    object_id = next(object_id for object_kind, object_id, _ in CONTRACT if object_kind == kind)
    problems = check(kind, object_id, value)
    assert all(problem.reason for problem in problems)
    if problems:
        return
    event = DirectoryPublished(
        lead_id="", cause="d-1", org="default", kind=kind, object_id=object_id, version=1, value=value
    )
    assert RuleBook().publish(event).org("default").problems == {}
