"""Late messages, repeats and messages of an older epoch change nothing and are answered accordingly (X3, X4)."""

import pytest

from models.decisions import AnswerIgnored, DeadlineIgnored
from models.events import OrgAnswered
from models.lead import DeadlineKind, Phase
from models.org_decisions import OrgEventIgnored
from models.org_rows import OrgLeadStatus
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import ARRIVALS, NEWS, SalesFloor, partition_of

CREW = ("ann", "bob", "cyd")


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a lead that is offered for the second time."""
    return SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A").wait(minutes=15)


def test_x3_an_accept_of_an_older_epoch_is_told_that_the_offer_is_over(sales_floor: SalesFloor) -> None:
    before = sales_floor.lead
    assert before.open_distribution is not None
    for rep_id, epoch in (("ann", 1), ("ann", before.open_distribution.epoch), ("bob", 1)):
        answer = sales_floor.asks("accept", rep_id, epoch=epoch)
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.OFFER_OVER)
        assert sales_floor.lead == before
    assert sales_floor.asks("accept", "bob", epoch=before.open_distribution.epoch).result is Result.WON
    sales_floor.agree()


def test_x3_a_timer_of_an_older_epoch_changes_nothing(sales_floor: SalesFloor) -> None:
    before = sales_floor.lead
    old = sales_floor.history["A"][1].lead
    assert old is not None
    deadline = old.deadline(DeadlineKind.OFFER)
    assert deadline is not None
    sales_floor.passes(deadline)
    assert isinstance(sales_floor.decisions[0], DeadlineIgnored)
    assert sales_floor.lead == before


def test_x3_every_answer_of_the_org_told_again_changes_nothing(sales_floor: SalesFloor) -> None:
    """The org relay died several times before its commit."""
    before = sales_floor.lead
    lane = sales_floor.answers[partition_of("A")]
    lane.rewind(len(lane.sent))
    sales_floor.deliver()
    assert sales_floor.lead == before
    assert all(isinstance(decision, AnswerIgnored) for decision in sales_floor.decisions)
    sales_floor.agree()


def test_x4_every_org_message_sent_again_is_known_by_its_number(sales_floor: SalesFloor) -> None:
    """The relay died before its commit. Meanwhile the lead was closed, and the org has removed it."""
    sales_floor.asks("outcome", "bob", outcome="closed_won")
    sales_floor.comes("B", "C")
    rows, decided_before = list(sales_floor.state.rows()), len(sales_floor.decided)
    for lane in sales_floor.org_messages.values():
        lane.rewind(len(lane.sent))
    with sales_floor.messages_held():
        for source, lane in sales_floor.org_messages.items():
            if source not in (NEWS, ARRIVALS):
                sales_floor.carry(source, lane.waiting)
    repeats = sales_floor.decided[decided_before:]
    assert len(repeats) > 3
    assert all(isinstance(decision, OrgEventIgnored) for decision in repeats)
    assert list(sales_floor.state.rows()) == rows
    sales_floor.restart_org()
    sales_floor.agree()


def test_x3_an_offer_that_crosses_with_a_claim_is_taken_back() -> None:
    sales_floor = SalesFloor(*CREW, max_open=1).group("west", "ann", claim_window_seconds=900)
    sales_floor.queue("open", claimable=True).comes("A", "B")
    assert (sales_floor.stage("B"), sales_floor.queues) == (OrgLeadStatus.WAITING, ["open"])
    with sales_floor.messages_held():
        sales_floor.of("A").asks("decline", "ann")
        sales_floor.carry(partition_of("A"), 9)
        assert sales_floor.stage("B") is OrgLeadStatus.OFFERED
        assert sales_floor.of("B").claims("cyd", "open").result is Result.WON, (
            "the offer is not in its log yet"
        )
    sales_floor.deliver()
    assert (sales_floor.has("B"), sales_floor.in_hand("ann"), sales_floor.in_hand("cyd")) == (
        ("cyd",),
        (0, 0),
        (1, 0),
    )
    sales_floor.agree()


def test_x3_an_offer_that_crosses_with_an_opening_is_taken_back() -> None:
    sales_floor = SalesFloor(*CREW, max_open=1).group("west", "ann", claim_window_seconds=900)
    sales_floor.queue("work").comes("A", "B")
    with sales_floor.messages_held():
        sales_floor.of("A").asks("decline", "ann")
        sales_floor.carry(partition_of("A"), 9)
        assert sales_floor.of("B").opens("cyd").result is Result.DONE
    sales_floor.deliver()
    assert (sales_floor.lead.phase, sales_floor.stage("B")) == (Phase.LOCKED, None)
    sales_floor.agree()


def test_x3_a_void_that_crosses_with_the_end_of_the_window_is_late() -> None:
    sales_floor = SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A")
    with sales_floor.messages_held():
        sales_floor.publishes("rep", "ann", {"active": False})
        sales_floor.carry("news", 9)
        sales_floor.wait(minutes=15)
    sales_floor.deliver()
    assert sales_floor.has("A") == ("bob",)
    assert [decision.answer for decision in sales_floor.all_decisions("A", AnswerIgnored)] == ["offer_voided"]
    sales_floor.agree()


def test_x2_x3_an_orphans_answer_told_again_takes_nothing_from_whoever_has_the_lead_since() -> None:
    """This holds even if the same rep came back and was given the lead again."""
    sales_floor = SalesFloor(*CREW).group("west", *CREW).comes("A")
    sales_floor.rep("ann", active=False).rep("ann")
    assert sales_floor.of("A").lead.owner is None
    sales_floor.asks("assign", "mia", to_rep_id="ann")
    lane = sales_floor.answers[partition_of("A")]
    lane.rewind(1)
    assert sales_floor.deliver().lead.owner == "ann"
    assert [decision.answer for decision in sales_floor.all_decisions("A", AnswerIgnored)] == [
        "lead_orphaned"
    ]
    sales_floor.agree()


def test_q6_a_publication_told_again_is_no_record_that_a_compacted_journal_would_keep() -> None:
    """Intake died before its commit, so the older version comes after the newer one."""
    sales_floor = SalesFloor("ann").group("west", "ann", claim_window_seconds=900)
    sales_floor.rep("ann", max_open=3).rep("ann", max_open=1)
    older = next(
        message
        for message in sales_floor.org_messages["news"].sent
        if message[0].value == {"rep_id": "ann", "max_open": 3}
    )
    sales_floor.org_messages["news"].send(older[0])
    sales_floor.deliver().restart_org(compacted=True)
    sales_floor.comes("A", "B")
    assert (sales_floor.has("A"), sales_floor.has("B")) == (("ann",), ())
    sales_floor.agree()


def test_x3_an_answer_to_a_lead_that_never_arrived_is_nobodys(sales_floor: SalesFloor) -> None:
    org_answers = [event for event, *_ in sales_floor.answers[partition_of("A")].sent]
    answer = next(event for event in org_answers if isinstance(event, OrgAnswered))
    sales_floor.log(OrgAnswered(lead_id="Z", cause="org/x", answer=answer.answer))
    assert sales_floor.rows["Z"].lead is None
    sales_floor.agree()
