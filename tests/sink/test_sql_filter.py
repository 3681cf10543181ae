"""SQL and closures select the same leads, on SQLite and on Postgres: rules, eligibility and order."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from models.directory import SortOrder
from models.errors import RuleErrors
from models.facts import Facts
from models.lead import Failure, Lead, LeadRow, Phase
from models.open_exception import OpenException
from rules.inbound.intake import accept_arrival
from rules.language.catalogue import FIELDS
from rules.language.compile import CompiledRule
from rules.language.day_counts import days_since
from rules.language.operators import FieldType
from rules.language.tree import parse
from rules.queues.membership import CompiledQueue, QueueIndex
from rules.queues.sort_key import sort_key, work_key
from sink.database_engine import connect
from sink.hydrate import lead_from_row
from sink.migrate import upgrade
from sink.rows import table_rows
from sink.sql.filter import MAX_VALUES, queue_condition, rule_condition
from sink.sql.order import queue_order
from sink.tables import LeadTable
from tests.fixtures.servers import empty_database
from tests.rules.language.reference_language import NOW, TICK, instants, leads, make, trees

EXAMPLES = int(os.environ.get("WHERE_EXAMPLES", "60"))
"""Examples of each property; the environment can raise it."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine of a migrated database of this module's own, without leads."""
    with empty_database(request, tmp_path_factory.mktemp("filter"), "filter") as url:
        upgrade(url)
        engine = connect(url)
        yield engine
        engine.dispose()


def with_new_ids(drawn: Sequence[Lead]) -> list[Lead]:
    """Return the leads with new ids, in another order than they came."""
    return [msgspec.structs.replace(lead, lead_id=f"{7 * n % 11:x}-{n}") for n, lead in enumerate(drawn)]


def ids_that_meet(
    engine: Engine, given_leads: Sequence[Lead], condition: Any = None, by: Sequence[Any] = ()
) -> list[str]:
    """Return the ids of the leads that meet the condition, with only these leads in the database."""
    with engine.execution_options(writes=True).connect() as connection, connection.begin() as transaction:
        rows = [row_of(lead) for lead in given_leads]
        connection.execute(insert(LeadTable), rows)
        query = select(LeadTable.lead_id).order_by(*by)
        lead_ids = connection.scalars(query if condition is None else query.where(condition)).all()
        transaction.rollback()
    return list(lead_ids)


def row_of(lead: Lead) -> dict[str, Any]:
    """Return the lead's row as the sink writes it."""
    row = table_rows(0, lead.lead_id, LeadRow(off=1, seq=1, lead=lead, at=NOW, cause="c")).lead
    assert row is not None
    return row


lives = st.builds(
    lambda lead, how, via, reason, failed, suppressed: msgspec.structs.replace(
        lead,
        suppressed=suppressed,
        how=how,
        via=via,
        open_exception=None if reason is None else OpenException(reason, (), NOW),
        failed=None if failed is None else Failure(failed),
    ),
    leads([*Phase, Phase.QUEUED, Phase.QUEUED, Phase.OWNED, Phase.EXCEPTION]),
    st.none() | st.sampled_from(["claim", "round_robin"]),
    st.none() | st.sampled_from(["queue/aged", "Queue/Ängste"]),
    st.none() | st.sampled_from(["orphaned", "no_available_agents"]),
    st.none() | st.sampled_from(["orphaned", "all_agents_tried"]),
    st.just({}) | st.just({}) | st.just({"+14014194247": "asked not to be called"}),
)
some = st.lists(lives, min_size=1, max_size=8).map(with_new_ids)


