"""A New Lead button takes no ring, and a lead whose reps are all on a ring waits for its turn to ring (M9)."""

from datetime import timedelta

import pytest

from models.lead import DistributionStatus, Phase
from models.offer_decisions import LeadOffered, NobodyAvailable
from models.results import Result
from tests.rules.distribution.sales_floor import SalesFloor

CREW = ("ann", "bob")
RING = {"method": "ring_all", "ring_seconds": 25}


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor where the same two reps have phones that ring and a New Lead button."""
    sales_floor = SalesFloor(*CREW).group("phones", *CREW, **RING)
    return sales_floor.group("buttons", *CREW, method="distribute_all", ring_seconds=600)


def phase_and_stage(sales_floor: SalesFloor, name: str) -> tuple[Phase, DistributionStatus | None]:
    """Return a lead's phase and the stage of its distribution."""
    lead = sales_floor.lead_of(name)
    return lead.phase, lead.open_distribution.stage if lead.open_distribution else None


RINGS = (Phase.OFFERED, DistributionStatus.RINGING)
IN_LINE = (Phase.OFFERED, DistributionStatus.IN_LINE)
EXCEPTION = (Phase.EXCEPTION, DistributionStatus.WAITING)


def test_d10_m9_leads_by_button_and_ring_at_once_are_no_exceptions(sales_floor: SalesFloor) -> None:
    """CASES D10: three leads for the same reps by button and ring; two were exceptions "another lead rings with it"."""
    sales_floor.comes("A", "B", through="buttons").comes("C", through="phones")
    assert [phase_and_stage(sales_floor, name) for name in "ABC"] == [RINGS] * 3
    assert [sales_floor.has(name) for name in "ABC"] == [CREW] * 3
    sales_floor.comes("D", through="phones")
    assert phase_and_stage(sales_floor, "D") == IN_LINE
    assert sales_floor.of("B").asks("claim", "ann").result is Result.WON
    assert sales_floor.of("C").asks("press_one", "bob").result is Result.WON
    assert (phase_and_stage(sales_floor, "D"), sales_floor.has("D")) == (RINGS, CREW)
    assert phase_and_stage(sales_floor, "A") == RINGS
    sales_floor.agree()


def test_m9_a_button_counts_for_the_caps_all_the_same(sales_floor: SalesFloor) -> None:
    sales_floor.rep("ann", max_open=2)
    sales_floor.comes("A", "B", "C", through="buttons")
    assert [sales_floor.has(name) for name in "ABC"] == [CREW, CREW, ("bob",)]
    sales_floor.agree()


def test_m9_a_ring_still_rings_with_a_rep_once_at_a_time_and_the_oldest_is_next(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A", through="phones").wait(seconds=1)
    for name in ("B", "C", "D"):
        sales_floor.comes(name, through="phones")
    assert [phase_and_stage(sales_floor, name) for name in "ABCD"] == [RINGS, IN_LINE, IN_LINE, IN_LINE]
    (decision,) = sales_floor.all_decisions("B", NobodyAvailable)
    assert (decision.reason, decision.waits, decision.until) == (
        "all_agents_ringing",
        True,
        sales_floor.now + timedelta(seconds=25),
    )
    assert {candidate.why for candidate in decision.explanation} == {"another lead rings with it"}
    sales_floor.of("A").asks("press_one", "ann")
    assert [phase_and_stage(sales_floor, name) for name in "BCD"] == [RINGS, IN_LINE, IN_LINE]
    sales_floor.restart_org(compacted=True)
    sales_floor.of("B").asks("press_one", "ann")
    assert [phase_and_stage(sales_floor, name) for name in "CD"] == [RINGS, IN_LINE]
    sales_floor.agree()


def test_m9_a_lead_in_line_rings_with_the_first_rep_who_is_free(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", "B", through="phones")
    sales_floor.of("A").asks("hang_up", "ann")
    assert (sales_floor.has("A"), sales_floor.has("B")) == (("bob",), ("ann",))
    (offer,) = sales_floor.all_decisions("B", LeadOffered)
    assert offer.until == sales_floor.now + timedelta(seconds=25), "it rings for its whole ring time"
    sales_floor.agree()


def test_m9_the_wait_ends_with_the_leads_ring_time_and_then_it_is_an_exception(
    sales_floor: SalesFloor,
) -> None:
    """The reps are on a ring of another group, which is longer than this lead's own ring time."""
    sales_floor.group("long", *CREW, method="ring_all", ring_seconds=300)
    sales_floor.comes("A", through="long").comes("B", through="phones")
    sales_floor.wait(seconds=24)
    assert phase_and_stage(sales_floor, "B") == IN_LINE
    sales_floor.wait(seconds=1)
    assert phase_and_stage(sales_floor, "B") == EXCEPTION
    exception = sales_floor.lead_of("B").open_exception
    assert exception is not None
    assert exception.reason == "no_available_agents"
    assert {candidate["why"] for candidate in exception.explanation} == {"another lead rings with it"}
    sales_floor.agree()
    sales_floor.wait(seconds=275)
    assert (sales_floor.lead_of("A").phase, phase_and_stage(sales_floor, "B")) == (Phase.EXCEPTION, RINGS), (
        "it rings all the same"
    )
    sales_floor.agree()


def test_m9_a_queue_does_not_take_a_lead_in_line_and_takes_it_after(sales_floor: SalesFloor) -> None:
    sales_floor.queue("all")
    sales_floor.group("long", *CREW, method="ring_all", ring_seconds=300)
    sales_floor.comes("A", through="long").comes("B", through="phones")
    assert sales_floor.queues == []
    sales_floor.wait(seconds=25)
    assert (phase_and_stage(sales_floor, "B")[0], sorted(sales_floor.lead_of("B").placements)) == (
        Phase.QUEUED,
        ["all"],
    )


def test_m9_who_may_not_have_it_for_another_reason_does_not_hold_it_in_line(sales_floor: SalesFloor) -> None:
    sales_floor.rep("ann", licensed_states=["TX"]).rep("bob", max_open=0)
    sales_floor.comes("A", through="phones")
    assert phase_and_stage(sales_floor, "A") != IN_LINE
    (decision,) = sales_floor.all_decisions("A", NobodyAvailable)
    assert decision.reason == "no_available_agents"


def test_m9_a_lead_in_line_is_assigned_by_a_manager_and_keeps_nobody_waiting(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", "B", "C", through="phones")
    assert sales_floor.of("B").asks("assign", "mia", to_rep_id="bob").result is Result.DONE
    sales_floor.of("A").asks("press_one", "ann")
    assert phase_and_stage(sales_floor, "C") == RINGS
    sales_floor.agree()


def test_m9_who_leaves_while_a_lead_is_in_line_is_not_waited_for_beyond_its_end(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A", "B", through="phones")
    for rep_id in CREW:
        sales_floor.rep(rep_id, active=False)
    sales_floor.wait(seconds=25)
    assert sales_floor.lead_of("B").phase is Phase.EXCEPTION
    sales_floor.agree()
