"""An outcome puts a person on the do-not-contact list, and only recorded consent takes the person off it (M8)."""

import pytest

from models.contact_decisions import ConsentRecorded, ContactForbidden, SuppressionRecorded
from models.lead import Lead, Phase
from models.public import DO_NOT_CONTACT
from models.results import Reason, Result
from rules.outbound.public_messages import public_messages
from tests.rules.distribution.sales_floor import SalesFloor

PHONE, MAIL = "+14014194247", "j@x.org"
HANDLES = (f"phone/{PHONE}", f"email/{MAIL}")
REASON = "outcome do_not_contact"
WHY = "signed the form on 21 November"


@pytest.fixture
def floor() -> SalesFloor:
    """Return a floor with a lead with phone and address, owned by ann, on a Friday morning in Rhode Island."""
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    return floor.comes("A", phone=PHONE, email=MAIL)


def lead(floor: SalesFloor, name: str = "A") -> Lead:
    """Return a lead after its outcome."""
    return floor.lead_of(name)


def connect(floor: SalesFloor, rep_id: str = "ann", name: str = "A") -> tuple[Result, Reason | None]:
    """Press 1 again."""
    answer = floor.of(name).asks("connect", rep_id)
    return answer.result, answer.reason


REFUSED = (Result.REFUSED, Reason.SUPPRESSED)


def test_d9_m8_an_outcome_of_the_list_puts_phone_and_mail_on_it_at_once(floor: SalesFloor) -> None:
    """CASES D9: the outcome `do_not_contact` suppressed nothing."""
    with floor.late():
        floor.asks("outcome", "ann", outcome="do_not_contact")
        assert lead(floor).suppressed == dict.fromkeys(HANDLES, REASON), "before any message has arrived"
    (said,) = floor.all_decisions("A", ContactForbidden)
    assert said == ContactForbidden(rep_id="ann", outcome="do_not_contact", reason=REASON, handles=HANDLES)
    assert lead(floor).phase is Phase.CLOSED
    floor.deliver()
    assert all(floor.state.persons.forbidden_reason(handle) == REASON for handle in HANDLES)
    assert floor.all_decisions("A", SuppressionRecorded) == [], "its own list tells it nothing new"
    floor.agree()


def test_d9_m8_another_inquiry_reopens_the_lead_and_it_is_still_not_called(floor: SalesFloor) -> None:
    """CASES D9: the next inquiry reopened the lead, and it could be called."""
    floor.asks("outcome", "ann", outcome="do_not_contact")
    floor.comes("A2", vendor="globex", phone=PHONE, consent=True)
    assert (lead(floor).owner, lead(floor).phase) == ("ann", Phase.OWNED)
    assert connect(floor) == REFUSED
    floor.comes("A", phone=PHONE, email=MAIL, silenced=False, consent=True)
    assert connect(floor) == REFUSED
    floor.agree()


def test_m8_every_lead_with_the_phone_or_the_address_is_on_it_too(floor: SalesFloor) -> None:
    floor.comes("B", phone="+14014190001")
    floor.comes("B", phone="+14014190001", email=MAIL)  # the resend brings the address of the first
    floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    assert lead(floor, "B").suppressed == {f"email/{MAIL}": REASON}
    assert connect(floor, "bob", "B") == REFUSED
    floor.restart_org(compacted=True)
    floor.of("A").asks("consent", "mia", why=WHY)
    assert not lead(floor, "B").silenced
    assert connect(floor, "bob", "B") == (Result.DONE, None)


def test_m8_the_outcomes_are_a_setting(floor: SalesFloor) -> None:
    floor.settings(do_not_contact_outcomes=["stop calling"], closing_outcomes=[])
    floor.asks("outcome", "ann", outcome="do_not_contact")
    assert not lead(floor).silenced
    floor.asks("outcome", "ann", outcome="stop calling")
    assert lead(floor).suppressed == dict.fromkeys(HANDLES, "outcome stop calling")
    assert (lead(floor).owner, lead(floor).phase) == ("ann", Phase.OWNED), "the assignment stays"


