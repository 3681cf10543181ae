"""The do-not-contact list and quiet hours hold back calls, and never an assignment (X6)."""

import pytest

from models.contact_decisions import CallbackDue, SuppressionRecorded
from models.lead import Phase
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import ARRIVALS, SalesFloor

PHONE, MAIL = "+14014194247", "j@x.org"


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a lead with phone and address, owned by ann, on a Friday morning in Rhode Island."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    return sales_floor.comes("A", phone=PHONE, email=MAIL)


def connect(sales_floor: SalesFloor, name: str = "A", rep_id: str = "ann") -> tuple[Result, Reason | None]:
    """Press 1 again."""
    answer = sales_floor.of(name).asks("connect", rep_id)
    return answer.result, answer.reason


REFUSED = (Result.REFUSED, Reason.SUPPRESSED)
DONE = (Result.DONE, None)


@pytest.mark.parametrize("handle", [f"phone/{PHONE}", f"email/{MAIL}"])
def test_x6_a_lead_on_the_list_is_not_called_and_stays_its_owners(
    sales_floor: SalesFloor, handle: str
) -> None:
    assert connect(sales_floor) == DONE
    sales_floor.lists(handle, "asked us by mail")
    assert sales_floor.lead_of("A").suppressed == {handle: "asked us by mail"}
    answer = sales_floor.of("A").asks("connect", "ann")
    assert (answer.result, answer.reason) == REFUSED
    assert f"do-not-contact list ({handle.partition('/')[2]}: asked us by mail)" in (answer.why or "")
    assert (sales_floor.lead_of("A").owner, sales_floor.lead_of("A").phase) == ("ann", Phase.OWNED)
    sales_floor.lists(handle, None)
    assert connect(sales_floor) == DONE
    assert [decision.reason for decision in sales_floor.all_decisions("A", SuppressionRecorded)] == [
        "asked us by mail",
        None,
    ]
    sales_floor.agree()


def test_x6_who_comes_later_is_not_called_either_and_is_assigned(sales_floor: SalesFloor) -> None:
    sales_floor.lists("phone/+14014190001")
    sales_floor.comes("B", phone="+14014190001")
    assert sales_floor.lead_of("B").owner == "bob"
    assert connect(sales_floor, "B", "bob") == REFUSED
    sales_floor.agree()


def test_x6_who_is_on_it_twice_is_off_it_when_both_are(sales_floor: SalesFloor) -> None:
    sales_floor.lists(f"phone/{PHONE}").lists(f"email/{MAIL}").lists(f"phone/{PHONE}", None)
    assert connect(sales_floor) == REFUSED
    sales_floor.lists(f"email/{MAIL}", None)
    assert connect(sales_floor) == DONE


def test_x6_the_list_does_not_undo_what_the_vendor_said(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", phone="+14014190001", silenced=True)
    sales_floor.lists("phone/+14014190001").lists("phone/+14014190001", None)
    assert sales_floor.lead_of("B").silenced
    assert connect(sales_floor, "B", "bob") == REFUSED


def test_x6_r6_a_listed_handle_of_an_inquiry_silences_its_lead(sales_floor: SalesFloor) -> None:
    sales_floor.lists("email/home@x.org")
    sales_floor.comes("B", vendor="globex", phone=PHONE, email="home@x.org")
    assert sales_floor.lead_of("A").suppressed.keys() == {"email/home@x.org"}
    assert connect(sales_floor) == REFUSED
    sales_floor.agree()


def test_x6_r6_every_lead_that_has_a_handle_is_told(sales_floor: SalesFloor) -> None:
    """There are two leads with different phones and one common address. The second lead has the address too."""
    sales_floor.comes("B", phone="+14014190001")
    sales_floor.comes("B", phone="+14014190001", email=MAIL)
    sales_floor.lists(f"email/{MAIL}")
    assert sales_floor.lead_of("A").silenced
    assert sales_floor.lead_of("B").silenced
    sales_floor.restart_org(compacted=True)
    sales_floor.lists(f"email/{MAIL}", None)
    assert not sales_floor.lead_of("A").silenced
    assert not sales_floor.lead_of("B").silenced
    sales_floor.agree()


def test_x6_x3_what_is_told_again_out_of_its_time_changes_nothing(sales_floor: SalesFloor) -> None:
    """Intake repeats the listing after the removal, and so does the org relay."""
    sales_floor.lists(f"phone/{PHONE}").lists(f"phone/{PHONE}", None)
    sales_floor.org_messages[ARRIVALS].rewind(2)
    sales_floor.org_messages[ARRIVALS].next(1).__next__()  # only the older of the two
    sales_floor.tell(sales_floor.org_messages[ARRIVALS].sent[-2][0])
    for lane in sales_floor.answers.values():
        lane.rewind(len(lane.sent))
    sales_floor.deliver()
    assert not sales_floor.lead_of("A").silenced
    assert connect(sales_floor) == DONE


def test_x6_q2_queues_that_ask_for_silence_see_it_at_once(sales_floor: SalesFloor) -> None:
    sales_floor.queue("quiet", ("silenced", "=", True), ("owned", "=", False))
    sales_floor.queue("loud", ("silenced", "=", False), ("owned", "=", False))
    sales_floor.comes("Q", through="nowhere", phone="+14014190001")
    assert sales_floor.queues == ["loud"]
    sales_floor.lists("phone/+14014190001")
    assert sorted(sales_floor.lead_of("Q").placements) == ["quiet"]
    sales_floor.lists("phone/+14014190001", None)
    assert sorted(sales_floor.lead_of("Q").placements) == ["loud"]


def test_x6_at_night_where_the_lead_is_nobody_is_connected_and_is_told_until_when(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("B", phone="+14014190001", time_zone="America/Los_Angeles", state="CA")
    answer = sales_floor.of("B").asks("connect", "bob")
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.QUIET_HOURS)
    assert answer.why == ("it is 06:12 in America/Los_Angeles: no calls until 2026-11-20T16:00:00+00:00")
    assert sales_floor.lead_of("B").owner == "bob"
    sales_floor.wait(hours=2)
    assert connect(sales_floor, "B", "bob") == DONE
    assert connect(sales_floor) == DONE


def test_x6_an_org_may_switch_quiet_hours_off(sales_floor: SalesFloor) -> None:
    sales_floor.wait(hours=12)
    assert connect(sales_floor) == (Result.REFUSED, Reason.QUIET_HOURS)
    sales_floor.settings(quiet_hours=[])
    assert connect(sales_floor) == DONE


def test_x6_d4_a_callback_that_falls_due_at_night_comes_to_the_top_and_says_so(
    sales_floor: SalesFloor,
) -> None:
    at = sales_floor.now.replace(day=21, hour=3)
    sales_floor.asks("callback", "ann", at=at)
    sales_floor.wait(hours=14)
    (due,) = sales_floor.all_decisions("A", CallbackDue)
    assert due.quiet_until == sales_floor.now.replace(day=21, hour=13, minute=0)
