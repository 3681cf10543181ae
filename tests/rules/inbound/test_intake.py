"""A vendor's message becomes a lead with normalised facts. Invalid values are kept."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from models import ids
from models.errors import Refused
from models.facts import Facts
from models.inbound import MAX_BYTES, MAX_DEPTH, MAX_TEXT, Arrival
from rules.inbound.intake import accept_arrival

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
LEAD: dict[str, Any] = {"vendor": "acme", "external_id": "A-123", "last_name": "Jones"}


def read_arrival(message: Any, headers: Mapping[str, bytes | None] | None = None) -> Facts:
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    return accept_arrival(value, headers or {}, arrived_at=NOW).facts


def refusal(message: Any, headers: Mapping[str, bytes | None] | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        read_arrival(message, headers)
    return caught.value


def test_the_contracts_example_arrives_whole() -> None:
    """Every field of the example in docs/contracts arrives in its normal form."""
    facts = read_arrival(
        b"""{"vendor": "acme", "external_id": "A-123", "campaign": "purchase-west", "org": "default",
        "first_name": "Jeremy", "last_name": "Jones", "email": "j@x.org", "phone": "(401) 419-4247",
        "state": "RI", "zip": "02903", "loan_purpose": "purchase", "loan_amount": 310000, "credit_score": 712,
        "property_type": "single_family", "created_at": "2026-11-20T09:12:00-05:00", "assigned_to": null,
        "silenced": false, "consent": true, "attributes": {}}"""
    )
    assert facts == Facts(
        vendor="acme",
        external_id="A-123",
        campaign="purchase-west",
        first_name="Jeremy",
        last_name="Jones",
        email="j@x.org",
        phone="+14014194247",
        state="RI",
        zip="02903",
        loan_purpose="purchase",
        loan_amount=310000,
        credit_score=712,
        property_type="single_family",
        created_at=datetime(2026, 11, 20, 14, 12, tzinfo=UTC),
        consent=True,
        time_zone="America/New_York",
    )


def test_every_fact_is_in_the_contract_and_every_field_of_the_contract_is_a_fact() -> None:
    assert {*Arrival.model_fields} == {*Facts.__struct_fields__}


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        ("phone", "(401) 419-4247", "+14014194247"),
        ("phone", 4014194247, "+14014194247"),
        ("phone", "401.419.4247 x12", "+14014194247"),
        ("phone", "+44 20 7946 0958", "+442079460958"),
        ("phone", "", None),
        ("email", "  J@X.Org ", "j@x.org"),
        ("state", "Rhode Island", "RI"),
        ("state", "r.i.", "RI"),
        ("state", "Calif.", "CA"),
        ("state", "washington, d.c.".replace(",", ""), "DC"),
        ("zip", "02903-1234", "02903"),
        ("zip", 78704, "78704"),
        ("loan_amount", "$310,000", 310000),
        ("loan_amount", "310k", 310000),
        ("loan_amount", "1.25M", 1250000),
        ("loan_amount", "310,000.50 USD", 310000.5),
        ("loan_amount", 310000.0, 310000),
        ("credit_score", "712", 712),
        ("created_at", "2026-11-20T09:12:00-05:00", datetime(2026, 11, 20, 14, 12, tzinfo=UTC)),
        ("created_at", None, NOW),
        ("silenced", "yes", True),
        ("silenced", "N", False),
        ("silenced", 1, True),
        ("consent", "off", False),
        ("consent", None, None),
        ("loan_purpose", "Cash-Out Refinance", "cash_out_refinance"),
        ("property_type", "Single Family", "single_family"),
        ("first_name", "  Mary   Ann ", "Mary Ann"),
        ("last_name", "O\u0000Neil", "ONeil"),
        ("external_id", 17, "17"),
        ("campaign", " ", None),
        ("time_zone", "Pacific/Honolulu", "Pacific/Honolulu"),
    ],
)
def test_a_field_has_one_normal_form(field: str, sent: Any, stored: Any) -> None:
    facts = read_arrival({**LEAD, field: sent})
    assert getattr(facts, field) == stored
    assert "invalid" not in facts.attributes


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("phone", "12345"),
        ("phone", [["4014194247"]]),
        ("email", "jeremy at example"),
        ("email", "j@localhost"),
        ("state", "Bavaria"),
        ("zip", "H3Z 2Y7"),
        ("loan_amount", "under $300,000"),
        ("loan_amount", "310.000"),
        ("loan_amount", -1),
        ("loan_amount", True),
        ("credit_score", "excellent"),
        ("credit_score", 7.5),
        ("created_at", "yesterday"),
        ("created_at", 1763629920),
        ("created_at", "0001-01-01T00:00:00+23:59"),
        ("created_at", "9999-12-31T23:59:59-23:59"),
        ("consent", "maybe"),
        ("first_name", "x" * 201),
        ("external_id", {"id": 1}),
        ("assigned_to", False),
        ("attributes", ["a"]),
        ("time_zone", "../../etc/passwd"),
    ],
)
def test_a_field_that_cannot_be_read_does_not_lose_the_lead(field: str, sent: Any) -> None:
    """The value is kept as sent under attributes.invalid, and the fact is empty."""
    facts = read_arrival({**LEAD, field: sent})
    assert facts.attributes["invalid"] == {field: sent}
    assert getattr(facts, field) in (None, NOW, facts.attributes)


def test_x6_a_silenced_flag_that_cannot_be_read_silences() -> None:
    """A missed call is better than a call to a person who asked not to be called."""
    facts = read_arrival({**LEAD, "silenced": "do not call"})
    assert facts.silenced
    assert facts.attributes["invalid"] == {"silenced": "do not call"}


def test_unknown_fields_are_kept_under_attributes() -> None:
    facts = read_arrival({**LEAD, "utm": {"a": [1]}, "page": 2, "attributes": {"page": 3, "x": 1}})
    assert facts.attributes == {"utm": {"a": [1]}, "page": 3, "x": 1, "invalid": {"page": 2}}


def test_a_vendors_own_invalid_and_assumed_stay_beside_our_remarks() -> None:
    facts = read_arrival(
        {**LEAD, "phone": "1", "created_at": "2026-11-20", "invalid": True, "assumed": {"a": 1}}
    )
    assert facts.attributes == {
        "invalid": {"invalid": True, "phone": "1"},
        "assumed": {"a": 1, "created_at": "UTC"},
    }


def test_a_time_without_offset_is_utc_and_says_so() -> None:
    facts = read_arrival({**LEAD, "created_at": "2026-11-20T09:12:00"})
    assert facts.created_at == datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
    assert facts.attributes == {"assumed": {"created_at": "UTC"}}


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        ({"zip": "79901", "state": "TX", "phone": "2125550123"}, "America/Denver"),
        ({"state": "TX", "phone": "9155550123"}, "America/Denver"),
        ({"state": "TX", "phone": "2125550123"}, None),
        ({"state": "TX", "phone": "2145550123"}, "America/Chicago"),
        ({"state": "TX"}, None),
        ({"state": "HI"}, "Pacific/Honolulu"),
        ({"phone": "2125550123"}, "America/New_York"),
        ({"phone": "8005550123"}, None),
        ({"zip": "09001"}, None),
        ({}, None),
    ],
)
def test_x6_the_time_zone_follows_from_zip_state_and_phone(fields: dict[str, str], zone: str | None) -> None:
    assert read_arrival({**LEAD, **fields}).time_zone == zone


def test_a_number_beyond_64_bits_is_kept_as_text() -> None:
    assert read_arrival({**LEAD, "big": 2**64, "list": [-(2**70)]}).attributes == {
        "big": str(2**64),
        "list": [str(-(2**70))],
    }


def test_r6_a_resend_is_the_same_lead() -> None:
    """By the vendor's id, whatever else changed; without an id, by the message, whatever its spelling."""
    namespace = uuid.UUID("6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11")
    first = accept_arrival(b'{"vendor":"acme","external_id":"A-123"}', {}, arrived_at=NOW)
    resent = accept_arrival(b'{"external_id":"A-123","vendor":"acme","x":1}', {}, arrived_at=NOW)
    assert first.lead_id == resent.lead_id == str(uuid.uuid5(namespace, "default/acme/A-123"))
    assert first.cause != resent.cause
    bare = accept_arrival(b'{"vendor":"acme","last_name":"J\\u00f3nes"}', {}, arrived_at=NOW)
    spaced = accept_arrival('{ "last_name": "Jónes", "vendor": "acme" }'.encode(), {}, arrived_at=NOW)
    digest = hashlib.sha256('{"last_name":"Jónes","vendor":"acme"}'.encode()).hexdigest()
    assert bare.lead_id == spaced.lead_id == str(uuid.uuid5(namespace, f"default/acme/sha256:{digest}"))


