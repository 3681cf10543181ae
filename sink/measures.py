"""Counts what an org did since an instant, from the CRM database. Each query reads a bounded number of rows.

If more than `MAX_ROWS` of a kind happened, only the newest count, and `since` says from when on. Each function takes
an open connection, as in `sink.queries`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Text, func, select, type_coerce

from models.offers import Outcome
from sink.tables import AssignmentHistoryTable, DecisionTable, LeadExceptionTable, LeadTable

MAX_ROWS: Final = 50_000
"""The most decisions of one kind, arrivals or first owners that are counted."""
MAX_OFFERS: Final = 2_000
"""The most offers that are read whole, with everybody who was passed over."""
TAKES: Final = ("claim", "claim_now", "accept", "press_one")
"""The actions that ask to get a lead. Claims won and lost are counted from these."""

Minute = datetime
"""The beginning of a minute, aware and in UTC."""


class ClaimCounts(NamedTuple):
    """Claims of one minute: how many won, and how many lost because somebody else had the lead."""

    won: int
    lost: int


class FirstOwnerSpeed(NamedTuple):
    """How long leads waited for their first owner, in seconds. None where there were no such leads."""

    leads: int
    p50: float | None
    p95: float | None


class OfferCounts(NamedTuple):
    """Offers of one method: how many were made, and how those that ended did. A ring is one offer for all it calls."""

    made: int = 0
    claimed: int = 0
    timeout: int = 0
    declined: int = 0
    voided: int = 0


class ShareOfRep(NamedTuple):
    """What one rep got of a group, and how often the rep was passed over, by reason (R9)."""

    offered: int
    claimed: int
    timeout: int
    declined: int
    voided: int
    skipped: dict[str, int]


class CountRange(NamedTuple):
    """Whether there was too much to count, and from which instant it was counted."""

    since: datetime
    cut: bool


def arrivals(connection: Connection, org: str, since: datetime) -> tuple[dict[Minute, int], CountRange]:
    """Return minute -> number of leads that arrived for the first time."""
    table = LeadTable
    query = select(table.arrived_at.label("at")).where(table.org == org, table.arrived_at >= since)
    newest = query.order_by(table.arrived_at.desc()).limit(MAX_ROWS).subquery()
    minute = _minute(connection, newest.c.at)
    rows = connection.execute(select(minute, func.count()).group_by(minute)).all()
    counts = {_instant(text): count for text, count in rows}
    return counts, _cut(connection, newest, since, sum(counts.values()), MAX_ROWS)


def claims(connection: Connection, org: str, since: datetime) -> tuple[dict[Minute, ClaimCounts], CountRange]:
    """Return minute -> claims won and lost. A repeated action counts once (X4)."""
    table = DecisionTable
    newest = _decisions(
        org, "answered", since, MAX_ROWS, table.result, table.why["action_id"].as_string().label("action_id")
    ).where(table.why["action"].as_string().in_(TAKES), table.result.in_(("won", "lost")))
    answers = newest.subquery()
    first_answers = (
        select(func.min(answers.c.at).label("at"), answers.c.result)
        .group_by(answers.c.action_id, answers.c.result)
        .subquery()
    )
    minute = _minute(connection, first_answers.c.at)
    query = select(minute, first_answers.c.result, func.count()).group_by(minute, first_answers.c.result)
    counts: defaultdict[Minute, Counter[str]] = defaultdict(Counter)
    for text, result, count in connection.execute(query):
        counts[_instant(text)][result] += count
    read = connection.scalar(select(func.count()).select_from(answers)) or 0
    claims_by_minute = {
        at: ClaimCounts(won=results["won"], lost=results["lost"]) for at, results in counts.items()
    }
    return claims_by_minute, _cut(connection, answers, since, read, MAX_ROWS)


def first_owners(
    connection: Connection, org: str, since: datetime
) -> tuple[FirstOwnerSpeed, dict[Minute, FirstOwnerSpeed], CountRange]:
    """Return how long leads that got their first owner since then had waited, in total and by minute."""
    history, lead = AssignmentHistoryTable, LeadTable
    earlier = history.__table__.alias("earlier")
    query = (
        select(history.assigned_at, lead.arrived_at)
        .join(lead, lead.lead_id == history.lead_id)
        .where(
            history.org == org,
            history.assigned_at >= since,
            history.rep_id.is_not(None),
            ~select(earlier.c.lead_id)
            .where(earlier.c.lead_id == history.lead_id, earlier.c.version < history.version)
            .exists(),
        )
        .order_by(history.assigned_at.desc())
        .limit(MAX_ROWS)
    )
    by_minute: defaultdict[Minute, list[float]] = defaultdict(list)
    began = since
    for assigned_at, arrived_at in connection.execute(query):
        began = assigned_at
        wait = max(0.0, (assigned_at - arrived_at).total_seconds())
        by_minute[assigned_at.replace(second=0, microsecond=0)].append(wait)
    every = [seconds for waits in by_minute.values() for seconds in waits]
    cut = len(every) >= MAX_ROWS
    return (
        _speed(every),
        {minute: _speed(waits) for minute, waits in by_minute.items()},
        CountRange(began if cut else since, cut),
    )


def offers(connection: Connection, org: str, since: datetime) -> dict[str, OfferCounts]:
    """Return method -> how many offers were made since then, and how those that ended since then did."""
    table = DecisionTable
    method = table.why["method"].as_string().label("method")
    offered = _decisions(org, "lead_offered", since, MAX_ROWS, method).subquery()
    counts_by_method: defaultdict[str, Counter[str]] = defaultdict(Counter)
    query = select(offered.c.method, func.count()).group_by(offered.c.method)
    for name, count in connection.execute(query):
        counts_by_method[name or ""]["made"] += count
    outcome = table.why["outcome"].as_string().label("outcome")
    # A request for which nobody was found has no method. It made no offer.
    ended = (
        _decisions(org, "offer_ended", since, MAX_ROWS, method, outcome).where(method.is_not(None)).subquery()
    )
    query_ended = select(ended.c.method, ended.c.outcome, func.count())
    for name, outcome_name, count in connection.execute(
        query_ended.group_by(ended.c.method, ended.c.outcome)
    ):
        counts_by_method[name][outcome_name] += count
    return {name: OfferCounts(**counts) for name, counts in sorted(counts_by_method.items())}


def exceptions_raised(connection: Connection, org: str, since: datetime) -> dict[str, int]:
    """Return reason -> exceptions raised since then (E1)."""
    reason = DecisionTable.why["reason"].as_string().label("reason")
    raised = _decisions(org, "exception_raised", since, MAX_ROWS, reason).subquery()
    return _counted(connection, select(raised.c.reason, func.count()).group_by(raised.c.reason))


def exceptions_open(connection: Connection, org: str) -> dict[str, int]:
    """Return reason -> exceptions that are open now (E1)."""
    table = LeadExceptionTable
    query = select(table.reason, func.count()).where(table.org == org, table.status == "open")
    return _counted(connection, query.group_by(table.reason))


def fairness(
    connection: Connection, org: str, since: datetime
) -> tuple[dict[str, dict[str, ShareOfRep]], dict[str, dict[str, int]], CountRange]:
    """Return group -> rep -> its share and refusals, and group -> reason -> leads that nobody could have.

    Reps that are passed over as a whole ("the rest") are counted under "".
    """
    counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    skipped: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    reasons_by_group: defaultdict[str, Counter[str]] = defaultdict(Counter)
    read, began = 0, since
    why = DecisionTable.why.label("why")
    for at, fields in connection.execute(_decisions(org, "lead_offered", since, MAX_OFFERS, why)):
        read, began = read + 1, at
        for rep_id in fields.get("reps", ()):
            counts[fields["group_id"]][rep_id]["offered"] += 1
        for passed in fields.get("passed", ()):
            skipped[fields["group_id"]][passed.get("rep_id") or ""][passed["reason"]] += _times(passed)
    cut = CountRange(began if read >= MAX_OFFERS else since, read >= MAX_OFFERS)
    for _, fields in connection.execute(_decisions(org, "offer_ended", cut.since, MAX_OFFERS, why)):
        # A rep who lost a ring to a colleague is in `reps`. That rep neither claimed nor missed it.
        rep_ids = [fields["winner"]] if fields.get("winner") else fields.get("reps", ())
        for rep_id in rep_ids:
            counts[fields["group_id"]][rep_id][fields["outcome"]] += 1
    one_of_many = _decisions(org, "offer_declined", cut.since, MAX_OFFERS, why, DecisionTable.rep_id)
    for _, fields, rep_id in connection.execute(one_of_many):
        if group := fields.get("group_id"):
            counts[group][rep_id][Outcome.DECLINED.value] += 1
    for _, fields in connection.execute(_decisions(org, "nobody_available", cut.since, MAX_OFFERS, why)):
        reasons_by_group[fields["group_id"]][fields["reason"]] += 1
        for passed in fields.get("explanation", ()):
            skipped[fields["group_id"]][passed.get("rep_id") or ""][passed["reason"]] += _times(passed)
    shares = {
        group: {
            rep_id: _share(counts[group][rep_id], skipped[group][rep_id])
            for rep_id in sorted({*counts[group], *skipped[group]})
        }
        for group in sorted({*counts, *skipped})
    }
    return (
        shares,
        {group: dict(counts_by_reason) for group, counts_by_reason in reasons_by_group.items()},
        cut,
    )


def _times(passed: dict[str, Any]) -> int:
    """Return how many reps a refusal stands for: one, or the number in "3 more: licence" for unnamed reps."""
    number, _, names = passed.get("why", "").partition(" more: ")
    return int(number) if names and not passed.get("rep_id") and number.isdecimal() else 1


def _share(counts: Counter[str], skipped: Counter[str]) -> ShareOfRep:
    ended = {outcome.value: counts[outcome.value] for outcome in Outcome}
    return ShareOfRep(offered=counts["offered"], **ended, skipped=dict(skipped.most_common()))


def _decisions(org: str, kind: str, since: datetime, limit: int, *columns: Any) -> Select[Any]:
    """Select an org's newest decisions of one kind, newest first, with their instant as `at`."""
    table = DecisionTable
    return (
        select(table.decided_at.label("at"), *columns)
        .join(LeadTable, LeadTable.lead_id == table.lead_id)
        .where(LeadTable.org == org, table.type == kind, table.decided_at >= since)
        .order_by(table.decided_at.desc())
        .limit(limit)
    )


def _minute(connection: Connection, instant: ColumnElement[Any]) -> ColumnElement[str]:
    """Return an instant's minute as text, `2026-11-20T14:12`, in UTC on both databases."""
    if connection.dialect.name == "sqlite":
        return func.substr(type_coerce(instant, Text()), 1, 16)
    return func.to_char(func.timezone("UTC", instant), 'YYYY-MM-DD"T"HH24:MI')


def _instant(minute: str) -> Minute:
    return datetime.fromisoformat(minute).replace(tzinfo=UTC)


def _cut(connection: Connection, newest: Any, since: datetime, read: int, limit: int) -> CountRange:
    if read < limit:
        return CountRange(since, cut=False)
    return CountRange(connection.scalar(select(func.min(newest.c.at))) or since, cut=True)


def _counted(connection: Connection, query: Any) -> dict[str, int]:
    counts = {reason or "unknown": count for reason, count in connection.execute(query)}
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


def _speed(seconds: Iterable[float]) -> FirstOwnerSpeed:
    ordered = sorted(seconds)
    if not ordered:
        return FirstOwnerSpeed(0, None, None)
    p50, p95 = (ordered[max(0, ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95))
    return FirstOwnerSpeed(len(ordered), p50, p95)
