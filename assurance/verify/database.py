"""Checks that the CRM database agrees with the journal: leads, owners, exceptions, decisions, activities, inquiries."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from assurance.verify.activities import COLUMNS, ORDER, check_activities
from assurance.verify.findings import Findings
from assurance.verify.inquiries import ALIAS, INQUIRY, check_aliases, check_inquiries
from assurance.verify.journal_summary import NOTHING, JournalFacts, LeadFacts, decisions_hash
from models.lead import OPEN_OFFERS, Lead
from sink.database_engine import connect
from sink.tables import (
    AssignmentHistoryTable,
    AssignmentTable,
    DecisionTable,
    LeadExceptionTable,
    LeadTable,
)

AT_ONCE: Final = 2_000
"""Rows fetched at a time."""

_LEAD: Final = LeadTable
_ASSIGNMENT: Final = AssignmentTable
_HISTORY: Final = AssignmentHistoryTable
_EXCEPTION: Final = LeadExceptionTable
_DECISION: Final = DecisionTable


def check_database(
    database_url: str, journal_facts: JournalFacts, findings: Findings, *, cut: datetime
) -> dict[str, int]:
    """Compare every row with the journal. Return rows read by table. Blocking: call it in a thread.

    `cut`: the journal may lack decisions and activities from before this time, and they are not reported as missing.
    """
    engine = connect(database_url)
    erased = {lead_id for lead_id, facts in journal_facts.leads.items() if facts.lead.erased_at is not None}
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")  # SQLite always reads so
    try:
        with engine.connect() as connection:  # one transaction reads all as of one instant
            return {
                "lead": _leads(connection, journal_facts, findings),
                "assignment": _assignments(connection, journal_facts, findings),
                "assignment_history": _history(connection, journal_facts, findings),
                "lead_exception": _exceptions(connection, journal_facts, findings),
                "decision": _decisions(connection, journal_facts, findings, cut),
                "activity": check_activities(
                    _rows(connection, select(*COLUMNS).order_by(*ORDER)),
                    journal_facts.activities,
                    findings,
                    cut=cut,
                    erased=erased,
                ),
                "inquiry": check_inquiries(
                    _rows(connection, select(*INQUIRY)),
                    journal_facts.joined,
                    findings,
                    cut=cut,
                    erased=erased,
                ),
                "lead_alias": check_aliases(
                    _rows(connection, select(*ALIAS)), journal_facts.joined, findings
                ),
            }
    except (SQLAlchemyError, OSError) as error:
        findings.add("unreachable", "", f"the CRM database: {str(error).splitlines()[0]}")
        return {}
    finally:
        engine.dispose()


def _rows(connection: Connection, query: Any) -> Iterator[Any]:
    yield from connection.execution_options(yield_per=AT_ONCE).execute(query)


def _leads(connection: Connection, journal_facts: JournalFacts, findings: Findings) -> int:
    """Check every lead's phase and owner (X7)."""
    columns = (
        _LEAD.version,
        _LEAD.phase,
        _LEAD.owner,
        _LEAD.assigned_at,
        _LEAD.in_queue_since,
        _LEAD.owner_last_contacted_at,
        _LEAD.owner_left,
        _LEAD.claimed_through,
        _LEAD.callback_at,
        _LEAD.last_outcome,
        _LEAD.inquiries,
        _LEAD.notes,
        _LEAD.locked_by,
        _LEAD.locked_until,
        _LEAD.offer_rep_ids,
        _LEAD.offer_epoch,
        _LEAD.offer_until,
        _LEAD.offer_method,
    )
    unmatched = set(journal_facts.leads)
    count = 0
    for lead_id, *stored in _rows(connection, select(_LEAD.lead_id, *columns)):
        count += 1
        unmatched.discard(lead_id)
        facts = journal_facts.leads.get(lead_id)
        if facts is None:
            findings.suspect("crm_unasked", lead_id, table="lead")
            continue
        lead = facts.lead
        expected = (
            facts.seq,
            str(lead.phase),
            lead.owner,
            lead.assigned_at,
            lead.in_queue_since,
            lead.owner_last_contacted_at,
            lead.owner_left,
            lead.claimed_through,
            lead.callback_at,
            lead.last_outcome,
            lead.inquiries,
            lead.notes,
            *_lock_and_offer(lead),
        )
        _compare(findings, "lead", lead_id, [column.key for column in columns], stored, expected)
    _missing(findings, "lead", unmatched)
    return count


def _lock_and_offer(lead: Lead) -> tuple[Any, ...]:
    """Return the values that the columns of lock and offer must have (D1, R3)."""
    lock = (None, None) if lead.lock is None else (lead.lock.rep_id, lead.lock.until)
    distribution = lead.open_distribution
    if distribution is None or distribution.stage not in OPEN_OFFERS:
        return (*lock, None, None, None, None)
    return (*lock, list(distribution.reps), distribution.epoch, distribution.until, distribution.method)


