"""Hours, pauses and windows are correct over any clock change (R3, R4, R9)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import RuleErrors
from models.roster import Absence, WeekSpan
from rules.calendar.schedule import Week, away_until, day_ends, day_of, is_open, next_change, week, window_end
from tests.rules.calendar.clock_changes import DAYS, HOURS, WINDOWS
from tests.rules.calendar.weeks import ALL, BERLIN, LOS_ANGELES, NEW_YORK, PHOENIX, SYDNEY, RawWeek, span_on

MINUTE = timedelta(minutes=1)
ZONES = (NEW_YORK, LOS_ANGELES, PHOENIX, BERLIN, SYDNEY)
CHANGES = ("2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-07-01")
"""Days around clock changes somewhere in the world, and one day without any."""


def read_week(raw: RawWeek) -> Week:
    return week(msgspec.convert(raw, tuple[WeekSpan, ...]))


@pytest.mark.parametrize(("shows", "zone", "pause", "start", "seconds", "end"), WINDOWS)
def test_r4_a_claim_window_and_its_pauses(
    shows: str, zone: str, pause: RawWeek, start: str, seconds: int, end: str | None
) -> None:
    actual = window_end(datetime.fromisoformat(start), seconds, read_week(pause), zone)
    assert actual == (datetime.fromisoformat(end) if end else None), shows


@pytest.mark.parametrize(("zone", "hours", "at", "holds", "changes"), HOURS)
def test_r9_hours_and_when_they_change(
    zone: str, hours: RawWeek, at: str, holds: bool, changes: str | None
) -> None:
    instant = datetime.fromisoformat(at)
    assert is_open(read_week(hours), zone, instant) is holds
    assert next_change(read_week(hours), zone, instant) == (
        datetime.fromisoformat(changes) if changes else None
    )


@pytest.mark.parametrize(("zone", "at", "day", "ends"), DAYS)
def test_r9_the_day_of_a_daily_cap_is_the_reps_own(zone: str, at: str, day: str, ends: str) -> None:
    instant = datetime.fromisoformat(at)
    assert day_of(zone, instant).isoformat() == day
    assert day_ends(zone, instant) == datetime.fromisoformat(ends)


def test_r9_an_absence_runs_on_into_the_next() -> None:
    first, second, third = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 3, 9))
    absences = [Absence(second, third), Absence(first, second)]
    assert away_until(absences, first) == third
    assert away_until(absences, third - MINUTE) == third
    assert away_until(absences, third) is None
    assert away_until(absences, first - MINUTE) is None
    assert away_until([], first) is None


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ([span_on("mon", "8:00", "17:00")], ["pause[0].from"]),
        ([span_on("mon", "24:00", "17:00")], ["pause[0].from"]),
        (
            [span_on("mon", "08:00", "24:01"), span_on("tag", "08:00", "17:60")],
            ["pause[0].to", "pause[1].to", "pause[1].days"],
        ),
        ([span_on("mon", "08:00", "08:00")], ["pause[0]"]),
    ],
)
def test_a_week_that_is_none_is_refused_with_every_reason(raw: RawWeek, paths: list[str]) -> None:
    with pytest.raises(RuleErrors) as refused:
        week(msgspec.convert(raw, tuple[WeekSpan, ...]), "pause")
    assert [problem.path for problem in refused.value.problems] == paths


def test_an_instant_without_offset_and_an_unknown_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        is_open(read_week([]), NEW_YORK, datetime(2026, 3, 8))  # noqa: DTZ001  # a time without a zone is what is tested
    with pytest.raises(RuleErrors, match="Mars/Olympus is no time zone"):
        is_open(read_week([]), "Mars/Olympus", datetime(2026, 3, 8, tzinfo=UTC))


# -- against an oracle that checks every minute ---------------------------------------------------------------------


def naive_open(raw: RawWeek, wall: datetime) -> bool:
    today, yesterday, shown = ALL[wall.weekday()], ALL[wall.weekday() - 1], f"{wall:%H:%M}"
    for span in raw:
        start, end = span["from"], span["to"]
        if start < end:
            if today in span["days"] and start <= shown < end:
                return True
        elif (today in span["days"] and shown >= start) or (yesterday in span["days"] and shown < end):
            return True
    return False


def clocks(day: str, zone: str, days: int) -> tuple[list[datetime], list[datetime]]:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    instants = [start + MINUTE * n for n in range(days * 24 * 60)]
    zone_info = ZoneInfo(zone)
    return instants, [at.astimezone(zone_info) for at in instants]


quarters = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
spans = st.builds(
    span_on,
    st.lists(st.sampled_from(ALL), min_size=1, max_size=7, unique=True),
    quarters,
    quarters | st.just("24:00"),
).filter(lambda span: span["from"] != span["to"])
weeks = st.lists(spans, max_size=4)


@settings(max_examples=60)
@given(raw=weeks, zone=st.sampled_from(ZONES), day=st.sampled_from(CHANGES))
def test_r9_hours_are_what_the_clock_shows_at_every_minute(raw: RawWeek, zone: str, day: str) -> None:
    hours = read_week(raw)
    instants, walls = clocks(day, zone, 3)
    shown = [naive_open(raw, wall) for wall in walls]
    assert [hours.holds(wall) for wall in walls] == shown
    turns = [n for n in range(1, len(shown)) if shown[n] is not shown[n - 1]]
    at, change_times = instants[0], []
    while (changes := next_change(hours, zone, at)) is not None and changes <= instants[-1]:
        change_times.append(changes)
        at = changes
    assert change_times == [instants[n] for n in turns]


@settings(max_examples=60)
@given(
    raw=weeks,
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    minute=st.integers(0, 3 * 24 * 60),
    length=st.integers(1, 300),
)
def test_r4_a_window_ends_when_it_ran_whole_between_pauses(
    raw: RawWeek, zone: str, day: str, minute: int, length: int
) -> None:
    instants, walls = clocks(day, zone, 12)
    ran, expected = 0, None
    for n in range(minute, len(instants)):
        ran = 0 if naive_open(raw, walls[n]) else ran + 1
        if ran == length:
            expected = instants[n] + MINUTE
            break
    assert window_end(instants[minute], length * 60, read_week(raw), zone) == expected


@given(
    raw=weeks,
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    seconds=st.floats(0, 400_000, allow_nan=False),
)
def test_r9_opening_hours_hold_up_to_the_very_instant(
    raw: RawWeek, zone: str, day: str, seconds: float
) -> None:
    hours = read_week(raw)
    at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds - 200_000)
    changes = next_change(hours, zone, at)
    if changes is None:
        return
    assert changes > at
    assert is_open(hours, zone, changes) is not is_open(hours, zone, at)
    assert is_open(hours, zone, changes - timedelta(microseconds=1)) is is_open(hours, zone, at)


def test_the_oracle_itself_reads_a_clock() -> None:
    nights: list[dict[str, Any]] = [span_on("sun", "20:00", "08:00")]
    zone_info = ZoneInfo(NEW_YORK)
    assert naive_open(nights, datetime(2026, 3, 9, 7, 59, tzinfo=zone_info))
    assert not naive_open(nights, datetime(2026, 3, 8, 7, 59, tzinfo=zone_info))
