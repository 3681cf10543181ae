"""The listed handle is read from the key, even if the rest is unreadable. Quiet hours are in the lead's time (X6)."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.directory import QUIET_HOURS, OrgSettings
from models.errors import Refused
from models.facts import Facts
from models.geography import ALL_ZONES
from models.roster import WeekSpan
from rules.calendar.quiet_hours import allowed_until, quiet_until
from rules.inbound.do_not_contact import NO_REASON, accept_listing, read_handle
from rules.inbound.publication import accept_publication, check

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
EASTERN, CENTRAL, PACIFIC = "America/New_York", "America/Chicago", "America/Los_Angeles"


def listing(key: bytes | None, value: bytes | None = b"{}") -> Any:
    """Read one record."""
    return accept_listing(key, value, {}, version=7, at=NOW)


@pytest.mark.parametrize(
    ("key", "handle"),
    [
        (b"default/phone/+14014194247", "phone/+14014194247"),
        (b"default/phone/(401) 419-4247", "phone/+14014194247"),
        (b"default/email/J@X.org", "email/j@x.org"),
    ],
)
def test_x6_a_key_is_normalised_as_leads_are(key: bytes, handle: str) -> None:
    event = listing(key, b'{"reason": "asked us", "at": "2026-11-01T09:00:00-05:00"}')
    assert (event.org, event.handle, event.version, event.reason) == ("default", handle, 7, "asked us")
    assert event.at == datetime(2026, 11, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize("value", [b"{}", b'{"reason": null}', b'{"reason": [1], "at": "tomorrow", "x": 1}'])
def test_x6_what_cannot_be_read_of_a_reason_silences_nobody_less(value: bytes) -> None:
    event = listing(b"default/phone/4014194247", value)
    assert (event.reason, event.at) == (NO_REASON, NOW)


@pytest.mark.parametrize("value", [b"null", b" null "])
def test_x6_the_text_null_takes_nobody_off_the_list(value: bytes) -> None:
    """Compaction would keep the record, and readers with other clients would take it for a listing."""
    with pytest.raises(Refused) as caught:
        accept_listing(b"default/phone/4014194247", value, {}, version=7, at=NOW)
    assert caught.value.error_class == "not_an_object"
    assert "tombstone" in caught.value.reason


def test_x6_a_tombstone_takes_off_the_list() -> None:
    assert listing(b"default/email/j@x.org", None).reason is None


@pytest.mark.parametrize(
    ("key", "value", "error_class", "expected"),
    [
        (None, b"{}", "invalid_key", "org/phone/NUMBER"),
        (b"default/phone", b"{}", "invalid_key", "org/phone/NUMBER"),
        (b"\xff/phone/1", b"{}", "invalid_key", "UTF-8"),
        (b"default/fax/4014194247", b"{}", "invalid_key", "must be one of phone, email, not fax"),
        (b"default/phone/12", b"{}", "invalid_key", "not a phone number"),
        (b"default/email/nobody", b"{}", "invalid_key", "not a mail address"),
        (b"default/email/ ", b"{}", "invalid_key", "is empty"),
        (b"/phone/4014194247", b"{}", "invalid_key", ""),
        (b"default/phone/4014194247", b"{bad", "not_json", "not JSON"),
        (b"default/phone/4014194247", b"[]", "not_an_object", "must be a JSON object"),
    ],
)
def test_x6_what_names_nobody_is_refused_with_the_reason(
    key: bytes | None, value: bytes, error_class: str, expected: str
) -> None:
    with pytest.raises(Refused) as caught:
        listing(key, value)
    assert caught.value.error_class == error_class
    assert expected in str(caught.value)


def test_x6_people_write_phones_and_addresses() -> None:
    assert read_handle("401.419.4247") == "phone/+14014194247"
    assert read_handle(" J@x.org") == "email/j@x.org"


# -- quiet hours ----------------------------------------------------------------------------------------------------


def local_instant(zone: str, *when: int) -> datetime:
    """Return the instant of a local time in a zone."""
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[misc,arg-type]


CASES: list[tuple[str, dict[str, Any], datetime, datetime | None]] = [
    # (what is shown, the lead, at, quiet until; None: it may be called)
    (
        "a minute before nine in the evening",
        {"time_zone": EASTERN},
        local_instant(EASTERN, 2026, 11, 20, 20, 59),
        None,
    ),
    (
        "nine in the evening",
        {"time_zone": EASTERN},
        local_instant(EASTERN, 2026, 11, 20, 21),
        local_instant(EASTERN, 2026, 11, 21, 8),
    ),
    (
        "a minute before eight in the morning",
        {"time_zone": EASTERN},
        local_instant(EASTERN, 2026, 11, 21, 7, 59),
        local_instant(EASTERN, 2026, 11, 21, 8),
    ),
    ("eight in the morning", {"time_zone": EASTERN}, local_instant(EASTERN, 2026, 11, 21, 8), None),
    (
        "eight where the office is, five where the lead is",
        {"time_zone": PACIFIC},
        local_instant(EASTERN, 2026, 11, 21, 8),
        local_instant(PACIFIC, 2026, 11, 21, 8),
    ),
    (
        "nine where the office is, six where the lead is",
        {"time_zone": PACIFIC},
        local_instant(EASTERN, 2026, 11, 20, 21),
        None,
    ),
    (
        "the night the clocks go back has an hour more",
        {"time_zone": EASTERN},
        datetime(2026, 11, 1, 2, tzinfo=UTC),
        datetime(2026, 11, 1, 13, tzinfo=UTC),
    ),
    (
        "the night the clocks go forward has an hour less",
        {"time_zone": EASTERN},
        datetime(2026, 3, 8, 3, tzinfo=UTC),
        datetime(2026, 3, 8, 12, tzinfo=UTC),
    ),
    (
        "no such change in Arizona",
        {"time_zone": "America/Phoenix"},
        datetime(2026, 3, 8, 5, tzinfo=UTC),
        datetime(2026, 3, 8, 15, tzinfo=UTC),
    ),
    (
        "half of Tennessee is an hour later: evening in the east of it",
        {"state": "TN"},
        local_instant(EASTERN, 2026, 11, 20, 21),
        local_instant(CENTRAL, 2026, 11, 21, 8),
    ),
    (
        "half of Tennessee is an hour earlier: morning in the west of it",
        {"state": "TN"},
        local_instant(EASTERN, 2026, 11, 21, 8, 30),
        local_instant(CENTRAL, 2026, 11, 21, 8),
    ),
    ("all of Tennessee is up", {"state": "TN"}, local_instant(CENTRAL, 2026, 11, 21, 8), None),
    (
        "nothing is known: it is night somewhere",
        {},
        local_instant(EASTERN, 2026, 11, 20, 12),
        local_instant("Pacific/Guam", 2026, 11, 21, 8),
    ),
]


@pytest.mark.parametrize(
    ("facts", "at", "until"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_x6_quiet_hours_are_those_of_where_the_lead_is(
    facts: dict[str, Any], at: datetime, until: datetime | None
) -> None:
    quiet_span = quiet_until(QUIET_HOURS, Facts(vendor="acme", **facts), at)
    assert (quiet_span[1] if quiet_span else None) == until


def test_x6_where_nothing_is_known_all_of_the_country_has_to_be_up() -> None:
    """Calls are allowed from eight in Guam until nine in the Virgin Islands, which is three hours a day."""
    quiet = [
        quiet_until(QUIET_HOURS, Facts(vendor="acme"), NOW.replace(hour=hour)) is not None
        for hour in range(24)
    ]
    assert [hour for hour, is_quiet in enumerate(quiet) if not is_quiet] == [0, 22, 23]
    assert {"Pacific/Guam", "America/St_Thomas"} <= set(ALL_ZONES)


def test_x6_an_empty_list_switches_quiet_hours_off_and_none_given_is_the_default() -> None:
    night = local_instant(EASTERN, 2026, 11, 21, 3)
    assert quiet_until((), Facts(vendor="acme", time_zone=EASTERN), night) is None
    assert OrgSettings().quiet_hours == QUIET_HOURS


def test_x6_hours_that_are_always_quiet_have_no_end() -> None:
    always = (WeekSpan(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), from_="00:00", to="24:00"),)
    assert quiet_until(always, Facts(vendor="acme", time_zone=EASTERN), NOW) == (EASTERN, None)


def test_x6_quiet_hours_are_published_with_the_settings_and_checked() -> None:
    settings = {"quiet_hours": [{"days": ["sun"], "from": "00:00", "to": "24:00"}]}
    assert accept_publication("settings", "settings", settings) == settings
    (problem,) = check(
        "settings", "settings", {"quiet_hours": [{"days": ["sun"], "from": "9", "to": "24:00"}]}
    )
    assert (problem.path, problem.reason) == ("quiet_hours[0].from", "must be a time of day like 08:30")


def test_x6_a_lead_may_be_called_until_it_is_quiet_in_any_of_its_zones() -> None:
    noon = local_instant(EASTERN, 2026, 11, 20, 12)
    assert allowed_until(QUIET_HOURS, Facts(vendor="acme", time_zone=EASTERN), noon) == local_instant(
        EASTERN, 2026, 11, 20, 21
    )
    in_two_zones = Facts(vendor="acme", state="RI", phone="+13105550123")  # a number of Los Angeles
    assert allowed_until(QUIET_HOURS, in_two_zones, noon) == local_instant(EASTERN, 2026, 11, 20, 21)
    assert allowed_until((), Facts(vendor="acme", time_zone=EASTERN), noon) is None
