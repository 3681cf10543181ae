"""Days in rules are the org's days, fresh leads are fresh, and numbers compare as numbers (C1, C2, C4; Q2).

Each test begins with the bytes of a lead and of the published queue.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.errors import Refused
from models.lead import Lead, Phase
from rules.inbound.intake import accept_arrival, accept_publication
from rules.inbound.signatures import SignatureChecker
from rules.queues.rule_book import RuleBook

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CHICAGO = "America/Chicago"


def rule_book(
    *conditions: tuple[Any, ...], settings: dict[str, Any] | None = None, late: bool = False
) -> RuleBook:
    """Return a rule book with one queue `q`, and the settings, published before or `late`: after the queue."""
    rules = [dict(zip(("field", "operator", "value"), condition, strict=False)) for condition in conditions]
    queue = (b"default/queue/q", {"queue_id": "q", "inclusion": {"combinator": "and", "rules": rules}})
    objects = [queue] if settings is None else [(b"default/settings/settings", settings), queue]
    book = RuleBook()
    for version, (key, value) in enumerate(reversed(objects) if late else objects):
        book = book.publish(accept_publication(key, json.dumps(value).encode(), {}, version=version))
    return book


def is_in_queue(book: RuleBook, zone: str = "UTC", now: datetime = NOW, **sent: Any) -> bool:
    """Say whether a lead of these bytes is in the queue at a time. It arrived at `NOW`."""
    message = json.dumps({"vendor": "acme", "last_name": "Doe", **sent}).encode()
    event = accept_arrival(message, {}, arrived_at=NOW, zone_of_org=lambda _: zone)
    lead = Lead(lead_id=event.lead_id, facts=event.facts, phase=Phase.QUEUED, arrived_at=NOW, updated_at=NOW)
    return "q" in book.org("default").evaluate(lead, now).sort_keys


@pytest.mark.parametrize("late", [False, True], ids=["settings first", "settings last"])
@pytest.mark.parametrize(
    ("operator", "day", "created_at", "met"),
    [
        ("=", "2026-11-25", "2026-11-25T23:30:00-06:00", True),
        ("=", "2026-11-25", "2026-11-26T05:30:00Z", True),
        ("=", "2026-11-25", "2026-11-25T00:00:00-06:00", True),
        ("=", "2026-11-25", "2026-11-24T23:59:59-06:00", False),
        ("=", "2026-11-25", "2026-11-26T00:00:00-06:00", False),
        (">", "2026-11-24", "2026-11-25T00:00:00-06:00", True),
        (">", "2026-11-25", "2026-11-25T23:59:59-06:00", False),
        ("<=", "2026-11-25", "2026-11-25T23:59:59-06:00", True),
        ("<", "2026-11-25", "2026-11-24T23:59:59-06:00", True),
        ("between", ["2026-11-24", "2026-11-25"], "2026-11-25T23:59:59-06:00", True),
        ("between", ["2026-11-24", "2026-11-25"], "2026-11-23T23:59:59-06:00", False),
        ("=", "2026-11-25T23:30:00-06:00", "2026-11-26T05:30:00Z", True),
        # Clocks change on 1 November 2026; the day has 25 hours.
        ("=", "2026-11-01", "2026-11-02T05:59:59Z", True),
        ("=", "2026-11-01", "2026-11-01T05:00:00Z", True),
        ("=", "2026-11-01", "2026-11-02T06:00:00Z", False),
    ],
)
def test_c1_q2_a_day_in_a_rule_is_the_orgs_day(
    operator: str, day: Any, created_at: str, met: bool, late: bool
) -> None:
    book = rule_book(("created_at", operator, day), settings={"time_zone": CHICAGO}, late=late)
    assert is_in_queue(book, created_at=created_at) is met


def test_c1_without_a_setting_days_are_in_utc() -> None:
    book = rule_book(("created_at", "=", "2026-11-25"))
    assert not is_in_queue(book, created_at="2026-11-25T23:30:00-06:00")
    assert is_in_queue(book, created_at="2026-11-25T23:30:00Z")


def test_c1_a_time_without_an_offset_is_of_the_orgs_day() -> None:
    book = rule_book(("created_at", "=", "2026-11-25"), settings={"time_zone": CHICAGO})
    assert is_in_queue(book, zone=CHICAGO, created_at="2026-11-25 23:30:00")
    assert is_in_queue(book, zone=CHICAGO, created_at="11/25/2026")


@pytest.mark.parametrize(
    "created_at", ["2026-11-26T17:00:00Z", "2026-11-27T11:00:00Z", "2026-11-26T12:00:01Z", "2099-01-01"]
)
@pytest.mark.parametrize("operator", ["inLast", "notInLast"])
def test_c2_v5_a_lead_dated_ahead_of_the_clock_is_fresh(created_at: str, operator: str) -> None:
    """A created_at five hours ahead must not put a fresh lead into the queue of aged ones."""
    book = rule_book(("created_at", operator, {"amount": 30, "unit": "day"}))
    assert is_in_queue(book, created_at=created_at) is (operator == "inLast")


@pytest.mark.parametrize(
    ("operator", "value", "sent", "met"),
    [
        (">", "9500", 12000, True),
        (">", "9500", "12000", True),
        (">", "9500", "n/a", False),
        ("<", "9500", "n/a", False),
        ("<", "9500", "800", True),
        (">=", "9500", "9500.0", True),
        ("between", ["9500", "20000"], "12000", True),
        ("between", ["9500", "20000"], "n/a", False),
        ("notBetween", ["9500", "20000"], "100", True),
        (">", 9500, "12000", True),
        (">", "b", "c", True),
        (">", "9500 a", "n/a", True),
        ("=", 7, "7", True),
        ("=", 7, "7.0", True),
        ("=", 7, "n/a", False),
        ("!=", 7, "7", False),
        ("!=", 7, "8", True),
        ("in", [7, 8], "8.0", True),
        ("notIn", [7, 8], "8", False),
        ("=", "7", 7, True),
        ("=", "07", 7, False),
        ("in", ["7", "8"], 8, True),
        ("=", "true", True, True),
    ],
)
def test_c4_q2_an_attribute_is_compared_as_a_number_where_both_are_numbers(
    operator: str, value: Any, sent: Any, met: bool
) -> None:
    book = rule_book(("attributes.income", operator, value))
    assert is_in_queue(book, income=sent) is met


@pytest.mark.parametrize(
    ("kind", "sent", "stored", "rules"),
    [
        ("number", "$12,000", 12000, [(">", "9500", True), ("=", 12000, True), ("<", "9500", False)]),
        ("number", "12k", 12000, [(">", "9500", True)]),
        ("number", "12,000.50 USD", 12000.5, [(">", 12000, True)]),
        ("number", " -5.25 ", -5.25, [("<", 0, True)]),
        ("number", "7.50%", 7.5, [("between", [7, 8], True)]),
        ("number", 12000, 12000, [(">", "9500", True)]),
        ("number", "n/a", None, [(">", "9500", False), ("notNull", None, False)]),
        ("number", "1.2E4", 12000, [("=", 12000, True)]),
        ("number", "12345678901234567890", None, [("notNull", None, False)]),
        ("number", True, None, [("notNull", None, False)]),
        ("number", [1], None, [("notNull", None, False)]),
        ("number", " ", "", [("notNull", None, False)]),
        ("text", 7, "7", [("=", "7", True), ("=", "07", False)]),
        ("text", "007", "007", [("=", "007", True)]),
        (
            "date",
            "11/25/2026",
            "2026-11-25T06:00:00Z",
            [(">", "2026-11-25", True), ("<", "2026-11-26", True)],
        ),
        ("date", "2026-11-25T23:30:00-06:00", "2026-11-26T05:30:00Z", [("beginsWith", "2026-11-26", True)]),
        ("date", "05/06/2026", None, [("notNull", None, False)]),
        ("boolean", "Yes", True, [("=", "true", True)]),
        ("boolean", "N", False, [("=", "false", True)]),
        ("boolean", "maybe", None, [("notNull", None, False)]),
        (None, "$12,000", "$12,000", [(">", "9500", False), ("=", "$12,000", True)]),
    ],
)
@pytest.mark.parametrize("place", ["top", "inside"])
def test_c4_v2_an_attribute_is_read_as_the_org_says(
    kind: str | None, sent: Any, stored: Any, rules: list[tuple[Any, ...]], place: str
) -> None:
    """Bytes of a vendor and of the org's settings. None stands for a value that is lost with a remark."""
    settings = {"time_zone": CHICAGO, "attribute_types": {} if kind is None else {"income": kind}}
    authority = SignatureChecker({}, timedelta(minutes=5))
    bytes_sent = json.dumps(settings).encode()
    authority.publish(accept_publication(b"default/settings/settings", bytes_sent, {}, version=1))
    own = {"income": sent} if place == "top" else {"attributes": {"income": sent}}
    facts = accept_arrival(
        json.dumps({"vendor": "acme", "last_name": "Doe", **own}).encode(),
        {},
        arrived_at=NOW,
        zone_of_org=lambda org: authority.terms(org).time_zone,
        types_of_org=lambda org: authority.terms(org).attribute_types,
    ).facts
    attributes = facts.attributes
    assert attributes.get("income", "") == ("" if stored is None else stored)
    assert attributes.get("invalid") == ({"income": sent} if stored is None else None)
    lead = Lead(lead_id="l", facts=facts, phase=Phase.QUEUED, arrived_at=NOW, updated_at=NOW)
    for operator, value, met in rules:
        condition = (
            ("attributes.income", operator) if value is None else ("attributes.income", operator, value)
        )
        assert ("q" in rule_book(condition).org("default").evaluate(lead, NOW).sort_keys) is met


@pytest.mark.parametrize("types", [{"income": "money"}, {"": "number"}, {"x" * 101: "text"}, ["income"]])
def test_c4_q6_a_type_that_does_not_exist_is_refused_with_its_place(types: Any) -> None:
    value = json.dumps({"attribute_types": types}).encode()
    with pytest.raises(Refused) as caught:
        accept_publication(b"default/settings/settings", value, {}, version=1)
    assert caught.value.field.startswith("attribute_types")


@pytest.mark.parametrize("published", ["JOSÉ", "JOSE\u0301", "josé", "jose\u0301"])
@pytest.mark.parametrize("sent", ["José", "Jose\u0301", "JOSE\u0301"])
def test_b7_k7_a_name_is_one_name_composed_or_not(published: str, sent: str) -> None:
    assert is_in_queue(rule_book(("last_name", "=", published)), last_name=sent)
    assert is_in_queue(rule_book(("attributes.nick", "=", published)), nick=sent)
