"""A person is erased: no fact of it is left in any row, and the org recognises who comes again only by a keyed hash."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from models.codec import encode_org_record, encode_row
from models.erasure import plain_name
from models.erasure_decisions import ArrivalDropped, LeadErased
from models.events import ArrivalRefused, ErasureFound, ErasureOrdered
from models.lead import DeadlineKind, LeadRow, Phase
from models.org_decisions import OrgRowKept
from models.org_rows import OrgErased, OrgPerson
from models.persons import ArrivalTurnedAway, PersonForgotten
from models.results import Reason, Result
from rules.lead.machine import step
from rules.outbound.public_messages import public_messages
from tests.rules.distribution.sales_floor import KEY, ORG, SalesFloor

PHONE, MAIL = "+14014194247", "j@x.org"
FACTS: dict[str, Any] = {
    "first_name": "Jeremy",
    "last_name": "Zabriskie",
    "phone": PHONE,
    "email": MAIL,
    "attributes": {"x": "Zabriskie"},
}
SECRETS = (b"Jeremy", b"Zabriskie", b"zabriskie", b"4014194247", b"j@x.org")


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with a queue that shows a lead's handles, and a lead that ann owns after working it."""
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    floor.queue("all", columns=["phone", "email"])
    floor.comes("A", **FACTS)
    floor.of("A").asks("claim_now", "ann")
    floor.of("A").asks("note", "ann", note="Jeremy asked us to call 4014194247")
    return floor


def newest(floor: SalesFloor) -> bytes:
    """Return what compaction keeps: the newest record of each key of both journals, as bytes."""
    kept = dict(floor.journal)
    org = [key + (b"" if record is None else encode_org_record(record)) for key, record in kept.items()]
    leads = [name.encode() + encode_row(row) for name, row in floor.rows.items() if isinstance(row, LeadRow)]
    return b"\n".join([*org, *leads])


def left(data: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in data]


def test_an_erased_lead_stays_closed_and_empty_and_its_record_repeats_no_fact(floor: SalesFloor) -> None:
    assert left(newest(floor)), "the data was there"
    answer = floor.of("A").asks("erase", "ada")
    lead = floor.lead_of("A")
    assert answer.result is Result.DONE
    assert (lead.phase, lead.owner, lead.last_outcome) == (Phase.CLOSED, "ann", "erased")
    assert (lead.facts.vendor, lead.facts.org, lead.facts.phone, lead.facts.attributes) == (
        "acme",
        ORG,
        None,
        {},
    )
    (erased,) = floor.all_decisions("A", LeadErased)
    assert erased.hashes == KEY.hashes_of(msgspec.convert({"vendor": "acme", **FACTS}, type(lead.facts)))
    assert not left(newest(floor))
    floor.agree()


def test_no_public_message_of_the_erasing_record_has_a_fact(floor: SalesFloor) -> None:
    floor.of("A").asks("erase", "ada")
    sent = public_messages(floor.history["A"][-1], b"A", 0)
    assert not left(b"".join(each.value for each in sent))
    tombstones = [each.topic for each in sent if not each.value]
    assert tombstones == ["assignments", "lead-exceptions"]


@pytest.mark.parametrize("rep_id", ["ann", "mia"])
def test_only_an_admin_erases(floor: SalesFloor, rep_id: str) -> None:
    answer = floor.of("A").asks("erase", rep_id)
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_ALLOWED)
    found = floor.erases(lead="A", by=rep_id)
    assert (found.result, found.reason, found.why) == (answer.result, answer.reason, answer.why)
    assert floor.lead_of("A").erased_at is None


def test_a_preview_names_the_leads_and_erases_none(floor: SalesFloor) -> None:
    floor.comes("B", last_name="Zabriskie", phone="+14014190002")
    floor.comes("B", last_name="Zabriskie", phone="+14014190002", email=MAIL)
    before = newest(floor)
    answer = floor.erases(handle=f"email/{MAIL}", preview=True)
    assert (answer.result, answer.why) == (Result.DONE, floor.erases(lead="A", preview=True).why)
    assert answer.why is not None
    assert answer.why.endswith(": A, B")
    assert floor.lead_of("A").erased_at is None
    assert left(newest(floor)) == left(before)
    assert not floor.state.persons.erased_hashes
    floor.agree()


