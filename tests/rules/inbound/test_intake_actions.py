"""Every action that can be answered becomes an event. Only an action that nobody can be answered for is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.codec import decode_event, encode_event
from models.decisions import Answered
from models.errors import Refused
from models.events import ActionRequested, DirectoryPublished, LeadArrived
from models.results import Reason, Result
from rules.inbound.intake import accept_action, accept_arrival, accept_publication
from rules.lead.machine import step
from rules.queues.rule_book import RuleBook

LEAD = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
CLAIM: dict[str, Any] = {"action_id": "a-1", "type": "claim", "lead_id": LEAD, "rep_id": "rep-7"}


def read_action(**fields: Any) -> ActionRequested:
    return accept_action(json.dumps({**CLAIM, **fields}).encode(), {})


def test_the_contracts_example_is_accepted_whole() -> None:
    event = read_action(queue_id="aged", org="default")
    assert event == ActionRequested(
        lead_id=LEAD, cause="a-1", action="claim", rep_id="rep-7", queue_id="aged", org="default"
    )


@pytest.mark.parametrize(
    ("fields", "attribute", "read"),
    [
        ({"lead_id": LEAD.upper()}, "lead_id", LEAD),
        ({"action_id": 17}, "cause", "17"),
        ({"action_id": " kept as sent "}, "cause", " kept as sent "),
        ({"at": "2026-11-21T10:00:00-05:00"}, "at", datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ({"at": None}, "at", None),
        ({"epoch": "3"}, "epoch", 3),
        ({"view_only": "yes"}, "view_only", True),
        ({"note": "one\ntwo\u0000 "}, "note", "one\ntwo"),
        ({"rep_id": 7}, "rep_id", "7"),
        ({"org": ""}, "org", "default"),
        ({"shoe_size": [44]}, "attributes", {"shoe_size": [44]}),
    ],
)
def test_a_field_has_one_normal_form(fields: dict[str, Any], attribute: str, read: Any) -> None:
    event = read_action(**fields)
    assert getattr(event, attribute) == read
    assert event.invalid is None


@pytest.mark.parametrize(
    ("fields", "error_class", "field"),
    [
        ({"action_id": None}, "missing_action_id", "action_id"),
        ({"action_id": ""}, "missing_action_id", "action_id"),
        ({"action_id": " "}, "missing_action_id", "action_id"),
        ({"action_id": {}}, "invalid_field", "action_id"),
        ({"action_id": "a\u0000"}, "invalid_field", "action_id"),
        ({"action_id": "x" * 201}, "invalid_field", "action_id"),
        ({"lead_id": None}, "missing_field", "lead_id"),
        ({"lead_id": "lead-1"}, "invalid_field", "lead_id"),
        ({"lead_id": LEAD.replace("-", "")}, "invalid_field", "lead_id"),
        ({"lead_id": f"{{{LEAD}}}"}, "invalid_field", "lead_id"),
        ({"lead_id": 7}, "invalid_field", "lead_id"),
        ({"lead_id": LEAD.replace("6", "٦")}, "invalid_field", "lead_id"),
    ],
)
def test_x4_nobody_could_be_answered(fields: dict[str, Any], error_class: str, field: str) -> None:
    """Without the id of the action or of the lead there is no place for an answer, so it is a dead letter."""
    with pytest.raises(Refused) as caught:
        read_action(**fields)
    assert (caught.value.error_class, caught.value.field) == (error_class, field)


def test_a_message_without_action_id_is_a_dead_letter() -> None:
    with pytest.raises(Refused) as caught:
        accept_action(json.dumps({**CLAIM, "action_id": None} | {"x": 1}).encode(), {})
    assert caught.value.error_class == "missing_action_id"
    with pytest.raises(Refused) as caught:
        accept_action(b"{}", {})
    assert caught.value.field in {"action_id", "lead_id"}


@pytest.mark.parametrize(
    ("fields", "invalid"),
    [
        ({"at": "tomorrow"}, "at: is not an RFC 3339 time"),
        ({"at": "2026-11-21T10:00:00"}, "at: needs an offset from UTC, like -05:00 or Z"),
        (
            {"at": "2026-11-21 10:00-12:00"},
            "at: may be a span of time; write seconds before an offset, as 09:00:00-05:00",
        ),
        ({"at": "2026-11-21T10:00:00-13:00"}, "at: has an offset that no zone has"),
        ({"epoch": 2**64}, "epoch: must be between 0 and 9223372036854775807"),
        ({"epoch": -1}, "epoch: must be between 0 and 9223372036854775807"),
        ({"rep_id": None}, "rep_id: is missing"),
        ({"rep_id": ["rep-7"]}, "rep_id: must be text, not a list"),
        ({"type": None}, "type: is missing"),
        ({"type": {}}, "type: must be text, not an object"),
        ({"note": "x" * 10_001}, "note: is longer than 10000 characters"),
        ({"org": "a/b"}, "org: must be 1 to 64 letters, digits, dots, dashes or underscores"),
        ({"view_only": "perhaps"}, "view_only: must be yes or no, true or false"),
        (
            {"at": 7, "epoch": []},
            "at: must be an RFC 3339 time, not a number; epoch: must be a whole number, not a list",
        ),
    ],
)
def test_x4_an_unreadable_field_is_named_for_the_answer(fields: dict[str, Any], invalid: str) -> None:
    """The sender can be answered, so the event goes on and names the unreadable field."""
    event = read_action(**fields)
    assert event.invalid == invalid
    assert event.cause == "a-1"


def test_an_unknown_type_is_for_the_lead_machine_to_answer() -> None:
    event = read_action(type="steal")
    assert (event.action, event.invalid) == ("steal", None)


def publish(key: bytes | None, value: bytes | None) -> DirectoryPublished:
    return accept_publication(key, value, {}, version=9)


def test_q6_a_tombstone_removes_an_object() -> None:
    assert publish(b"default/queue/aged/west", None) == DirectoryPublished(
        lead_id="",
        cause="directory/default/queue/aged/west/9",
        org="default",
        kind="queue",
        object_id="aged/west",
        version=9,
        value=None,
    )


@pytest.mark.parametrize(
    ("key", "value", "error_class", "field", "reason"),
    [
        (b"default/rep/n4", b"{}", "invalid_publication", "rep_id", "the whole rep"),
        (b"default/rep/n4", b'{"rep_id": null}', "invalid_publication", "rep_id", "the whole rep"),
        (b"default/rep/n4", b'{"active": false}', "invalid_publication", "rep_id", "the whole rep"),
        (b"default/queue/aged", b'{"name": "Aged"}', "invalid_publication", "queue_id", "the whole queue"),
        (b"default/group/west", b"{}", "invalid_publication", "group_id", "the whole group"),
        (b"default/campaign/c", b"{}", "invalid_publication", "campaign_id", "the whole campaign"),
        (b"default/rep/n4", b"null", "not_an_object", "", "tombstone"),
        (b"default/rep/n4", b" null\n", "not_an_object", "", "tombstone"),
        (b"default/rep/n4", b"\xef\xbb\xbfnull", "not_an_object", "", "tombstone"),
        (b"default/settings/settings", b"null", "not_an_object", "", "tombstone"),
        (b"default/rep/n4", b"", "empty", "", "no value"),
        (b"default/rep/n4", b"[]", "not_an_object", "", "a list"),
        (b"default/rep/n4", b'"null"', "not_an_object", "", "text"),
    ],
)
def test_q6_only_a_whole_object_is_taken(
    key: bytes, value: bytes, error_class: str, field: str, reason: str
) -> None:
    """P10: a partial object would reset the other fields of the published object."""
    with pytest.raises(Refused) as caught:
        publish(key, value)
    assert (caught.value.error_class, caught.value.field) == (error_class, field)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        b"default",
        b"default/queue",
        b"default/queue/",
        b"default/queue/ ",
        b"default/queue/a\x00",
        b"default/queue/" + b"x" * 201,
        b"default/cue/a",
        b"/queue/a",
        b"a b/queue/x",
        b"\xff/queue/a",
    ],
)
def test_q6_a_malformed_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(Refused) as caught:
        publish(key, None)
    assert (caught.value.error_class, caught.value.field) == ("invalid_key", "key")


def test_q6_a_publication_that_does_not_hold_is_refused_with_its_place() -> None:
    queue = {"queue_id": "aged", "columns": ["state", "shoe_size"]}
    with pytest.raises(Refused) as caught:
        publish(b"default/queue/aged", json.dumps(queue).encode())
    assert (caught.value.error_class, caught.value.field) == ("invalid_publication", "columns[1]")


def test_q6_a_publication_is_kept_as_published() -> None:
    event = publish(
        b"default/queue/aged",
        b'{"queue_id": "aged", "name": "Aged", "claimable": true, "outcomes": ["x"], "teams": null}',
    )
    assert event.value == {"queue_id": "aged", "name": "Aged", "claimable": True, "outcomes": []}


def test_x4_an_unreadable_field_is_answered_invalid_and_changes_nothing() -> None:
    """A callback with an unreadable time must not become one without a time."""
    at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    arrived = accept_arrival(b'{"vendor": "acme", "last_name": "Jones"}', {}, arrived_at=at)
    placed = LeadArrived(lead_id=arrived.lead_id, cause=arrived.cause, facts=arrived.facts)
    before = step(None, placed, off=0, at=at, rule_book=RuleBook())
    request = read_action(type="callback", at="tomorrow", lead_id=arrived.lead_id)
    after = step(before, request, off=1, at=at, rule_book=RuleBook())
    assert after.lead == before.lead
    (answer,) = after.decisions
    assert isinstance(answer, Answered)
    assert (answer.result, answer.reason, answer.why) == (Result.REFUSED, Reason.INVALID, request.invalid)


def test_m2_the_facts_of_a_correction_are_read_like_an_arrivals() -> None:
    sent = {"phone": "(401) 419-4247", "state": "Rhode Island", "zip": 2903, "loan_amount": "$310k"}
    event = read_action(
        type="update", facts={**sent, "email": " ", "silenced": "no", "first_name": None}, why="told me"
    )
    assert event.invalid is None
    assert event.facts == {
        "phone": "+14014194247",
        "state": "RI",
        "zip": "02903",
        "loan_amount": 310000,
        "email": None,
        "silenced": False,
        "first_name": None,
    }
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"phone": "12"}, "facts.phone: is not a phone number in use"),
        ({"state": ["RI"]}, "facts.state: must be text, not a list"),
        ({"loan_amount": -1}, "facts.loan_amount: must be between 0 and"),
        ({"last_name": "x" * 201}, "facts.last_name: is longer than 200 characters"),
        ({"silenced": None}, "facts.silenced: must be yes or no, true or false"),
        ({"time_zone": "Mars/Base"}, "facts.time_zone: is not a time zone like America/New_York"),
        ({"vendor": "globex"}, "facts.vendor: belongs to the arrival, so it cannot be corrected"),
        ({"attributes": {}}, "facts.attributes: belongs to the arrival, so it cannot be corrected"),
        ({"shoe_size": 44}, "facts.shoe_size: is no fact that can be corrected"),
        ("state=RI", "facts: must be an object, not text"),
        ([], "facts: must be an object, not a list"),
    ],
)
def test_m2_a_fact_that_cannot_be_read_is_named_with_the_reason(facts: Any, why: str) -> None:
    event = read_action(type="update", facts=facts)
    assert event.invalid is not None
    assert event.invalid.startswith(why)
    assert read_action(facts=facts).invalid is None, "other actions have no facts"


def test_m2_a_refusal_names_few_of_many_unknown_fields_and_cuts_their_names() -> None:
    event = read_action(type="update", facts={"x" * 150 + str(n): n for n in range(40)})
    assert event.invalid is not None
    assert len(event.invalid) < 1_000
    assert "35 more are no facts that can be corrected" in event.invalid
