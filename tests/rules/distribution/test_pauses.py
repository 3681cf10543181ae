"""A pause stops transfers, not first assignments. What waits for its end is answered then (R4)."""

from datetime import UTC, datetime
from typing import Any, Final

from models.lead import Phase, RepSearch
from models.offer_decisions import NobodyAvailable
from models.org import Stage
from tests.rules.calendar.clock_changes import ALL, ALWAYS, on
from tests.rules.distribution.sales_floor import SalesFloor

CREW: Final = ("ann", "bob", "cyd")
WINDOW: Final[dict[str, Any]] = {"claim_window_seconds": 900}


def test_r4_in_a_pause_first_assignments_go_on_and_transfers_wait_until_it_ends() -> None:
    """In New York it is 09:12; transfers pause from 09:30 to 11:00.

    A window that reaches the pause restarts after it.
    """
    floor = SalesFloor(*CREW)
    pause = {"pause": [on(ALL, "09:30", "11:00")], "time_zone": "America/New_York"}
    floor.group("west", *CREW, **WINDOW, **pause)
    floor.comes("A").wait(minutes=15)
    assert floor.has("A") == ("bob",), "at 09:27 there is no pause yet"
    assert floor.lead.deadlines[-1].due == datetime(2026, 11, 20, 16, 15, tzinfo=UTC), (
        "from 11:00 on, the full window"
    )
    floor.wait(minutes=10).comes("B")
    assert floor.has("B") == ("cyd",), "a first assignment goes on"
    floor.of("B").asks("decline", "cyd")
    lead = floor.lead_of("B")
    assert (lead.phase, lead.search and lead.search.stage) == (Phase.OFFERED, RepSearch.PAUSED)
    assert [said.reason for said in floor.all_said("B", NobodyAvailable)] == ["transfers_paused"]
    floor.agree()
    floor.wait(minutes=82)
    assert floor.has("B") == (), "it is 10:59"
    floor.wait(minutes=1)
    assert floor.has("B") == ("ann",), "the pause is over"
    floor.agree()
    floor.wait(minutes=15)
    assert (floor.has("A"), floor.has("B")) == (("cyd",), ("bob",))
    floor.agree()


def test_r4_r8_when_the_pause_ends_and_all_were_tried_the_lead_is_an_exception() -> None:
    floor = SalesFloor("ann")
    pause = {"pause": [on(ALL, "09:00", "11:00")], "time_zone": "America/New_York"}
    floor.group("west", "ann", **WINDOW, **pause)
    floor.comes("A").asks("decline", "ann")
    assert (floor.lead.phase, floor.lead.open_exception) == (Phase.OFFERED, None)
    trouble = floor.wait(hours=2).lead.open_exception
    assert trouble is not None
    assert (floor.lead.phase, trouble.reason) == (Phase.EXCEPTION, "all_agents_tried")
    floor.agree()


def test_r4_e1_when_the_pause_ends_and_nobody_has_room_the_lead_waits_where_others_see_it() -> None:
    floor = SalesFloor("ann", "bob", max_open=1)
    pause = {"pause": [on(ALL, "09:00", "11:00")], "time_zone": "America/New_York"}
    floor.group("west", "ann", "bob", **WINDOW, **pause)
    floor.comes("A", "B").of("A").asks("decline", "ann")
    floor.of("B").asks("claim", "bob")
    floor.wait(hours=2)
    lead = floor.lead_of("A")
    assert (lead.phase, lead.search and lead.search.stage) == (Phase.EXCEPTION, RepSearch.WAITING)
    assert lead.open_exception is not None
    assert lead.open_exception.reason == "no_available_agents"
    floor.agree()
    floor.of("B").asks("outcome", "bob", outcome="closed_won")
    assert floor.has("A") == ("bob",)
    floor.agree()


def test_r4_e1_a_pause_without_an_end_makes_an_exception_of_what_it_keeps() -> None:
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob", **WINDOW, pause=ALWAYS)
    floor.comes("A").asks("decline", "ann")
    trouble = floor.lead.open_exception
    assert trouble is not None
    assert (trouble.reason, floor.stage("A")) == ("no_available_agents", Stage.WAITING)
    assert trouble.explanation == ({"why": "transfers pause until further notice"},)
    floor.agree()