@pytest.mark.parametrize("handle", [f"phone/{PHONE}", f"email/{MAIL}"])
def test_a_person_named_by_a_handle_loses_every_lead_that_shares_one(floor: SalesFloor, handle: str) -> None:
    floor.comes("B", last_name="Zabriskie", phone="+14014190002")
    floor.comes("B", last_name="Zabriskie", phone="+14014190002", email=MAIL)
    floor.comes("C", last_name="Other", phone="+14014190003")
    answer = floor.erases(handle=handle)
    assert answer.result is Result.DONE
    assert floor.lead_of("A").erased_at == floor.lead_of("B").erased_at == floor.now
    assert floor.lead_of("C").facts.last_name == "Other"
    assert not left(newest(floor))
    floor.agree()


def test_an_inquirys_handle_and_id_lead_to_the_lead_too(floor: SalesFloor) -> None:
    """R6: the inquiry's address is in no fact of the lead, and only the org knows that it is the person's."""
    floor.comes("I", last_name="Zabriskie", phone=PHONE, email="other@x.org")
    assert floor.rows["I"].merged_into == "A"
    answer = floor.erases(handle="email/other@x.org")
    assert answer.why is not None
    assert answer.why.endswith(": A")
    assert floor.lead_of("A").erased_at is not None
    assert b"other@x.org" not in newest(floor)
    assert floor.erases(lead="I").why == "1 lead of the person: A", "a repeat is answered alike"


def test_corrected_facts_and_what_they_replaced_are_erased_and_recognised(floor: SalesFloor) -> None:
    """M2: a lead remembers former values of corrected facts, and its org indexes the new ones."""
    new: dict[str, str] = {"phone": "+14014194200", "last_name": "Zabriskie-Berg"}
    hashes = (KEY.hash_of(ORG, "phone", new["phone"]),)
    assert floor.of("A").asks("update", "ada", facts=new, hashes=hashes).result is Result.DONE
    assert floor.state.persons.first_with(f"phone/{new['phone']}") == "A"
    answer = floor.erases(handle=f"phone/{new['phone']}")
    assert answer.why == "1 lead of the person: A"
    kept = newest(floor)
    assert not left(kept)
    assert b"4014194200" not in kept
    assert floor.state.persons.first_with(f"phone/{new['phone']}") is None
    assert floor.state.persons.erased_among(hashes) == hashes
    floor.restart_org(compacted=True)
    floor.agree()


def test_a_resend_brings_no_fact_back_and_is_explained(floor: SalesFloor) -> None:
    floor.of("A").asks("erase", "ada")
    floor.comes("A", **FACTS)
    assert not left(newest(floor))
    (dropped,) = floor.all_decisions("A", ArrivalDropped)
    assert dropped.why == "it is a resend, and lead A was erased"
    floor.agree()


def test_who_comes_again_is_refused_or_taken_as_the_setting_says(floor: SalesFloor) -> None:
    floor.of("A").asks("erase", "ada")
    floor.settings(refuse_erased=True)
    floor.comes("N", **FACTS)
    assert floor.rows["N"].lead is None
    (dropped,) = floor.all_decisions("N", ArrivalDropped)
    assert (
        dropped.why == "its phone and email is an erased person's, and the org's setting refuse_erased is on"
    )
    assert any(isinstance(said, ArrivalTurnedAway) for said in floor.decided)
    assert not left(newest(floor))
    floor.settings(refuse_erased=False)
    floor.comes("M", **FACTS)
    assert floor.lead_of("M").facts.phone == PHONE
    persons = floor.state.persons
    assert not persons.erased_hashes, "the person counts as erased no more"
    assert any(each.startswith("phone:") for each in persons.returned_hashes)
    floor.restart_org(compacted=True)
    floor.agree()


