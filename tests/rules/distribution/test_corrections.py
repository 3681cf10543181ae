"""The org follows a correction: its index of persons, do-not-contact, a waiting request and open offers (M2)."""

from typing import Any

import pytest

from models.contact_decisions import SuppressionRecorded
from models.lead import DistributionStage, Phase
from models.org_rows import OrgLeadStage
from models.persons import HandlesCorrected
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import SalesFloor

WRONG, RIGHT, MAIL = "+14014194247", "+14014190001", "j@x.org"


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor on which ann owns lead A."""
    return SalesFloor("ann", "bob").group("west", "ann", "bob").comes("A", phone=WRONG, email=MAIL)


def corrects(floor: SalesFloor, name: str = "A", rep_id: str = "mia", **facts: Any) -> Result:
    """Correct facts of a lead; return the result."""
    return floor.of(name).asks("update", rep_id, facts=facts).result


def lead_of_inquiry(floor: SalesFloor, name: str, **facts: Any) -> str | None:
    """Let a person arrive, and return the lead that the org says it is."""
    floor.comes(name, vendor="globex", **facts)
    floor.agree()
    return floor.state.persons.lead_of(name)


def test_m2_r6_a_person_is_known_by_the_corrected_phone_and_not_by_the_wrong_one(floor: SalesFloor) -> None:
    corrects(floor, phone=RIGHT)
    assert lead_of_inquiry(floor, "B", phone=RIGHT) == "A"
    assert lead_of_inquiry(floor, "C", phone=WRONG) == "C"
    assert lead_of_inquiry(floor, "D", email=MAIL) == "A"
    floor.restart_org(compacted=True)
    assert lead_of_inquiry(floor, "E", phone=RIGHT) == "A"


def test_m2_r6_a_resend_or_inquiry_with_the_wrong_phone_does_not_bring_it_back(floor: SalesFloor) -> None:
    corrects(floor, phone=RIGHT)
    floor.comes("A", phone=WRONG, email=MAIL)
    assert lead_of_inquiry(floor, "B", phone=WRONG, email=MAIL) == "A", "the address says who it is"
    assert floor.lead_of("A").facts.phone == RIGHT
    assert lead_of_inquiry(floor, "C", phone=WRONG) == "C"
    floor.restart_org(compacted=True)


def test_m2_r6_two_leads_are_not_joined_by_a_correction(floor: SalesFloor) -> None:
    floor.comes("B", phone=RIGHT)
    corrects(floor, phone=RIGHT)
    assert (floor.lead_of("A").owner, floor.lead_of("B").owner) == ("ann", "bob")
    (corrected,) = [each for each in floor.decided if isinstance(each, HandlesCorrected)]
    assert corrected.also == ("B",)
    assert lead_of_inquiry(floor, "C", phone=RIGHT) == "B", "it was the first to have it"
    floor.restart_org(compacted=True)


def test_m2_r6_who_corrects_back_has_the_phone_again(floor: SalesFloor) -> None:
    corrects(floor, phone=RIGHT)
    assert lead_of_inquiry(floor, "B", phone=WRONG) == "B"
    corrects(floor, phone=WRONG)
    assert lead_of_inquiry(floor, "C", phone=WRONG) == "B"
    assert lead_of_inquiry(floor, "D", phone=RIGHT) == "D"
    floor.restart_org(compacted=True)
    floor.lists(f"phone/{WRONG}")
    assert [floor.lead_of(name).silenced for name in ("A", "B", "D")] == [True, True, False]


def test_m2_x6_the_do_not_contact_list_follows_the_new_phone_and_leaves_the_wrong_one(
    floor: SalesFloor,
) -> None:
    floor.lists(f"phone/{WRONG}", "asked us").lists("email/k@x.org", "asked us too")
    assert floor.lead_of("A").silenced
    with floor.late():
        corrects(floor, phone=RIGHT)
        assert not floor.lead_of("A").silenced, "the listed number is somebody else's"
        answer = floor.of("A").asks("connect", "ann")
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.SUPPRESSED)
        assert "is being checked" in (answer.why or "")
    floor.deliver()
    assert floor.of("A").asks("connect", "ann").result is Result.DONE
    corrects(floor, email="k@x.org")
    assert floor.lead_of("A").suppressed == {"email/k@x.org": "asked us too"}
    floor.lists(f"phone/{RIGHT}", "and this one")
    assert set(floor.lead_of("A").suppressed) == {"email/k@x.org", f"phone/{RIGHT}"}
    corrects(floor, email=None, phone=None)
    assert not floor.lead_of("A").silenced
    reasons = [each.reason for each in floor.all_decisions("A", SuppressionRecorded)]
    assert reasons == ["asked us", None, "asked us too", "and this one", None, None]
    floor.agree()


def test_m2_m8_a_person_who_forbade_contact_is_not_called_at_a_corrected_number(floor: SalesFloor) -> None:
    floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    corrects(floor, phone=RIGHT, email=None)
    assert (floor.lead_of("A").facts.silenced, floor.lead_of("A").suppressed) == (True, {})
    assert floor.of("A").asks("consent", "mia", why="he wrote to us").result is Result.DONE
    assert not floor.lead_of("A").silenced


def test_m2_x6_late_answers_about_a_former_correction_do_not_count(floor: SalesFloor) -> None:
    floor.lists(f"phone/{RIGHT}", "asked us")
    with floor.late():
        corrects(floor, phone=RIGHT)
        corrects(floor, phone=WRONG)
        floor.lists(f"phone/{WRONG}", "this one too")
    floor.deliver()
    assert set(floor.lead_of("A").suppressed) == {f"phone/{WRONG}"}
    known = floor.lead_of("A").corrections
    assert known is not None
    assert known.unchecked == ()
    floor.agree()


def test_m2_r9_a_waiting_lead_is_offered_when_the_correction_lets_somebody_have_it() -> None:
    floor = SalesFloor("ann", licensed_states=["RI"], max_open=1)
    floor.group("west", "ann", claim_window_seconds=900)
    floor.comes("A").comes("B").comes("C", state="TX")
    assert (floor.has("A"), floor.stage("B")) == (("ann",), OrgLeadStage.WAITING)
    corrects(floor, "B", state="TX")
    floor.of("A").asks("outcome", "ann", outcome="closed_won")
    assert floor.has("B") == (), "she has no licence there"
    corrects(floor, "B", state="RI")
    assert floor.has("B") == ("ann",)
    floor.agree()


def test_m2_r9_a_lead_that_no_licence_covered_is_asked_for_again_after_its_state_is_corrected() -> None:
    """CASES D2, for corrections."""
    floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann", claim_window_seconds=900)
    floor.comes("A", state="TX")
    assert floor.lead_of("A").phase is Phase.EXCEPTION
    corrects(floor, state="RI")
    assert (floor.lead_of("A").phase, floor.has("A")) == (Phase.OFFERED, ("ann",))
    floor.agree()


def test_m2_r7_an_offer_to_a_rep_without_the_new_licence_is_voided_and_the_turn_is_owed() -> None:
    floor = (
        SalesFloor("ann", licensed_states=["RI"])
        .rep("bob")
        .group("west", "ann", "bob", claim_window_seconds=900)
    )
    floor.comes("A")
    assert floor.has("A") == ("ann",)
    corrects(floor, first_name="Jeremy")
    assert floor.has("A") == ("ann",), "nothing that matters to her"
    corrects(floor, state="TX")
    assert floor.has("A") == ("bob",)
    floor.comes("B")
    assert floor.has("B") == ("ann",), "her turn was not used up"
    floor.agree()


def test_m2_s1_a_ring_goes_on_with_the_reps_who_may_have_the_lead() -> None:
    floor = SalesFloor("ann", licensed_states=["RI"]).rep("bob")
    floor.group("shotgun", "ann", "bob", method="ring_all", ring_seconds=20).comes("A", through="shotgun")
    assert floor.has("A") == ("ann", "bob")
    corrects(floor, state="TX")
    assert floor.has("A") == ("bob",)
    floor.agree()


def test_m2_another_campaign_asks_its_group() -> None:
    floor = SalesFloor("ann", "bob").group("west", "ann", claim_window_seconds=900).group("east", "bob")
    floor.comes("A")
    assert floor.has("A") == ("ann",)
    corrects(floor, campaign="east")
    assert (floor.has("A"), floor.lead_of("A").distribution) == (("bob",), "round_robin")
    floor.agree()


def test_m2_a_correction_of_an_asked_lead_is_in_time() -> None:
    floor = SalesFloor("ann", licensed_states=["RI"]).group("west", "ann", claim_window_seconds=900)
    with floor.late():
        floor.comes("A")
        floor.carry("arrivals")
        floor.answer("1" if floor.answers["1"].waiting else "0")
        distribution = floor.lead_of("A").open_distribution
        assert distribution is not None
        assert distribution.stage is DistributionStage.REQUESTED
        corrects(floor, state="TX")
    floor.deliver()
    assert floor.lead_of("A").phase is Phase.EXCEPTION
    floor.agree()