@settings(max_examples=EXAMPLES, deadline=None)
@given(trees, some, instants)
def test_q2_x5_sql_and_closures_are_of_one_mind(
    crm: Engine, raw: dict[str, Any], drawn: list[Lead], now: datetime
) -> None:
    """Q2, X5: null, `not`, case beyond ASCII, relative dates at their exact limits, attributes of every kind."""
    rule = CompiledRule(parse(raw))
    expected = {lead.lead_id for lead in drawn if rule.test(lead, now)[0]}
    assert set(ids_that_meet(crm, drawn, rule_condition(rule.tree, now, crm.dialect.name))) == expected


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.booleans(), trees, st.just({}) | trees, st.sampled_from([0, 60, 2 * 1440]), some, instants)
def test_x5_a_queue_holds_by_sql_whom_the_engine_would_put_there(
    crm: Engine,
    claimable: bool,
    inclusion: dict[str, Any],
    exclusion: dict[str, Any],
    protect_minutes: int,
    drawn: list[Lead],
    now: datetime,
) -> None:
    """X5, D1, D3, M4, Q10, Q11, R3: exclusion, owners, locks, offers, claimed once, owner left, fresh assignments."""
    value = {"claimable": claimable, "inclusion": inclusion, "exclusion": exclusion}
    queue = CompiledQueue.from_value("q", value, 1)
    index = QueueIndex([queue], protect_minutes)
    expected = {lead.lead_id for lead in drawn if index.evaluate(lead, now).sort_keys}
    assert (
        set(ids_that_meet(crm, drawn, queue_condition(queue, now, crm.dialect.name, protect_minutes)))
        == expected
    )


SORTED = ["arrived_at", "created_at", "loan_amount", "credit_score", "last_name", "state", "consent", "owned"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from([*SORTED, "attributes.tier", "via", "days_in_queue"]),
    st.sampled_from(["asc", "desc"]),
    some,
)
def test_q7_d4_m7_sql_orders_as_the_queues_keys_do(
    crm: Engine, field: str, direction: str, drawn: list[Lead]
) -> None:
    """Leads without a value come last, those put off after them, ties by id; due calls come first in work queues."""
    sort = SortOrder(field, direction)
    key = sort_key(sort)
    expected = [lead.lead_id for lead in sorted(drawn, key=lambda lead: (key(lead), lead.lead_id))]
    assert ids_that_meet(crm, drawn, by=queue_order(sort, crm.dialect.name)) == expected
    written = [row_of(lead) for lead in drawn]
    restored = [lead_from_row(row | {"facts": msgspec.json.decode(row["facts"])}) for row in written]
    due_first = work_key(sort)
    expected = [lead.lead_id for lead in sorted(restored, key=lambda lead: (due_first(lead), lead.lead_id))]
    assert ids_that_meet(crm, drawn, by=queue_order(sort, crm.dialect.name, due_first=True)) == expected


