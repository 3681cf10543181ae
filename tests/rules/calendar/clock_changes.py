"""Expected hours and pauses over both clock changes, worked out by hand with a calendar.

2026 in New York and Los Angeles: March 8, 02:00 becomes 03:00; November 1, 02:00 becomes 01:00. Phoenix has no change.
In Berlin: March 29, 02:00 becomes 03:00; October 25, 03:00 becomes 02:00. In Sydney: April 5, 03:00 becomes 02:00;
October 4, 02:00 becomes 03:00.
"""

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

WINDOWS: Final[list[tuple[str, str, RawWeek, str, int, str | None]]] = [
    (
        "night, an hour short",
        NEW_YORK,
        NIGHTS,
        "2026-03-07T21:00:00-05:00",
        QUARTER,
        "2026-03-08T08:15:00-04:00",
    ),
    (
        "night, an hour long",
        NEW_YORK,
        NIGHTS,
        "2026-10-31T21:00:00-04:00",
        QUARTER,
        "2026-11-01T08:15:00-05:00",
    ),
    (
        "pause cuts it off",
        NEW_YORK,
        NIGHTS,
        "2026-03-07T19:50:00-05:00",
        QUARTER,
        "2026-03-08T08:15:00-04:00",
    ),
    (
        "ends as it begins",
        NEW_YORK,
        NIGHTS,
        "2026-03-07T19:45:00-05:00",
        QUARTER,
        "2026-03-07T20:00:00-05:00",
    ),
    (
        "a second too late",
        NEW_YORK,
        NIGHTS,
        "2026-03-07T19:45:01-05:00",
        QUARTER,
        "2026-03-08T08:15:00-04:00",
    ),
    (
        "starts as it ends",
        NEW_YORK,
        NIGHTS,
        "2026-03-08T08:00:00-04:00",
        QUARTER,
        "2026-03-08T08:15:00-04:00",
    ),
    ("by day", NEW_YORK, NIGHTS, "2026-03-08T12:00:00-04:00", QUARTER, "2026-03-08T12:15:00-04:00"),
    (
        "over the skipped hour",
        NEW_YORK,
        [],
        "2026-03-08T01:50:00-05:00",
        QUARTER,
        "2026-03-08T03:05:00-04:00",
    ),
    ("over the hour twice", NEW_YORK, [], "2026-11-01T01:50:00-04:00", QUARTER, "2026-11-01T01:05:00-05:00"),
    (
        "a pause in the skipped hour is none",
        NEW_YORK,
        [span_on("sun", "02:00", "03:00")],
        "2026-03-08T01:50:00-05:00",
        QUARTER,
        "2026-03-08T03:05:00-04:00",
    ),
    (
        "a pause in the hour twice is two hours",
        NEW_YORK,
        [span_on("sun", "01:00", "02:00")],
        "2026-11-01T00:50:00-04:00",
        QUARTER,
        "2026-11-01T02:15:00-05:00",
    ),
    (
        "a pause begins twice, and there is room between",
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:20:00-04:00",
        QUARTER,
        "2026-11-01T01:15:00-05:00",
    ),
    (
        "a pause begins twice, and there is no room between",
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:20:00-04:00",
        3600,
        "2026-11-01T03:30:00-05:00",
    ),
    ("until midnight", NEW_YORK, EVENINGS, "2026-11-01T22:30:00-05:00", QUARTER, "2026-11-02T00:15:00-05:00"),
    (
        "a weekend, spring",
        NEW_YORK,
        WEEKEND,
        "2026-03-06T17:55:00-05:00",
        QUARTER,
        "2026-03-09T08:15:00-04:00",
    ),
    (
        "a weekend, autumn",
        NEW_YORK,
        WEEKEND,
        "2026-10-30T18:00:00-04:00",
        QUARTER,
        "2026-11-02T08:15:00-05:00",
    ),
    (
        "night, an hour short",
        LOS_ANGELES,
        NIGHTS,
        "2026-03-07T23:59:59-08:00",
        60,
        "2026-03-08T08:01:00-07:00",
    ),
    (
        "night, an hour long",
        LOS_ANGELES,
        NIGHTS,
        "2026-11-01T00:30:00-07:00",
        60,
        "2026-11-01T08:01:00-08:00",
    ),
    (
        "a pause that would begin in the skipped hour begins after it",
        LOS_ANGELES,
        [span_on("sun", "02:30", "04:00")],
        "2026-03-08T01:55:00-08:00",
        QUARTER,
        "2026-03-08T04:15:00-07:00",
    ),
    (
        "past midnight into the hour twice, room between",
        LOS_ANGELES,
        [span_on("sat", "22:00", "01:30")],
        "2026-10-31T22:00:00-07:00",
        QUARTER,
        "2026-11-01T01:45:00-07:00",
    ),
    (
        "past midnight into the hour twice, no room between",
        LOS_ANGELES,
        [span_on("sat", "22:00", "01:30")],
        "2026-10-31T22:00:00-07:00",
        3600,
        "2026-11-01T02:30:00-08:00",
    ),
    ("a weekend, spring", LOS_ANGELES, WEEKEND, "2026-03-07T12:00:00-08:00", 60, "2026-03-09T08:01:00-07:00"),
    ("night, in March", PHOENIX, NIGHTS, "2026-03-07T21:00:00-07:00", QUARTER, "2026-03-08T08:15:00-07:00"),
    (
        "night, in November",
        PHOENIX,
        NIGHTS,
        "2026-10-31T21:00:00-07:00",
        QUARTER,
        "2026-11-01T08:15:00-07:00",
    ),
    (
        "that hour is there in March",
        PHOENIX,
        [span_on("sun", "02:00", "03:00")],
        "2026-03-08T01:50:00-07:00",
        QUARTER,
        "2026-03-08T03:15:00-07:00",
    ),
    (
        "that hour comes once in November",
        PHOENIX,
        [span_on("sun", "01:00", "02:00")],
        "2026-11-01T00:50:00-07:00",
        QUARTER,
        "2026-11-01T02:15:00-07:00",
    ),
    (
        "night, an hour short",
        BERLIN,
        NIGHTS,
        "2026-03-28T22:00:00+01:00",
        QUARTER,
        "2026-03-29T08:15:00+02:00",
    ),
    (
        "night, an hour long",
        BERLIN,
        NIGHTS,
        "2026-10-24T22:00:00+02:00",
        QUARTER,
        "2026-10-25T08:15:00+01:00",
    ),
    (
        "a pause in the skipped hour is none",
        BERLIN,
        [span_on("sun", "02:00", "03:00")],
        "2026-03-29T01:50:00+01:00",
        QUARTER,
        "2026-03-29T03:05:00+02:00",
    ),
    (
        "a pause in the hour twice is two hours",
        BERLIN,
        [span_on("sun", "02:00", "03:00")],
        "2026-10-25T01:50:00+02:00",
        QUARTER,
        "2026-10-25T03:15:00+01:00",
    ),
    (
        "night, an hour long",
        SYDNEY,
        NIGHTS,
        "2026-04-04T22:00:00+11:00",
        QUARTER,
        "2026-04-05T08:15:00+10:00",
    ),
    (
        "night, an hour short",
        SYDNEY,
        NIGHTS,
        "2026-10-03T22:00:00+10:00",
        QUARTER,
        "2026-10-04T08:15:00+11:00",
    ),
    (
        "a pause in the hour twice is two hours",
        SYDNEY,
        [span_on("sun", "02:00", "03:00")],
        "2026-04-05T01:50:00+11:00",
        QUARTER,
        "2026-04-05T03:15:00+10:00",
    ),
    (
        "a pause in the skipped hour is none",
        SYDNEY,
        [span_on("sun", "02:00", "03:00")],
        "2026-10-04T01:50:00+10:00",
        QUARTER,
        "2026-10-04T03:05:00+11:00",
    ),
    ("paused for ever", NEW_YORK, ALWAYS, "2026-03-08T12:00:00-04:00", QUARTER, None),
    (
        "no gap holds it",
        PHOENIX,
        [span_on(ALL, "00:00", "11:50"), span_on(ALL, "12:00", "23:50")],
        "2026-03-08T11:55:00-07:00",
        QUARTER,
        None,
    ),
]
"""(what it shows, zone, pause, start of the window, its seconds, its end or None for never)"""

