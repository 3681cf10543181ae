"""Managers merge two leads and take inquiries out again (K5)."""

from typing import Any

import msgspec
import pytest

from assurance.verify.lead_invariants import phase_problem
from models.decisions import Answered
from models.lead import Phase
from models.results import Reason, Result
from rules.outbound.notifications import notifications_of
from rules.outbound.public_messages import public_messages
from tests.rules.distribution.agreement import counting_lead
from tests.rules.distribution.sales_floor import SalesFloor

PHONE, OTHER_PHONE = "+14014194247", "+14014190001"


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor on which ann has lead A and bob has lead B, two persons with nothing in common."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    sales_floor.comes("A", phone=PHONE, email="a@x.org", state=None)
    return sales_floor.comes(
        "B", phone=OTHER_PHONE, email="b@x.org", credit_score=700, attributes={"car": "red"}
    )


def merge(sales_floor: SalesFloor, name: str, into: str, by: str = "mia", **more: Any) -> Answered:
    return sales_floor.of(name).asks("merge", by, into_lead_id=into, why="one person", **more)


def split_inquiry(sales_floor: SalesFloor, name: str, inquiry: str, by: str = "mia") -> Answered:
    return sales_floor.of(name).asks("split", by, inquiry_id=inquiry, why="another person")


def check_after_restart(sales_floor: SalesFloor) -> SalesFloor:
    """Check that leads and org agree, also after the org is read back from its compacted journal."""
    sales_floor.agree()
    sales_floor.restart_org(compacted=True)
    return sales_floor


def test_k5_a_merged_lead_closes_and_its_facts_are_an_inquiry_of_the_other(sales_floor: SalesFloor) -> None:
    assert merge(sales_floor, "B", "A").result is Result.DONE
    merged, lead = sales_floor.lead_of("B"), sales_floor.lead_of("A")
    assert (merged.phase, merged.last_outcome) == (Phase.CLOSED, "merged")
    assert (lead.owner, lead.inquiries) == ("ann", 2)
    assert (lead.facts.state, lead.facts.credit_score, lead.facts.attributes) == ("RI", 700, {"car": "red"})
    assert sales_floor.in_hand("bob") == (0, 0), "its owner has room again"
    assert sales_floor.in_hand("ann") == (1, 0)
    assert ("lead_merged", "bob", False) in sales_floor.all_notifications("B")
    assert ("new_inquiry", "ann", False) in sales_floor.all_notifications("A")
    check_after_restart(sales_floor)


def test_k5_an_action_for_a_merged_id_is_answered_with_the_lead_that_counts(sales_floor: SalesFloor) -> None:
    merge(sales_floor, "B", "A")
    for action, by in (("note", "bob"), ("reopen", "mia"), ("erase", "ada"), ("view", "ann")):
        answer = sales_floor.of("B").asks(action, by, note="n", why="w")
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.UNKNOWN_LEAD)
        assert answer.merged_into == "A"
    assert sales_floor.lead_of("B").phase is Phase.CLOSED


def test_k5_arrivals_with_either_persons_handles_come_to_the_lead_that_counts(
    sales_floor: SalesFloor,
) -> None:
    merge(sales_floor, "B", "A")
    sales_floor.comes("C", phone=OTHER_PHONE).comes("B", phone=OTHER_PHONE, email="b@x.org", zip="02903")
    assert sales_floor.rows["C"].merged_into == "A"
    assert sales_floor.lead_of("A").inquiries == 3
    assert sales_floor.lead_of("A").facts.zip == "02903", "a resend of the merged lead completes it"
    assert sales_floor.lead_of("B").facts.zip is None
    check_after_restart(sales_floor)


def test_k5_a_split_undoes_a_merge(sales_floor: SalesFloor) -> None:
    before = sales_floor.lead_of("A"), sales_floor.lead_of("B")
    merge(sales_floor, "B", "A")
    assert split_inquiry(sales_floor, "A", "B").result is Result.DONE
    for name, former in zip("AB", before, strict=True):
        now = sales_floor.lead_of(name)
        assert (now.facts, now.phase, now.owner, now.inquiries) == (
            former.facts,
            former.phase,
            former.owner,
            former.inquiries,
        )
        assert (now.last_outcome, now.hashes, now.suppressed) == (former.last_outcome, former.hashes, {})
    assert sales_floor.lead_of("B").split_from == ("A",)
    assert ("lead_split", "bob", False) in sales_floor.all_notifications("B")
    assert ("inquiry_split", "ann", False) in sales_floor.all_notifications("A")
    assert sales_floor.in_hand("bob") == (1, 0)
    assert sales_floor.comes("C", phone=OTHER_PHONE).rows["C"].merged_into == "B"
    assert merge(check_after_restart(sales_floor), "B", "A").result is Result.DONE, (
        "and it can be merged again"
    )
    check_after_restart(sales_floor)


