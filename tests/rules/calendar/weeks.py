"""Zones and weeks of hours, as they are published, for tests."""

from typing import Any, Final

NEW_YORK: Final = "America/New_York"
LOS_ANGELES: Final = "America/Los_Angeles"
PHOENIX: Final = "America/Phoenix"
BERLIN: Final = "Europe/Berlin"
SYDNEY: Final = "Australia/Sydney"

ALL: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WORKDAYS: Final = ["mon", "tue", "wed", "thu", "fri"]

RawWeek = list[dict[str, Any]]


def span_on(days: list[str] | str, start: str, end: str) -> dict[str, Any]:
    """Return one span as it is published."""
    return {"days": [days] if isinstance(days, str) else days, "from": start, "to": end}


NIGHTS: Final = [span_on(ALL, "20:00", "08:00")]
EVENINGS: Final = [span_on(ALL, "22:00", "24:00")]
WEEKEND: Final = [
    span_on("fri", "18:00", "24:00"),
    span_on(["sat", "sun"], "00:00", "24:00"),
    span_on("mon", "00:00", "08:00"),
]
OFFICE_HOURS: Final = [span_on(WORKDAYS, "09:00", "17:00")]
ALWAYS: Final = [span_on(ALL, "00:00", "24:00")]
QUARTER: Final = 900
