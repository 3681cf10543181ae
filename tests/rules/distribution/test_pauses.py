"""A pause stops transfers, not first assignments. What waits for its end is answered then (R4)."""

from datetime import UTC, datetime
from typing import Any, Final

from models.lead import DeadlineKind, DistributionStatus, Phase
from models.offer_decisions import NobodyAvailable, WindowMoved
from models.org_rows import OrgLeadStatus
from tests.rules.calendar.weeks import ALL, ALWAYS, span_on
from tests.rules.distribution.sales_floor import ARRIVALS, SalesFloor, partition_of

CREW: Final = ("ann", "bob", "cyd")
WINDOW: Final[dict[str, Any]] = {"claim_window_seconds": 900}
PLAIN: Final[dict[str, Any]] = {
    "members": [{"rep_id": rep_id} for rep_id in CREW],
    **WINDOW,
    "time_zone": "America/New_York",
}


def test_r4_in_a_pause_first_assignments_go_on_and_transfers_wait_until_it_ends() -> None:
    """In New York it is 09:12; transfers pause from 09:30 to 11:00.

    A window that reaches the pause restarts after it.
    """
    sales_floor = SalesFloor(*CREW)
    pause = {"pause": [span_on(ALL, "09:30", "11:00")], "time_zone": "America/New_York"}
    sales_floor.group("west", *CREW, **WINDOW, **pause)
    sales_floor.comes("A").wait(minutes=15)
    assert sales_floor.has("A") == ("bob",), "at 09:27 there is no pause yet"
    assert sales_floor.lead.deadlines[-1].due == datetime(2026, 11, 20, 16, 15, tzinfo=UTC), (
        "from 11:00 on, the full window"
    )
    sales_floor.wait(minutes=10).comes("B")
    assert sales_floor.has("B") == ("cyd",), "a first assignment goes on"
    sales_floor.of("B").asks("decline", "cyd")
    lead = sales_floor.lead_of("B")
    assert (lead.phase, lead.open_distribution and lead.open_distribution.stage) == (
        Phase.OFFERED,
        DistributionStatus.PAUSED,
    )
    assert [decision.reason for decision in sales_floor.all_decisions("B", NobodyAvailable)] == [
        "transfers_paused"
    ]
    sales_floor.agree()
    sales_floor.wait(minutes=82)
    assert sales_floor.has("B") == (), "it is 10:59"
    sales_floor.wait(minutes=1)
    assert sales_floor.has("B") == ("ann",), "the pause is over"
    sales_floor.agree()
    sales_floor.wait(minutes=15)
    assert (sales_floor.has("A"), sales_floor.has("B")) == (("cyd",), ("bob",))
    sales_floor.agree()


def test_r4_r8_when_the_pause_ends_and_all_were_tried_the_lead_is_an_exception() -> None:
    sales_floor = SalesFloor("ann")
    pause = {"pause": [span_on(ALL, "09:00", "11:00")], "time_zone": "America/New_York"}
    sales_floor.group("west", "ann", **WINDOW, **pause)
    sales_floor.comes("A").asks("decline", "ann")
    assert (sales_floor.lead.phase, sales_floor.lead.open_exception) == (Phase.OFFERED, None)
    open_exception = sales_floor.wait(hours=2).lead.open_exception
    assert open_exception is not None
    assert (sales_floor.lead.phase, open_exception.reason) == (Phase.EXCEPTION, "all_agents_tried")
    sales_floor.agree()


def test_r4_e1_when_the_pause_ends_and_nobody_has_room_the_lead_waits_where_others_see_it() -> None:
    sales_floor = SalesFloor("ann", "bob", max_open=1)
    pause = {"pause": [span_on(ALL, "09:00", "11:00")], "time_zone": "America/New_York"}
    sales_floor.group("west", "ann", "bob", **WINDOW, **pause)
    sales_floor.comes("A", "B").of("A").asks("decline", "ann")
    sales_floor.of("B").asks("claim", "bob")
    sales_floor.wait(hours=2)
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.open_distribution and lead.open_distribution.stage) == (
        Phase.EXCEPTION,
        DistributionStatus.WAITING,
    )
    assert lead.open_exception is not None
    assert lead.open_exception.reason == "no_available_agents"
    sales_floor.agree()
    sales_floor.of("B").asks("outcome", "bob", outcome="closed_won")
    assert sales_floor.has("A") == ("bob",)
    sales_floor.agree()


def test_r4_e1_a_pause_without_an_end_makes_an_exception_of_what_it_keeps() -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob", **WINDOW, pause=ALWAYS)
    sales_floor.comes("A").asks("decline", "ann")
    open_exception = sales_floor.lead.open_exception
    assert open_exception is not None
    assert (open_exception.reason, sales_floor.stage("A")) == ("no_available_agents", OrgLeadStatus.WAITING)
    assert open_exception.explanation == ({"why": "transfers pause until further notice"},)
    sales_floor.agree()