def test_m8_a_lead_without_phone_and_mail_is_silenced_itself(floor: SalesFloor) -> None:
    floor.comes("B").of("B").asks("outcome", "bob", outcome="do_not_contact")
    assert (lead(floor, "B").suppressed, lead(floor, "B").facts.silenced) == ({}, True)
    floor.comes("B", phone="+14014190001")
    assert lead(floor, "B").facts.phone == "+14014190001"
    assert lead(floor, "B").silenced


@pytest.mark.parametrize("rep_id", ["ann", "mia", "ada"])
def test_m8_its_owner_or_a_manager_records_consent_and_it_may_be_called(
    floor: SalesFloor, rep_id: str
) -> None:
    floor.settings(closing_outcomes=[])
    floor.asks("outcome", "ann", outcome="do_not_contact")
    assert floor.asks("consent", rep_id, why=WHY).result is Result.DONE
    (said,) = floor.all_decisions("A", ConsentRecorded)
    assert said == ConsentRecorded(rep_id=rep_id, why=WHY, handles=tuple(sorted(HANDLES)))
    assert (lead(floor).silenced, lead(floor).facts.consent) == (False, True)
    assert all(floor.state.persons.forbidden_reason(handle) is None for handle in HANDLES)
    assert connect(floor) == (Result.DONE, None)
    floor.agree()


def test_m8_consent_lifts_what_a_vendor_or_the_list_said_as_well(floor: SalesFloor) -> None:
    floor.comes("B", phone="+14014190001", silenced=True).lists("phone/+14014190001")
    assert floor.of("B").asks("consent", "mia", why=WHY).result is Result.DONE
    assert not lead(floor, "B").silenced
    assert floor.state.persons.forbidden_reason("phone/+14014190001") is None


@pytest.mark.parametrize(
    ("rep_id", "fields", "reason"),
    [("bob", {"why": WHY}, Reason.NOT_ALLOWED), ("ann", {}, Reason.INVALID), ("mia", {}, Reason.INVALID)],
)
def test_m8_consent_needs_a_reason_and_somebody_who_may(
    floor: SalesFloor, rep_id: str, fields: dict[str, str], reason: Reason
) -> None:
    floor.settings(closing_outcomes=[])
    floor.asks("outcome", "ann", outcome="do_not_contact")
    answer = floor.asks("consent", rep_id, **fields)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert lead(floor).silenced


def test_m8_consent_where_nothing_is_to_lift_changes_nothing_but_is_noted_once(floor: SalesFloor) -> None:
    assert floor.asks("consent", "ann", why=WHY).why is None
    version = floor.row.seq
    assert (lead(floor).facts.consent, floor.asks("consent", "ann", why=WHY).result) == (True, Result.DONE)
    assert floor.row.seq == version


def test_m8_a_new_wish_for_silence_counts_after_consent(floor: SalesFloor) -> None:
    floor.settings(closing_outcomes=[])
    floor.asks("outcome", "ann", outcome="do_not_contact")
    floor.asks("consent", "mia", why=WHY)
    floor.comes("A2", vendor="globex", phone=PHONE, silenced=True)
    assert connect(floor) == REFUSED


def test_m8_the_record_gives_the_list_its_messages(floor: SalesFloor) -> None:
    def listings() -> list[tuple[bytes, bool]]:
        messages = public_messages(floor.row, b"A", 0)
        return [(each.key, each.payload is None) for each in messages if each.topic == DO_NOT_CONTACT]

    with floor.late():
        floor.asks("outcome", "ann", outcome="do_not_contact")
        assert listings() == [(f"default/{handle}".encode(), False) for handle in HANDLES]
        floor.asks("consent", "mia", why=WHY)
        assert listings() == [(f"default/{handle}".encode(), True) for handle in sorted(HANDLES)]


def test_x6_m8_a_listed_lead_rings_is_won_and_is_not_connected() -> None:
    """X6 holds back the call, and never the assignment."""
    floor = SalesFloor("ann", "bob").group("west", "ann", "bob", method="ring_all", ring_seconds=25)
    floor.lists(f"phone/{PHONE}").comes("A", phone=PHONE)
    assert floor.has("A") == ("ann", "bob")
    assert floor.asks("press_one", "bob").result is Result.WON
    assert connect(floor, "bob") == REFUSED
    assert floor.lead_of("A").owner == "bob"