HOURS: Final[list[tuple[str, RawWeek, str, bool, str | None]]] = [
    (NEW_YORK, OFFICE_HOURS, "2026-03-06T16:59:59-05:00", True, "2026-03-06T17:00:00-05:00"),
    (NEW_YORK, OFFICE_HOURS, "2026-03-06T17:00:00-05:00", False, "2026-03-09T09:00:00-04:00"),
    (NEW_YORK, OFFICE_HOURS, "2026-03-09T08:59:59-04:00", False, "2026-03-09T09:00:00-04:00"),
    (NEW_YORK, OFFICE_HOURS, "2026-03-09T09:00:00-04:00", True, "2026-03-09T17:00:00-04:00"),
    (NEW_YORK, OFFICE_HOURS, "2026-10-30T17:00:00-04:00", False, "2026-11-02T09:00:00-05:00"),
    (NEW_YORK, NIGHTS, "2026-03-08T00:00:00-05:00", True, "2026-03-08T08:00:00-04:00"),
    (NEW_YORK, NIGHTS, "2026-11-01T07:59:59-05:00", True, "2026-11-01T08:00:00-05:00"),
    (
        NEW_YORK,
        [span_on("sun", "02:30", "04:00")],
        "2026-03-08T01:59:00-05:00",
        False,
        "2026-03-08T03:00:00-04:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "02:30", "04:00")],
        "2026-03-08T03:00:00-04:00",
        True,
        "2026-03-08T04:00:00-04:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "01:00", "02:30")],
        "2026-03-08T01:30:00-05:00",
        True,
        "2026-03-08T03:00:00-04:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "02:10", "02:50")],
        "2026-03-08T01:00:00-05:00",
        False,
        "2026-03-15T02:10:00-04:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:29:00-04:00",
        False,
        "2026-11-01T01:30:00-04:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:30:00-04:00",
        True,
        "2026-11-01T01:00:00-05:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:00:00-05:00",
        False,
        "2026-11-01T01:30:00-05:00",
    ),
    (
        NEW_YORK,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:59:00-05:00",
        True,
        "2026-11-01T02:30:00-05:00",
    ),
    (NEW_YORK, ALWAYS, "2026-11-01T01:30:00-04:00", True, None),
    (NEW_YORK, [], "2026-11-01T01:30:00-04:00", False, None),
    (LOS_ANGELES, OFFICE_HOURS, "2026-03-08T12:00:00-07:00", False, "2026-03-09T09:00:00-07:00"),
    (LOS_ANGELES, OFFICE_HOURS, "2026-11-02T08:00:00-08:00", False, "2026-11-02T09:00:00-08:00"),
    (LOS_ANGELES, NIGHTS, "2026-11-01T01:30:00-08:00", True, "2026-11-01T08:00:00-08:00"),
    (LOS_ANGELES, EVENINGS, "2026-03-07T23:59:59-08:00", True, "2026-03-08T00:00:00-08:00"),
    (LOS_ANGELES, WEEKEND, "2026-11-01T12:00:00-08:00", True, "2026-11-02T08:00:00-08:00"),
    (PHOENIX, OFFICE_HOURS, "2026-03-06T17:00:00-07:00", False, "2026-03-09T09:00:00-07:00"),
    (PHOENIX, NIGHTS, "2026-03-08T02:30:00-07:00", True, "2026-03-08T08:00:00-07:00"),
    (
        PHOENIX,
        [span_on("sun", "01:30", "02:30")],
        "2026-11-01T01:45:00-07:00",
        True,
        "2026-11-01T02:30:00-07:00",
    ),
    (BERLIN, OFFICE_HOURS, "2026-03-27T17:00:00+01:00", False, "2026-03-30T09:00:00+02:00"),
    (BERLIN, OFFICE_HOURS, "2026-10-23T17:00:00+02:00", False, "2026-10-26T09:00:00+01:00"),
    (
        BERLIN,
        [span_on("sun", "02:30", "02:45")],
        "2026-10-25T02:45:00+02:00",
        False,
        "2026-10-25T02:30:00+01:00",
    ),
    (BERLIN, NIGHTS, "2026-03-29T03:00:00+02:00", True, "2026-03-29T08:00:00+02:00"),
    (SYDNEY, OFFICE_HOURS, "2026-04-03T17:00:00+11:00", False, "2026-04-06T09:00:00+10:00"),
    (SYDNEY, OFFICE_HOURS, "2026-10-02T17:00:00+10:00", False, "2026-10-05T09:00:00+11:00"),
    (
        SYDNEY,
        [span_on("sun", "23:00", "01:00")],
        "2026-10-05T00:30:00+11:00",
        True,
        "2026-10-05T01:00:00+11:00",
    ),
    (
        SYDNEY,
        [span_on("sun", "20:00", "08:00")],
        "2026-10-05T07:59:00+11:00",
        True,
        "2026-10-05T08:00:00+11:00",
    ),
]
"""(zone, hours, instant, whether the hours include it, when that changes or None for never)"""