def test_the_lead_id_is_of_the_message_as_sent_not_as_normalised() -> None:
    message = {"vendor": " acme ", "external_id": " A-1\u0000", "org": "west"}
    event = accept_arrival(json.dumps(message).encode().replace(b"\\u0000", b""), {}, arrived_at=NOW)
    assert event.facts.vendor == "acme"
    assert event.lead_id == ids.lead_id("west", " acme ", " A-1", message)


@pytest.mark.parametrize(
    ("message", "error_class", "field"),
    [
        (b"", "empty", ""),
        (b" \n", "empty", ""),
        (b"\xef\xbb\xbf", "empty", ""),
        (b"\xff\xfe{}", "not_json", ""),
        (b'{"vendor":"a","last_name":"J","x":+1}', "not_json", ""),
        (b'{"vendor":"a","last_name":"J" "x":1}', "not_json", ""),
        (b'{"vendor":"a"} {"vendor":"b"}', "not_json", ""),
        (b"null", "not_an_object", ""),
        (b"[]", "not_an_object", ""),
        (b'"text"', "not_an_object", ""),
        (b"[" * 10_000, "too_deep", ""),
        (b" " * MAX_BYTES + b"{}", "too_large", ""),
        ({"last_name": "Jones"}, "missing_field", "vendor"),
        ({"vendor": " ", "last_name": "Jones"}, "missing_field", "vendor"),
        ({"vendor": {}, "last_name": "Jones"}, "invalid_field", "vendor"),
        ({"vendor": "a/b", "last_name": "Jones"}, "invalid_field", "vendor"),
        ({**LEAD, "org": "a/b"}, "invalid_field", "org"),
        ({**LEAD, "org": 7}, "invalid_field", "org"),
        ({"vendor": "acme"}, "nothing_identifying", "external_id"),
        ({"vendor": "acme", "first_name": "Jeremy", "phone": []}, "nothing_identifying", "phone"),
        ({**LEAD, "page": "x" * (MAX_TEXT + 1)}, "too_long", "page"),
        ({**LEAD, "attributes": {"a": {"b": ["x" * (MAX_TEXT + 1)]}}}, "too_long", "attributes.a.b"),
        ({**LEAD, "k" * 201: 1}, "too_long", ""),
    ],
)
def test_what_cannot_be_a_lead_is_refused_with_field_and_reason(
    message: Any, error_class: str, field: str
) -> None:
    refused = refusal(message)
    assert (refused.error_class, refused.field) == (error_class, field)
    assert refused.reason


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(Refused, match="no value"):
        accept_arrival(None, {}, arrived_at=NOW)


def test_nesting_is_accepted_up_to_the_bound_and_refused_beyond() -> None:
    def nested(depth: int) -> dict[str, Any]:
        inner: Any = 1
        for _ in range(depth - 1):
            inner = [inner]
        return {**LEAD, "x": inner}

    assert read_arrival(nested(MAX_DEPTH)).attributes["x"]
    assert refusal(nested(MAX_DEPTH + 1)).error_class == "too_deep"


def test_a_handle_that_is_text_counts_even_where_it_cannot_be_read() -> None:
    facts = read_arrival({"vendor": "acme", "phone": "call the office"})
    assert facts.phone is None
    assert facts.attributes == {"invalid": {"phone": "call the office"}}


def test_a_byte_order_mark_is_no_error() -> None:
    assert read_arrival(b'\xef\xbb\xbf{"vendor":"acme","last_name":"Jones"}').last_name == "Jones"