def offer_end(sales_floor: SalesFloor, name: str = "A") -> datetime | None:
    """Return when the open offer of a lead ends."""
    distribution = sales_floor.lead_of(name).open_distribution
    assert distribution is not None
    due = sales_floor.lead_of(name).deadline(DeadlineKind.OFFER)
    assert (due and due.due) == distribution.until
    return distribution.until


def publish_west(sales_floor: SalesFloor, *spans: dict[str, Any], **more: Any) -> None:
    """Publish the group with a pause schedule, in New York."""
    sales_floor.group("west", *CREW, **WINDOW, **more, pause=list(spans), time_zone="America/New_York")


def test_r4_a_pause_that_is_published_while_a_window_runs_restarts_it_after_the_pause() -> None:
    """Issue 12, point 10. It is 09:12 in New York. A lead is offered, and then a pause is published."""
    sales_floor = SalesFloor(*CREW)
    publish_west(sales_floor)
    sales_floor.comes("A").wait(minutes=5)
    assert offer_end(sales_floor) == at_clock("14:27")
    publish_west(sales_floor, span_on(ALL, "09:30", "10:00"))
    assert offer_end(sales_floor) == at_clock("14:27"), "the pause begins when the window has ended"
    publish_west(sales_floor, span_on(ALL, "09:20", "10:00"))
    assert offer_end(sales_floor) == at_clock("15:15"), "the full window after the pause"
    (decision,) = sales_floor.all_decisions("A", WindowMoved)
    assert (decision.until, "pause schedule" in decision.why) == (at_clock("15:15"), True)
    sales_floor.wait(minutes=30)
    assert sales_floor.has("A") == ("ann",)
    sales_floor.wait(minutes=28)
    assert sales_floor.has("A") == ("bob",), "it is 10:15"
    sales_floor.agree()


def test_r4_a_pause_that_begins_at_once_or_ends_sooner_or_never_moves_the_window() -> None:
    sales_floor = SalesFloor(*CREW)
    publish_west(sales_floor)
    sales_floor.comes("A")
    publish_west(sales_floor, span_on(ALL, "09:00", "10:00"))
    assert offer_end(sales_floor) == at_clock("15:15")
    sales_floor.wait(minutes=8)
    publish_west(sales_floor, span_on(ALL, "09:00", "09:30"))
    assert offer_end(sales_floor) == at_clock("14:45"), "the pause is shorter now"
    publish_west(sales_floor)
    assert offer_end(sales_floor) == at_clock("14:35"), "no pause: the full window begins now"
    sales_floor.publishes("group", "west", {**PLAIN, "pause": ALWAYS})
    assert offer_end(sales_floor) is None
    publish_west(sales_floor)
    assert offer_end(sales_floor) == at_clock("14:35")
    sales_floor.wait(minutes=15)
    assert sales_floor.has("A") == ("bob",)
    sales_floor.agree()


def test_r4_another_roster_or_an_equal_schedule_moves_no_window() -> None:
    sales_floor = SalesFloor(*CREW)
    publish_west(sales_floor, span_on(ALL, "09:20", "10:00"))
    sales_floor.comes("A").wait(minutes=3)
    publish_west(sales_floor, span_on(ALL, "09:20", "10:00"), ring_seconds=40)
    sales_floor.publishes("group", "east", PLAIN)
    assert offer_end(sales_floor) == at_clock("15:15")
    assert sales_floor.all_decisions("A", WindowMoved) == []


def test_r4_an_offer_that_the_org_made_before_it_knew_of_the_pause_has_the_right_end() -> None:
    sales_floor = SalesFloor(*CREW)
    publish_west(sales_floor)
    lead_partition = partition_of("A")
    with sales_floor.messages_held():
        publish_west(sales_floor, span_on(ALL, "09:00", "10:00"))
        sales_floor.comes("A")
        sales_floor.carry(ARRIVALS)
        sales_floor.answer(lead_partition)
        sales_floor.carry(lead_partition)
        sales_floor.answer(lead_partition)
        assert sales_floor.has("A") == ("ann",)
        assert offer_end(sales_floor) == at_clock("15:15")
    sales_floor.deliver().agree()


def test_r4_a_ring_is_not_paused() -> None:
    sales_floor = SalesFloor(*CREW)
    sales_floor.group("west", *CREW, method="ring_all", ring_seconds=300).comes("A")
    sales_floor.publishes(
        "group", "west", {**PLAIN, "method": "ring_all", "ring_seconds": 300, "pause": ALWAYS}
    )
    assert offer_end(sales_floor) == at_clock("14:17")


def at_clock(clock: str) -> datetime:
    """Return an instant of the day in UTC."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, 20, hour, minute, tzinfo=UTC)
