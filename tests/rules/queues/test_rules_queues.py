"""A lead's placements by the index equal those of each queue evaluated alone; their keys are in the queue's order."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.directory import SortOrder
from models.errors import RuleErrors
from models.facts import Facts
from models.lead import Lead, Phase
from rules.language.catalogue import FIELDS, builder_fields
from rules.language.instants import utc
from rules.queues.membership import CompiledQueue, QueueIndex
from rules.queues.queue_eligibility import eligible_kinds
from rules.queues.sort_key import DEFERRED, DUE, MAX_BYTES, NO_VALUE, sort_key, spell_date
from tests.rules.language.reference_language import (
    ATTRIBUTES,
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

queues = st.lists(
    st.fixed_dictionaries(
        {
            "claimable": st.booleans(),
            "inclusion": trees,
            "exclusion": st.just({}) | trees,
            "sort": st.fixed_dictionaries(
                {
                    "field": st.sampled_from(["arrived_at", "loan_amount", "last_name", "attributes.tier"]),
                    "direction": st.sampled_from(["asc", "desc"]),
                }
            ),
        }
    ),
    max_size=8,
)

timed_queues = st.lists(
    st.fixed_dictionaries(
        {"claimable": st.booleans(), "inclusion": timed_trees, "exclusion": st.just({}) | timed_trees}
    ),
    min_size=2,
    max_size=5,
)


def compile_queues(values: list[dict[str, Any]]) -> list[CompiledQueue]:
    """Compile queues `q0`, `q1`, … of the given values; the version of each is its position."""
    return [CompiledQueue.from_value(f"q{n}", value, n) for n, value in enumerate(values)]


def meets_rules(queue: dict[str, Any], lead: Lead, now: datetime) -> bool:
    """Return membership by the rules alone, without the index (Q2)."""
    excluded = bool(queue["exclusion"].get("rules")) and meets(queue["exclusion"], lead, now)
    return meets(queue["inclusion"], lead, now) and not excluded


def phase_allows(queue: dict[str, Any], lead: Lead) -> bool:
    """Return whether a lead's phase allows a queue, without the index (D1, D3, Q10, R3)."""
    if lead.phase in (Phase.LOCKED, Phase.WORKING, Phase.CLOSED, Phase.IGNORED, Phase.OFFERED):
        return False
    if queue["claimable"]:
        return lead.claimed_through is None
    return lead.phase is not Phase.OWNED


@given(queues, leads([*Phase, Phase.QUEUED, Phase.QUEUED, Phase.OWNED]), instants)
def test_q2_the_index_agrees_with_every_queue_asked_alone(
    values: list[dict[str, Any]], lead: Lead, now: datetime
) -> None:
    evaluation = QueueIndex(compile_queues(values)).evaluate(lead, now)
    expected = [
        f"q{n}"
        for n, value in enumerate(values)
        if phase_allows(value, lead) and meets_rules(value, lead, now)
    ]
    assert list(evaluation.sort_keys) == expected
    for n, value in enumerate(values):
        if f"q{n}" in evaluation.sort_keys:
            key = sort_key(SortOrder(**value["sort"]))(lead)
            if lead.callback_at is not None and lead.callback_at <= NOW and not value["claimable"]:
                key = DUE + spell_date(lead.callback_at, False)
            assert evaluation.sort_keys[f"q{n}"] == key


@given(queues, leads([Phase.QUEUED, Phase.OWNED, Phase.EXCEPTION]), instants)
def test_q2_a_lead_enters_and_leaves_at_the_very_instant(
    values: list[dict[str, Any]], lead: Lead, now: datetime
) -> None:
    check_turn(values, lead, now)


@given(timed_queues, dated_leads, instants)
def test_q2_of_many_queues_the_first_to_turn_is_the_instant(
    values: list[dict[str, Any]], lead: Lead, now: datetime
) -> None:
    check_turn(values, lead, now)


def check_turn(values: list[dict[str, Any]], lead: Lead, now: datetime) -> None:
    """Compare the instant with every one at which any of the queues could take or lose the lead."""
    index = QueueIndex(compile_queues(values))
    turns = [
        turns_at(partial(meets_rules, value, lead), moments(lead), now)
        for value in values
        if phase_allows(value, lead)
    ]
    evaluation = index.evaluate(lead, now)
    assert evaluation.valid_until == min((at for at in turns if at is not None), default=None)
    if (until := evaluation.valid_until) is not None:
        assert index.evaluate(lead, until - TICK).sort_keys == evaluation.sort_keys
        assert index.evaluate(lead, until).sort_keys.keys() != evaluation.sort_keys.keys()


@given(queues, leads(), instants)
def test_x1_the_reason_for_every_queue_agrees_with_the_places(
    values: list[dict[str, Any]], lead: Lead, now: datetime
) -> None:
    index = QueueIndex(compile_queues(values))
    placements = index.evaluate(lead, now).sort_keys
    for n in range(len(values)):
        explanation = index.explain(lead, f"q{n}", now)
        assert explanation.stands is (f"q{n}" in placements)
        assert explanation.version == n
        assert f"version {n}" in explanation.why
        assert index.why(lead, f"q{n}", now) == explanation.why


