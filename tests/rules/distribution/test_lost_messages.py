"""What mends a lead and its org after a message between them was lost: the runbook's page on readers that are late.

A journal keeps every record for a day. A relay that is away for longer may find only the newest record of a lead, so
the messages of earlier records never reach the other log.
"""

from typing import Final

from models.lead import DistributionStatus
from models.org_rows import OrgLeadStatus
from models.results import Result
from tests.rules.distribution.lane import Lane
from tests.rules.distribution.sales_floor import ARRIVALS, SalesFloor, partition_of

LEAD: Final = "A"


def floor_with(*reps: str) -> SalesFloor:
    """Return an org with one round robin, whose offers stand for a quarter of an hour."""
    return SalesFloor(*reps).group("west", *reps, claim_window_seconds=900)


def lose_messages(lane: Lane) -> None:
    """Lose what is on its way: it never arrives."""
    assert lane.waiting
    lane.done = len(lane.sent)


def to_org(sales_floor: SalesFloor) -> Lane:
    return sales_floor.org_messages[partition_of(LEAD)]


def to_lead(sales_floor: SalesFloor) -> Lane:
    return sales_floor.answers[partition_of(LEAD)]


def stage(sales_floor: SalesFloor) -> DistributionStatus | None:
    distribution = sales_floor.lead_of(LEAD).open_distribution
    return distribution.stage if distribution else None


def test_a_lost_request_leaves_a_lead_without_an_offer_until_a_manager_redistributes_it() -> None:
    sales_floor = floor_with("ann")
    with sales_floor.messages_held():
        sales_floor.comes(LEAD)
        sales_floor.carry(ARRIVALS)
        sales_floor.answer(partition_of(LEAD))
        lose_messages(to_org(sales_floor))
    sales_floor.wait(days=2)
    assert (stage(sales_floor), sales_floor.stage(LEAD)) == (DistributionStatus.REQUESTED, None)

    assert sales_floor.of(LEAD).asks("redistribute", "mia").result is Result.DONE
    assert sales_floor.has(LEAD) == ("ann",)
    sales_floor.agree()


def test_a_lost_offer_takes_capacity_until_a_manager_redistributes_the_lead() -> None:
    sales_floor = floor_with("ann")
    with sales_floor.messages_held():
        sales_floor.comes(LEAD)
        sales_floor.carry(ARRIVALS)
        sales_floor.answer(partition_of(LEAD))
        sales_floor.carry(partition_of(LEAD))
        lose_messages(to_lead(sales_floor))
    sales_floor.wait(days=2)
    assert (stage(sales_floor), sales_floor.stage(LEAD)) == (
        DistributionStatus.REQUESTED,
        OrgLeadStatus.OFFERED,
    )
    assert sales_floor.in_hand("ann") == (0, 1)

    assert sales_floor.of(LEAD).asks("redistribute", "mia").result is Result.DONE
    assert (sales_floor.has(LEAD), sales_floor.in_hand("ann")) == (("ann",), (0, 1))
    sales_floor.agree()


def test_a_lost_owner_is_counted_right_once_the_lead_gets_another_owner() -> None:
    sales_floor = floor_with("ann", "bob").comes(LEAD)
    assert sales_floor.has(LEAD) == ("ann",)
    with sales_floor.messages_held():
        sales_floor.asks("accept", "ann")
        lose_messages(to_org(sales_floor))
    sales_floor.wait(days=2)
    assert sales_floor.in_hand("ann") == (0, 1)

    assert sales_floor.of(LEAD).asks("reassign", "mia", to_rep_id="bob", why="x").result is Result.DONE
    assert (sales_floor.in_hand("ann"), sales_floor.in_hand("bob")) == ((0, 0), (1, 0))
    sales_floor.agree()


def test_a_lost_end_of_a_closed_lead_is_counted_right_once_it_was_reopened_and_closed() -> None:
    sales_floor = floor_with("ann").comes(LEAD)
    sales_floor.asks("accept", "ann")
    with sales_floor.messages_held():
        sales_floor.asks("outcome", "ann", outcome="closed_won")
        lose_messages(to_org(sales_floor))
    sales_floor.wait(days=2)
    assert sales_floor.in_hand("ann") == (1, 0)

    assert sales_floor.of(LEAD).asks("reopen", "mia", why="to count it again").result is Result.DONE
    assert sales_floor.asks("outcome", "ann", outcome="closed_won").result is Result.DONE
    assert sales_floor.in_hand("ann") == (0, 0)
    sales_floor.agree()


def test_a_lost_arrival_becomes_its_lead_when_the_vendor_sends_it_again() -> None:
    sales_floor = floor_with("ann")
    with sales_floor.messages_held():
        sales_floor.comes(LEAD)
        sales_floor.carry(ARRIVALS)
        lose_messages(to_lead(sales_floor))
    assert LEAD not in sales_floor.rows
    assert sales_floor.state.persons.lead_of(LEAD) == LEAD

    sales_floor.comes(LEAD)
    assert sales_floor.has(LEAD) == ("ann",)
    sales_floor.agree()
