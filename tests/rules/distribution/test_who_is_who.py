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
def sales_floor() -> SalesFloor:
    """Return a sales floor with one rep, who is offered every lead."""
    return SalesFloor("ann").group("west", "ann")


def leads_of(sales_floor: SalesFloor, *names: str) -> list[str | None]:
    """Return the lead of each arrival."""
    return [sales_floor.state.persons.lead_of(name) for name in names]


def placement_of(sales_floor: SalesFloor) -> ArrivalPlaced:
    """Return how the org placed the last arrival."""
    return [decision for decision in sales_floor.decided if isinstance(decision, ArrivalPlaced)][-1]


def acceptance_of(sales_floor: SalesFloor, name: str) -> LeadAccepted:
    """Return how a lead began."""
    (decision,) = sales_floor.all_decisions(name, LeadAccepted)
    return decision


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
def test_b2_k1_a_handle_of_the_shipped_list_joins_nobody(
    sales_floor: SalesFloor, facts: dict[str, Any]
) -> None:
    names = ("Ann", "Ben", "Cyd", "Dan", "Eve")
    for name in names:
        sales_floor.comes(name, first_name=name, last_name="Doe", **facts)
    assert leads_of(sales_floor, *names) == list(names)
    assert all(sales_floor.lead_of(name).facts.first_name == name for name in names)
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_b2_k1_one_strangers_silence_is_not_the_others(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", email="none@none.com").comes("B", email="none@none.com", silenced=True)
    assert (sales_floor.lead_of("A").silenced, sales_floor.lead_of("B").silenced) == (False, True)
    sales_floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    sales_floor.comes("C", email="none@none.com")
    assert (sales_floor.lead_of("A").silenced, sales_floor.lead_of("C").silenced) == (True, False)
    sales_floor.agree()


def test_x6_k1_the_do_not_contact_list_reaches_leads_that_share_a_service_number(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A", phone="+18004194247").comes("B", phone="+18004194247", last_name="Roe")
    sales_floor.lists("phone/+18004194247")
    sales_floor.comes("C", phone="+18004194247", last_name="Poe")
    assert [sales_floor.lead_of(name).silenced for name in "ABC"] == [True] * 3
    sales_floor.lists("phone/+18004194247", None)
    assert [sales_floor.lead_of(name).silenced for name in "ABC"] == [False] * 3
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_x6_k1_a_later_entry_reaches_a_bounded_number_of_leads(
    sales_floor: SalesFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MAX_APART", 2)
    for name in "ABC":
        sales_floor.comes(name, phone="+18004194247", last_name=name)
    sales_floor.lists("phone/+18004194247")
    assert [sales_floor.lead_of(name).silenced for name in "ABC"] == [True, True, False]


def test_k1_the_orgs_own_list_keeps_people_apart_from_then_on(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE).comes("B", phone=PHONE, last_name="Roe")
    sales_floor.settings(shared_handles=["(401) 419-4247", "Desk <DESK@x.org>"])
    sales_floor.comes("C", phone=PHONE, email="desk@x.org", last_name="Poe")
    sales_floor.comes("D", phone=PHONE, email="desk@x.org", phone_extension="12", last_name="Poe")
    assert leads_of(sales_floor, *"ABCD") == ["A", "A", "C", "D"]
    sales_floor.settings(shared_handles=[])
    sales_floor.comes("E", phone=PHONE)
    assert leads_of(sales_floor, "E") == ["A"]
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_b1_k1_an_extension_keeps_people_apart(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, phone_extension="12", email="a@x.org", last_name="Doe")
    sales_floor.comes("B", phone=PHONE, phone_extension="13", email="b@x.org", last_name="Roe")
    sales_floor.comes("C", phone=PHONE, email="c@x.org", last_name="Poe")
    sales_floor.comes("D", phone=PHONE, phone_extension="12")
    sales_floor.comes("E", phone=PHONE)
    assert leads_of(sales_floor, *"ABCDE") == ["A", "B", "C", "A", "C"]
    assert [sales_floor.lead_of(name).facts.phone_extension for name in "ABC"] == ["12", "13", None]
    sales_floor.lists(f"phone/{PHONE}")
    assert [sales_floor.lead_of(name).silenced for name in "ABC"] == [True] * 3, (
        "the number is not to be called"
    )
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_k1_a_handle_met_with_three_last_names_joins_nobody_and_its_leads_are_named(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A", phone=PHONE, last_name="Doe")
    sales_floor.comes("B", phone=PHONE, last_name="Roe").comes("B2", phone=PHONE, last_name="DOE")
    assert leads_of(sales_floor, "B", "B2") == ["A", "A"], "a couple may share a phone"
    sales_floor.comes("C", phone=PHONE, last_name="Poe")
    assert leads_of(sales_floor, "C") == ["C"]
    assert acceptance_of(sales_floor, "C").maybe == ("A",)
    assert "its phone has come with 3 last names and joins nobody any more" in (
        acceptance_of(sales_floor, "C").doubt or ""
    )
    (shared,) = sales_floor.all_decisions("A", SharedHandleFound)
    assert (shared.handle, shared.leads) == (f"phone/{PHONE}", ("A",))
    assert "came with three last names" in shared.why
    sales_floor.comes("D", phone=PHONE, last_name="Doe").comes("E", phone=PHONE, last_name=None)
    assert leads_of(sales_floor, "D", "E") == ["D", "E"]
    assert acceptance_of(sales_floor, "D").maybe == ()
    assert len(sales_floor.all_decisions("A", SharedHandleFound)) == 1
    sales_floor.lists(f"phone/{PHONE}")
    assert [sales_floor.lead_of(name).silenced for name in "ACDE"] == [True] * 4
    sales_floor.restart_org(compacted=True)
    sales_floor.comes("F", phone=PHONE, last_name="Doe")
    assert leads_of(sales_floor, "F") == ["F"]
    sales_floor.agree()


def test_k1_a_retired_handle_does_not_keep_another_from_joining(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, email=MAIL, last_name="Doe").comes("B", phone=PHONE, last_name="Roe")
    sales_floor.comes("C", phone=PHONE, email=MAIL, last_name="Poe")
    assert leads_of(sales_floor, "C") == ["A"], "the mail joins; the phone speaks neither for nor against"
    (*_, added) = sales_floor.all_decisions("A", InquiryAdded)
    assert "its phone has come with 3 last names" in added.why
    assert sales_floor.all_decisions("A", SharedHandleFound) == [], "the inquiry says it"
    sales_floor.agree()


def test_k1_a_resend_is_no_other_last_name(sales_floor: SalesFloor) -> None:
    for last_name in ("Doe", "Roe", "Poe"):
        sales_floor.comes("A", phone=PHONE, last_name=last_name)
    sales_floor.comes("B", phone=PHONE, last_name="Doe")
    assert leads_of(sales_floor, "A", "B") == ["A", "A"]
    sales_floor.agree()


def test_k1_a_zombies_late_rows_give_the_same_index(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, last_name="Doe").comes("B", phone=PHONE, email=MAIL, last_name="Roe")
    sales_floor.comes("A", phone=PHONE, email="k@x.org", last_name="Doe").comes(
        "C", phone=PHONE, last_name="Poe"
    )
    people = [entry for entry in sales_floor.journal if b"/person/" in entry[0]]
    others = [entry for entry in sales_floor.journal if b"/person/" not in entry[0]]
    sales_floor.journal[:] = [*others, *reversed(people)]
    sales_floor.restart_org()


# -- K2 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "last_name", "joins"),
    [
        *((None, "Jones", True), (None, "Roe", True), (OTHER, "Jones", True), (OTHER, None, True)),
        *((OTHER, "Roe", False), (PHONE, "Roe", True), ("+12125550100", "Roe", True)),
    ],
)
def test_k2_mail_alone_joins_unless_name_and_phone_both_speak_against_it(
    sales_floor: SalesFloor, phone: str | None, last_name: str | None, joins: bool
) -> None:
    sales_floor.comes("A", phone=PHONE, email=MAIL)
    sales_floor.comes("B", phone=phone, email=MAIL, last_name=last_name)
    assert leads_of(sales_floor, "B") == ["A" if joins else "B"]
    sales_floor.agree()


def test_k2_a_lead_without_phone_or_name_has_nothing_that_speaks_against(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", email=MAIL).comes("B", email="k@x.org", phone=PHONE, last_name=None)
    sales_floor.comes("C", email=MAIL, phone=OTHER, last_name="Roe")
    sales_floor.comes("D", email="k@x.org", phone=THIRD, last_name="Roe")
    assert leads_of(sales_floor, "C", "D") == ["A", "B"]
    sales_floor.agree()


def test_k2_what_is_doubtful_is_a_new_lead_marked_as_maybe_the_same(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, email=MAIL).comes("B", phone=OTHER, email=MAIL, last_name="Roe")
    decision = acceptance_of(sales_floor, "B")
    assert (decision.maybe, decision.id_reused) == (("A",), None)
    assert (
        decision.doubt == "it may be the same person as lead A; name and phone speak against the same email"
    )
    sales_floor.comes("C", email=MAIL, last_name="Roe").comes("D", email=MAIL)
    assert leads_of(sales_floor, "C", "D") == ["B", "A"], "whoever has the name, too"
    sales_floor.restart_org(compacted=True)
    sales_floor.comes("E", email=MAIL, last_name="roe")
    assert leads_of(sales_floor, "E") == ["B"]
    sales_floor.lists(f"email/{MAIL}")
    assert [sales_floor.lead_of(name).silenced for name in "AB"] == [True, True]
    sales_floor.agree()


# -- K3 ----------------------------------------------------------------------------------------------------


def test_b2_k3_facts_are_never_filled_across_different_last_names(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, last_name="Doe")
    more: dict[str, Any] = {
        "email": "roe@x.org",
        "zip": "02903",
        "loan_amount": 5,
        "credit_score": 700,
        "attributes": {"car": "red"},
    }
    before = sales_floor.lead_of("A").facts
    sales_floor.comes("B", phone=PHONE, last_name="Roe", first_name="Ann", **more)
    sales_floor.comes("A", phone=PHONE, last_name="Roe", **more)
    assert sales_floor.lead_of("A").facts == before
    assert (sales_floor.lead_of("A").inquiries, leads_of(sales_floor, "B")) == (2, ["A"])
    (inquiry,), (resend,) = (
        sales_floor.all_decisions("A", InquiryAdded),
        sales_floor.all_decisions("A", ArrivalRepeated),
    )
    assert inquiry.filled == resend.filled == ()
    assert "its last name differs, so it fills no facts" in inquiry.why
    assert resend.doubt == "its last name differs, so it fills no facts"
    sales_floor.comes("C", phone=PHONE, last_name="doe", **more)
    assert sales_floor.lead_of("A").facts.zip == "02903"
    sales_floor.agree()


@pytest.mark.parametrize(("facts", "silenced"), [({"email": MAIL}, False), ({"phone": PHONE}, True)])
def test_k3_silence_of_another_name_counts_only_for_the_same_phone(
    sales_floor: SalesFloor, facts: dict[str, str], silenced: bool
) -> None:
    sales_floor.comes("A", phone=PHONE, email=MAIL).comes("B", last_name="Roe", silenced=True, **facts)
    assert (leads_of(sales_floor, "B"), sales_floor.lead_of("A").silenced) == (["A"], silenced)


def test_k3_m2_a_corrected_last_name_does_not_make_the_vendors_resend_a_strangers(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.comes("A", phone=PHONE, last_name="Doe").asks("accept", "ann")
    sales_floor.asks("update", "ann", facts={"last_name": "Roe"})
    sales_floor.comes("A", phone=PHONE, last_name="Doe", zip="02903")
    assert (sales_floor.lead_of("A").facts.last_name, sales_floor.lead_of("A").facts.zip) == ("Roe", "02903")
    sales_floor.agree()


# -- K6 ----------------------------------------------------------------------------------------------------

DOE = {"phone": PHONE, "email": MAIL, "last_name": "Doe"}
ROE = {"phone": OTHER, "email": "roe@x.org", "last_name": "Roe"}


def test_a2_k6_a_vendors_id_that_comes_with_another_person_is_another_lead(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", **DOE)
    sales_floor.comes("A", **ROE, zip="02903")
    (other,) = set(sales_floor.state.persons.arrivals()) - {"A"}
    assert other == reused_lead_id(
        "A", OTHER, "roe@x.org", name_digest(Facts(vendor="acme", last_name="Roe")) or ""
    )
    assert sales_floor.lead_of("A").facts.zip is None
    lead = sales_floor.lead_of(other)
    assert (lead.facts.last_name, lead.facts.phone, lead.facts.zip) == ("Roe", OTHER, "02903")
    assert lead.facts.attributes["remarks"] == {
        "id_reused": "the vendor's id came with another person before"
    }
    decision = acceptance_of(sales_floor, other)
    assert (decision.id_reused, decision.maybe) == ("A", ())
    assert decision.doubt is not None
    assert decision.doubt.startswith("its vendor's id came with another person before, in lead A")
    for facts in (ROE, DOE, ROE):
        sales_floor.comes("A", **facts)
    assert sales_floor.state.persons.arrivals() == {"A": 1, other: 1}, "a repeat of either is a resend"
    sales_floor.restart_org(compacted=True)
    sales_floor.comes("A", **ROE)
    assert placement_of(sales_floor).lead_id == other
    assert sales_floor.all_decisions(other, ArrivalRepeated)
    sales_floor.org_messages[ARRIVALS].rewind(3)
    sales_floor.deliver()
    assert sales_floor.state.persons.arrivals() == {"A": 1, other: 1}
    sales_floor.agree()


@pytest.mark.parametrize(
    "agreeing", [names for n in (1, 2) for names in combinations(("phone", "email", "last_name"), n)]
)
def test_k6_an_arrival_that_agrees_in_anything_is_a_resend(
    sales_floor: SalesFloor, agreeing: tuple[str, ...]
) -> None:
    sales_floor.comes("A", **DOE).comes("A", **{**ROE, **{name: DOE[name] for name in agreeing}})
    assert sales_floor.state.persons.arrivals() == {"A": 1}
    sales_floor.agree()


@pytest.mark.parametrize("facts", [{}, {"last_name": None, "phone": OTHER}, {"last_name": "Roe"}])
def test_k6_who_gives_nothing_to_compare_is_the_person_of_the_id(
    sales_floor: SalesFloor, facts: dict[str, Any]
) -> None:
    sales_floor.comes("A", **DOE).comes("A", **facts)
    assert sales_floor.state.persons.arrivals() == {"A": 1}


def test_k6_a_row_number_as_id_makes_a_lead_of_every_row_of_every_day(sales_floor: SalesFloor) -> None:
    for n, last_name in enumerate(("Doe", "Roe", "Poe", "Moe")):
        sales_floor.comes("1", phone=f"+1401419{n:04}", email="none@none.com", last_name=last_name)
    assert len(sales_floor.state.persons.arrivals()) == 4
    sales_floor.comes("1", email="none@none.com", last_name="Loe")
    assert len(sales_floor.state.persons.arrivals()) == 5, "a placeholder agrees with nothing"
    sales_floor.agree()


def test_k6_another_person_who_is_known_is_an_inquiry_of_that_lead(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", **DOE).comes("B", **ROE).comes("A", **ROE)
    assert sales_floor.state.persons.arrivals() == {"A": 1, "B": 2}
    (added,) = sales_floor.all_decisions("B", InquiryAdded)
    assert "came with another person before, in lead A; lead B has the same phone" in added.why
    sales_floor.comes("A", **ROE)
    assert sales_floor.state.persons.arrivals() == {"A": 1, "B": 2}
    sales_floor.agree()


# -- K4 ----------------------------------------------------------------------------------------------------


def test_b3_k4_an_inquiry_is_kept_whole_and_its_owner_is_told_its_facts(sales_floor: SalesFloor) -> None:
    sales_floor.comes("A", phone=PHONE, email=MAIL, attributes={"car": "red"}).asks("accept", "ann")
    own: dict[str, Any] = {
        "first_name": "Jo",
        "last_name": "Roe",
        "email": "roe@x.org",
        "loan_amount": 310_000,
    }
    sales_floor.comes("B", phone=PHONE, vendor="globex", attributes={"car": "blue", "pet": "cat"}, **own)
    (added,) = sales_floor.all_decisions("A", InquiryAdded)
    assert added.facts is not None
    assert {name: getattr(added.facts, name) for name in own} == own
    assert (added.facts.vendor, added.facts.attributes) == ("globex", {"car": "blue", "pet": "cat"})
    notification_data = [
        notification.data["inquiry"]
        for row in sales_floor.history["A"]
        for notification in notifications_of(row)
        if notification.template == "new_inquiry"
    ]
    assert notification_data == [{**own, "phone": PHONE, "state": "RI"}] * 2
    sales_floor.lists("email/roe@x.org")
    assert sales_floor.lead_of("A").silenced, "its own handles obey the list"
    sales_floor.agree()
