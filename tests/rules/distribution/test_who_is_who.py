"""Strangers are never one person: handles with evidence, doubts, facts across last names, reused ids (K1-K3, K6)."""

from itertools import combinations
from typing import Any

import pytest

from models.decisions import ArrivalRepeated, InquiryAdded, LeadAccepted, SharedHandleFound
from models.facts import Facts
from models.ids import reused_lead_id
from models.persons import ArrivalPlaced, name_digest
from rules.org import arrivals
from rules.outbound.notifications import notifications_of
from tests.rules.distribution.sales_floor import ARRIVALS, SalesFloor

PHONE, OTHER, THIRD = "+14014194247", "+14014190001", "+14014190002"
MAIL = "j@x.org"


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with one rep, who is offered every lead."""
    return SalesFloor("ann").group("west", "ann")


def whose(floor: SalesFloor, *names: str) -> list[str | None]:
    """Return the lead of each arrival."""
    return [floor.state.persons.lead_of(name) for name in names]


def placement_of(floor: SalesFloor) -> ArrivalPlaced:
    """Return how the org placed the last arrival."""
    return [said for said in floor.decided if isinstance(said, ArrivalPlaced)][-1]


def accepted(floor: SalesFloor, name: str) -> LeadAccepted:
    """Return how a lead began."""
    (said,) = floor.all_decisions(name, LeadAccepted)
    return said


# -- K1 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        *(
            {"email": mail}
            for mail in ("none@none.com", "test@test.com", "noemail@gmail.com", "asdf@asdf.com")
        ),
        *({"phone": phone} for phone in ("+18005551212", "+12125550123", "+14015551212", "+18884194247")),
        {"phone": "+18004194247", "email": "none@none.com"},
    ],
)
def test_b2_k1_a_handle_of_the_shipped_list_joins_nobody(floor: SalesFloor, facts: dict[str, Any]) -> None:
    names = ("Ann", "Ben", "Cyd", "Dan", "Eve")
    for name in names:
        floor.comes(name, first_name=name, last_name="Doe", **facts)
    assert whose(floor, *names) == list(names)
    assert all(floor.lead_of(name).facts.first_name == name for name in names)
    floor.restart_org(compacted=True)
    floor.agree()


def test_b2_k1_one_strangers_silence_is_not_the_others(floor: SalesFloor) -> None:
    floor.comes("A", email="none@none.com").comes("B", email="none@none.com", silenced=True)
    assert (floor.lead_of("A").silenced, floor.lead_of("B").silenced) == (False, True)
    floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    floor.comes("C", email="none@none.com")
    assert (floor.lead_of("A").silenced, floor.lead_of("C").silenced) == (True, False)
    floor.agree()


def test_x6_k1_the_do_not_contact_list_reaches_leads_that_share_a_service_number(floor: SalesFloor) -> None:
    floor.comes("A", phone="+18004194247").comes("B", phone="+18004194247", last_name="Roe")
    floor.lists("phone/+18004194247")
    floor.comes("C", phone="+18004194247", last_name="Poe")
    assert [floor.lead_of(name).silenced for name in "ABC"] == [True] * 3
    floor.lists("phone/+18004194247", None)
    assert [floor.lead_of(name).silenced for name in "ABC"] == [False] * 3
    floor.restart_org(compacted=True)
    floor.agree()


def test_x6_k1_a_later_entry_reaches_a_bounded_number_of_leads(
    floor: SalesFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_APART", 2)
    for name in "ABC":
        floor.comes(name, phone="+18004194247", last_name=name)
    floor.lists("phone/+18004194247")
    assert [floor.lead_of(name).silenced for name in "ABC"] == [True, True, False]


def test_k1_the_orgs_own_list_keeps_people_apart_from_then_on(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE).comes("B", phone=PHONE, last_name="Roe")
    floor.settings(shared_handles=["(401) 419-4247", "Desk <DESK@x.org>"])
    floor.comes("C", phone=PHONE, email="desk@x.org", last_name="Poe")
    floor.comes("D", phone=PHONE, email="desk@x.org", phone_extension="12", last_name="Poe")
    assert whose(floor, *"ABCD") == ["A", "A", "C", "D"]
    floor.settings(shared_handles=[])
    floor.comes("E", phone=PHONE)
    assert whose(floor, "E") == ["A"]
    floor.restart_org(compacted=True)
    floor.agree()


def test_b1_k1_an_extension_keeps_people_apart(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, phone_extension="12", email="a@x.org", last_name="Doe")
    floor.comes("B", phone=PHONE, phone_extension="13", email="b@x.org", last_name="Roe")
    floor.comes("C", phone=PHONE, email="c@x.org", last_name="Poe")
    floor.comes("D", phone=PHONE, phone_extension="12")
    floor.comes("E", phone=PHONE)
    assert whose(floor, *"ABCDE") == ["A", "B", "C", "A", "C"]
    assert [floor.lead_of(name).facts.phone_extension for name in "ABC"] == ["12", "13", None]
    floor.lists(f"phone/{PHONE}")
    assert [floor.lead_of(name).silenced for name in "ABC"] == [True] * 3, "the number is not to be called"
    floor.restart_org(compacted=True)
    floor.agree()


def test_k1_a_handle_met_with_three_last_names_joins_nobody_and_its_leads_are_named(
    floor: SalesFloor,
) -> None:
    floor.comes("A", phone=PHONE, last_name="Doe")
    floor.comes("B", phone=PHONE, last_name="Roe").comes("B2", phone=PHONE, last_name="DOE")
    assert whose(floor, "B", "B2") == ["A", "A"], "a couple may share a phone"
    floor.comes("C", phone=PHONE, last_name="Poe")
    assert whose(floor, "C") == ["C"]
    assert accepted(floor, "C").maybe == ("A",)
    assert "its phone has come with 3 last names and joins nobody any more" in (
        accepted(floor, "C").doubt or ""
    )
    (found,) = floor.all_decisions("A", SharedHandleFound)
    assert (found.handle, found.leads) == (f"phone/{PHONE}", ("A",))
    assert "came with three last names" in found.why
    floor.comes("D", phone=PHONE, last_name="Doe").comes("E", phone=PHONE, last_name=None)
    assert whose(floor, "D", "E") == ["D", "E"]
    assert accepted(floor, "D").maybe == ()
    assert len(floor.all_decisions("A", SharedHandleFound)) == 1
    floor.lists(f"phone/{PHONE}")
    assert [floor.lead_of(name).silenced for name in "ACDE"] == [True] * 4
    floor.restart_org(compacted=True)
    floor.comes("F", phone=PHONE, last_name="Doe")
    assert whose(floor, "F") == ["F"]
    floor.agree()


def test_k1_a_retired_handle_does_not_keep_another_from_joining(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, email=MAIL, last_name="Doe").comes("B", phone=PHONE, last_name="Roe")
    floor.comes("C", phone=PHONE, email=MAIL, last_name="Poe")
    assert whose(floor, "C") == ["A"], "the mail joins; the phone speaks neither for nor against"
    (*_, added) = floor.all_decisions("A", InquiryAdded)
    assert "its phone has come with 3 last names" in added.why
    assert floor.all_decisions("A", SharedHandleFound) == [], "the inquiry says it"
    floor.agree()


def test_k1_a_resend_is_no_other_last_name(floor: SalesFloor) -> None:
    for last_name in ("Doe", "Roe", "Poe"):
        floor.comes("A", phone=PHONE, last_name=last_name)
    floor.comes("B", phone=PHONE, last_name="Doe")
    assert whose(floor, "A", "B") == ["A", "A"]
    floor.agree()


def test_k1_a_zombies_late_rows_give_the_same_index(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, last_name="Doe").comes("B", phone=PHONE, email=MAIL, last_name="Roe")
    floor.comes("A", phone=PHONE, email="k@x.org", last_name="Doe").comes("C", phone=PHONE, last_name="Poe")
    people = [one for one in floor.journal if b"/person/" in one[0]]
    others = [one for one in floor.journal if b"/person/" not in one[0]]
    floor.journal[:] = [*others, *reversed(people)]
    floor.restart_org()


# -- K2 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "last_name", "joins"),
    [
        *((None, "Jones", True), (None, "Roe", True), (OTHER, "Jones", True), (OTHER, None, True)),
        *((OTHER, "Roe", False), (PHONE, "Roe", True), ("+12125550100", "Roe", True)),
    ],
)
def test_k2_mail_alone_joins_unless_name_and_phone_both_speak_against_it(
    floor: SalesFloor, phone: str | None, last_name: str | None, joins: bool
) -> None:
    floor.comes("A", phone=PHONE, email=MAIL)
    floor.comes("B", phone=phone, email=MAIL, last_name=last_name)
    assert whose(floor, "B") == ["A" if joins else "B"]
    floor.agree()


def test_k2_a_lead_without_phone_or_name_has_nothing_that_speaks_against(floor: SalesFloor) -> None:
    floor.comes("A", email=MAIL).comes("B", email="k@x.org", phone=PHONE, last_name=None)
    floor.comes("C", email=MAIL, phone=OTHER, last_name="Roe")
    floor.comes("D", email="k@x.org", phone=THIRD, last_name="Roe")
    assert whose(floor, "C", "D") == ["A", "B"]
    floor.agree()


def test_k2_what_is_doubtful_is_a_new_lead_marked_as_maybe_the_same(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, email=MAIL).comes("B", phone=OTHER, email=MAIL, last_name="Roe")
    said = accepted(floor, "B")
    assert (said.maybe, said.id_reused) == (("A",), None)
    assert said.doubt == "it may be the same person as lead A; name and phone speak against the same email"
    floor.comes("C", email=MAIL, last_name="Roe").comes("D", email=MAIL)
    assert whose(floor, "C", "D") == ["B", "A"], "whoever has the name, too"
    floor.restart_org(compacted=True)
    floor.comes("E", email=MAIL, last_name="roe")
    assert whose(floor, "E") == ["B"]
    floor.lists(f"email/{MAIL}")
    assert [floor.lead_of(name).silenced for name in "AB"] == [True, True]
    floor.agree()


# -- K3 ----------------------------------------------------------------------------------------------------


def test_b2_k3_facts_are_never_filled_across_different_last_names(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, last_name="Doe")
    more: dict[str, Any] = {
        "email": "roe@x.org",
        "zip": "02903",
        "loan_amount": 5,
        "credit_score": 700,
        "attributes": {"car": "red"},
    }
    before = floor.lead_of("A").facts
    floor.comes("B", phone=PHONE, last_name="Roe", first_name="Ann", **more)
    floor.comes("A", phone=PHONE, last_name="Roe", **more)
    assert floor.lead_of("A").facts == before
    assert (floor.lead_of("A").inquiries, whose(floor, "B")) == (2, ["A"])
    (inquiry,), (resend,) = floor.all_decisions("A", InquiryAdded), floor.all_decisions("A", ArrivalRepeated)
    assert inquiry.filled == resend.filled == ()
    assert "its last name differs, so it fills no facts" in inquiry.why
    assert resend.doubt == "its last name differs, so it fills no facts"
    floor.comes("C", phone=PHONE, last_name="doe", **more)
    assert floor.lead_of("A").facts.zip == "02903"
    floor.agree()


@pytest.mark.parametrize(("facts", "silenced"), [({"email": MAIL}, False), ({"phone": PHONE}, True)])
def test_k3_silence_of_another_name_counts_only_for_the_same_phone(
    floor: SalesFloor, facts: dict[str, str], silenced: bool
) -> None:
    floor.comes("A", phone=PHONE, email=MAIL).comes("B", last_name="Roe", silenced=True, **facts)
    assert (whose(floor, "B"), floor.lead_of("A").silenced) == (["A"], silenced)


def test_k3_m2_a_corrected_last_name_does_not_make_the_vendors_resend_a_strangers(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, last_name="Doe").asks("accept", "ann")
    floor.asks("update", "ann", facts={"last_name": "Roe"})
    floor.comes("A", phone=PHONE, last_name="Doe", zip="02903")
    assert (floor.lead_of("A").facts.last_name, floor.lead_of("A").facts.zip) == ("Roe", "02903")
    floor.agree()


# -- K6 ----------------------------------------------------------------------------------------------------

DOE = {"phone": PHONE, "email": MAIL, "last_name": "Doe"}
ROE = {"phone": OTHER, "email": "roe@x.org", "last_name": "Roe"}


def test_a2_k6_a_vendors_id_that_comes_with_another_person_is_another_lead(floor: SalesFloor) -> None:
    floor.comes("A", **DOE)
    floor.comes("A", **ROE, zip="02903")
    (other,) = set(floor.state.persons.arrivals()) - {"A"}
    assert other == reused_lead_id(
        "A", OTHER, "roe@x.org", name_digest(Facts(vendor="acme", last_name="Roe")) or ""
    )
    assert floor.lead_of("A").facts.zip is None
    lead = floor.lead_of(other)
    assert (lead.facts.last_name, lead.facts.phone, lead.facts.zip) == ("Roe", OTHER, "02903")
    assert lead.facts.attributes["remarks"] == {
        "id_reused": "the vendor's id came with another person before"
    }
    said = accepted(floor, other)
    assert (said.id_reused, said.maybe) == ("A", ())
    assert said.doubt is not None
    assert said.doubt.startswith("its vendor's id came with another person before, in lead A")
    for facts in (ROE, DOE, ROE):
        floor.comes("A", **facts)
    assert floor.state.persons.arrivals() == {"A": 1, other: 1}, "a repeat of either is a resend"
    floor.restart_org(compacted=True)
    floor.comes("A", **ROE)
    assert placement_of(floor).lead_id == other
    assert floor.all_decisions(other, ArrivalRepeated)
    floor.org_messages[ARRIVALS].back(3)
    floor.deliver()
    assert floor.state.persons.arrivals() == {"A": 1, other: 1}
    floor.agree()


@pytest.mark.parametrize(
    "kept", [kept for n in (1, 2) for kept in combinations(("phone", "email", "last_name"), n)]
)
def test_k6_an_arrival_that_agrees_in_anything_is_a_resend(floor: SalesFloor, kept: tuple[str, ...]) -> None:
    floor.comes("A", **DOE).comes("A", **{**ROE, **{name: DOE[name] for name in kept}})
    assert floor.state.persons.arrivals() == {"A": 1}
    floor.agree()


@pytest.mark.parametrize("facts", [{}, {"last_name": None, "phone": OTHER}, {"last_name": "Roe"}])
def test_k6_who_gives_nothing_to_compare_is_the_person_of_the_id(
    floor: SalesFloor, facts: dict[str, Any]
) -> None:
    floor.comes("A", **DOE).comes("A", **facts)
    assert floor.state.persons.arrivals() == {"A": 1}


def test_k6_a_row_number_as_id_makes_a_lead_of_every_row_of_every_day(floor: SalesFloor) -> None:
    for n, last_name in enumerate(("Doe", "Roe", "Poe", "Moe")):
        floor.comes("1", phone=f"+1401419{n:04}", email="none@none.com", last_name=last_name)
    assert len(floor.state.persons.arrivals()) == 4
    floor.comes("1", email="none@none.com", last_name="Loe")
    assert len(floor.state.persons.arrivals()) == 5, "a placeholder agrees with nothing"
    floor.agree()


def test_k6_another_person_who_is_known_is_an_inquiry_of_that_lead(floor: SalesFloor) -> None:
    floor.comes("A", **DOE).comes("B", **ROE).comes("A", **ROE)
    assert floor.state.persons.arrivals() == {"A": 1, "B": 2}
    (added,) = floor.all_decisions("B", InquiryAdded)
    assert "came with another person before, in lead A; lead B has the same phone" in added.why
    floor.comes("A", **ROE)
    assert floor.state.persons.arrivals() == {"A": 1, "B": 2}
    floor.agree()


# -- K4 ----------------------------------------------------------------------------------------------------


def test_b3_k4_an_inquiry_is_kept_whole_and_its_owner_is_told_its_facts(floor: SalesFloor) -> None:
    floor.comes("A", phone=PHONE, email=MAIL, attributes={"car": "red"}).asks("accept", "ann")
    own: dict[str, Any] = {
        "first_name": "Jo",
        "last_name": "Roe",
        "email": "roe@x.org",
        "loan_amount": 310_000,
    }
    floor.comes("B", phone=PHONE, vendor="globex", attributes={"car": "blue", "pet": "cat"}, **own)
    (added,) = floor.all_decisions("A", InquiryAdded)
    assert added.facts is not None
    assert {name: getattr(added.facts, name) for name in own} == own
    assert (added.facts.vendor, added.facts.attributes) == ("globex", {"car": "blue", "pet": "cat"})
    notification_data = [
        notification.data["inquiry"]
        for row in floor.history["A"]
        for notification in notifications_of(row)
        if notification.template == "new_inquiry"
    ]
    assert notification_data == [{**own, "phone": PHONE, "state": "RI"}] * 2
    floor.lists("email/roe@x.org")
    assert floor.lead_of("A").silenced, "its own handles obey the list"
    floor.agree()
