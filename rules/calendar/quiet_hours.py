"""Says when a lead must not be called (X6). Quiet hours follow the lead's own time zone, not the caller's.

A lead whose zone is not known is treated with care: it is quiet for it as long as it is quiet in any zone it may be in,
those of its state, or where no state is known either, any of the United States.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from models.facts import Facts
from models.geography import zones_of
from models.roster import WeekSpan
from rules.calendar.schedule import Week, is_open, next_change, week, zone_of

_HORIZON: Final = timedelta(days=15)
"""Hours repeat each week: what has not ended by then does not end."""


def zones(facts: Facts) -> tuple[str, ...]:
    """Return the zones a lead may be in: its own; without one those of its state; without a state all."""
    return (facts.time_zone,) if facts.time_zone else zones_of(facts.state)


def quiet_until(
    spans: tuple[WeekSpan, ...], facts: Facts, at: datetime
) -> tuple[str, datetime | None] | None:
    """Return a zone in which a lead must not be called at an instant (aware), and until when; None if it may be called.

    None: it may be called. The instant, in UTC, is the first at which it is quiet nowhere; None: there is none.
    """
    hours, places = _hours(spans), zones(facts)
    quiet = next((zone for zone in places if is_open(hours, zone, at)), None)
    if quiet is None:
        return None
    zone: str | None = quiet
    now: datetime | None = at
    while zone is not None and now is not None and now - at < _HORIZON:
        now = next_change(hours, zone, now)
        if now is not None:
            moment = now
            zone = next((one for one in places if is_open(hours, one, moment)), None)
    return quiet, now if zone is None else None


def clock(zone: str, at: datetime) -> str:
    """Return the local time of a zone as text."""
    return f"{at.astimezone(zone_of(zone)):%H:%M}"


@lru_cache(maxsize=256)
def _hours(spans: tuple[WeekSpan, ...]) -> Week:
    return week(spans, "quiet_hours")
