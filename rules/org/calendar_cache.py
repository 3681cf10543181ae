"""Caches whether hours and pauses hold now and until when. The calendar is computed once per change, not once per lead.

The cache only saves time: every entry follows from a plan and an instant.
"""

from datetime import date, datetime

from rules.calendar.schedule import Week, day_ends, day_of, is_open, next_change
from rules.org.directory import GroupPlan, RepPlan

HoldsUntil = tuple[bool, datetime | None]
"""Whether working hours or a pause hold at an instant, and when that changes; None if it never changes."""


class CalendarCache:
    """The last result for each rep's hours, each time zone's date and each group's pause."""

    def __init__(self) -> None:
        self._hours: dict[str, tuple[Week, str, datetime, HoldsUntil]] = {}
        self._days: dict[str, tuple[datetime, datetime, date]] = {}

    def hours(self, plan: RepPlan, at: datetime) -> HoldsUntil:
        """Say whether a rep works at an instant, by its hours."""
        return (
            (True, None) if plan.hours is None else self._cached(plan.rep_id, plan.hours, plan.time_zone, at)
        )

    def pause(self, plan: GroupPlan, at: datetime) -> HoldsUntil:
        """Say whether a group's transfers are paused at an instant (R4)."""
        if not plan.pause.spans:
            return False, None
        return self._cached(f"group/{plan.group_id}", plan.pause, plan.time_zone, at)

    def day(self, zone: str, at: datetime) -> tuple[date, datetime]:
        """Return the date of a zone's calendar at an instant, and when it ends."""
        cached = self._days.get(zone)
        if cached is None or not cached[0] <= at < cached[1]:
            cached = self._days[zone] = (at, day_ends(zone, at), day_of(zone, at))
        return cached[2], cached[1]

    def _cached(self, key: str, week: Week, zone: str, at: datetime) -> HoldsUntil:
        cached = self._hours.get(key)
        if (
            cached is None
            or cached[0] is not week
            or cached[1] != zone
            or at < cached[2]
            or (cached[3][1] is not None and cached[3][1] <= at)
        ):
            result = is_open(week, zone, at), next_change(week, zone, at)
            cached = self._hours[key] = (week, zone, at, result)
        return cached[3]