def test_k5_e4_an_ignored_lead_is_ignored_again_with_its_reason_once_it_is_taken_out() -> None:
    sales_floor = SalesFloor("ann")
    sales_floor.comes("A", phone=PHONE, email="a@x.org").comes("B", phone=OTHER_PHONE, email="b@x.org")
    assert sales_floor.of("B").asks("ignore", "mia").result is Result.DONE
    before = sales_floor.lead_of("B")
    merge(sales_floor, "B", "A")
    assert sales_floor.lead_of("B").open_exception is None
    assert split_inquiry(sales_floor, "A", "B").result is Result.DONE
    now = sales_floor.lead_of("B")
    assert (now.phase, now.open_exception) == (Phase.IGNORED, before.open_exception)
    assert phase_problem(now) is None
    [line] = [
        message
        for message in public_messages(sales_floor.rows["B"], b"B", 0)
        if message.topic == "lead-exceptions"
    ]
    assert msgspec.json.decode(line.value)["status"] == "ignored"
    assert sales_floor.of("B").asks("unignore", "mia").result is Result.DONE
    assert sales_floor.lead_of("B").phase is Phase.EXCEPTION
    check_after_restart(sales_floor)


def test_k5_an_inquiry_that_was_joined_becomes_a_lead_with_its_own_facts(sales_floor: SalesFloor) -> None:
    sales_floor.comes("C", phone=PHONE, email="c@x.org", last_name="Jones", zip="02903", first_name="Cyd")
    sales_floor.comes("D", phone=PHONE, email="d@x.org", last_name="Jones", zip="02904")
    assert (sales_floor.lead_of("A").facts.zip, sales_floor.lead_of("A").inquiries) == ("02903", 3)
    assert split_inquiry(sales_floor, "A", "C").result is Result.DONE
    new, lead = sales_floor.lead_of("C"), sales_floor.lead_of("A")
    assert (new.facts.email, new.facts.zip, new.facts.first_name) == ("c@x.org", "02903", "Cyd")
    assert (lead.facts.zip, lead.facts.first_name, lead.inquiries) == ("02904", None, 2)
    assert sales_floor.has("C"), "it is distributed"
    assert new.split_from == ("A",), "its erasure reaches what A says about it"
    sales_floor.comes("E", email="c@x.org", last_name="Jones").comes("F", email="d@x.org", last_name="Jones")
    assert (sales_floor.rows["E"].merged_into, sales_floor.rows["F"].merged_into) == ("C", "A")
    assert merge(check_after_restart(sales_floor), "C", "A").result is Result.DONE
    assert sales_floor.lead_of("A").inquiries == 5
    check_after_restart(sales_floor)


def test_k5_m2_what_a_person_corrected_stays_when_an_inquiry_is_taken_out(sales_floor: SalesFloor) -> None:
    sales_floor.comes("C", phone=PHONE, zip="02903")
    sales_floor.of("A").asks("update", "ann", facts={"zip": "02903"})
    split_inquiry(sales_floor, "A", "C")
    assert sales_floor.lead_of("A").facts.zip == "02903"
    check_after_restart(sales_floor)


def test_k5_x6_the_list_follows_a_handle_from_lead_to_lead(sales_floor: SalesFloor) -> None:
    merge(sales_floor, "B", "A")
    sales_floor.lists(f"phone/{OTHER_PHONE}")
    assert set(sales_floor.lead_of("A").suppressed) == {f"phone/{OTHER_PHONE}"}
    split_inquiry(sales_floor, "A", "B")
    assert sales_floor.lead_of("A").suppressed == {}
    assert set(sales_floor.lead_of("B").suppressed) == {f"phone/{OTHER_PHONE}"}
    merge(sales_floor, "B", "A")
    sales_floor.lists(f"phone/{OTHER_PHONE}", None)
    split_inquiry(sales_floor, "A", "B")
    assert sales_floor.lead_of("A").suppressed == sales_floor.lead_of("B").suppressed == {}


def test_k5_m7_a_promised_call_goes_with_the_merge(sales_floor: SalesFloor) -> None:
    sales_floor.of("B").asks("callback", "bob", at=sales_floor.now.replace(hour=20))
    merge(sales_floor, "B", "A")
    assert sales_floor.lead_of("A").callback_at == sales_floor.now.replace(hour=20)
    assert sales_floor.lead_of("B").callback_at is None