RI_ONLY = {"rules": [{"field": "state", "operator": "=", "value": "RI"}]}
SILENCED = {"rules": [{"field": "silenced", "operator": "=", "value": True}]}


def index_of(**queue: Any) -> QueueIndex:
    """Return an index of one queue."""
    return QueueIndex([CompiledQueue.from_value("q", queue, 5)])


LIVES = [
    # phase, more of the lead, in a shared queue, in a claimable one, words of the reason why not
    (Phase.QUEUED, {}, True, True, ""),
    (Phase.EXCEPTION, {}, True, True, ""),
    (Phase.LOCKED, {}, False, False, "rep-3 has it open"),
    (Phase.WORKING, {}, False, False, "rep-3 has it open"),
    (Phase.CLOSED, {}, False, False, "it is closed"),
    (Phase.IGNORED, {}, False, False, "it is ignored"),
    (Phase.OWNED, {}, False, True, "rep-7 owns it"),
    (Phase.OWNED, {"claimed_through": "aged"}, False, False, ""),
    (Phase.QUEUED, {"claimed_through": "aged"}, True, False, "claimed once already, through aged"),
]


@pytest.mark.parametrize(("phase", "more", "shared", "claimable", "why"), LIVES)
def test_d1_d3_q10_q11_a_leads_life_opens_and_closes_kinds_of_queue(
    phase: Phase, more: dict[str, Any], shared: bool, claimable: bool, why: str
) -> None:
    lead = make(phase, **more)
    for kind, open_to_it in ((False, shared), (True, claimable)):
        explanation = index_of(claimable=kind).explain(lead, "q", NOW)
        assert explanation.stands is open_to_it
        assert ("q" in index_of(claimable=kind).evaluate(lead, NOW).sort_keys) is open_to_it
        assert index_of(claimable=kind).why(lead, "q", NOW) == explanation.why
        if not open_to_it:
            assert why in explanation.why
    assert set(eligible_kinds(lead).allowed) == {
        kind for kind, is_open in ((False, shared), (True, claimable)) if is_open
    }


def test_q11_an_aged_lead_enters_a_claimable_queue_at_the_instant_it_is_aged() -> None:
    aged = {"field": "last_contacted_at", "operator": "notInLast", "value": {"amount": 14, "unit": "day"}}
    index = index_of(claimable=True, inclusion={"rules": [aged]})
    lead = make(Phase.OWNED, last_contacted_at=NOW)
    turn = NOW + timedelta(days=14)
    assert index.evaluate(lead, NOW).sort_keys == {}
    assert index.evaluate(lead, NOW).valid_until == turn
    assert list(index.evaluate(lead, turn).sort_keys) == ["q"]


def test_x5_the_reason_names_inclusion_exclusion_and_version() -> None:
    index = index_of(inclusion=RI_ONLY, exclusion=SILENCED)
    texan = make(facts=Facts(vendor="acme", state="TX"))
    quiet = make(facts=Facts(vendor="acme", state="RI", silenced=True))
    fit = make(facts=Facts(vendor="acme", state="RI"))
    whys = [index.explain(lead, "q", NOW).why for lead in (texan, quiet, fit)]
    assert whys == [
        "not in q by its rules of version 5: state is TX, not RI",
        "not in q by its rules of version 5: excluded: silenced is true",
        "in q by its rules of version 5: state is RI; not excluded: silenced is false, not true",
    ]
    assert index.explain(fit, "other", NOW).why == index.why(fit, "other", NOW) == "there is no queue other"


@pytest.mark.parametrize(
    ("sent", "met"), [("12", ["q0", "q1"]), (12, ["q0", "q1"]), ("12.0", ["q0"]), ("x", [])]
)
def test_q2_an_attribute_is_filed_as_number_and_as_text(sent: Any, met: list[str]) -> None:
    values = [
        {"inclusion": {"rules": [{"field": "attributes.tier", "operator": "=", "value": value}]}}
        for value in (12, "12")
    ]
    lead = make(facts=Facts(vendor="acme", attributes={"tier": sent}))
    assert list(QueueIndex(compile_queues(values)).evaluate(lead, NOW).sort_keys) == met


@pytest.mark.parametrize("exclusion", [None, {}, {"combinator": "and", "rules": []}])
def test_q2_an_empty_exclusion_excludes_nobody(exclusion: Any) -> None:
    assert "q" in index_of(exclusion=exclusion).evaluate(make(), NOW).sort_keys


# -- the order
# ------------------------------------------------------------------------------------------------------


def sort_key_in(field: str, direction: str, lead: Lead) -> str:
    """Return the key of a lead in a queue of an order."""
    return sort_key(SortOrder(field, direction))(lead)


