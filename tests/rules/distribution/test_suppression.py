"""The do-not-contact list and quiet hours hold back calls, and never an assignment (X6)."""

import pytest

from models.contact_decisions import CallbackDue, SuppressionRecorded
from models.lead import Phase
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import ARRIVALS, SalesFloor

PHONE, MAIL = "+14014194247", "j@x.org"


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with a lead with phone and address, owned by ann, on a Friday morning in Rhode Island."""
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    return floor.comes("A", phone=PHONE, email=MAIL)


def connect(floor: SalesFloor, name: str = "A", rep_id: str = "ann") -> tuple[Result, Reason | None]:
    """Press 1 again."""
    answer = floor.of(name).asks("connect", rep_id)
    return answer.result, answer.reason


REFUSED = (Result.REFUSED, Reason.SUPPRESSED)
DONE = (Result.DONE, None)


@pytest.mark.parametrize("handle", [f"phone/{PHONE}", f"email/{MAIL}"])
def test_x6_a_lead_on_the_list_is_not_called_and_stays_its_owners(floor: SalesFloor, handle: str) -> None:
    assert connect(floor) == DONE
    floor.lists(handle, "asked us by mail")
    assert floor.lead_of("A").suppressed == {handle: "asked us by mail"}
    answer = floor.of("A").asks("connect", "ann")
    assert (answer.result, answer.reason) == REFUSED
    assert f"do-not-contact list ({handle.partition('/')[2]}: asked us by mail)" in (answer.why or "")
    assert (floor.lead_of("A").owner, floor.lead_of("A").phase) == ("ann", Phase.OWNED)
    floor.lists(handle, None)
    assert connect(floor) == DONE
    assert [said.reason for said in floor.all_decisions("A", SuppressionRecorded)] == [
        "asked us by mail",
        None,
    ]
    floor.agree()


def test_x6_who_comes_later_is_not_called_either_and_is_assigned(floor: SalesFloor) -> None:
    floor.lists("phone/+14014190001")
    floor.comes("B", phone="+14014190001")
    assert floor.lead_of("B").owner == "bob"
    assert connect(floor, "B", "bob") == REFUSED
    floor.agree()


def test_x6_who_is_on_it_twice_is_off_it_when_both_are(floor: SalesFloor) -> None:
    floor.lists(f"phone/{PHONE}").lists(f"email/{MAIL}").lists(f"phone/{PHONE}", None)
    assert connect(floor) == REFUSED
    floor.lists(f"email/{MAIL}", None)
    assert connect(floor) == DONE


def test_x6_the_list_does_not_undo_what_the_vendor_said(floor: SalesFloor) -> None:
    floor.comes("B", phone="+14014190001", silenced=True)
    floor.lists("phone/+14014190001").lists("phone/+14014190001", None)
    assert floor.lead_of("B").silenced
    assert connect(floor, "B", "bob") == REFUSED


def test_x6_r6_a_listed_handle_of_an_inquiry_silences_its_lead(floor: SalesFloor) -> None:
    floor.lists("email/home@x.org")
    floor.comes("B", vendor="globex", phone=PHONE, email="home@x.org")
    assert floor.lead_of("A").suppressed.keys() == {"email/home@x.org"}
    assert connect(floor) == REFUSED
    floor.agree()


def test_x6_r6_every_lead_that_has_a_handle_is_told(floor: SalesFloor) -> None:
    """There are two leads with different phones and one common address. The second lead has the address too."""
    floor.comes("B", phone="+14014190001")
    floor.comes("B", phone="+14014190001", email=MAIL)
    floor.lists(f"email/{MAIL}")
    assert floor.lead_of("A").silenced
    assert floor.lead_of("B").silenced
    floor.restart_org(compacted=True)
    floor.lists(f"email/{MAIL}", None)
    assert not floor.lead_of("A").silenced
    assert not floor.lead_of("B").silenced
    floor.agree()


def test_x6_x3_what_is_told_again_out_of_its_time_changes_nothing(floor: SalesFloor) -> None:
    """Intake repeats the listing after the removal, and so does the org relay."""
    floor.lists(f"phone/{PHONE}").lists(f"phone/{PHONE}", None)
    floor.org_messages[ARRIVALS].back(2)
    floor.org_messages[ARRIVALS].next(1).__next__()  # only the older of the two
    floor.tell(floor.org_messages[ARRIVALS].sent[-2][0])
    for lane in floor.answers.values():
        lane.back(len(lane.sent))
    floor.deliver()
    assert not floor.lead_of("A").silenced
    assert connect(floor) == DONE


def test_x6_q2_queues_that_ask_for_silence_see_it_at_once(floor: SalesFloor) -> None:
    floor.queue("quiet", ("silenced", "=", True), ("owned", "=", False))
    floor.queue("loud", ("silenced", "=", False), ("owned", "=", False))
    floor.comes("Q", through="nowhere", phone="+14014190001")
    assert floor.queues == ["loud"]
    floor.lists("phone/+14014190001")
    assert sorted(floor.lead_of("Q").placements) == ["quiet"]
    floor.lists("phone/+14014190001", None)
    assert sorted(floor.lead_of("Q").placements) == ["loud"]


def test_x6_at_night_where_the_lead_is_nobody_is_connected_and_is_told_until_when(floor: SalesFloor) -> None:
    floor.comes("B", phone="+14014190001", time_zone="America/Los_Angeles", state="CA")
    answer = floor.of("B").asks("connect", "bob")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.QUIET_HOURS)
    assert answer.why == ("it is 06:12 in America/Los_Angeles: no calls until 2026-11-20T16:00:00+00:00")
    assert floor.lead_of("B").owner == "bob"
    floor.wait(hours=2)
    assert connect(floor, "B", "bob") == DONE
    assert connect(floor) == DONE


def test_x6_an_org_may_switch_quiet_hours_off(floor: SalesFloor) -> None:
    floor.wait(hours=12)
    assert connect(floor) == (Result.REFUSED, Reason.QUIET_HOURS)
    floor.settings(quiet_hours=[])
    assert connect(floor) == DONE


def test_x6_d4_a_callback_that_falls_due_at_night_comes_to_the_top_and_says_so(floor: SalesFloor) -> None:
    at = floor.now.replace(day=21, hour=3)
    floor.asks("callback", "ann", at=at)
    floor.wait(hours=14)
    (due,) = floor.all_decisions("A", CallbackDue)
    assert due.quiet_until == floor.now.replace(day=21, hour=13, minute=0)