def test_k5_a_closed_lead_opens_for_an_open_one_and_stays_closed_for_a_closed_one(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.of("A").asks("outcome", "ann", outcome="closed_won")
    merge(sales_floor, "B", "A")
    assert (sales_floor.lead_of("A").phase, sales_floor.lead_of("A").owner) == (Phase.OWNED, "ann")
    split_inquiry(sales_floor, "A", "B")
    for name, rep_id in (("A", "ann"), ("B", "bob")):
        sales_floor.of(name).asks("outcome", rep_id, outcome="closed_won")
    merge(sales_floor, "B", "A")
    assert sales_floor.lead_of("A").phase is Phase.CLOSED
    split_inquiry(sales_floor, "A", "B")
    assert sales_floor.lead_of("B").phase is Phase.CLOSED
    assert sales_floor.lead_of("B").last_outcome == "closed_won"
    check_after_restart(sales_floor)


@pytest.mark.parametrize(
    ("name", "into", "by", "reason", "why"),
    [
        ("B", "A", "bob", Reason.NOT_ALLOWED, "managers"),
        ("B", "B", "mia", Reason.INVALID, "itself"),
        ("B", "Z", "mia", Reason.NOT_QUALIFIED, "into_lead_id: the org has no lead Z"),
        ("A", "C", "mia", Reason.NOT_QUALIFIED, "one lead already"),
    ],
)
def test_k5_a_merge_that_cannot_be_is_refused_with_the_reason(
    sales_floor: SalesFloor, name: str, into: str, by: str, reason: Reason, why: str
) -> None:
    sales_floor.comes("C", phone=PHONE)
    answer = merge(sales_floor, name, into, by)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert why in (answer.why or "")
    check_after_restart(sales_floor)


def test_k5_a_split_that_cannot_be_is_refused_with_the_reason(sales_floor: SalesFloor) -> None:
    assert split_inquiry(sales_floor, "A", "B").reason is Reason.NOT_QUALIFIED
    merge(sales_floor, "B", "A")
    assert split_inquiry(sales_floor, "A", "B", by="ann").reason is Reason.NOT_ALLOWED
    assert sales_floor.of("A").asks("split", "mia").reason is Reason.INVALID


def test_k5_two_managers_merge_the_same_leads_into_each_other_and_one_lead_counts(
    sales_floor: SalesFloor,
) -> None:
    with sales_floor.messages_held():
        sales_floor.of("A").requests("merge", "mia", action_id="one", into_lead_id="B")
        sales_floor.of("B").requests("merge", "ada", action_id="two", into_lead_id="A")
    sales_floor.deliver()
    assert {sales_floor.answer_to("one").result, sales_floor.answer_to("two").result} == {
        Result.DONE,
        Result.REFUSED,
    }
    check_after_restart(sales_floor)


def test_k5_x4_a_merge_whose_messages_come_twice_is_done_once(sales_floor: SalesFloor) -> None:
    merge(sales_floor, "B", "A", action_id="once")
    for lane in (*sales_floor.org_messages.values(), *sales_floor.answers.values()):
        lane.rewind(40)
    sales_floor.deliver()
    assert merge(sales_floor, "B", "A", action_id="once").result is Result.DONE
    assert sales_floor.lead_of("A").inquiries == 2
    check_after_restart(sales_floor)


def test_k5_merges_of_merged_leads_come_apart_one_by_one(sales_floor: SalesFloor) -> None:
    sales_floor.comes("C", phone="+14014190002", email="c@x.org")
    merge(sales_floor, "C", "B")
    merge(sales_floor, "B", "A")
    assert sales_floor.lead_of("A").inquiries == 3
    assert counting_lead(sales_floor.rows, "C") == "A"
    assert sales_floor.comes("D", email="c@x.org").rows["D"].merged_into == "A"
    split_inquiry(check_after_restart(sales_floor), "A", "B")
    assert (counting_lead(sales_floor.rows, "C"), sales_floor.lead_of("B").inquiries) == ("B", 2)
    split_inquiry(sales_floor, "B", "C")
    assert counting_lead(sales_floor.rows, "C") == "C"
    check_after_restart(sales_floor)


def test_k5_the_person_is_erased_with_the_leads_that_were_merged(sales_floor: SalesFloor) -> None:
    merge(sales_floor, "B", "A")
    assert sales_floor.erases(lead="B").result is Result.DONE
    for name in "AB":
        lead = sales_floor.lead_of(name)
        assert lead.erased_at is not None
        assert (lead.facts.phone, lead.joined) == (None, {})
    assert sales_floor.comes("C", phone=OTHER_PHONE).rows["C"].merged_into is None
    check_after_restart(sales_floor)


def test_k5_a_merged_lead_is_kept_as_long_as_the_lead_that_counts(sales_floor: SalesFloor) -> None:
    sales_floor.settings(retention_days=10)
    merge(sales_floor, "B", "A")
    sales_floor.wait(days=20)
    assert sales_floor.lead_of("B").erased_at is None
    sales_floor.of("A").asks("outcome", "ann", outcome="closed_won")
    sales_floor.wait(days=20)
    assert sales_floor.lead_of("A").erased_at is not None
    assert sales_floor.lead_of("B").erased_at is not None


def test_k1_managers_are_told_of_a_handle_with_three_last_names_and_of_its_leads() -> None:
    sales_floor = SalesFloor("ann").group("west", "ann")
    for name, last_name in (("A", "Doe"), ("B", "Roe"), ("C", "Poe")):
        sales_floor.comes(name, phone=PHONE, last_name=last_name)
    notified = [
        (notification.rep_id, notification.data["leads"])
        for rows in sales_floor.history.values()
        for row in rows
        for notification in notifications_of(row)
        if (notification.template, notification.kind) == ("shared_handle", "email")
    ]
    assert [rep_id for rep_id, _ in notified] == ["ada", "mia"]
    assert all("A" in leads for _, leads in notified)
