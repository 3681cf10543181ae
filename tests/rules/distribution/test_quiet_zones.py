"""From the bytes on the topic to `connect`: a lead is quiet in every zone it may be in (V5, X6)."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from models.results import Reason, Result
from rules.inbound.intake import accept_arrival
from tests.rules.distribution.sales_floor import ARRIVALS, ORG, SalesFloor

QUIET = (Result.REFUSED, Reason.QUIET_HOURS)
DONE = (Result.DONE, None)
TOLL_FREE = "800-234-5678"
"""A number that lies nowhere."""


def connects(clock: str, **sent: Any) -> tuple[Result, Reason | None]:
    """Let a message arrive, wait until a time of the day (UTC), and press 1 again."""
    sales_floor = SalesFloor("ann").group("west", "ann")
    message = {
        "vendor": "acme",
        "external_id": "B",
        "org": ORG,
        "campaign": "west",
        "phone": TOLL_FREE,
        **sent,
    }
    event = accept_arrival(json.dumps(message).encode(), {}, arrived_at=sales_floor.now)
    sales_floor.org_messages[ARRIVALS].send(msgspec.structs.replace(event, lead_id="B"))
    sales_floor.if_prompt()
    at = datetime.combine(sales_floor.now.date(), datetime.strptime(clock, "%H:%M").time(), UTC)  # noqa: DTZ007
    hours = (at - sales_floor.now).total_seconds() / 3600
    sales_floor.wait(hours=hours if hours >= 0 else hours + 24)
    assert sales_floor.lead_of("B").owner == "ann"
    answer = sales_floor.of("B").asks("connect", "ann")
    return answer.result, answer.reason


@pytest.mark.parametrize(
    ("sent", "clock", "answer"),
    [
        # Quiet until 08:00 local: 13:00 UTC in New York, 14:00 in Chicago, 15:00 in Denver, 16:00 in Los Angeles.
        ({"state": "FL"}, "13:30", QUIET),  # 07:30 in Pensacola
        ({"state": "FL"}, "14:30", DONE),
        ({"state": "TN"}, "02:30", QUIET),  # 21:30 in Knoxville
        ({"state": "TN"}, "13:30", QUIET),  # 07:30 in Memphis
        ({"state": "KY"}, "13:30", QUIET),
        ({"state": "IN"}, "13:30", QUIET),
        ({"state": "ID"}, "15:30", QUIET),  # 07:30 in Coeur d'Alene
        ({"state": "TX"}, "14:30", QUIET),  # 07:30 in El Paso
        ({"state": "SD"}, "14:30", QUIET),
        ({"state": "OR"}, "04:30", QUIET),  # 21:30 in Ontario, Oregon
        ({"state": "FL", "zip": "33101"}, "13:30", DONE),
        ({"state": "FL", "zip": "32501"}, "13:30", QUIET),
        ({"zip": "32501"}, "13:30", QUIET),
        ({"state": "FL", "phone": "850-433-1234"}, "13:30", QUIET),
        ({"state": "FL", "phone": "305-433-1234"}, "13:30", DONE),
        ({"phone": "219-200-1234"}, "13:30", QUIET),  # 07:30 in Gary, if the number is from there
        ({"phone": "423-200-1234"}, "02:30", QUIET),  # 21:30 in eastern Tennessee
        ({"state": "KY", "phone": "364-200-1234"}, "13:30", QUIET),  # 07:30 in Bowling Green
        ({"state": "IN", "zip": "46402", "phone": "219-200-1234"}, "14:30", DONE),  # the zip says where it is
        ({"zip": "12345", "state": "CA"}, "13:30", QUIET),  # 05:30 in California
        ({"zip": "12345", "state": "CA"}, "02:30", QUIET),  # 21:30 in New York
        ({"zip": "12345", "state": "CA"}, "16:30", DONE),
        ({"zip": "7870", "state": "TX"}, "13:30", QUIET),
        ({"zip": "99999", "state": "NY"}, "13:30", DONE),
        ({"zip": "99999", "state": "NY"}, "12:30", QUIET),
        ({"zip": "78704", "state": "TX", "phone": "212-555-1234"}, "13:30", QUIET),
        ({"zip": "78704", "state": "TX", "phone": "212-555-1234"}, "02:30", QUIET),
        ({"zip": "78704", "state": "TX", "phone": "512-555-1234"}, "02:30", DONE),
        ({"state": "RI", "time_zone": "America/Los_Angeles"}, "13:30", QUIET),
        ({"state": "Bavaria"}, "15:30", QUIET),  # nothing is known: quiet in any zone of the United States
        ({"zip": "86003"}, "14:30", QUIET),
        ({"zip": "37405"}, "13:30", DONE),
    ],
)
def test_c3_v5_x6_a_lead_is_quiet_in_every_zone_it_may_be_in(
    sent: dict[str, Any], clock: str, answer: tuple[Result, Reason | None]
) -> None:
    """Cases A14, C3 and C5."""
    assert connects(clock, **sent) == answer
