"""A CloudEvents 1.0 envelope is opened in both modes of the Kafka binding. An error names the wrong attribute."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import Refused
from models.org_events import PersonArrived
from rules.inbound.intake import accept_action, accept_arrival, accept_publication

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
LEAD = {"vendor": "acme", "external_id": "A-123"}
BARE = json.dumps(LEAD).encode()
BINARY: dict[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-1",
    "ce_source": b"/vendors/acme",
    "ce_type": b"lead.arrived",
    "ce_time": b"2026-11-20T09:12:00Z",
    "content-type": b"application/json; charset=utf-8",
}
STRUCTURED: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/vendors/acme",
    "type": "lead.arrived",
    "time": "2026-11-20T09:12:00Z",
    "datacontenttype": "application/json",
    "data": LEAD,
}
AS_STRUCTURED = {"content-type": b"application/cloudevents+json; charset=utf-8"}


def read_arrival(value: bytes, headers: dict[str, bytes | None]) -> PersonArrived:
    return accept_arrival(value, headers, arrived_at=NOW)


def envelope_without(envelope: dict[str, Any], name: str, **more: Any) -> bytes:
    return json.dumps({key: value for key, value in envelope.items() if key != name} | more).encode()


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (BARE, BINARY),
        (BARE, {name.upper(): value for name, value in BINARY.items()}),
        (json.dumps(STRUCTURED).encode(), AS_STRUCTURED),
        (json.dumps(STRUCTURED).encode(), {}),
        (json.dumps(STRUCTURED).encode(), {"content-type": b"application/json"}),
        (envelope_without(STRUCTURED, "data", data_base64=base64.b64encode(BARE).decode()), AS_STRUCTURED),
    ],
)
def test_the_same_lead_in_any_envelope(value: bytes, headers: dict[str, bytes | None]) -> None:
    """The lead id comes from the message inside; the cause is the envelope's source and id."""
    bare = read_arrival(BARE, {})
    event = read_arrival(value, headers)
    assert (event.lead_id, event.facts) == (bare.lead_id, bare.facts)
    assert event.cause == "/vendors/acme#e-1"


def test_other_headers_make_no_envelope() -> None:
    headers: dict[str, bytes | None] = {
        "traceparent": b"00-1-1-01",
        "content-type": b"text/plain",
        "empty": None,
    }
    assert read_arrival(BARE, headers) == read_arrival(BARE, {})


def test_a_long_source_gives_a_short_cause() -> None:
    event = read_arrival(BARE, {**BINARY, "ce_source": b"/" * 900})
    assert event.cause.startswith("sha256:")
    assert len(event.cause) < 100


@pytest.mark.parametrize(
    ("value", "headers", "field"),
    [
        *(
            (BARE, {k: v for k, v in BINARY.items() if k != f"ce_{name}"}, name)
            for name in ("id", "source", "type")
        ),
        (BARE, {k: v for k, v in BINARY.items() if k != "ce_specversion"}, "specversion"),
        (BARE, {**BINARY, "ce_specversion": b"0.3"}, "specversion"),
        (BARE, {**BINARY, "ce_id": b""}, "id"),
        (BARE, {**BINARY, "ce_id": None}, "id"),
        (BARE, {**BINARY, "ce_id": b"a\x00"}, "id"),
        (BARE, {**BINARY, "ce_source": b"\xff"}, "ce_source"),
        (BARE, {**BINARY, "ce_time": b"yesterday"}, "time"),
        (BARE, {**BINARY, "content-type": b"application/xml"}, "datacontenttype"),
        (
            json.dumps([STRUCTURED]).encode(),
            {"content-type": b"application/cloudevents-batch+json"},
            "content-type",
        ),
        *(
            (envelope_without(STRUCTURED, name), AS_STRUCTURED, name)
            for name in ("specversion", "id", "source", "type")
        ),
        (envelope_without(STRUCTURED, "id", id=7), AS_STRUCTURED, "id"),
        (envelope_without(STRUCTURED, "time", time=7), AS_STRUCTURED, "time"),
        (envelope_without(STRUCTURED, "", datacontenttype="text/xml"), AS_STRUCTURED, "datacontenttype"),
        (envelope_without(STRUCTURED, "", data_base64="e30="), AS_STRUCTURED, "data_base64"),
        (envelope_without(STRUCTURED, "data", data_base64="***"), AS_STRUCTURED, "data_base64"),
        (envelope_without(STRUCTURED, "data", data_base64="é"), AS_STRUCTURED, "data_base64"),
        (envelope_without(STRUCTURED, "data", data_base64=[]), AS_STRUCTURED, "data_base64"),
    ],
)
def test_a_malformed_envelope_is_refused_with_the_attributes_name(
    value: bytes, headers: dict[str, bytes | None], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_arrival(value, headers)
    assert (caught.value.error_class, caught.value.field) == ("invalid_envelope", field)


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_data_that_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(Refused) as caught:
        read_arrival(envelope_without(STRUCTURED, "data", data=data), dict(AS_STRUCTURED))
    assert (caught.value.error_class, caught.value.field) == ("not_an_object", "data")


def test_actions_and_publications_come_in_envelopes_too() -> None:
    lead = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
    action = {"action_id": "a-1", "type": "claim", "lead_id": lead, "rep_id": "rep-7"}
    assert accept_action(json.dumps({**STRUCTURED, "data": action}).encode(), {}).cause == "a-1"
    rep = {"rep_id": "rep-7", "name": "Alex", "role": "rep"}
    event = accept_publication(b"default/rep/rep-7", json.dumps(rep).encode(), BINARY, version=3)
    assert event.value == rep
