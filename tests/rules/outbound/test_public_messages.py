"""The public messages that follow from one journal record (docs/contracts, "Out")."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from models.codec import decode_row, encode_row
from models.decisions import (
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    LeadAccepted,
    QueueEntered,
    QueueLeft,
    QueueMoved,
)
from models.directory import Queue
from models.facts import Facts
from models.lead import DirectoryRow, Lead, Phase
from models.open_exception import OpenException
from models.results import Reason, Result
from rules.outbound.public_messages import journal_origin, public_messages
from rules.queues.columns import shown_columns
from tests.rules.outbound.journal_cases import (
    AT,
    FACTS,
    KEY,
    LEAD_ID,
    answer,
    changes,
    lead,
    messages_of,
    owned_lead,
    owner,
    row,
)


def test_q9_a_won_claim_is_an_answer_an_assignment_and_leaves_the_list() -> None:
    record = row(answer(), owner("rep-7"), QueueLeft(queue_id="aged", why="claimed"), of=owned_lead())
    decision, assignment, removal, own, to_org = messages_of(record)
    assert decision == (
        "lead-decisions",
        {
            "action_id": "act-1",
            "lead_id": LEAD_ID,
            "rep_id": "rep-7",
            "type": "claim",
            "result": "won",
            "reason": None,
            "owner": "rep-7",
            "version": 4,
            "decided_at": "2026-11-20T14:12:00Z",
            "why": "first claim",
            "merged_into": None,
            "org": "default",
            "call_from": None,
        },
    )
    assert assignment[0] == "assignments"
    facts = assignment[1].pop("lead")
    assert assignment[1] == {
        "lead_id": LEAD_ID,
        "org": "default",
        "rep_id": "rep-7",
        "previous_rep_id": None,
        "how": "claim",
        "via": "queue/aged",
        "assigned_at": "2026-11-20T14:12:00Z",
        "version": 4,
        "cause": "act-1",
    }
    assert set(facts) == set(Facts.__struct_fields__)
    assert (facts["phone"], facts["org"], facts["email"]) == ("+14014194247", "default", None)
    assert removal == (
        "queue-changes",
        {
            "queue_id": "aged",
            "lead_id": LEAD_ID,
            "change": "left",
            "sort_key": "",
            "columns": {},
            "version": 4,
            "org": "default",
            "state": None,
        },
    )
    assert own[1]["queue_id"] == "rep/rep-7"
    assert own[1]["change"] == "entered"
    assert to_org[0] == "org-log"
    assert (to_org[1]["type"], to_org[1]["rep_id"], to_org[1]["cause"]) == ("lead_taken", "rep-7", "act-1")


def test_q8_a_lost_claim_says_who_has_it_and_changes_nothing_else() -> None:
    record = row(answer(Result.LOST, Reason.ALREADY_CLAIMED, "rep-2"), of=owned_lead(owner="rep-2"))
    ((topic, value),) = messages_of(record)
    assert topic == "lead-decisions"
    assert (value["result"], value["reason"], value["owner"]) == ("lost", "already_claimed", "rep-2")


def test_x4_who_acts_on_a_lead_that_never_arrived_is_answered() -> None:
    ((topic, value),) = messages_of(row(answer(Result.REFUSED, Reason.UNKNOWN_LEAD, None)))
    assert (topic, value["lead_id"], value["reason"]) == ("lead-decisions", LEAD_ID, "unknown_lead")


def test_x4_a_repeat_of_the_record_is_the_same_bytes_also_when_read_back() -> None:
    record = row(
        answer(),
        owner("rep-7"),
        QueueEntered(
            queue_id="q", sort_key="k", rules_version=1, why="", columns={"name": "J", "created_at": AT}
        ),
        of=owned_lead(),
    )
    assert public_messages(record, KEY, 3) == public_messages(record, KEY, 3)
    assert public_messages(decode_row(encode_row(record)), KEY, 3) == public_messages(record, KEY, 3)


def test_headers_are_cloudevents_in_binary_mode_numbered_by_log_place() -> None:
    record = row(answer(), owner("rep-7"), of=owned_lead())
    first, second, third, to_org = public_messages(record, KEY, 3)
    assert dict(first.headers) == {
        "ce_id": b"lead-log-3-41-0",
        "ce_source": b"/firstclaim/leads",
        "ce_type": b"firstclaim.lead-decision.v1",
        "ce_specversion": b"1.0",
        "ce_time": b"2026-11-20T14:12:00+00:00",
        "content-type": b"application/json",
    }
    assert dict(second.headers)["ce_id"] == b"lead-log-3-41-1"
    assert dict(third.headers)["ce_id"] == b"lead-log-3-41-2"
    assert {message.key for message in (first, second, third)} == {KEY}
    assert (to_org.topic, to_org.key) == ("org-log", b"default")
    assert dict(to_org.headers)["ce_id"] == b"lead-log-3-41-3"


@pytest.mark.parametrize(
    ("identity", "origin"),
    [
        (b"lead-log-3-248-2", ("3", 248 << 20 | 2)),
        (b"lead-log-3-%d-2" % 10**299, ("", -1)),
        *((other, ("", -1)) for other in (b"lead-log-3-248", b"org-log-3-248-2", b"-3-248-2", b"", None)),
        *((other, ("", -1)) for other in (b"lead-log-3-248-", b"lead-log-x-2-4", b"lead-log-3--2", b"\xff")),
        ("lead-log-٣-248-2".encode(), ("", -1)),
    ],
)
def test_an_event_of_an_org_says_which_record_of_a_lead_it_comes_from(
    identity: bytes | None, origin: tuple[str, int]
) -> None:
    headers = [("ce_source", b"/firstclaim/leads"), ("ce_id", identity)]
    assert journal_origin(SimpleNamespace(headers=headers)) == origin
    assert journal_origin(SimpleNamespace(headers=None)) == ("", -1)


def test_of_several_owners_in_one_record_the_last_is_told_against_the_one_before_the_record() -> None:
    record = row(
        owner(None, "rep-1", "orphaned"), owner("rep-7", None, "manual"), of=owned_lead(how="manual"), seq=9
    )
    (message,) = [value for topic, value in messages_of(record) if topic == "assignments"]
    assert (message["rep_id"], message["previous_rep_id"], message["how"], message["version"]) == (
        "rep-7",
        "rep-1",
        "manual",
        9,
    )
    assert changes(record) == {"rep/rep-1": "left", "rep/rep-7": "entered"}


OPEN_EXCEPTION = OpenException(
    reason="no_available_agents", explanation=({"queue_id": "aged", "why": "state is RI"},), raised_at=AT
)


@pytest.mark.parametrize(
    ("decision", "subject", "status"),
    [
        (
            ExceptionRaised(reason=OPEN_EXCEPTION.reason, explanation=OPEN_EXCEPTION.explanation),
            lead(phase=Phase.EXCEPTION, open_exception=OPEN_EXCEPTION),
            "open",
        ),
        (
            ExceptionIgnored(rep_id="boss"),
            lead(phase=Phase.IGNORED, open_exception=OPEN_EXCEPTION),
            "ignored",
        ),
        (
            ExceptionResolved(
                why="assigned",
                reason=OPEN_EXCEPTION.reason,
                explanation=OPEN_EXCEPTION.explanation,
                raised_at=AT,
            ),
            owned_lead(),
            "resolved",
        ),
    ],
)
def test_e2_the_exceptions_desk_gets_its_columns(decision: Decision, subject: Lead, status: str) -> None:
    ((topic, value),) = messages_of(row(decision, of=subject, seq=5))
    assert topic == "lead-exceptions"
    assert value == {
        "lead_id": LEAD_ID,
        "org": "default",
        "status": status,
        "reason": "no_available_agents",
        "explanation": [{"queue_id": "aged", "why": "state is RI"}],
        "prospect_name": "Jeremy Jones",
        "campaign": "purchase-west",
        "description": None,
        "distribution": None,
        "vendor": "acme",
        "loan_purpose": "purchase",
        "loan_amount": 310000,
        "state": "RI",
        "created_at": "2026-11-20T14:07:00Z",
        "raised_at": "2026-11-20T14:12:00Z",
        "version": 5,
    }


def test_e1_of_an_exception_resolved_and_raised_again_in_one_record_the_last_is_told() -> None:
    resolved = ExceptionResolved(why="", reason="orphaned")
    raised = ExceptionRaised(reason=OPEN_EXCEPTION.reason, explanation=OPEN_EXCEPTION.explanation)
    record = row(resolved, raised, of=lead(phase=Phase.EXCEPTION, open_exception=OPEN_EXCEPTION))
    assert [value["status"] for _, value in messages_of(record)] == ["open"]


def _entered(queue_id: str, sort_key: str = "k") -> QueueEntered:
    return QueueEntered(queue_id=queue_id, sort_key=sort_key, rules_version=1, why="", columns={"name": "J"})


def _moved(queue_id: str, sort_key: str = "m") -> QueueMoved:
    return QueueMoved(queue_id=queue_id, sort_key=sort_key, rules_version=1, why="", columns={"name": "J"})


def _left(queue_id: str) -> QueueLeft:
    return QueueLeft(queue_id=queue_id, why="")


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([_entered("a"), _entered("b")], {"a": "entered", "b": "entered"}),
        ([_moved("a")], {"a": "moved"}),
        ([_left("a")], {"a": "left"}),
        ([_entered("a"), _left("a")], {"a": "left"}),
        ([_left("a"), _entered("a")], {"a": "moved"}),
        ([_moved("a"), _left("a"), _left("b")], {"a": "left", "b": "left"}),
    ],
)
def test_q7_one_record_says_one_thing_of_each_queue(
    decisions: list[Decision], expected: dict[str, str]
) -> None:
    assert changes(row(*decisions, of=lead())) == expected


def test_q3_what_is_told_of_a_queue_is_what_the_queue_shows() -> None:
    (change,) = [value for _, value in messages_of(row(_entered("blind"), of=lead()))]
    assert change["columns"] == {"name": "J"}
    assert "+14014194247" not in str(change)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (FACTS, "Jeremy Jones"),
        (Facts(vendor="v", last_name="Jones", phone="+14014194247"), "Jones"),
        (Facts(vendor="v", first_name="Jeremy"), "Jeremy"),
        (Facts(vendor="v", phone="+14014194247", email="j@x.org", external_id="A-1"), "unnamed"),
    ],
)
def test_q3_a_blind_queue_shows_the_name_and_never_another_handle(facts: Facts, name: str) -> None:
    assert shown_columns(lead(facts=facts), Queue(queue_id="blind")) == {"name": name}


def test_q3_a_queue_shows_its_columns_and_none_it_was_not_given() -> None:
    queue = Queue(queue_id="aged", columns=("state", "loan_amount"))
    assert shown_columns(lead(), queue) == {"name": "Jeremy Jones", "state": "RI", "loan_amount": 310000}


DEFINITION = {
    "queue_id": "aged",
    "name": "Aged leads",
    "claimable": True,
    "columns": ["state"],
    "teams": ["west"],
    "sort": {"field": "last_contacted_at", "direction": "desc"},
}


def directory(value: dict[str, Any] | None, kind: str = "queue") -> DirectoryRow:
    return DirectoryRow(off=7, org="default", kind=kind, object_id="aged", version=12, value=value, at=AT)


def test_q7_a_queues_definition_is_told_once_by_partition_0() -> None:
    assert messages_of(directory(DEFINITION), partition=1) == []
    (message,) = public_messages(directory(DEFINITION), b"directory/0/default/queue/aged", 0)
    assert (message.topic, message.key) == ("queue-changes", b"directory/default/aged")
    assert dict(message.headers)["ce_type"] == b"firstclaim.queue-definition.v1"
    assert msgspec.json.decode(message.value) == {
        "queue_id": "aged",
        "change": "defined",
        "name": "Aged leads",
        "description": "",
        "claimable": True,
        "columns": ["state"],
        "sort": {"field": "last_contacted_at", "direction": "desc"},
        "teams": ["west"],
        "reps": [],
        "outcomes": [],
        "version": 12,
        "org": "default",
    }


def test_q4_a_removed_queue_is_told_and_other_objects_are_not() -> None:
    ((_, value),) = messages_of(directory(None), partition=0)
    assert (value["change"], value["queue_id"], value["version"]) == ("removed", "aged", 12)
    assert messages_of(directory({"rep_id": "rep-7"}, kind="rep"), partition=0) == []
    assert messages_of(directory({"queue_id": "aged", "columns": "all"}), partition=0) == []


def test_what_is_nobodys_business_is_not_told() -> None:
    assert messages_of(row(LeadAccepted(), of=lead())) == []
    assert messages_of(row(of=lead())) == []