DAYS: Final[list[tuple[str, str, str, str]]] = [
    (NEW_YORK, "2026-03-08T01:00:00-05:00", "2026-03-08", "2026-03-09T00:00:00-04:00"),
    (NEW_YORK, "2026-11-01T23:59:59-05:00", "2026-11-01", "2026-11-02T00:00:00-05:00"),
    (LOS_ANGELES, "2026-03-08T07:59:59+00:00", "2026-03-07", "2026-03-08T00:00:00-08:00"),
    (PHOENIX, "2026-03-08T07:00:00+00:00", "2026-03-08", "2026-03-09T00:00:00-07:00"),
    (BERLIN, "2026-10-24T22:00:00+00:00", "2026-10-25", "2026-10-26T00:00:00+01:00"),
    (SYDNEY, "2026-10-03T14:00:00+00:00", "2026-10-04", "2026-10-05T00:00:00+11:00"),
    # Beirut skips midnight, Havana has it twice, and Samoa had no December 30 in 2011.
    ("Asia/Beirut", "2026-03-28T12:00:00+02:00", "2026-03-28", "2026-03-29T01:00:00+03:00"),
    ("America/Havana", "2026-11-01T00:30:00-04:00", "2026-11-01", "2026-11-02T00:00:00-05:00"),
    ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-29", "2011-12-31T00:00:00+14:00"),
]
"""(zone, instant, its date there, when that date ends)"""
