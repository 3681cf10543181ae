"""The table rows that follow from a journal row."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from models.decisions import (
    Answered,
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    LeadAccepted,
    OwnerChanged,
    QueueEntered,
)
from models.lead import Distribution, DistributionStatus, Lead, Lock, Phase
from models.open_exception import OpenException
from models.results import Reason, Result
from sink.database_engine import to_json
from sink.rows import table_rows, without_nul
from sink.tables import AssignmentHistoryTable, AssignmentTable, DecisionTable, LeadExceptionTable, LeadTable
from sink.writer import JournalRecord, rows_of
from tests.sink.seeded_journal import START, lead_of, owner_changed, row_of

OPEN_EXCEPTION = OpenException(
    "no_available_agents", ({"rep_id": "rep-3", "why": "not licensed in RI"},), START
)
RAISED = ExceptionRaised(reason=OPEN_EXCEPTION.reason, explanation=OPEN_EXCEPTION.explanation)


def plain(value: Any) -> Any:
    """Return the value of a JSON column as the database returns it."""
    return msgspec.json.decode(to_json(value))


def test_a_lead_row_has_facts_phase_and_version() -> None:
    lead = lead_of(phase=Phase.OWNED, owner="rep-7", assigned_at=START)
    row = table_rows(3, lead.lead_id, row_of(lead, off=9, seq=4)).lead
    assert row is not None
    picked = {
        name: row[name] for name in ("lead_id", "org", "vendor", "state", "loan_amount", "phase", "owner")
    }
    assert picked == {
        "lead_id": lead.lead_id,
        "org": "default",
        "vendor": "acme",
        "state": "RI",
        "loan_amount": 310000,
        "phase": "owned",
        "owner": "rep-7",
    }
    assert row["version"] == 4
    assert row["created_at"] == START - timedelta(hours=2)
    assert plain(row["facts"]) == msgspec.to_builtins(lead.facts)


def test_a_row_names_every_column_of_its_table_and_no_other() -> None:
    """A name that is no column would be left out of the statement without an error."""
    stored = table_rows(0, "l", row_of(lead_of(), owner_changed("rep-7"), RAISED))
    for row, table in (
        (stored.lead, LeadTable),
        (stored.assignment, AssignmentHistoryTable),
        (stored.exception, LeadExceptionTable),
        (stored.decisions[0], DecisionTable),
    ):
        assert row is not None
        assert set(row) == {column.name for column in table.__table__.columns}


def test_d1_a_lock_is_in_the_leads_row() -> None:
    until = datetime(2026, 11, 20, 10, 30, tzinfo=timezone(timedelta(hours=-5)))
    lead = lead_of(phase=Phase.LOCKED, lock=Lock(rep_id="rep-7", since=START, until=until, epoch=3))
    assert lock_and_offer(lead) == {"locked_by": "rep-7", "locked_until": until}


@pytest.mark.parametrize(
    ("stage", "reps"),
    [(DistributionStatus.OFFERED, ("rep-7",)), (DistributionStatus.RINGING, ("rep-7", "rep-9"))],
)
@pytest.mark.parametrize("until", [START + timedelta(minutes=15), None])
def test_r3_s1_an_open_offer_is_in_the_leads_row(
    stage: DistributionStatus, reps: tuple[str, ...], until: datetime | None
) -> None:
    distribution = Distribution(
        group_id="west", epoch=5, stage=stage, method="ring_all", reps=reps, until=until
    )
    offer_columns = lock_and_offer(lead_of(phase=Phase.OFFERED, open_distribution=distribution))
    expected = {
        "offer_rep_ids": list(reps),
        "offer_epoch": 5,
        "offer_method": "ring_all",
        "offer_until": until,
    }
    assert offer_columns == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize(
    "stage", [DistributionStatus.REQUESTED, DistributionStatus.PAUSED, DistributionStatus.WAITING]
)
def test_a_lead_that_still_looks_for_a_rep_has_no_offer_in_its_row(stage: DistributionStatus) -> None:
    distribution = Distribution(group_id="west", epoch=5, stage=stage, tried=("rep-7",))
    assert lock_and_offer(lead_of(phase=Phase.OFFERED, open_distribution=distribution)) == {}
    assert lock_and_offer(lead_of()) == {}


def lock_and_offer(lead: Lead) -> dict[str, Any]:
    """Return the columns of lock and offer that are not NULL."""
    row = table_rows(0, lead.lead_id, row_of(lead)).lead
    assert row is not None
    return {
        name: value
        for name, value in row.items()
        if name.startswith(("locked_", "offer_")) and value is not None
    }


def test_a_row_has_a_value_for_each_column_of_its_table() -> None:
    lead = lead_of(phase=Phase.OWNED, owner="rep-7", assigned_at=START)
    stored = table_rows(0, lead.lead_id, row_of(lead, owner_changed("rep-7"), RAISED))
    for entity, row in (
        (LeadTable, stored.lead),
        (AssignmentTable, stored.assignment),
        (LeadExceptionTable, stored.exception),
        (DecisionTable, stored.decisions[0]),
    ):
        assert row is not None
        assert row.keys() == {column.key for column in entity.__table__.columns}


def test_without_the_vendors_clock_a_lead_was_created_when_it_arrived() -> None:
    lead = lead_of()
    lead = msgspec.structs.replace(lead, facts=msgspec.structs.replace(lead.facts, created_at=None))
    row = table_rows(0, lead.lead_id, row_of(lead)).lead
    assert row is not None
    assert row["created_at"] == START


def test_an_action_on_an_unknown_lead_causes_its_decision_only() -> None:
    answer = Answered(
        action_id="a-1",
        action="claim",
        rep_id="rep-7",
        result=Result.REFUSED,
        version=0,
        decided_at=START,
        reason=Reason.UNKNOWN_LEAD,
    )
    stored = table_rows(2, "nobody", row_of(None, answer, off=5, seq=0))
    assert (stored.lead, stored.assignment, stored.exception) == (None, None, None)
    assert stored.decisions == [
        {
            "source_partition": 2,
            "source_offset": 5,
            "n": 0,
            "lead_id": "nobody",
            "version": 0,
            "type": "answered",
            "result": "refused",
            "rep_id": "rep-7",
            "cause": "cause-5",
            "why": {
                "action_id": "a-1",
                "action": "claim",
                "version": 0,
                "decided_at": "2026-11-20T14:12:00Z",
                "reason": "unknown_lead",
            },
            "decided_at": START + timedelta(seconds=5),
        }
    ]


def test_x1_every_decision_keeps_its_reason_and_its_place() -> None:
    decisions = table_rows(0, "l", row_of(lead_of(), LeadAccepted(), owner_changed("rep-7"), off=8)).decisions
    assert [(row["n"], row["type"], row["rep_id"]) for row in decisions] == [
        (0, "lead_accepted", None),
        (1, "owner_changed", "rep-7"),
    ]
    assert decisions[1]["why"]["why"] == "the first claim"


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ((), None),
        ((LeadAccepted(),), None),
        ((owner_changed("rep-7"),), ("rep-7", None, "claim", "queue/aged")),
        ((owner_changed(None, "rep-7"),), (None, "rep-7", "claim", "queue/aged")),
        # One event is one version: the last owner counts, and readers know the predecessor of the first one.
        (
            (
                owner_changed(None, "rep-3"),
                OwnerChanged(rep_id="rep-9", previous_rep_id=None, how="manual", via=None, why="assigned"),
            ),
            ("rep-9", "rep-3", "manual", None),
        ),
    ],
)
def test_an_assignment_is_the_last_change_of_owner(
    decisions: tuple[Decision, ...], expected: tuple[Any, ...] | None
) -> None:
    row = table_rows(0, "l", row_of(lead_of(), *decisions, off=1, seq=6)).assignment
    if expected is None:
        assert row is None
    else:
        assert row is not None
        assert (row["rep_id"], row["previous_rep_id"], row["how"], row["via"]) == expected
        assert (row["version"], row["cause"], row["assigned_at"]) == (
            6,
            "cause-1",
            START + timedelta(seconds=1),
        )


@pytest.mark.parametrize(
    ("phase", "open_exception", "decisions", "expected"),
    [
        (Phase.QUEUED, None, (), None),
        (Phase.EXCEPTION, OPEN_EXCEPTION, (RAISED,), ("open", OPEN_EXCEPTION.reason)),
        (Phase.IGNORED, OPEN_EXCEPTION, (ExceptionIgnored(rep_id="m"),), ("ignored", OPEN_EXCEPTION.reason)),
        (Phase.OWNED, None, (ExceptionResolved(reason="orphaned", why="claimed"),), ("resolved", "orphaned")),
        # E4, taken back: the phase says that it is open, whatever the name of the decision.
        (Phase.EXCEPTION, OPEN_EXCEPTION, (), ("open", OPEN_EXCEPTION.reason)),
        # One event raised and resolved it.
        (
            Phase.QUEUED,
            None,
            (RAISED, ExceptionResolved(reason="no_available_agents", why="a queue")),
            ("resolved", OPEN_EXCEPTION.reason),
        ),
    ],
)
def test_e1_e4_an_exceptions_status_is_the_leads_phase(
    phase: Phase,
    open_exception: OpenException | None,
    decisions: tuple[Decision, ...],
    expected: tuple[str, str] | None,
) -> None:
    row = table_rows(
        0, "l", row_of(lead_of(phase=phase, open_exception=open_exception), *decisions)
    ).exception
    assert (None if row is None else (row["status"], row["reason"])) == expected


def test_e2_an_exception_has_the_columns_of_the_desk() -> None:
    lead = lead_of(phase=Phase.EXCEPTION, open_exception=OPEN_EXCEPTION)
    row = table_rows(0, lead.lead_id, row_of(lead, RAISED, seq=5)).exception
    assert row == {
        "lead_id": lead.lead_id,
        "org": "default",
        "status": "open",
        "reason": "no_available_agents",
        "explanation": [{"rep_id": "rep-3", "why": "not licensed in RI"}],
        "prospect_name": "Jeremy Jones",
        "campaign": "purchase-west",
        "description": None,
        "distribution": None,
        "vendor": "acme",
        "loan_purpose": "purchase",
        "loan_amount": 310000,
        "state": "RI",
        "created_at": START - timedelta(hours=2),
        "raised_at": START,
        "version": 5,
    }


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        ("credit_score", 2**63, None),
        ("credit_score", 2**63 - 1, 2**63 - 1),
        ("loan_amount", 10**400, None),
        ("loan_amount", 0.5, 0.5),
        (
            "created_at",
            datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))),
            datetime(9999, 12, 31, 23, tzinfo=UTC),
        ),
        ("created_at", datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),  # noqa: DTZ001  # that is the case
    ],
)
def test_a_fact_no_column_holds_does_not_lose_the_lead(field: str, value: Any, column: Any) -> None:
    lead = lead_of()
    lead = msgspec.structs.replace(lead, facts=msgspec.structs.replace(lead.facts, **{field: value}))
    row = table_rows(0, lead.lead_id, row_of(lead)).lead
    assert row is not None
    assert row[field] == column


@pytest.mark.parametrize(
    "decision",
    [
        LeadAccepted(),
        LeadAccepted(apart={"rep_id": "x", "type": "y"}, maybe=("l-2",), doubt='a "quote" and \\ and ü'),
        QueueEntered(queue_id="west", rules_version=3, sort_key="k", why="in RI"),
        OwnerChanged(rep_id=None, previous_rep_id="rep-1", how="unassigned", via=None, why="left"),
        RAISED,
    ],
    ids=lambda decision: type(decision).__name__,
)
def test_x1_why_has_all_fields_of_a_decision_but_those_with_columns(decision: Decision) -> None:
    (stored,) = table_rows(0, "l", row_of(lead_of(), decision)).decisions
    fields = plain(decision)
    assert (stored["type"], stored["rep_id"]) == (fields.pop("type"), fields.pop("rep_id", None))
    assert plain(stored["why"]) == fields


@pytest.mark.parametrize("ensure_ascii", [False, True], ids=["as it is", "escaped"])
@pytest.mark.parametrize(("name", "key"), [("JÜRGEN", {"first_name": "jürgen"}), ("Jeremy", {})])
def test_q2_a_text_beyond_ascii_has_its_comparison_key(
    name: str, key: dict[str, str], *, ensure_ascii: bool
) -> None:
    """Our records have such a text as it is. Escaped it is the same text."""
    lead = lead_of()
    lead = msgspec.structs.replace(
        lead, facts=msgspec.structs.replace(lead.facts, first_name=name, attributes={})
    )
    value = json.dumps(msgspec.to_builtins(row_of(lead)), ensure_ascii=ensure_ascii).encode()
    stored = rows_of(JournalRecord(0, 1, b"l", value))
    assert stored is not None
    assert stored.lead is not None
    assert stored.lead["asked"] == key


def test_a_nul_is_replaced_wherever_it_is() -> None:
    lead = lead_of()
    facts = msgspec.structs.replace(lead.facts, first_name="J\0", attributes={"a\0": ["\0", {"b": "c\0"}]})
    row = without_nul(row_of(msgspec.structs.replace(lead, facts=facts), LeadAccepted()))
    assert "\\x00" not in repr(row)
    assert row.lead is not None
    assert row.lead.facts.first_name == "J\ufffd"
