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
def sales_floor() -> SalesFloor:
    """Return a sales floor with a queue that shows a lead's handles, and a lead that ann owns after working it."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    sales_floor.queue("all", columns=["phone", "email"])
    sales_floor.comes("A", **FACTS)
    sales_floor.of("A").asks("claim_now", "ann")
    sales_floor.of("A").asks("note", "ann", note="Jeremy asked us to call 4014194247")
    return sales_floor


def newest(sales_floor: SalesFloor) -> bytes:
    """Return what compaction keeps: the newest record of each key of both journals, as bytes."""
    records = dict(sales_floor.journal)
    org = [key + (b"" if record is None else encode_org_record(record)) for key, record in records.items()]
    leads = [
        name.encode() + encode_row(row) for name, row in sales_floor.rows.items() if isinstance(row, LeadRow)
    ]
    return b"\n".join([*org, *leads])


def secrets_in(data: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in data]


def test_an_erased_lead_stays_closed_and_empty_and_its_record_repeats_no_fact(
    sales_floor: SalesFloor,
) -> None:
    assert secrets_in(newest(sales_floor)), "the data was there"
    answer = sales_floor.of("A").asks("erase", "ada")
    lead = sales_floor.lead_of("A")
    assert answer.result is Result.DONE
    assert (lead.phase, lead.owner, lead.last_outcome) == (Phase.CLOSED, "ann", "erased")
    assert (lead.facts.vendor, lead.facts.org, lead.facts.phone, lead.facts.attributes) == (
        "acme",
        ORG,
        None,
        {},
    )
    (erased,) = sales_floor.all_decisions("A", LeadErased)
    assert erased.hashes == KEY.hashes_of(msgspec.convert({"vendor": "acme", **FACTS}, type(lead.facts)))
    assert not secrets_in(newest(sales_floor))
    sales_floor.agree()


def test_no_public_message_of_the_erasing_record_has_a_fact(sales_floor: SalesFloor) -> None:
    sales_floor.of("A").asks("erase", "ada")
    sent = public_messages(sales_floor.history["A"][-1], b"A", 0)
    assert not secrets_in(b"".join(message.value for message in sent))
    tombstones = [message.topic for message in sent if not message.value]
    assert tombstones == ["assignments", "lead-exceptions"]


@pytest.mark.parametrize("rep_id", ["ann", "mia"])
def test_only_an_admin_erases(sales_floor: SalesFloor, rep_id: str) -> None:
    answer = sales_floor.of("A").asks("erase", rep_id)
    assert (answer.result, answer.reason) == (Result.REFUSED, Reason.NOT_ALLOWED)
    erasure = sales_floor.erases(lead="A", by=rep_id)
    assert (erasure.result, erasure.reason, erasure.why) == (answer.result, answer.reason, answer.why)
    assert sales_floor.lead_of("A").erased_at is None


def test_a_preview_names_the_leads_and_erases_none(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", last_name="Zabriskie", phone="+14014190002")
    sales_floor.comes("B", last_name="Zabriskie", phone="+14014190002", email=MAIL)
    before = newest(sales_floor)
    answer = sales_floor.erases(handle=f"email/{MAIL}", preview=True)
    assert (answer.result, answer.why) == (Result.DONE, sales_floor.erases(lead="A", preview=True).why)
    assert answer.why is not None
    assert answer.why.endswith(": A, B")
    assert sales_floor.lead_of("A").erased_at is None
    assert secrets_in(newest(sales_floor)) == secrets_in(before)
    assert not sales_floor.state.persons.erased_hashes
    sales_floor.agree()


@pytest.mark.parametrize("handle", [f"phone/{PHONE}", f"email/{MAIL}"])
def test_a_person_named_by_a_handle_loses_every_lead_that_shares_one(
    sales_floor: SalesFloor, handle: str
) -> None:
    sales_floor.comes("B", last_name="Zabriskie", phone="+14014190002")
    sales_floor.comes("B", last_name="Zabriskie", phone="+14014190002", email=MAIL)
    sales_floor.comes("C", last_name="Other", phone="+14014190003")
    answer = sales_floor.erases(handle=handle)
    assert answer.result is Result.DONE
    assert sales_floor.lead_of("A").erased_at == sales_floor.lead_of("B").erased_at == sales_floor.now
    assert sales_floor.lead_of("C").facts.last_name == "Other"
    assert not secrets_in(newest(sales_floor))
    sales_floor.agree()


def test_an_inquirys_handle_and_id_lead_to_the_lead_too(sales_floor: SalesFloor) -> None:
    """R6: the inquiry's address is in no fact of the lead, and only the org knows that it is the person's."""
    sales_floor.comes("I", last_name="Zabriskie", phone=PHONE, email="other@x.org")
    assert sales_floor.rows["I"].merged_into == "A"
    answer = sales_floor.erases(handle="email/other@x.org")
    assert answer.why is not None
    assert answer.why.endswith(": A")
    assert sales_floor.lead_of("A").erased_at is not None
    assert b"other@x.org" not in newest(sales_floor)
    assert sales_floor.erases(lead="I").why == "1 lead of the person: A", "a repeat is answered alike"


def test_corrected_facts_and_what_they_replaced_are_erased_and_recognised(sales_floor: SalesFloor) -> None:
    """M2: a lead remembers former values of corrected facts, and its org indexes the new ones."""
    new: dict[str, str] = {"phone": "+14014194200", "last_name": "Zabriskie-Berg"}
    hashes = (KEY.hash_of(ORG, "phone", new["phone"]),)
    assert sales_floor.of("A").asks("update", "ada", facts=new, hashes=hashes).result is Result.DONE
    assert sales_floor.state.persons.first_with(f"phone/{new['phone']}") == "A"
    answer = sales_floor.erases(handle=f"phone/{new['phone']}")
    assert answer.why == "1 lead of the person: A"
    compacted = newest(sales_floor)
    assert not secrets_in(compacted)
    assert b"4014194200" not in compacted
    assert sales_floor.state.persons.first_with(f"phone/{new['phone']}") is None
    assert sales_floor.state.persons.erased_among(hashes) == hashes
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_a_resend_brings_no_fact_back_and_is_explained(sales_floor: SalesFloor) -> None:
    sales_floor.of("A").asks("erase", "ada")
    sales_floor.comes("A", **FACTS)
    assert not secrets_in(newest(sales_floor))
    (dropped,) = sales_floor.all_decisions("A", ArrivalDropped)
    assert dropped.why == "it is a resend, and lead A was erased"
    sales_floor.agree()


def test_who_comes_again_is_refused_or_taken_as_the_setting_says(sales_floor: SalesFloor) -> None:
    sales_floor.of("A").asks("erase", "ada")
    sales_floor.settings(refuse_erased=True)
    sales_floor.comes("N", **FACTS)
    assert sales_floor.rows["N"].lead is None
    (dropped,) = sales_floor.all_decisions("N", ArrivalDropped)
    assert (
        dropped.why == "its phone and email is an erased person's, and the org's setting refuse_erased is on"
    )
    assert any(isinstance(decision, ArrivalTurnedAway) for decision in sales_floor.decided)
    assert not secrets_in(newest(sales_floor))
    sales_floor.settings(refuse_erased=False)
    sales_floor.comes("M", **FACTS)
    assert sales_floor.lead_of("M").facts.phone == PHONE
    persons = sales_floor.state.persons
    assert not persons.erased_hashes, "the person counts as erased no more"
    assert any(digest.startswith("phone:") for digest in persons.returned_hashes)
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


def test_nothing_but_reading_is_done_with_an_erased_lead(sales_floor: SalesFloor) -> None:
    sales_floor.of("A").asks("erase", "ada")
    before = sales_floor.rows["A"].seq
    for action, fields in (
        ("note", {"note": "n"}),
        ("assign", {"to_rep_id": "bob"}),
        ("claim", {}),
        ("reopen", {"why": "again"}),
    ):
        answer = sales_floor.of("A").asks(action, "ada", **fields)
        assert (answer.result, answer.reason) == (Result.REFUSED, Reason.LEAD_CLOSED), action
    assert sales_floor.of("A").asks("erase", "ada").result is Result.DONE
    assert sales_floor.rows["A"].seq == before


@pytest.mark.parametrize("compacted", [False, True])
def test_a_recovered_org_has_forgotten_the_person_too(sales_floor: SalesFloor, compacted: bool) -> None:
    sales_floor.comes("I", last_name="Zabriskie", phone=PHONE, email="other@x.org")
    sales_floor.comes("A", **{**FACTS, "email": "third@x.org"})
    sales_floor.erases(lead="A")
    sales_floor.restart_org(compacted=compacted)
    persons = sales_floor.state.persons
    assert persons.first_with(f"phone/{PHONE}") is None
    assert persons.is_erased("A")
    assert persons.lead_of("I") == "A", "a resend of the inquiry is still recognised"
    assert not secrets_in(newest(sales_floor))


def test_a_zombies_late_row_brings_no_handle_back(sales_floor: SalesFloor) -> None:
    late = next(
        record
        for _, record in sales_floor.journal
        if isinstance(record, OrgRowKept) and isinstance(record.value, OrgPerson) and record.value.handles
    )
    sales_floor.of("A").asks("erase", "ada")
    sales_floor.journal.append((b"default/person/A", late))
    sales_floor.restart_org()
    assert sales_floor.state.persons.first_with(f"phone/{PHONE}") is None


def test_x4_an_order_that_comes_twice_is_answered_the_same_and_changes_nothing(
    sales_floor: SalesFloor,
) -> None:
    sales_floor.erases(lead="A")
    row, order = (
        sales_floor.rows["A"],
        ErasureOrdered(lead_id="A", cause="erase/9/A", org=ORG, rep_id="ada", why="again"),
    )
    first = step(row, order, off=10_000, at=sales_floor.now, rule_book=sales_floor.rule_book)
    repeated = step(first, order, off=10_001, at=sales_floor.now, rule_book=sales_floor.rule_book)
    assert repeated.answers == first.answers
    assert repeated.lead == first.lead == row.lead


def test_a_handle_of_more_leads_than_one_person_has_erases_nothing(sales_floor: SalesFloor) -> None:
    for n in range(25):
        sales_floor.comes(f"S{n}", phone=f"+140141901{n:02d}")
        sales_floor.comes(f"S{n}", phone=f"+140141901{n:02d}", email="info@shop.org")
    answer = sales_floor.erases(handle="email/info@shop.org")
    assert "more than one person has: name the lead" in (answer.why or "")
    assert (
        sales_floor.erases(lead="S3").why
        == "25 leads share a phone or mail address with it, more than one person has; only this lead is erased: S3"
    )
    assert sales_floor.lead_of("S3").erased_at is not None
    assert sales_floor.lead_of("S4").erased_at is None


def test_k1_a_handle_that_came_with_three_last_names_erases_no_strangers(sales_floor: SalesFloor) -> None:
    for n in range(3):
        sales_floor.comes(f"S{n}", last_name=f"Person{n}", phone=f"+140141901{n:02d}", email="info@shop.org")
    assert "it tells nobody apart: name the lead" in (
        sales_floor.erases(handle="email/info@shop.org").why or ""
    )
    assert (sales_floor.erases(lead="S1").why or "").endswith("1 lead of the person: S1")
    assert [sales_floor.lead_of(f"S{n}").erased_at is not None for n in range(3)] == [False, True, False]
    sales_floor.restart_org(compacted=True)


def test_k1_an_erased_placeholder_and_a_service_number_turn_nobody_away(sales_floor: SalesFloor) -> None:
    sales_floor.settings(refuse_erased=True)
    sales_floor.comes("S0", phone="+18004194247", email="none@none.com").erases(lead="S0")
    sales_floor.comes("S1", phone="+18004194247", email="none@none.com", last_name="Roe")
    assert sales_floor.lead_of("S1").facts.last_name == "Roe"


def test_a_closed_lead_is_erased_when_its_retention_period_ends(sales_floor: SalesFloor) -> None:
    sales_floor.settings(retention_days=30)
    sales_floor.of("A").asks("outcome", "ann", outcome="closed_won")
    assert sales_floor.deadline(DeadlineKind.RETENTION).due == sales_floor.now + timedelta(days=30)
    sales_floor.wait(days=29)
    assert sales_floor.lead_of("A").facts.phone == PHONE
    sales_floor.wait(days=2)
    (erased,) = sales_floor.all_decisions("A", LeadErased)
    assert (erased.rep_id, erased.hashes) == (None, ())
    assert erased.why == "closed for 30 days, the org's retention period"
    assert not secrets_in(newest(sales_floor))
    assert not any(
        isinstance(record, OrgRowKept) and isinstance(record.value, OrgErased)
        for _, record in sales_floor.journal
    )
    assert any(isinstance(decision, PersonForgotten) for decision in sales_floor.decided)
    sales_floor.comes("N", **FACTS)
    assert sales_floor.lead_of("N").facts.phone == PHONE, "the person may come back"


def test_a_shorter_period_reaches_leads_that_were_closed_before(sales_floor: SalesFloor) -> None:
    sales_floor.of("A").asks("outcome", "ann", outcome="closed_won")
    closed = sales_floor.now
    sales_floor.wait(days=10)
    sales_floor.settings(retention_days=20)
    assert sales_floor.of("A").deadline(DeadlineKind.RETENTION).due == closed + timedelta(days=20)
    sales_floor.settings()
    assert sales_floor.lead_of("A").deadline(DeadlineKind.RETENTION) is None


def test_the_do_not_contact_list_works_by_hash(sales_floor: SalesFloor) -> None:
    """X6: of an erased person the list keeps the hash, and who comes back with the phone is still not called."""
    sales_floor.lists(f"phone/{PHONE}", "asked us")
    sales_floor.of("A").asks("erase", "ada")
    sales_floor.lists(f"hash/{KEY.hash_of(ORG, 'phone', PHONE)}", "asked us")
    sales_floor.lists(f"phone/{PHONE}", None, erased=True)
    assert not secrets_in(newest(sales_floor).replace(f"default/barred/phone/{PHONE}".encode(), b"")), (
        "the tombstone's key goes later"
    )
    sales_floor.comes("N", **FACTS)
    assert sales_floor.lead_of("N").suppressed == {f"phone/{PHONE}": "asked us"}
    sales_floor.restart_org(compacted=True)


def test_names_have_one_spelling() -> None:
    assert (
        plain_name(" Jeremy", "ZABRISKIE  Jr") == plain_name("jeremy zabriskie jr") == "jeremy zabriskie jr"
    )


def test_the_events_of_an_erasure_have_no_fact() -> None:
    for kind in (ErasureOrdered, ErasureFound, ArrivalRefused):
        assert not {"facts", "phone", "email"} & set(kind.__struct_fields__)


def test_k5_an_erasure_reaches_a_lead_that_the_person_was_taken_out_of() -> None:
    """The split says whom it took out, and stays the newest record of the former lead until something happens to it."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob").rep("mia", role="manager")
    sales_floor.comes("A", phone="+12125551234", last_name="Roe", first_name="Bob")
    sales_floor.comes("B", **FACTS)
    assert (
        sales_floor.of("B").asks("merge", "mia", into_lead_id=sales_floor.lead_of("A").lead_id).result
        is Result.DONE
    )
    before = sales_floor.lead_of("A")
    inquiry = sales_floor.lead_of("B").lead_id
    assert sales_floor.of("A").asks("split", "mia", inquiry_id=inquiry, why="another").result is Result.DONE
    assert secrets_in(encode_row(sales_floor.rows["A"])), "the record of the split has the facts"
    assert sales_floor.of("B").asks("erase", "ada").result is Result.DONE
    assert secrets_in(newest(sales_floor)) == []
    lead = sales_floor.lead_of("A")
    assert (lead.facts, lead.phase, lead.owner) == (before.facts, before.phase, before.owner)
    assert lead.erased_at is None
    seq = sales_floor.rows["A"].seq
    sales_floor.of("B").asks("erase", "ada")
    assert sales_floor.rows["A"].seq == seq, "a repeated erasure tells nobody again"
