"""Late messages, repeats and messages of an older epoch change nothing and are answered accordingly (X3, X4)."""

import pytest

from models.decisions import AnswerIgnored, DeadlineIgnored
from models.events import OrgAnswered
from models.lead import DeadlineKind, Phase
from models.org_decisions import OrgEventIgnored
from models.org_rows import OrgLeadStage
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import ARRIVALS, NEWS, SalesFloor, partition_of

CREW = ("ann", "bob", "cyd")


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with a lead that is offered for the second time."""
    return SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A").wait(minutes=15)


def test_x3_an_accept_of_an_older_epoch_is_told_that_the_offer_is_over(floor: SalesFloor) -> None:
    before = floor.lead
    assert before.open_distribution is not None
    for rep_id, epoch in (("ann", 1), ("ann", before.open_distribution.epoch), ("bob", 1)):
        answer = floor.asks("accept", rep_id, epoch=epoch)
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.OFFER_OVER)
        assert floor.lead == before
    assert floor.asks("accept", "bob", epoch=before.open_distribution.epoch).result is Result.WON
    floor.agree()


def test_x3_a_timer_of_an_older_epoch_changes_nothing(floor: SalesFloor) -> None:
    before = floor.lead
    old = floor.history["A"][1].lead
    assert old is not None
    deadline = old.deadline(DeadlineKind.OFFER)
    assert deadline is not None
    floor.passes(deadline)
    assert isinstance(floor.decisions[0], DeadlineIgnored)
    assert floor.lead == before


def test_x3_every_answer_of_the_org_told_again_changes_nothing(floor: SalesFloor) -> None:
    """The org relay died several times before its commit."""
    before = floor.lead
    lane = floor.answers[partition_of("A")]
    lane.back(len(lane.sent))
    floor.deliver()
    assert floor.lead == before
    assert all(isinstance(said, AnswerIgnored) for said in floor.decisions)
    floor.agree()


def test_x4_every_org_message_sent_again_is_known_by_its_number(floor: SalesFloor) -> None:
    """The relay died before its commit. Meanwhile the lead was closed, and the org has removed it."""
    floor.asks("outcome", "bob", outcome="closed_won")
    floor.comes("B", "C")
    rows, known = list(floor.state.rows()), len(floor.decided)
    for lane in floor.org_messages.values():
        lane.back(len(lane.sent))
    with floor.late():
        for source, lane in floor.org_messages.items():
            if source not in (NEWS, ARRIVALS):
                floor.carry(source, lane.waiting)
    again = floor.decided[known:]
    assert len(again) > 3
    assert all(isinstance(said, OrgEventIgnored) for said in again)
    assert list(floor.state.rows()) == rows
    floor.restart_org()
    floor.agree()


def test_x3_an_offer_that_crosses_with_a_claim_is_taken_back() -> None:
    floor = SalesFloor(*CREW, max_open=1).group("west", "ann", claim_window_seconds=900)
    floor.queue("open", claimable=True).comes("A", "B")
    assert (floor.stage("B"), floor.queues) == (OrgLeadStage.WAITING, ["open"])
    with floor.late():
        floor.of("A").asks("decline", "ann")
        floor.carry(partition_of("A"), 9)
        assert floor.stage("B") is OrgLeadStage.OFFERED
        assert floor.of("B").claims("cyd", "open").result is Result.WON, "the offer is not in its log yet"
    floor.deliver()
    assert (floor.has("B"), floor.in_hand("ann"), floor.in_hand("cyd")) == (("cyd",), (0, 0), (1, 0))
    floor.agree()


def test_x3_an_offer_that_crosses_with_an_opening_is_taken_back() -> None:
    floor = SalesFloor(*CREW, max_open=1).group("west", "ann", claim_window_seconds=900)
    floor.queue("work").comes("A", "B")
    with floor.late():
        floor.of("A").asks("decline", "ann")
        floor.carry(partition_of("A"), 9)
        assert floor.of("B").opens("cyd").result is Result.DONE
    floor.deliver()
    assert (floor.lead.phase, floor.stage("B")) == (Phase.LOCKED, None)
    floor.agree()


def test_x3_a_void_that_crosses_with_the_end_of_the_window_is_late() -> None:
    floor = SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900).comes("A")
    with floor.late():
        floor.publishes("rep", "ann", {"active": False})
        floor.carry("news", 9)
        floor.wait(minutes=15)
    floor.deliver()
    assert floor.has("A") == ("bob",)
    assert [said.answer for said in floor.all_decisions("A", AnswerIgnored)] == ["offer_voided"]
    floor.agree()


def test_x2_x3_an_orphans_answer_told_again_takes_nothing_from_whoever_has_the_lead_since() -> None:
    """This holds even if the same rep came back and was given the lead again."""
    floor = SalesFloor(*CREW).group("west", *CREW).comes("A")
    floor.rep("ann", active=False).rep("ann")
    assert floor.of("A").lead.owner is None
    floor.asks("assign", "mia", to_rep_id="ann")
    lane = floor.answers[partition_of("A")]
    lane.back(1)
    assert floor.deliver().lead.owner == "ann"
    assert [said.answer for said in floor.all_decisions("A", AnswerIgnored)] == ["lead_orphaned"]
    floor.agree()


def test_q6_a_publication_told_again_is_no_record_that_a_compacted_journal_would_keep() -> None:
    """Intake died before its commit, so the older version comes after the newer one."""
    floor = SalesFloor("ann").group("west", "ann", claim_window_seconds=900)
    floor.rep("ann", max_open=3).rep("ann", max_open=1)
    again = next(
        one for one in floor.org_messages["news"].sent if one[0].value == {"rep_id": "ann", "max_open": 3}
    )
    floor.org_messages["news"].send(again[0])
    floor.deliver().restart_org(compacted=True)
    floor.comes("A", "B")
    assert (floor.has("A"), floor.has("B")) == (("ann",), ())
    floor.agree()


def test_x3_an_answer_to_a_lead_that_never_arrived_is_nobodys(floor: SalesFloor) -> None:
    org_answers = [event for event, *_ in floor.answers[partition_of("A")].sent]
    answer = next(event for event in org_answers if isinstance(event, OrgAnswered))
    floor.log(OrgAnswered(lead_id="Z", cause="org/x", answer=answer.answer))
    assert floor.rows["Z"].lead is None
    floor.agree()