def test_m7_calls_due_at_the_same_time_are_in_the_order_of_the_ids(crm: Engine) -> None:
    """The order of the queue does not decide among them, and neither does a lead that was put off."""
    due = NOW - timedelta(minutes=1)
    due_leads = [
        make(lead_id="b", callback_at=due, arrived_at=NOW - timedelta(days=1)),
        make(lead_id="a", callback_at=due, arrived_at=NOW, deferred_at=NOW),
        make(lead_id="c", arrived_at=NOW - timedelta(days=2)),
    ]
    by = queue_order(SortOrder("arrived_at", "asc"), crm.dialect.name, due_first=True)
    assert ids_that_meet(crm, due_leads, by=by) == ["a", "b", "c"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(some)
def test_x5_a_lead_restored_from_its_row_reads_as_it_is(crm: Engine, drawn: list[Lead]) -> None:
    """X5: every field of the catalogue, and the queues that its phase allows."""
    with crm.execution_options(writes=True).connect() as connection, connection.begin() as transaction:
        connection.execute(insert(LeadTable), [row_of(lead) for lead in drawn])
        rows = connection.execute(select(*LeadTable.__table__.columns)).mappings().all()
        transaction.rollback()
    by_id = {lead.lead_id: lead for lead in drawn}
    anywhere = [CompiledQueue.from_value(f"q{kind}", {"claimable": kind}, 1) for kind in (False, True)]
    for row in rows:
        lead, again = by_id[row["lead_id"]], lead_from_row(dict(row))
        for name, field in FIELDS.items():
            assert field.get(again) == field.get(lead), name
        assert again.facts == lead.facts
        placements = [
            QueueIndex(anywhere).evaluate(variant, NOW).sort_keys.keys() for variant in (lead, again)
        ]
        assert placements[0] == placements[1]


def test_x5_every_field_and_operator_of_the_catalogue_can_be_asked(crm: Engine) -> None:
    """X5: every field works with every operator of the builder; no lead matches by mistake."""
    lead = lead_with_every_field()
    for name in [*FIELDS, "attributes.tier", "attributes.none"]:
        field = FIELDS[name]
        for operator in field.operators:
            for value in operands(lead, name, operator.value):
                rule = CompiledRule(parse({"rules": [{"field": name, "operator": operator, "value": value}]}))
                lead_ids = ids_that_meet(crm, [lead], rule_condition(rule.tree, NOW, crm.dialect.name))
                assert bool(lead_ids) is rule.test(lead, NOW)[0], (name, operator, value)


def lead_with_every_field() -> Lead:
    """Return a lead with a value in every field of the catalogue."""
    facts = Facts(
        vendor="acme",
        first_name="Jürgen",
        last_name="Jones",
        email="j@x.org",
        phone="+14014194247",
        phone_extension="12",
        state="RI",
        zip="02903",
        time_zone="America/New_York",
        loan_purpose="purchase",
        loan_amount=310_000,
        credit_score=712,
        property_type="condo",
        campaign="West",
        external_id="A-1",
        created_at=NOW - TICK,
        assigned_to="rep-1",
        consent=True,
        attributes={"tier": "12", "none": None},
    )
    return make(
        Phase.OWNED,
        facts=facts,
        how="claim",
        via="queue/aged",
        claimed_through="aged",
        last_outcome="left_message",
        open_exception=OpenException("orphaned", (), NOW),
        assigned_at=NOW,
        queue_since=NOW - timedelta(days=2),
        last_contacted_at=NOW - timedelta(days=1),
        owner_last_contacted_at=NOW - timedelta(days=1),
        callback_at=NOW + timedelta(hours=1),
        deferred_at=NOW,
    )


def operands(lead: Lead, name: str, operator: str) -> list[Any]:
    """Return values to compare with: the lead's own, and another."""
    field = FIELDS[name]
    own = field.get(lead)
    assert own is not None or name == "attributes.none", f"{name} is not filled"
    if operator in ("null", "notNull"):
        return [None]
    if operator in ("inLast", "notInLast", "inNext"):
        return [{"amount": n, "unit": unit} for n, unit in ((1, "minute"), (2, "day"))]
    match field.type:
        case FieldType.BOOLEAN:
            values: list[Any] = [True, False]
        case FieldType.DATE:
            values = [own.isoformat(), "2026-11-21"]
        case FieldType.DAYS:
            values = [days_since(own, NOW), 3]
        case FieldType.NUMBER | FieldType.INTEGER:
            values = [own, own + 1]
        case FieldType.CHOICE:
            values = [own, next(option for option in field.options if option != own)]
        case _:
            values = [(own or "x").swapcase(), (own or "x")[:1]]
    if operator in ("between", "notBetween"):
        low, high = sorted(
            values, key=lambda operand: operand.casefold() if isinstance(operand, str) else operand
        )
        return [[low, high], [high, high]]
    return [values, values[1:]] if operator in ("in", "notIn") else values


def test_x5_more_values_than_a_statement_takes_are_refused_with_the_reason() -> None:
    """X5: it is never counted wrong."""
    condition = {"field": "zip", "operator": "in", "value": [str(n) for n in range(1000)]}
    with pytest.raises(RuleErrors, match=f"11000 values to compare with, at most {MAX_VALUES}"):
        rule_condition(parse({"rules": [condition] * 11}), NOW, "sqlite")
    assert rule_condition(parse({"rules": [condition] * 10}), NOW, "sqlite") is not None


NAMES = ["a b", "ünï", "x.y", "'", "$", "[0]", "%s", ":n", "?", 'a"b', "a\\\\b", "50%22"]


@pytest.mark.parametrize("name", NAMES)
def test_x5_an_attribute_is_found_whatever_its_name(crm: Engine, name: str) -> None:
    """X5: vendors may choose any names for attributes."""
    lead = make(facts=Facts(vendor="acme", attributes={name: "ÄB", "other": 1}))
    tree = parse({"rules": [{"field": f"attributes.{name}", "operator": "=", "value": "äb"}]})
    assert ids_that_meet(crm, [lead], rule_condition(tree, NOW, crm.dialect.name)) == [lead.lead_id]


@pytest.mark.parametrize(
    ("operator", "operand", "met"),
    [
        ("=", "Mary\u00a0Ann", True),  # pasted from a web page
        ("=", "Mary Ann\u200b", True),
        ("in", ["x", "\u202dMARY ANN\u202c"], True),
        ("contains", "\uff21\uff4e\uff4e", True),
        ("contains", "\u200b", False),
        ("contains", " Ann", True),
        ("contains", "n ", False),
        ("doesNotContain", "y\u00a0A", False),
        ("between", ["mary\u200b", "maz"], True),
    ],
)
def test_k7_a_rule_is_compared_in_the_spelling_that_leads_have(
    crm: Engine, operator: str, operand: Any, met: bool
) -> None:
    """Intake cleans what vendors send; what an admin pastes into a rule had to be typed like it to match."""
    message = b'{"vendor": "acme", "first_name": "Mary\\u00a0Ann\\u200b", "last_name": "Doe"}'
    lead = make(facts=accept_arrival(message, {}, arrived_at=NOW).facts)
    rule = CompiledRule(parse({"rules": [{"field": "first_name", "operator": operator, "value": operand}]}))
    assert rule.test(lead, NOW)[0] is met
    lead_ids = ids_that_meet(crm, [lead], rule_condition(rule.tree, NOW, crm.dialect.name))
    assert bool(lead_ids) is met


@pytest.mark.parametrize("value", [2**63, -(2**70), 10**400, 1e300, 1e22, 0.1, -0.0, "007", " 12 ", "1e3"])
def test_x5_a_number_is_compared_however_a_vendor_sent_it(crm: Engine, value: Any) -> None:
    """X5: numbers beyond the database's range, with a fraction, or sent as text."""
    lead = make(facts=Facts(vendor="acme", attributes={"n": value}))
    for operator, operand in (
        ("=", 0.1),
        (">", 7),
        (">=", 7),
        ("<", 12.5),
        ("=", 0),
        ("=", str(value).strip()),
    ):
        rule = CompiledRule(
            parse({"rules": [{"field": "attributes.n", "operator": operator, "value": operand}]})
        )
        lead_ids = ids_that_meet(crm, [lead], rule_condition(rule.tree, NOW, crm.dialect.name))
        assert bool(lead_ids) is rule.test(lead, NOW)[0], (operator, operand)


@pytest.mark.parametrize("field", ["attributes.n", "loan_amount"])
def test_x5_a_list_of_whole_numbers_and_fractions_is_compared_as_it_is_written(
    crm: Engine, field: str
) -> None:
    """X5: a driver may bind a whole list by the type of its first value."""
    leads_ = with_new_ids(
        [make(facts=Facts(vendor="acme", loan_amount=n, attributes={"n": n})) for n in (7, 12, 12.5, 13)]
    )
    for operator in ("in", "notIn"):
        for value in ([7, 12.5], [12.5, 7], [7, 12]):
            rule = CompiledRule(parse({"rules": [{"field": field, "operator": operator, "value": value}]}))
            expected = {lead.lead_id for lead in leads_ if rule.test(lead, NOW)[0]}
            assert (
                set(ids_that_meet(crm, leads_, rule_condition(rule.tree, NOW, crm.dialect.name))) == expected
            )