def check_order(field: str, low: Lead, high: Lead, *, same: bool) -> None:
    """Compare the keys of two leads, the first with the lower value, in both directions."""
    up, down = ([sort_key_in(field, way, lead) for lead in (low, high)] for way in ("asc", "desc"))
    assert all(key.isascii() for key in up + down)
    if same:
        assert up[0] == up[1]
        assert down[0] == down[1]
    else:
        assert up[0] < up[1]
        assert down[0] > down[1]


@given(st.text(), st.text())
def test_q7_texts_order_by_their_folded_code_points(first: str, other: str) -> None:
    def position(text: str) -> bytes:
        return text.casefold().encode("utf-8", "replace")[:MAX_BYTES]

    low, high = sorted((first, other), key=position)
    check_order(
        "last_name",
        make(facts=Facts(vendor="v", last_name=low)),
        make(facts=Facts(vendor="v", last_name=high)),
        same=position(low) == position(high),
    )


@given(*[st.integers(-(10**400), 10**400) | st.integers(-5, 5) | st.floats(allow_nan=False)] * 2)
def test_q7_numbers_order_as_numbers(first: float, other: float) -> None:
    low, high = sorted((first, other))

    def position(number: float) -> float:
        try:
            return float(number)
        except OverflowError:
            return float("inf") if number > 0 else float("-inf")

    check_order(
        "loan_amount",
        make(facts=Facts(vendor="v", loan_amount=low)),
        make(facts=Facts(vendor="v", loan_amount=high)),
        same=position(low) == position(high),
    )


@given(*[instants | st.datetimes(timezones=st.timezones())] * 2)
def test_q7_instants_order_by_time_whatever_their_zone(first: datetime, other: datetime) -> None:
    low, high = sorted((first, other), key=utc)
    check_order("arrived_at", make(arrived_at=low), make(arrived_at=high), same=utc(low) == utc(high))


def test_q7_false_comes_before_true() -> None:
    no, yes = (make(facts=Facts(vendor="v", consent=consent)) for consent in (False, True))
    check_order("consent", no, yes, same=False)


@given(st.sampled_from(ATTRIBUTES), st.sampled_from(ATTRIBUTES))
def test_q7_attributes_order_numbers_before_texts(first: Any, other: Any) -> None:
    def position(value: Any) -> tuple[int, Any]:
        if isinstance(value, bool):
            return 1, str(value).lower()
        return (0, value) if isinstance(value, (int, float)) else (1, value.casefold())

    def lead(value: Any) -> Lead:
        return make(facts=Facts(vendor="v", attributes={"tier": value}))

    if any(isinstance(value, (list, dict, type(None))) for value in (first, other)):
        for way in ("asc", "desc"):
            bands = {sort_key_in("attributes.tier", way, lead(value))[0] for value in (first, other)}
            assert NO_VALUE in bands
        return
    low, high = sorted((first, other), key=position)
    check_order("attributes.tier", lead(low), lead(high), same=position(low) == position(high))


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_d4_leads_without_a_value_come_last_and_deferred_ones_after_them(direction: str) -> None:
    with_value = [make(facts=Facts(vendor="v", loan_amount=amount)) for amount in (-(10**15), 0, 10**15)]
    without = make()
    deferred = [
        make(facts=Facts(vendor="v", loan_amount=amount), deferred_at=NOW + timedelta(minutes=n))
        for n, amount in enumerate((10**15, None, -(10**15)))
    ]
    keys = [sort_key_in("loan_amount", direction, lead) for lead in (*with_value, without, *deferred)]
    if direction == "desc":
        keys[:3] = reversed(keys[:3])
    assert keys == sorted(keys)
    assert [key[0] for key in keys[3:]] == [NO_VALUE, DEFERRED, DEFERRED, DEFERRED]


def test_q1_an_order_by_an_unknown_field_does_not_compile() -> None:
    with pytest.raises(RuleErrors, match=r"sort\.field: nope: there is no such field"):
        CompiledQueue.from_value("q", {"sort": {"field": "nope"}}, 1)
    with pytest.raises(RuleErrors, match=r"must be asc or desc"):
        CompiledQueue.from_value("q", {"sort": {"field": "state", "direction": "up"}}, 1)


# -- the catalogue
# --------------------------------------------------------------------------------------------------


def test_q2_every_field_of_the_catalogue_is_read_from_any_lead() -> None:
    bare = make()
    for name, field in FIELDS.items():
        value = field.get(bare)
        assert field.name == name
        assert field.nullable or value is not None, name
        assert sort_key(SortOrder(name))(bare)


def test_q1_the_builder_is_offered_what_the_rules_accept() -> None:
    offered = builder_fields(("tier",))
    assert offered[-1]["name"] == "attributes.tier"
    for field in offered:
        assert [operator["name"] for operator in field["operators"]] == list(FIELDS[field["name"]].operators)
        if field["type"] == "choice":
            assert field["values"]