def _assignments(connection: Connection, journal_facts: JournalFacts, findings: Findings) -> int:
    """Check who owns a lead, since which version and how."""
    columns = (_ASSIGNMENT.version, _ASSIGNMENT.rep_id, _ASSIGNMENT.how, _ASSIGNMENT.via)
    unmatched = {lead_id for lead_id, facts in journal_facts.leads.items() if facts.owners}
    count = 0
    for lead_id, *stored in _rows(connection, select(_ASSIGNMENT.lead_id, *columns)):
        count += 1
        unmatched.discard(lead_id)
        facts = journal_facts.leads.get(lead_id)
        if facts is None or not facts.owners:
            if facts is None or facts.whole:
                findings.suspect("crm_unasked", lead_id, table="assignment")
            continue
        version, rep_id = facts.owners[-1]
        expected = (version, rep_id, facts.lead.how, facts.lead.via)
        _compare(findings, "assignment", lead_id, [column.key for column in columns], stored, expected)
    _missing(findings, "assignment", unmatched)
    return count


def _history(connection: Connection, journal_facts: JournalFacts, findings: Findings) -> int:
    """Check every owner that a lead had, each once."""
    unmatched = {lead_id for lead_id, facts in journal_facts.leads.items() if facts.owners}
    query = select(_HISTORY.lead_id, _HISTORY.version, _HISTORY.rep_id).order_by(
        _HISTORY.lead_id, _HISTORY.version
    )
    count = 0
    for lead_id, rows in groupby(_rows(connection, query), key=lambda row: row[0]):
        owners = [(version, rep_id) for _, version, rep_id in rows]
        count += len(owners)
        unmatched.discard(lead_id)
        facts = journal_facts.leads.get(lead_id)
        if facts is None:
            findings.suspect("crm_unasked", lead_id, table="assignment_history")
        elif not _same_owners(owners, facts):
            findings.suspect(
                "crm_differs", lead_id, table="assignment_history", crm_journal=[owners, facts.owners]
            )
    _missing(findings, "assignment_history", unmatched)
    return count


def _same_owners(owners: list[tuple[int, str | None]], facts: LeadFacts) -> bool:
    """Tell whether the owners equal the journal's. The journal may lack the oldest ones."""
    return owners == facts.owners if facts.whole else set(facts.owners) <= set(owners)


def _exceptions(connection: Connection, journal_facts: JournalFacts, findings: Findings) -> int:
    """Check which leads are at the exceptions desk, open or ignored, and since which version (E1, E4)."""
    unmatched = {lead_id for lead_id, facts in journal_facts.leads.items() if facts.exception}
    columns = (_EXCEPTION.status, _EXCEPTION.version)
    names = [column.key for column in columns]
    count = 0
    for lead_id, *stored in _rows(connection, select(_EXCEPTION.lead_id, *columns)):
        count += 1
        unmatched.discard(lead_id)
        facts = journal_facts.leads.get(lead_id)
        if facts is not None and facts.exception is not None:
            expected = (facts.exception, facts.desk_version)
            _compare(findings, "lead_exception", lead_id, names, stored, expected)
        elif facts is None or facts.whole:
            findings.suspect("crm_unasked", lead_id, table="lead_exception")
    _missing(findings, "lead_exception", unmatched)
    return count


def _decisions(connection: Connection, journal_facts: JournalFacts, findings: Findings, cut: datetime) -> int:
    """Check every decision at its offset in the log (X1)."""
    query = select(
        _DECISION.source_partition,
        _DECISION.source_offset,
        _DECISION.lead_id,
        _DECISION.version,
        _DECISION.type,
        _DECISION.result,
        _DECISION.rep_id,
        _DECISION.decided_at,
    ).order_by(_DECISION.source_partition, _DECISION.source_offset, _DECISION.n)
    unmatched = {position for position, (_, print_) in journal_facts.decided.items() if print_ != NOTHING}
    count = 0
    for position, group in groupby(_rows(connection, query), key=lambda row: (row[0], row[1])):
        rows = list(group)
        count += len(rows)
        _, _, lead_id, version, *_, decided_at = rows[0]
        crm_decisions = tuple((row[4], row[5], row[6]) for row in rows)
        expected = journal_facts.decided.get(position)
        unmatched.discard(position)
        event = f"lead-log-{position[0]}@{position[1]}"
        if expected is None:
            if decided_at > cut:
                findings.suspect("crm_unasked", lead_id, table="decision", event=event)
        elif expected != (lead_id, decisions_hash(version, crm_decisions)):
            findings.suspect("crm_differs", lead_id, table="decision", event=event, said=list(crm_decisions))
    for position in sorted(unmatched):
        event = f"lead-log-{position[0]}@{position[1]}"
        findings.suspect("crm_missing", journal_facts.decided[position][0], table="decision", event=event)
    return count


def _compare(
    findings: Findings,
    table: str,
    lead_id: str,
    names: list[str],
    stored: list[Any],
    expected: tuple[Any, ...],
) -> None:
    differ = {
        column: [_shown(actual), _shown(other)]
        for column, actual, other in zip(names, stored, expected, strict=True)
        if actual != other
    }
    if differ:
        findings.suspect("crm_differs", lead_id, table=table, crm_journal=differ)


def _missing(findings: Findings, table: str, lead_ids: set[str]) -> None:
    for lead_id in sorted(lead_ids):
        findings.suspect("crm_missing", lead_id, table=table)


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
