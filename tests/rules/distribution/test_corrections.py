"""The org follows a correction: its index of persons, do-not-contact, a waiting request and open offers (M2)."""

from typing import Any

import pytest

from models.contact_decisions import SuppressionRecorded
from models.lead import DistributionStatus, Phase
from models.org_rows import OrgLeadStatus
from models.persons import HandlesCorrected
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import SalesFloor

WRONG, RIGHT, MAIL = "+14014194247", "+14014190001", "j@x.org"


@pytest.fixture
def sales_floor() -> SalesFloor:
    """Return a sales floor on which ann owns lead A."""
    return SalesFloor("ann", "bob").group("west", "ann", "bob").comes("A", phone=WRONG, email=MAIL)


def corrects(sales_floor: SalesFloor, name: str = "A", rep_id: str = "mia", **facts: Any) -> Result:
    """Correct facts of a lead; return the result."""
    return sales_floor.of(name).asks("update", rep_id, facts=facts).result


def lead_of_inquiry(sales_floor: SalesFloor, name: str, **facts: Any) -> str | None:
    """Let a person arrive, and return the lead that the org says it is."""
    sales_floor.comes(name, vendor="globex", **facts)
    sales_floor.agree()
    return sales_floor.state.persons.lead_of(name)


def test_m2_r6_a_person_is_known_by_the_corrected_phone_and_not_by_the_wrong_one(
    sales_floor: SalesFloor,
) -> None:
    corrects(sales_floor, phone=RIGHT)
    assert lead_of_inquiry(sales_floor, "B", phone=RIGHT) == "A"
    assert lead_of_inquiry(sales_floor, "C", phone=WRONG) == "C"
    assert lead_of_inquiry(sales_floor, "D", email=MAIL) == "A"
    sales_floor.restart_org(compacted=True)
    assert lead_of_inquiry(sales_floor, "E", phone=RIGHT) == "A"


def test_m2_r6_a_resend_or_inquiry_with_the_wrong_phone_does_not_bring_it_back(
    sales_floor: SalesFloor,
) -> None:
    corrects(sales_floor, phone=RIGHT)
    sales_floor.comes("A", phone=WRONG, email=MAIL)
    assert lead_of_inquiry(sales_floor, "B", phone=WRONG, email=MAIL) == "A", "the address says who it is"
    assert sales_floor.lead_of("A").facts.phone == RIGHT
    assert lead_of_inquiry(sales_floor, "C", phone=WRONG) == "C"
    sales_floor.restart_org(compacted=True)


