"""D16, X4: every action that can be answered is answered. The id must be the action's own; otherwise there is none."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.decisions import Answered
from models.errors import PermanentError, Refused
from models.events import NO_ORG, ActionRequested, LeadArrived
from models.results import Reason, Result
from rules.inbound.intake import accept_action, accept_arrival
from rules.inbound.refused_actions import NO_LEAD, answer_to_refused
from rules.inbound.salvage import MAX_SCANNED, NestedField, salvage
from rules.lead.machine import step
from rules.queues.rule_book import RuleBook

LEAD = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
CLAIM: dict[str, Any] = {
    "action_id": "a-1",
    "type": "note",
    "lead_id": LEAD,
    "rep_id": "rep-7",
    "org": "west",
}


def answer_to(value: bytes, headers: dict[str, bytes | None] | None = None) -> ActionRequested | None:
    """Return the answer to a message that intake refuses."""
    with pytest.raises(Refused) as caught:
        accept_action(value, headers or {})
    return answer_to_refused(value, headers or {}, caught.value)


def action_bytes(**fields: Any) -> bytes:
    """Return an action with its ids at the end, after the part that makes it unreadable."""
    return json.dumps(
        {**fields, **{name: value for name, value in CLAIM.items() if name not in fields}}
    ).encode()


NESTED = b'{"deep": %s, ' + json.dumps(CLAIM).encode()[1:]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (action_bytes(note="x" * 20_000), "note: is longer than 16384 characters"),
        (action_bytes(page={"note": "x" * 20_000}), "page.note: is longer than 16384 characters"),
        (action_bytes(**{"x" * 201: 1}), "has a field name longer than 200 characters"),
        (NESTED % (b"[" * 40 + b"]" * 40), "deep: is nested deeper than 32"),
        (NESTED % (b'{"a":' * 5_000 + b"1" + b"}" * 5_000), "is nested deeper than 32"),
        (NESTED % (b"[" * 50_000 + b"]" * 50_000), "is nested deeper than 32"),
        (
            action_bytes(note="x" * 262_144),
            f"the message has {len(action_bytes(note='x' * 262_144))} bytes; 262144 are allowed",
        ),
        (
            action_bytes(page=["a"] * 60_000),
            f"the message has {len(action_bytes(page=['a'] * 60_000))} bytes; 262144 are allowed",
        ),
        (b"\xef\xbb\xbf" + action_bytes(note="x" * 20_000), "note: is longer than 16384 characters"),
        (NESTED % b"NaN", "not JSON: "),
        (NESTED % b"1e999", "not JSON: "),
        (NESTED % b'"\xff"', "not UTF-8 at byte"),
        (NESTED % b'"a\nb"', "not JSON: "),
        (action_bytes()[:-1] + b', "note": "he said "hi" and left"}', "not JSON: "),
        (action_bytes()[:-1] + b', "note": "cut', "not JSON: "),
        (action_bytes() + b"}", "not JSON: "),
        (
            action_bytes(action_id={"id": 1}, lead_id=LEAD)[:-1] + b', "action_id": "a-1", "x": NaN}',
            "not JSON: ",
        ),
        (
            b'{"action\\u005fid": "other", ' + action_bytes(note="x" * 20_000)[1:],
            "note: is longer than 16384 characters",
        ),
    ],
)
def test_d16_the_answer_is_the_actions_own_and_names_what_is_wrong(value: bytes, reason: str) -> None:
    event = answer_to(value)
    assert event is not None
    assert event.cause == "a-1"
    assert (event.lead_id, event.action, event.rep_id, event.org) == (LEAD, "note", "rep-7", "west")
    assert event.invalid is not None
    assert reason in event.invalid
    assert (event.note, event.attributes) == (None, {})


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"x",
        b"null",
        b'"action_id"',
        b"[" + action_bytes() + b"]",
        b'{"attributes": ' + action_bytes() + b"}",
        b'{"data": ' + action_bytes() + b"}",
        json.dumps({"note": action_bytes(note="y").decode() + "x" * 20_000}).encode(),
        action_bytes(action_id=None),
        action_bytes(action_id=""),
        action_bytes(action_id=["a-1"]),
        action_bytes(action_id={"action_id": "a-2"}),
        action_bytes(action_id=True),
        action_bytes(action_id=1.5)[:-1],
        action_bytes(action_id="x" * 201),
        action_bytes(action_id="a\x00"),
        action_bytes()[:-1].replace(b"a-1", b"a-\xff") + b', "x": NaN}',
        b'{"note": "5" pipe", "action_id": "a-1"}',
        b"{'action_id': 'a-1'}",
        b'{"page": ' + b"[" * 300_000 + b', "action_id": "a-1"}',
        b'{"note": "' + b"x" * MAX_SCANNED + b'", "action_id": "a-1"}',
    ],
)
def test_d16_what_has_no_id_of_its_own_is_a_dead_letter_only(value: bytes) -> None:
    """An id in another object, after an unescaped quote, or that cannot be repeated does not count."""
    assert answer_to(value) is None


@pytest.mark.parametrize(
    ("lead_id", "expected"),
    [
        ("lead-1", "lead-1"),
        (17, "17"),
        (LEAD.replace("-", ""), LEAD.replace("-", "")),
        (LEAD.upper(), LEAD),
        (None, NO_LEAD),
        ("", NO_LEAD),
        (["lead-1"], NO_LEAD),
        ("x" * 201, NO_LEAD),
        ("directory/0/default/queue/aged", NO_LEAD),
        ("a\u2028b", NO_LEAD),
    ],
)
def test_d16_a_lead_id_that_is_none_is_repeated_as_it_was_sent(lead_id: Any, expected: str) -> None:
    value = (
        action_bytes(lead_id=lead_id)
        if lead_id != LEAD.upper()
        else action_bytes(lead_id=lead_id, note="x" * 20_000)
    )
    event = answer_to(value)
    assert event is not None
    assert event.lead_id == expected


@pytest.mark.parametrize(
    ("value", "org"),
    [
        (action_bytes(org="a/b", note="x" * 20_000), NO_ORG),
        (action_bytes(org={"org": "west"}, note="x" * 20_000), NO_ORG),
        (b'{"action_id": "a-1", "lead_id": "%s", "note": ' % LEAD.encode(), NO_ORG),
        (json.dumps({"action_id": "a-1", "lead_id": LEAD, "note": "x" * 20_000}).encode(), "default"),
        (action_bytes(org=None, note="x" * 20_000), "default"),
    ],
)
def test_d16_whose_it_is_is_never_guessed(value: bytes, org: str) -> None:
    """A message cut before its org may belong to any org, so its answer says nothing about a lead."""
    event = answer_to(value)
    assert event is not None
    assert event.org == org


def test_an_org_that_cannot_be_read_is_not_the_default_org() -> None:
    assert accept_action(action_bytes(org="a/b"), {}).org == NO_ORG


def test_d16_an_envelopes_action_is_found_inside_it() -> None:
    action = {**CLAIM, "note": "x" * 20_000}
    envelope = {"specversion": "1.0", "id": "1", "source": "/crm", "type": "action", "action_id": "outside"}
    for inside in ({"data": action}, {"data_base64": base64.b64encode(json.dumps(action).encode()).decode()}):
        event = answer_to(json.dumps({**envelope, **inside}).encode())
        assert event is not None
        assert event.cause == "a-1"
    assert answer_to(json.dumps({**envelope, "data": [action]}).encode()) is None
    assert answer_to(json.dumps({**envelope, "data_base64": "~"}).encode()) is None
    event = answer_to(action_bytes(), {"ce_id": b"1"})  # binary mode, with attributes missing
    assert event is not None
    assert event.cause == "a-1"


def test_d16_what_its_record_could_not_take_is_answered_too() -> None:
    event = answer_to_refused(
        action_bytes(), {}, PermanentError("record_too_large", "1200000 bytes; 1000000 are allowed")
    )
    assert event is not None
    assert event.invalid == "1200000 bytes; 1000000 are allowed"


def test_d16_x4_the_lead_machine_answers_it_and_repeats_an_earlier_answer() -> None:
    at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    arrived = accept_arrival(b'{"vendor": "acme", "last_name": "Jones", "org": "west"}', {}, arrived_at=at)
    lead_id = arrived.lead_id
    first = step(
        None, LeadArrived(lead_id=lead_id, cause="c", facts=arrived.facts), off=0, at=at, rule_book=RuleBook()
    )

    def answer_in(row: Any) -> Answered:
        (answer,) = row.decisions
        assert isinstance(answer, Answered)
        return answer

    event = answer_to(action_bytes(lead_id=lead_id, note="x" * 20_000))
    assert event is not None
    row = step(first, event, off=1, at=at, rule_book=RuleBook())
    assert (row.lead, row.seq) == (first.lead, first.seq)
    assert (answer_in(row).result, answer_in(row).reason) == (Result.REFUSED, Reason.INVALID)
    assert answer_in(row).why == "note: is longer than 16384 characters"
    repeated = accept_action(action_bytes(lead_id=lead_id, type="claim_now"), {})
    assert answer_in(step(row, repeated, off=2, at=at, rule_book=RuleBook())) == answer_in(row)
    stranger = answer_to(b'{"action_id": "a-2", "lead_id": "%s", "note": ' % lead_id.encode())
    assert stranger is not None
    view = accept_action(action_bytes(action_id="a-0", type="view", lead_id=lead_id), {})
    owned = step(row, view, off=3, at=at, rule_book=RuleBook())
    second_answer = answer_in(step(owned, stranger, off=4, at=at, rule_book=RuleBook()))
    assert (second_answer.reason, second_answer.owner) == (Reason.INVALID, None)


_NAMES = st.sampled_from(["action_id", "lead_id", "x", ""])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(_NAMES, _JSON, max_size=4))
def test_a_whole_object_is_salvaged_as_a_decoder_reads_it(document: dict[str, Any]) -> None:
    salvaged = salvage(
        json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"), ["action_id", "lead_id"]
    )
    assert salvaged.is_whole
    for name in ("action_id", "lead_id"):
        value = document.get(name)
        if isinstance(value, dict | list):
            assert isinstance(salvaged.fields[name], NestedField)
        elif name in document:
            assert salvaged.fields[name] == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ae1 tru', max_size=60).map(str.encode))
def test_salvage_never_raises(value: bytes) -> None:
    salvage(value, ["a"])
    answer_to_refused(value, {}, PermanentError("x", "x"))
