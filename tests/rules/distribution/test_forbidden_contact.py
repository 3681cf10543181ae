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
def sales_floor() -> SalesFloor:
    """Return a sales floor with a lead with phone and address, owned by ann, on a Friday morning in Rhode Island."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob")
    return sales_floor.comes("A", phone=PHONE, email=MAIL)


def lead(sales_floor: SalesFloor, name: str = "A") -> Lead:
    """Return a lead after its outcome."""
    return sales_floor.lead_of(name)


def connect(sales_floor: SalesFloor, rep_id: str = "ann", name: str = "A") -> tuple[Result, Reason | None]:
    """Press 1 again."""
    answer = sales_floor.of(name).asks("connect", rep_id)
    return answer.result, answer.reason


REFUSED = (Result.REFUSED, Reason.SUPPRESSED)


def test_d9_m8_an_outcome_of_the_list_puts_phone_and_mail_on_it_at_once(sales_floor: SalesFloor) -> None:
    """CASES D9: the outcome `do_not_contact` suppressed nothing."""
    with sales_floor.messages_held():
        sales_floor.asks("outcome", "ann", outcome="do_not_contact")
        assert lead(sales_floor).suppressed == dict.fromkeys(HANDLES, REASON), (
            "before any message has arrived"
        )
    (decision,) = sales_floor.all_decisions("A", ContactForbidden)
    assert decision == ContactForbidden(
        rep_id="ann", outcome="do_not_contact", reason=REASON, handles=HANDLES
    )
    assert lead(sales_floor).phase is Phase.CLOSED
    sales_floor.deliver()
    assert all(sales_floor.state.persons.forbidden_reason(handle) == REASON for handle in HANDLES)
    assert sales_floor.all_decisions("A", SuppressionRecorded) == [], "its own list tells it nothing new"
    sales_floor.agree()


def test_d9_m8_another_inquiry_reopens_the_lead_and_it_is_still_not_called(sales_floor: SalesFloor) -> None:
    """CASES D9: the next inquiry reopened the lead, and it could be called."""
    sales_floor.asks("outcome", "ann", outcome="do_not_contact")
    sales_floor.comes("A2", vendor="globex", phone=PHONE, consent=True)
    assert (lead(sales_floor).owner, lead(sales_floor).phase) == ("ann", Phase.OWNED)
    assert connect(sales_floor) == REFUSED
    sales_floor.comes("A", phone=PHONE, email=MAIL, silenced=False, consent=True)
    assert connect(sales_floor) == REFUSED
    sales_floor.agree()


def test_m8_every_lead_with_the_phone_or_the_address_is_on_it_too(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", phone="+14014190001")
    sales_floor.comes("B", phone="+14014190001", email=MAIL)  # the resend brings the address of the first
    sales_floor.of("A").asks("outcome", "ann", outcome="do_not_contact")
    assert lead(sales_floor, "B").suppressed == {f"email/{MAIL}": REASON}
    assert connect(sales_floor, "bob", "B") == REFUSED
    sales_floor.restart_org(compacted=True)
    sales_floor.of("A").asks("consent", "mia", why=WHY)
    assert not lead(sales_floor, "B").silenced
    assert connect(sales_floor, "bob", "B") == (Result.DONE, None)


def test_m8_the_outcomes_are_a_setting(sales_floor: SalesFloor) -> None:
    sales_floor.settings(do_not_contact_outcomes=["stop calling"], closing_outcomes=[])
    sales_floor.asks("outcome", "ann", outcome="do_not_contact")
    assert not lead(sales_floor).silenced
    sales_floor.asks("outcome", "ann", outcome="stop calling")
    assert lead(sales_floor).suppressed == dict.fromkeys(HANDLES, "outcome stop calling")
    assert (lead(sales_floor).owner, lead(sales_floor).phase) == ("ann", Phase.OWNED), "the assignment stays"


def test_m8_a_lead_without_phone_and_mail_is_silenced_itself(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B").of("B").asks("outcome", "bob", outcome="do_not_contact")
    assert (lead(sales_floor, "B").suppressed, lead(sales_floor, "B").facts.silenced) == ({}, True)
    sales_floor.comes("B", phone="+14014190001")
    assert lead(sales_floor, "B").facts.phone == "+14014190001"
    assert lead(sales_floor, "B").silenced


@pytest.mark.parametrize("rep_id", ["ann", "mia", "ada"])
def test_m8_its_owner_or_a_manager_records_consent_and_it_may_be_called(
    sales_floor: SalesFloor, rep_id: str
) -> None:
    sales_floor.settings(closing_outcomes=[])
    sales_floor.asks("outcome", "ann", outcome="do_not_contact")
    assert sales_floor.asks("consent", rep_id, why=WHY).result is Result.DONE
    (decision,) = sales_floor.all_decisions("A", ConsentRecorded)
    assert decision == ConsentRecorded(rep_id=rep_id, why=WHY, handles=tuple(sorted(HANDLES)))
    assert (lead(sales_floor).silenced, lead(sales_floor).facts.consent) == (False, True)
    assert all(sales_floor.state.persons.forbidden_reason(handle) is None for handle in HANDLES)
    assert connect(sales_floor) == (Result.DONE, None)
    sales_floor.agree()


def test_m8_consent_lifts_what_a_vendor_or_the_list_said_as_well(sales_floor: SalesFloor) -> None:
    sales_floor.comes("B", phone="+14014190001", silenced=True).lists("phone/+14014190001")
    assert sales_floor.of("B").asks("consent", "mia", why=WHY).result is Result.DONE
    assert not lead(sales_floor, "B").silenced
    assert sales_floor.state.persons.forbidden_reason("phone/+14014190001") is None


@pytest.mark.parametrize(
    ("rep_id", "fields", "reason"),
    [("bob", {"why": WHY}, Reason.NOT_ALLOWED), ("ann", {}, Reason.INVALID), ("mia", {}, Reason.INVALID)],
)
def test_m8_consent_needs_a_reason_and_somebody_who_may(
    sales_floor: SalesFloor, rep_id: str, fields: dict[str, str], reason: Reason
) -> None:
    sales_floor.settings(closing_outcomes=[])
    sales_floor.asks("outcome", "ann", outcome="do_not_contact")
    answer = sales_floor.asks("consent", rep_id, **fields)
    assert (answer.result, answer.reason) == (Result.REFUSED, reason)
    assert lead(sales_floor).silenced


def test_m8_consent_where_nothing_is_to_lift_changes_nothing_but_is_noted_once(
    sales_floor: SalesFloor,
) -> None:
    assert sales_floor.asks("consent", "ann", why=WHY).why is None
    version = sales_floor.row.seq
    assert (lead(sales_floor).facts.consent, sales_floor.asks("consent", "ann", why=WHY).result) == (
        True,
        Result.DONE,
    )
    assert sales_floor.row.seq == version


def test_m8_a_new_wish_for_silence_counts_after_consent(sales_floor: SalesFloor) -> None:
    sales_floor.settings(closing_outcomes=[])
    sales_floor.asks("outcome", "ann", outcome="do_not_contact")
    sales_floor.asks("consent", "mia", why=WHY)
    sales_floor.comes("A2", vendor="globex", phone=PHONE, silenced=True)
    assert connect(sales_floor) == REFUSED


def test_m8_the_record_gives_the_list_its_messages(sales_floor: SalesFloor) -> None:
    def listings() -> list[tuple[bytes, bool]]:
        messages = public_messages(sales_floor.row, b"A", 0)
        return [
            (message.key, message.payload is None) for message in messages if message.topic == DO_NOT_CONTACT
        ]

    with sales_floor.messages_held():
        sales_floor.asks("outcome", "ann", outcome="do_not_contact")
        assert listings() == [(f"default/{handle}".encode(), False) for handle in HANDLES]
        sales_floor.asks("consent", "mia", why=WHY)
        assert listings() == [(f"default/{handle}".encode(), True) for handle in sorted(HANDLES)]


def test_x6_m8_a_listed_lead_rings_is_won_and_is_not_connected() -> None:
    """X6 holds back the call, and never the assignment."""
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob", method="ring_all", ring_seconds=25)
    sales_floor.lists(f"phone/{PHONE}").comes("A", phone=PHONE)
    assert sales_floor.has("A") == ("ann", "bob")
    assert sales_floor.asks("press_one", "bob").result is Result.WON
    assert connect(sales_floor, "bob") == REFUSED
    assert sales_floor.lead_of("A").owner == "bob"