def test_m2_r6_two_leads_are_not_joined_by_a_correction(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", phone=RIGHT)
    corrects(sales_floor, phone=RIGHT)
    assert (sales_floor.lead_of("A").owner, sales_floor.lead_of("B").owner) == ("ann", "bob")
    (corrected,) = [decision for decision in sales_floor.decided if isinstance(decision, HandlesCorrected)]
    assert corrected.also == ("B",)
    assert lead_of_inquiry(sales_floor, "C", phone=RIGHT) == "B", "it was the first to have it"
    sales_floor.restart_org(compacted=True)


def test_m2_r6_who_corrects_back_has_the_phone_again(sales_floor: SalesFloor) -> None:
    corrects(sales_floor, phone=RIGHT)
    assert lead_of_inquiry(sales_floor, "B", phone=WRONG) == "B"
    corrects(sales_floor, phone=WRONG)
    assert lead_of_inquiry(sales_floor, "C", phone=WRONG) == "B"
    assert lead_of_inquiry(sales_floor, "D", phone=RIGHT) == "D"
    sales_floor.restart_org(compacted=True)
    sales_floor.lists(f"phone/{WRONG}")
    assert [sales_floor.lead_of(name).silenced for name in ("A", "B", "D")] == [True, True, False]


def test_m2_x6_the_do_not_contact_list_follows_the_new_phone_and_leaves_the_wrong_one(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.lists(f"phone/{WRONG}", "asked us").lists("email/k@x.org", "asked us too")
    assert sales_floor.lead_of("A").silenced
    with sales_floor.messages_held():
        corrects(sales_floor, phone=RIGHT)
        assert not sales_floor.lead_of("A").silenced, "the listed number is somebody else's"
        answer = sales_floor.of("A").asks("connect", "ann")
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.SUPPRESSED)
        assert "is being checked" in (answer.why or "")
    sales_floor.deliver()
    assert sales_floor.of("A").asks("connect", "ann").result is Result.DONE
    corrects(sales_floor, email="k@x.org")
    assert sales_floor.lead_of("A").suppressed == {"email/k@x.org": "asked us too"}
    sales_floor.lists(f"phone/{RIGHT}", "and this one")
    assert set(sales_floor.lead_of("A").suppressed) == {"email/k@x.org", f"phone/{RIGHT}"}
    corrects(sales_floor, email=None, phone=None)
    assert not sales_floor.lead_of("A").silenced
    reasons = [decision.reason for decision in sales_floor.all_decisions("A", SuppressionRecorded)]
    assert reasons == ["asked us", None, "asked us too", "and this one", None, None]
    sales_floor.agree()


def test_m2_m8_a_person_who_forbade_contact_is_not_called_at_a_corrected_number(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    corrects(sales_floor, phone=RIGHT, email=None)
    assert (sales_floor.lead_of("A").facts.silenced, sales_floor.lead_of("A").suppressed) == (True, {})
    assert sales_floor.of("A").asks("consent", "mia", why="he wrote to us").result is Result.DONE
    assert not sales_floor.lead_of("A").silenced


def test_m2_x6_late_answers_about_a_former_correction_do_not_count(sales_floor: SalesFloor) -> None:
    sales_floor.lists(f"phone/{RIGHT}", "asked us")
    with sales_floor.messages_held():
        corrects(sales_floor, phone=RIGHT)
        corrects(sales_floor, phone=WRONG)
        sales_floor.lists(f"phone/{WRONG}", "this one too")
    sales_floor.deliver()
    assert set(sales_floor.lead_of("A").suppressed) == {f"phone/{WRONG}"}
    corrections = sales_floor.lead_of("A").corrections
    assert corrections is not None
    assert corrections.unchecked == ()
    sales_floor.agree()


def test_m2_r9_a_waiting_lead_is_offered_when_the_correction_lets_somebody_have_it() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["RI"], max_open=1)
    sales_floor.group("west", "ann", claim_window_seconds=900)
    sales_floor.comes("A").comes("B").comes("C", state="TX")
    assert (sales_floor.has("A"), sales_floor.stage("B")) == (("ann",), OrgLeadStatus.WAITING)
    corrects(sales_floor, "B", state="TX")
    sales_floor.of("A").asks("outcome", "ann", outcome="closed_won")
    assert sales_floor.has("B") == (), "she has no licence there"
    corrects(sales_floor, "B", state="RI")
    assert sales_floor.has("B") == ("ann",)
    sales_floor.agree()


def test_m2_r9_a_lead_that_no_licence_covered_is_asked_for_again_after_its_state_is_corrected() -> None:
    """CASES D2, for corrections."""
    sales_floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann", claim_window_seconds=900)
    sales_floor.comes("A", state="TX")
    assert sales_floor.lead_of("A").phase is Phase.EXCEPTION
    corrects(sales_floor, state="RI")
    assert (sales_floor.lead_of("A").phase, sales_floor.has("A")) == (Phase.OFFERED, ("ann",))
    sales_floor.agree()


def test_m2_r7_an_offer_to_a_rep_without_the_new_licence_is_voided_and_the_turn_is_owed() -> None:
    sales_floor = (
        SalesFloor("ann", licensed_states=["RI"])
        .rep("bob")
        .group("west", "ann", "bob", claim_window_seconds=900)
    )
    sales_floor.comes("A")
    assert sales_floor.has("A") == ("ann",)
    corrects(sales_floor, first_name="Jeremy")
    assert sales_floor.has("A") == ("ann",), "nothing that matters to her"
    corrects(sales_floor, state="TX")
    assert sales_floor.has("A") == ("bob",)
    sales_floor.comes("B")
    assert sales_floor.has("B") == ("ann",), "her turn was not used up"
    sales_floor.agree()


def test_m2_s1_a_ring_goes_on_with_the_reps_who_may_have_the_lead() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["RI"]).rep("bob")
    sales_floor.group("shotgun", "ann", "bob", method="ring_all", ring_seconds=20).comes(
        "A", through="shotgun"
    )
    assert sales_floor.has("A") == ("ann", "bob")
    corrects(sales_floor, state="TX")
    assert sales_floor.has("A") == ("bob",)
    sales_floor.agree()


def test_m2_another_campaign_asks_its_group() -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", claim_window_seconds=900).group("east", "bob")
    sales_floor.comes("A")
    assert sales_floor.has("A") == ("ann",)
    corrects(sales_floor, campaign="east")
    assert (sales_floor.has("A"), sales_floor.lead_of("A").distribution) == (("bob",), "round_robin")
    sales_floor.agree()


def test_m2_a_correction_of_an_asked_lead_is_in_time() -> None:
    sales_floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann", claim_window_seconds=900)
    with sales_floor.messages_held():
        sales_floor.comes("A")
        sales_floor.carry("arrivals")
        sales_floor.answer("1" if sales_floor.answers["1"].waiting else "0")
        distribution = sales_floor.lead_of("A").open_distribution
        assert distribution is not None
        assert distribution.stage is DistributionStatus.REQUESTED
        corrects(sales_floor, state="TX")
    sales_floor.deliver()
    assert sales_floor.lead_of("A").phase is Phase.EXCEPTION
    sales_floor.agree()