def test_nothing_but_reading_is_done_with_an_erased_lead(floor: SalesFloor) -> None:
    floor.of("A").asks("erase", "ada")
    before = floor.rows["A"].seq
    for action, fields in (
        ("note", {"note": "n"}),
        ("assign", {"to_rep_id": "bob"}),
        ("claim", {}),
        ("reopen", {"why": "again"}),
    ):
        answer = floor.of("A").asks(action, "ada", **fields)
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.LEAD_CLOSED), action
    assert floor.of("A").asks("erase", "ada").result is Result.DONE
    assert floor.rows["A"].seq == before


@pytest.mark.parametrize("compacted", [False, True])
def test_a_recovered_org_has_forgotten_the_person_too(floor: SalesFloor, compacted: bool) -> None:
    floor.comes("I", last_name="Zabriskie", phone=PHONE, email="other@x.org")
    floor.comes("A", **{**FACTS, "email": "third@x.org"})
    floor.erases(lead="A")
    floor.restart_org(compacted=compacted)
    persons = floor.state.persons
    assert persons.first_with(f"phone/{PHONE}") is None
    assert persons.is_erased("A")
    assert persons.lead_of("I") == "A", "a resend of the inquiry is still recognised"
    assert not left(newest(floor))


def test_a_zombies_late_row_brings_no_handle_back(floor: SalesFloor) -> None:
    late = next(
        record
        for _, record in floor.journal
        if isinstance(record, OrgRowKept) and isinstance(record.value, OrgPerson) and record.value.handles
    )
    floor.of("A").asks("erase", "ada")
    floor.journal.append((b"default/person/A", late))
    floor.restart_org()
    assert floor.state.persons.first_with(f"phone/{PHONE}") is None


def test_x4_an_order_that_comes_twice_is_answered_the_same_and_changes_nothing(floor: SalesFloor) -> None:
    floor.erases(lead="A")
    row, order = (
        floor.rows["A"],
        ErasureOrdered(lead_id="A", cause="erase/9/A", org=ORG, rep_id="ada", why="again"),
    )
    first = step(row, order, off=10_000, at=floor.now, rule_book=floor.rule_book)
    again = step(first, order, off=10_001, at=floor.now, rule_book=floor.rule_book)
    assert again.answers == first.answers
    assert again.lead == first.lead == row.lead


def test_a_handle_of_more_leads_than_one_person_has_erases_nothing(floor: SalesFloor) -> None:
    for n in range(25):
        floor.comes(f"S{n}", phone=f"+140141901{n:02d}")
        floor.comes(f"S{n}", phone=f"+140141901{n:02d}", email="info@shop.org")
    answer = floor.erases(handle="email/info@shop.org")
    assert "more than one person has: name the lead" in (answer.why or "")
    assert (
        floor.erases(lead="S3").why
        == "25 leads share a phone or mail address with it, more than one person has; only this lead is erased: S3"
    )
    assert floor.lead_of("S3").erased_at is not None
    assert floor.lead_of("S4").erased_at is None


def test_k1_a_handle_that_came_with_three_last_names_erases_no_strangers(floor: SalesFloor) -> None:
    for n in range(3):
        floor.comes(f"S{n}", last_name=f"Person{n}", phone=f"+140141901{n:02d}", email="info@shop.org")
    assert "it tells nobody apart: name the lead" in (floor.erases(handle="email/info@shop.org").why or "")
    assert (floor.erases(lead="S1").why or "").endswith("1 lead of the person: S1")
    assert [floor.lead_of(f"S{n}").erased_at is not None for n in range(3)] == [False, True, False]
    floor.restart_org(compacted=True)


def test_k1_an_erased_placeholder_and_a_service_number_turn_nobody_away(floor: SalesFloor) -> None:
    floor.settings(refuse_erased=True)
    floor.comes("S0", phone="+18004194247", email="none@none.com").erases(lead="S0")
    floor.comes("S1", phone="+18004194247", email="none@none.com", last_name="Roe")
    assert floor.lead_of("S1").facts.last_name == "Roe"


