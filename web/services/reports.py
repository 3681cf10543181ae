"""Reports by day how many leads arrived, how many got a first owner, and how fast, by vendor, group and rep.

A day is a day of the org's time zone, and a lead counts on the day on which it arrived.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

from pydantic import Field

from models.moments import FIRST_YEAR, LAST_YEAR
from rules.calendar.schedule import day_of, zone_of
from rules.queues.rule_book import OrgRules
from sink.day_reports import ArrivedLead, arrivals_with_first_owners
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.schemas import Model
from web.services.crm_query import ask
from web.services.list_params import group_name
from web.services.spreadsheet_text import defused_text

MAX_DAYS: Final = 366
USUAL_DAYS: Final = 7
NOBODY: Final = "(nobody)"
NONE: Final = "(none)"


class ReportGrouping(StrEnum):
    """What the lines of a report divide a day by."""

    DAY = "day"
    VENDOR = "vendor"
    GROUP = "group"
    REP = "rep"


class ReportLine(Model):
    """One line. `key` null: the whole day, or the leads without such a value. Seconds are null without first owners."""

    day: date
    key: str | None
    name: str
    arrivals: int
    first_claims: int
    p50_seconds: float | None
    p95_seconds: float | None


class Report(Model):
    """A report. `begin` and `end`: its first and last day. `cut`: there was too much, and only the newest counts."""

    begin: date
    end: date
    by: ReportGrouping
    time_zone: str
    lines: list[ReportLine] = Field(description="The newest day first")
    total: ReportLine
    cut: bool


class Speed(Model):
    """How long leads waited for their first owner, in seconds; null without such leads."""

    leads: int
    p50_seconds: float | None
    p95_seconds: float | None


async def report(
    parts: Services, person: Person, begin: date | None, end: date | None, by: ReportGrouping
) -> Report:
    """Return the report from one day to another, both included; the last seven days by default.

    Raises 422 for a range that ends before it begins, or of more than `MAX_DAYS` days.
    """
    rules = parts.directory.org(person.org)
    zone = rules.settings.time_zone
    last = end or day_of(zone, datetime.now(UTC))
    first = begin or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise HttpProblem(422, "invalid", "to: the last day is before the first day")
    for name, day in (("from", first), ("to", last)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise HttpProblem(422, "invalid", f"{name}: must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    if (last - first).days >= MAX_DAYS:
        raise HttpProblem(422, "invalid", f"from: a report has at most {MAX_DAYS} days")
    since, until = day_begins(zone, first), day_begins(zone, last + timedelta(days=1))
    arrivals, cut = await ask(
        parts, lambda connection: arrivals_with_first_owners(connection, person.org, since, until)
    )
    return Report(
        begin=first,
        end=last,
        by=by,
        time_zone=zone,
        lines=lines(rules, arrivals, by),
        total=_line(last, None, "All days", arrivals),
        cut=cut,
    )


def lines(rules: OrgRules, arrivals: Iterable[ArrivedLead], by: ReportGrouping) -> list[ReportLine]:
    """Return the lines of a report: the newest day first, and within a day the most arrivals first."""
    zone = rules.settings.time_zone
    groups: defaultdict[tuple[date, str | None], list[ArrivedLead]] = defaultdict(list)
    for arrival in arrivals:
        groups[day_of(zone, arrival.arrived_at), key_of(rules, arrival, by)].append(arrival)
    shown = [_line(day, key, name_of(rules, key, by), ones) for (day, key), ones in groups.items()]
    return sorted(shown, key=lambda line: (-line.day.toordinal(), -line.arrivals, line.name.casefold()))


def key_of(rules: OrgRules, arrival: ArrivedLead, by: ReportGrouping) -> str | None:
    """Return by what an arrival is counted; the group is the one that its campaign distributes to now."""
    match by:
        case ReportGrouping.DAY:
            return None
        case ReportGrouping.VENDOR:
            return arrival.vendor
        case ReportGrouping.REP:
            return arrival.rep_id
        case ReportGrouping.GROUP:
            campaign = rules.campaigns.get(arrival.campaign or "")
            return campaign.group_id if campaign else None


def name_of(rules: OrgRules, key: str | None, by: ReportGrouping) -> str:
    """Return the name of a line."""
    if by is ReportGrouping.DAY:
        return "All leads"
    if key is None:
        return NOBODY if by is ReportGrouping.REP else NONE
    if by is ReportGrouping.REP:
        rep = rules.reps.get(key)
        return (rep.name if rep else "") or key
    if by is ReportGrouping.GROUP:
        return group_name(rules, key) or key
    return key


def speed(arrivals: Iterable[ArrivedLead]) -> Speed:
    """Return how long those leads waited that have had an owner."""
    ordered = sorted(arrival.seconds for arrival in arrivals if arrival.seconds is not None)
    if not ordered:
        return Speed(leads=0, p50_seconds=None, p95_seconds=None)
    p50, p95 = (ordered[max(0, ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95))
    return Speed(leads=len(ordered), p50_seconds=p50, p95_seconds=p95)


def day_begins(zone: str, day: date) -> datetime:
    """Return the instant at which a day of a zone begins, in UTC."""
    return datetime.combine(day, time(), zone_of(zone)).astimezone(UTC)


def as_csv(report: Report) -> bytes:
    """Return a report as CSV in UTF-8 with a byte order mark. A text never is a spreadsheet's formula."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["day", report.by.value, "name", "arrivals", "first_claims", "p50_seconds", "p95_seconds"])
    for line in report.lines:
        write(
            [
                line.day.isoformat(),
                defused_text(line.key or ""),
                defused_text(line.name),
                line.arrivals,
                line.first_claims,
                _number(line.p50_seconds),
                _number(line.p95_seconds),
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _number(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f}"


def _line(day: date, key: str | None, name: str, arrivals: Sequence[ArrivedLead]) -> ReportLine:
    figures = speed(arrivals)
    return ReportLine(
        day=day,
        key=key,
        name=name,
        arrivals=len(arrivals),
        first_claims=figures.leads,
        p50_seconds=figures.p50_seconds,
        p95_seconds=figures.p95_seconds,
    )
