"""A known person does not become a new lead.

The arrival is another inquiry; an active owner keeps it and is told (R6).
"""

from typing import Any

import pytest
from msgspec.structs import replace

from models.decisions import ArrivalRepeated, InquiryAdded, MergedInto, OwnerChanged
from models.lead import DistributionStatus, Phase
from models.offer_decisions import RepSought
from models.org_decisions import OrgRowKept, OrgStep
from models.org_events import RepChange
from models.org_rows import OrgLeadStatus, OrgPerson
from models.persons import ArrivalPlaced
from models.results import Reason, Result
from rules.org import arrivals
from tests.rules.distribution.sales_floor import ARRIVALS, ORG, SalesFloor

PHONE = "+14014194247"
CREW = ("ann", "bob", "cyd")


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor with a lead whose person has a phone, offered to ann for a quarter of an hour."""
    sales_floor = SalesFloor(*CREW).group("west", *CREW, claim_window_seconds=900)
    sales_floor.group("east", "bob", "cyd", claim_window_seconds=900)
    return sales_floor.comes("A", phone=PHONE, email="j@x.org")


def arrive_again(sales_floor: SalesFloor, name: str = "B", through: str = "east", **facts: Any) -> SalesFloor:
    """Let another vendor send the same person."""
    return sales_floor.comes(name, through=through, **{"vendor": "globex", "phone": PHONE, **facts})


def inquiries_added(sales_floor: SalesFloor, name: str = "A") -> list[InquiryAdded]:
    """Return the inquiries of a lead."""
    return sales_floor.all_decisions(name, InquiryAdded)


def reps_notified(sales_floor: SalesFloor, name: str = "A") -> list[str]:
    """Return the reps who were told of another inquiry of a lead."""
    return [
        rep
        for template, rep, withdrawn in sales_floor.all_notifications(name)
        if template == "new_inquiry" and not withdrawn
    ]


def take_and_close(sales_floor: SalesFloor, rep_id: str = "ann") -> SalesFloor:
    """Let a rep take the lead and close it."""
    sales_floor.of("A").asks("outcome", rep_id, outcome="closed_lost")
    assert sales_floor.lead.phase is Phase.CLOSED
    return sales_floor


# -- which lead it belongs to -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"phone": PHONE}, "lead A has the same phone"),
        ({"phone": None, "email": "j@x.org"}, "lead A has the same email"),
        ({"phone": PHONE, "email": "other@x.org"}, "lead A has the same phone"),
        ({"phone": PHONE, "email": "j@x.org"}, "lead A has the same phone and email"),
    ],
)
def test_r6_the_same_phone_or_the_same_email_is_the_same_person(
    sales_floor: SalesFloor, facts: dict[str, Any], why: str
) -> None:
    arrive_again(sales_floor, **facts)
    (inquiry,) = inquiries_added(sales_floor)
    assert (inquiry.inquiry_id, inquiry.vendor, inquiry.campaign) == ("B", "globex", "east")
    assert inquiry.why.startswith(why)
    assert sales_floor.lead_of("A").inquiries == 2
    assert sales_floor.rows["B"].lead is None
    sales_floor.agree()


@pytest.mark.parametrize(
    "facts", [{"phone": None}, {"phone": "+14014190001"}, {"phone": None, "email": "k@x.org"}]
)
def test_r6_who_shares_neither_is_somebody_else(sales_floor: SalesFloor, facts: dict[str, Any]) -> None:
    arrive_again(sales_floor, **facts)
    assert sales_floor.lead_of("B").inquiries == sales_floor.lead_of("A").inquiries == 1
    sales_floor.agree()


def test_r6_a_person_of_another_org_is_nobody_we_know(sales_floor: SalesFloor) -> None:
    event = replace(floor_event(sales_floor), org="elsewhere")
    ((_, head), _) = sales_floor.orgs.decide(event, off=10_000, at=sales_floor.now).records
    assert isinstance(head, OrgStep)
    (placed,) = head.decisions
    assert isinstance(placed, ArrivalPlaced)
    assert (placed.lead_id, placed.inquiry) == ("B", None)


def test_r6_an_arrival_that_came_before_is_a_resend_of_its_lead(sales_floor: SalesFloor) -> None:
    arrive_again(sales_floor)
    arrive_again(sales_floor, state="MA", zip="02903")
    sales_floor.comes("A", phone=PHONE)
    assert sales_floor.lead_of("A").inquiries == 2
    assert [decision.filled for decision in sales_floor.all_decisions("A", ArrivalRepeated)] == [("zip",), ()]
    sales_floor.agree()


def test_r6_a_handle_of_an_inquiry_is_the_persons_from_then_on(sales_floor: SalesFloor) -> None:
    arrive_again(sales_floor, email="home@x.org")
    arrive_again(sales_floor, "C", phone=None, email="home@x.org")
    arrive_again(sales_floor, "D", phone="+14014190001", email="home@x.org")
    arrive_again(sales_floor, "E", phone="+14014190001")
    assert [inquiry.inquiry_id for inquiry in inquiries_added(sales_floor)] == ["B", "C", "D", "E"]
    sales_floor.agree()


def test_r6_a_handle_of_a_resend_is_the_persons_too(sales_floor: SalesFloor) -> None:
    sales_floor.comes("Z")
    sales_floor.comes("Z", phone="+14014190001")
    arrive_again(sales_floor, phone="+14014190001")
    assert [inquiry.inquiry_id for inquiry in inquiries_added(sales_floor, "Z")] == ["B"]
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_r6_where_phone_and_email_are_two_peoples_the_phone_decides(sales_floor: SalesFloor) -> None:
    arrive_again(sales_floor, phone="+14014190001", email="k@x.org")
    arrive_again(sales_floor, "C", email="k@x.org")
    (inquiry,) = inquiries_added(sales_floor)
    assert inquiry.inquiry_id == "C"
    assert "lead A has the same phone; lead B has the same email, and the phone decides" in inquiry.why
    arrive_again(sales_floor, "D", phone=None, email="k@x.org")
    assert [added.inquiry_id for added in inquiries_added(sales_floor, "B")] == ["D"], (
        "the address stays with who had it first"
    )
    sales_floor.agree()


def test_r6_a_person_is_known_after_a_restart_from_a_compacted_journal(sales_floor: SalesFloor) -> None:
    arrive_again(sales_floor, email="home@x.org")
    sales_floor.restart_org(compacted=True)
    arrive_again(sales_floor, "C", phone=None, email="home@x.org")
    assert [inquiry.inquiry_id for inquiry in inquiries_added(sales_floor)] == ["B", "C"]
    sales_floor.agree()


# -- what happens to the lead -----------------------------------------------------------------------------------------


def test_r6_an_active_owner_keeps_it_and_is_told_once_for_each_inquiry(sales_floor: SalesFloor) -> None:
    sales_floor.asks("accept", "ann")
    before = sales_floor.lead_of("A")
    arrive_again(sales_floor, zip="02903", external_id="G-1")
    after = sales_floor.lead_of("A")
    assert (after.owner, after.phase, after.owned_epoch) == ("ann", Phase.OWNED, before.owned_epoch)
    assert (after.facts.zip, after.facts.vendor, after.facts.campaign) == ("02903", "acme", "west")
    assert after.facts.external_id == before.facts.external_id, "of its own arrival nothing is replaced"
    (inquiry,) = inquiries_added(sales_floor)
    assert (inquiry.rep_id, inquiry.external_id, inquiry.filled) == ("ann", "G-1", ("zip",))
    assert "ann keeps it" in inquiry.why
    assert reps_notified(sales_floor) == ["ann", "ann"], "by mail and by push"
    sales_floor.org_messages[ARRIVALS].rewind(1)
    sales_floor.deliver()
    assert reps_notified(sales_floor) == ["ann", "ann"], "a resend is no new inquiry"
    arrive_again(sales_floor, "C")
    assert reps_notified(sales_floor) == ["ann"] * 4
    assert sales_floor.in_hand("ann") == (1, 0)
    sales_floor.agree()


def test_r6_x3_an_inquiry_that_is_told_twice_counts_once(sales_floor: SalesFloor) -> None:
    """The org relay died before its commit."""
    sales_floor.asks("accept", "ann")
    arrive_again(sales_floor)
    for lane in sales_floor.answers.values():
        lane.rewind(len(lane.sent))
    sales_floor.deliver()
    assert sales_floor.lead_of("A").inquiries == 2
    assert reps_notified(sales_floor) == ["ann", "ann"]
    sales_floor.agree()


def test_r6_a_closed_lead_is_its_active_owners_again(sales_floor: SalesFloor) -> None:
    take_and_close(sales_floor)
    assert sales_floor.stage("A") is None
    arrive_again(sales_floor)
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.owner) == (Phase.OWNED, "ann")
    assert inquiries_added(sales_floor)[0].reopened
    assert sales_floor.stage("A") is OrgLeadStatus.HELD
    assert sales_floor.in_hand("ann") == (1, 0)
    assert reps_notified(sales_floor) == ["ann", "ann"]
    sales_floor.agree()


def test_r6_a_closed_lead_whose_owner_has_left_is_distributed_again(sales_floor: SalesFloor) -> None:
    take_and_close(sales_floor)
    sales_floor.rep("ann", active=False)
    arrive_again(sales_floor)
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.owner) == (Phase.OFFERED, None)
    assert sales_floor.has("A") == ("bob",), "by the campaign of the new inquiry"
    assert [change.how for change in sales_floor.all_decisions("A", OwnerChanged)] == [
        "round_robin",
        "orphaned",
    ]
    assert reps_notified(sales_floor) == []
    sales_floor.agree()


def test_r6_x2_an_owner_who_has_left_and_was_not_missed_yet_has_it_no_more(sales_floor: SalesFloor) -> None:
    """The lead learns of the departure before its org does, and the org gets the new request before the release."""
    sales_floor.asks("accept", "ann")
    with sales_floor.messages_held():
        sales_floor.rep("ann", active=False)
        arrive_again(sales_floor)
        sales_floor.carry(ARRIVALS)
        sales_floor.answer("0", 9)
        sales_floor.answer("1", 9)
        assert sales_floor.lead_of("A").phase is Phase.OFFERED
    sales_floor.deliver()
    assert sales_floor.has("A") == ("bob",)
    assert sales_floor.in_hand("ann") == (0, 0)
    sales_floor.agree()


def test_r6_x2_without_a_group_the_org_lets_go_of_who_has_left(sales_floor: SalesFloor) -> None:
    sales_floor.asks("accept", "ann")
    with sales_floor.messages_held():
        sales_floor.rep("ann", active=False)
        arrive_again(sales_floor, through="nowhere")
        sales_floor.carry(ARRIVALS)
        sales_floor.answer("0", 9)
        sales_floor.answer("1", 9)
    sales_floor.deliver()
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.owner) == (Phase.EXCEPTION, None)
    assert lead.open_exception is not None
    assert lead.open_exception.reason == "orphaned"
    sales_floor.agree()


def test_r6_r8_a_new_round_begins_with_nobody_tried(sales_floor: SalesFloor) -> None:
    sales_floor.wait(minutes=45)
    assert sales_floor.lead_of("A").phase is Phase.EXCEPTION
    arrive_again(sales_floor, through="west")
    distribution = sales_floor.lead_of("A").open_distribution
    assert distribution is not None
    assert (distribution.stage, distribution.tried) == (DistributionStatus.OFFERED, ())
    assert sales_floor.all_decisions("A", RepSought)[-1].tried == ()
    sales_floor.agree()


@pytest.mark.parametrize("begins", ["queued", "exception", "ignored", "waiting"])
def test_r6_a_lead_that_nobody_has_in_hand_is_distributed_again(begins: str) -> None:
    sales_floor = SalesFloor("ann", max_open=0).group("west", "ann").group("east", "bob")
    if begins == "queued":
        sales_floor.queue("open", ("owned", "=", False))
    sales_floor.comes("A", through="west" if begins == "waiting" else "nowhere", phone=PHONE)
    if begins == "ignored":
        sales_floor.asks("ignore", "mia")
    lead = sales_floor.lead_of("A")
    assert lead.phase == ("exception" if begins == "waiting" else begins)
    sales_floor.rep("bob")
    arrive_again(sales_floor)
    assert sales_floor.has("A") == ("bob",)
    assert sales_floor.lead_of("A").open_exception is None
    sales_floor.agree()


def test_r6_one_that_is_offered_or_open_only_gets_the_inquiry(sales_floor: SalesFloor) -> None:
    before = sales_floor.lead_of("A").open_distribution
    arrive_again(sales_floor)
    assert sales_floor.lead_of("A").open_distribution == before
    assert "it is being distributed already" in inquiries_added(sales_floor)[0].why
    sales_floor.queue("work", ("owned", "=", False)).comes("W", through="nowhere", phone="+14014190001")
    sales_floor.asks("view", "bob")
    arrive_again(sales_floor, "X", phone="+14014190001")
    lead = sales_floor.lead_of("W")
    assert (lead.phase, lead.inquiries) == (Phase.LOCKED, 2)
    assert "bob has it open" in inquiries_added(sales_floor, "W")[0].why
    assert reps_notified(sales_floor, "W") == []
    sales_floor.agree()


def test_r6_r5_an_inquiry_that_arrives_assigned_goes_to_its_rep_unless_somebody_has_the_lead(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.wait(minutes=45)
    arrive_again(sales_floor, assigned_to="cyd")
    lead = sales_floor.lead_of("A")
    assert (lead.owner, lead.how, lead.via) == ("cyd", "pre_assigned", "vendor/globex")
    arrive_again(sales_floor, "C", assigned_to="ann")
    assert sales_floor.lead_of("A").owner == "cyd"
    sales_floor.agree()


def test_r6_an_ignored_lead_without_a_group_is_at_the_desk_again(sales_floor: SalesFloor) -> None:
    sales_floor.comes("N", through="nowhere", phone="+14014190001").asks("ignore", "mia")
    arrive_again(sales_floor, through="nowhere", phone="+14014190001")
    lead = sales_floor.lead_of("N")
    assert lead.phase is Phase.EXCEPTION
    sales_floor.agree()


def test_r6_q10_claimed_once_it_is_in_no_claimable_queue_again() -> None:
    sales_floor = SalesFloor(*CREW).queue("open", ("owned", "=", False), claimable=True)
    sales_floor.group("east", "bob", claim_window_seconds=900)
    sales_floor.comes("A", through="nowhere", phone=PHONE).asks("claim", "ann", queue_id="open")
    sales_floor.changes("ann", RepChange.LEFT)
    sales_floor.rep("ann", active=False)
    arrive_again(sales_floor, "B", through="nowhere")
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.claimed_through) == (Phase.EXCEPTION, "open")
    arrive_again(sales_floor, "C")
    lead = sales_floor.lead_of("A")
    assert (lead.phase, lead.placements, lead.claimed_through) == (Phase.OFFERED, {}, "open")
    sales_floor.agree()


def test_r6_who_asked_for_silence_through_any_vendor_is_not_called(sales_floor: SalesFloor) -> None:
    sales_floor.asks("accept", "ann")
    arrive_again(sales_floor, silenced=True)
    assert sales_floor.lead_of("A").silenced
    assert sales_floor.of("A").asks("connect", "ann").reason is Reason.SUPPRESSED


# -- an arrival that is no new lead ------------------------------------------------------------------------------------


def test_r6_who_asks_for_the_inquiry_is_told_which_lead_it_is(sales_floor: SalesFloor) -> None:
    arrive_again(sales_floor)
    (merged,) = sales_floor.all_decisions("B", MergedInto)
    assert (merged.into, merged.why) == ("A", "lead A has the same phone")
    answer = sales_floor.of("B").asks("claim", "ann")
    assert (answer.result, answer.reason, answer.merged_into) == (Result.REFUSED, Reason.UNKNOWN_LEAD, "A")
    assert "another inquiry of lead A" in (answer.why or "")
    assert sales_floor.rows["B"].merged_into == "A"


def test_r6_an_arrival_whose_person_cannot_be_told_goes_on_its_way(
    sales_floor: SalesFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arrivals behind it are not stopped."""

    def boom(*_: Any) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(arrivals, "_match", boom)
    event = floor_event(sales_floor)
    decided = sales_floor.orgs.decide(event, off=10_000, at=sales_floor.now)
    assert isinstance(decided.failure, ZeroDivisionError)
    ((_, head),) = decided.records
    assert isinstance(head, OrgStep)
    (placed,) = head.decisions
    assert isinstance(placed, ArrivalPlaced)
    assert (placed.lead_id, placed.inquiry) == ("B", None)
    assert "fault" in placed.why
    assert "boom" not in placed.why


def test_r6_a_zombies_late_row_of_a_person_loses_nobody(sales_floor: SalesFloor) -> None:
    """Compaction may keep only the zombie's late copy, after the records of later events."""
    arrive_again(sales_floor)
    late = next(
        record
        for _, record in sales_floor.journal
        if isinstance(record, OrgRowKept)
        and isinstance(record.value, OrgPerson)
        and record.value.arrival_id == "A"
    )
    sales_floor.journal[:] = [entry for entry in sales_floor.journal if entry[1] is not late]
    sales_floor.journal.append((b"default/person/A", late))
    sales_floor.restart_org()
    assert sales_floor.orgs.state(ORG).persons.lead_of("A") == "A"


def floor_event(sales_floor: SalesFloor) -> Any:
    """Return the arrival of B as its org receives it."""
    with sales_floor.messages_held():
        arrive_again(sales_floor)
    return sales_floor.org_messages[ARRIVALS].sent[-1][0]
