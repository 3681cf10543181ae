"""Determines when a lead must not be called (X6). Quiet hours follow the lead's own time zone, not the caller's.

A lead must not be called while it is quiet in any zone it may be in (V5). These are the zones that its zip, state,
phone and its vendor's own zone leave; each of them if they contradict each other, and all zones of the United States if
nothing is known (models/location.py).
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from models.facts import Facts
from models.location import location_of
from models.roster import WeekSpan
from rules.calendar.schedule import Week, is_open, next_change, week, zone_of

_HORIZON: Final = timedelta(days=15)
"""Hours repeat each week, so a quiet period that has not ended within this time never ends."""


def zones(facts: Facts) -> tuple[str, ...]:
    """Return the zones a lead may be in, the most trusted first."""
    return location_of(facts.zip, facts.state, facts.phone, facts.time_zone).zones


def quiet_until(
    spans: tuple[WeekSpan, ...], facts: Facts, at: datetime
) -> tuple[str, datetime | None] | None:
    """Return a zone in which a lead must not be called at an instant (aware), and until when; None if it may be called.

    The returned instant, in UTC, is the first at which it is quiet in none of the lead's zones. It is None if there is
    no such instant.
    """
    hours, lead_zones = _hours(spans), zones(facts)
    quiet = next((zone for zone in lead_zones if is_open(hours, zone, at)), None)
    if quiet is None:
        return None
    zone: str | None = quiet
    now: datetime | None = at
    while zone is not None and now is not None and now - at < _HORIZON:
        now = next_change(hours, zone, now)
        if now is not None:
            moment = now
            zone = next((lead_zone for lead_zone in lead_zones if is_open(hours, lead_zone, moment)), None)
    return quiet, now if zone is None else None


def allowed_until(spans: tuple[WeekSpan, ...], facts: Facts, at: datetime) -> datetime | None:
    """Return when quiet hours begin next in any of the lead's zones, in UTC, if it is quiet in none of them at `at`.

    None if they never begin.
    """
    hours = _hours(spans)
    begins = [next_change(hours, zone, at) for zone in zones(facts)]
    return min((instant for instant in begins if instant is not None), default=None)


def clock(zone: str, at: datetime) -> str:
    """Return the local time of a zone as text."""
    return f"{at.astimezone(zone_of(zone)):%H:%M}"


@lru_cache(maxsize=256)
def _hours(spans: tuple[WeekSpan, ...]) -> Week:
    return week(spans, "quiet_hours")