def test_a_closed_lead_is_erased_when_its_retention_period_ends(floor: SalesFloor) -> None:
    floor.settings(retention_days=30)
    floor.of("A").asks("outcome", "ann", outcome="closed_won")
    assert floor.deadline(DeadlineKind.RETENTION).due == floor.now + timedelta(days=30)
    floor.wait(days=29)
    assert floor.lead_of("A").facts.phone == PHONE
    floor.wait(days=2)
    (erased,) = floor.all_decisions("A", LeadErased)
    assert (erased.rep_id, erased.hashes) == (None, ())
    assert erased.why == "closed for 30 days, the org's retention period"
    assert not left(newest(floor))
    assert not any(
        isinstance(one, OrgRowKept) and isinstance(one.value, OrgErased) for _, one in floor.journal
    )
    assert any(isinstance(said, PersonForgotten) for said in floor.decided)
    floor.comes("N", **FACTS)
    assert floor.lead_of("N").facts.phone == PHONE, "the person may come back"


def test_a_shorter_period_reaches_leads_that_were_closed_before(floor: SalesFloor) -> None:
    floor.of("A").asks("outcome", "ann", outcome="closed_won")
    closed = floor.now
    floor.wait(days=10)
    floor.settings(retention_days=20)
    assert floor.of("A").deadline(DeadlineKind.RETENTION).due == closed + timedelta(days=20)
    floor.settings()
    assert floor.lead_of("A").deadline(DeadlineKind.RETENTION) is None


def test_the_do_not_contact_list_works_by_hash(floor: SalesFloor) -> None:
    """X6: of an erased person the list keeps the hash, and who comes back with the phone is still not called."""
    floor.lists(f"phone/{PHONE}", "asked us")
    floor.of("A").asks("erase", "ada")
    floor.lists(f"hash/{KEY.hash_of(ORG, 'phone', PHONE)}", "asked us")
    floor.lists(f"phone/{PHONE}", None, erased=True)
    assert not left(newest(floor).replace(f"default/barred/phone/{PHONE}".encode(), b"")), (
        "the tombstone's key goes later"
    )
    floor.comes("N", **FACTS)
    assert floor.lead_of("N").suppressed == {f"phone/{PHONE}": "asked us"}
    floor.restart_org(compacted=True)


def test_names_have_one_spelling() -> None:
    assert (
        plain_name(" Jeremy", "ZABRISKIE  Jr") == plain_name("jeremy zabriskie jr") == "jeremy zabriskie jr"
    )


def test_the_events_of_an_erasure_have_no_fact() -> None:
    for kind in (ErasureOrdered, ErasureFound, ArrivalRefused):
        assert not {"facts", "phone", "email"} & set(kind.__struct_fields__)


def test_k5_an_erasure_reaches_a_lead_that_the_person_was_taken_out_of() -> None:
    """The split says whom it took out, and stays the newest record of the former lead until something happens to it."""
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob").rep("mia", role="manager")
    floor.comes("A", phone="+12125551234", last_name="Roe", first_name="Bob")
    floor.comes("B", **FACTS)
    assert floor.of("B").asks("merge", "mia", into_lead_id=floor.lead_of("A").lead_id).result is Result.DONE
    before = floor.lead_of("A")
    inquiry = floor.lead_of("B").lead_id
    assert floor.of("A").asks("split", "mia", inquiry_id=inquiry, why="another").result is Result.DONE
    assert left(encode_row(floor.rows["A"])), "the record of the split has the facts"
    assert floor.of("B").asks("erase", "ada").result is Result.DONE
    assert left(newest(floor)) == []
    lead = floor.lead_of("A")
    assert (lead.facts, lead.phase, lead.owner) == (before.facts, before.phase, before.owner)
    assert lead.erased_at is None
    seq = floor.rows["A"].seq
    floor.of("B").asks("erase", "ada")
    assert floor.rows["A"].seq == seq, "a repeated erasure tells nobody again"
