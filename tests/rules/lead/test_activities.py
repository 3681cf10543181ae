"""Every contact counts: it is recorded, claims within a window, and sets when the lead was contacted (M3)."""

from datetime import timedelta

import pytest

from models.activities import SHORT_TYPES, ActivityKind, activity_kind
from models.decisions import ActivityRecorded
from models.lead import Phase
from models.results import Reason, Result
from tests.rules.distribution.sales_floor import SalesFloor
from tests.rules.lead.lead_scenario import START, Scenario

CONTACT = {"call", "email", "sms"}


@pytest.fixture
def scenario() -> Scenario:
    """Return a scenario with a lead that rep-7 owns."""
    scenario = Scenario().queue("all").arrives()
    scenario.asks("assign", "mia", to_rep_id="rep-7")
    return scenario


@pytest.mark.parametrize("kind", list(ActivityKind))
def test_m3_an_owners_activity_is_recorded_and_some_kinds_are_contact(scenario: Scenario, kind: str) -> None:
    answer = scenario.at(minutes=5).asks("activity", "rep-7", kind=kind, note="n")
    contact = kind in CONTACT
    assert answer.result is Result.DONE
    assert scenario.decisions == [ActivityRecorded(rep_id="rep-7", kind=kind, contact=contact, note="n")]
    contacted = START + timedelta(minutes=5) if contact else None
    assert (scenario.lead.last_contacted_at, scenario.lead.owner_last_contacted_at) == (contacted, contacted)


@pytest.mark.parametrize("kind", sorted(SHORT_TYPES))
def test_d14_m3_a_kind_is_a_type_of_its_own_too(scenario: Scenario, kind: str) -> None:
    """CASES D14: `type` call, email, sms, call_log, todo and drip_plan were unknown, though R3 names them."""
    answer = scenario.asks(kind, "rep-7", note="n")
    assert (answer.result, answer.action) == (Result.DONE, kind)
    assert scenario.decisions == [
        ActivityRecorded(rep_id="rep-7", kind=kind, contact=kind in CONTACT, note="n")
    ]


@pytest.mark.parametrize("kind", list(ActivityKind))
def test_r3_m3_each_kind_claims_within_the_window(kind: str) -> None:
    sales_floor = SalesFloor("ann", "bob").group("west", "ann", "bob", claim_window_seconds=900).comes("A-1")
    assert sales_floor.asks("activity", "bob", kind=kind).reason is Reason.NOT_QUALIFIED
    assert sales_floor.lead.phase is Phase.OFFERED
    answer = sales_floor.asks("activity", "ann", kind=kind)
    assert (answer.result, answer.owner) == (Result.DONE, "ann")
    sales_floor.agree()


def test_m3_which_kinds_are_contact_is_a_setting(scenario: Scenario) -> None:
    scenario.settings(contact_kinds=["call_log"])
    scenario.asks("activity", "rep-7", kind="call")
    assert scenario.lead.last_contacted_at is None
    scenario.asks("activity", "rep-7", kind="call_log")
    assert scenario.lead.last_contacted_at == scenario.now


def test_m3_a_managers_call_is_the_leads_contact_and_not_the_owners(scenario: Scenario) -> None:
    scenario.asks("activity", "mia", kind="call")
    assert (scenario.lead.last_contacted_at, scenario.lead.owner_last_contacted_at) == (scenario.now, None)
    assert scenario.asks("activity", "rep-9", kind="call").reason is Reason.NOT_ALLOWED
    scenario.asks("activity", "rep-7", kind="sms")
    assert scenario.lead.owner_last_contacted_at == scenario.now
    scenario.asks("reassign", "mia", to_rep_id="rep-9", why="w")
    assert scenario.lead.owner_last_contacted_at is None, "the new owner has not contacted it yet"


def test_m3_an_activity_keeps_the_lock_and_needs_a_kind(scenario: Scenario) -> None:
    scenario.opens("rep-7")
    scenario.asks("activity", "rep-7", kind="call")
    assert scenario.lead.phase is Phase.WORKING
    without = scenario.asks("activity", "rep-7")
    assert (without.reason, (without.why or "").startswith("kind: is missing")) == (
        Reason.INVALID,
        True,
    )


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Phone Call", "call"),
        ("Text", "sms"),
        ("e-mail", "email"),
        ("To-Do", "todo"),
        ("Task", "todo"),
        ("Drip", "drip_plan"),
        ("mass email", "bulk_email"),
        ("CALL_LOG", "call_log"),
    ],
)
def test_m3_crms_words_are_read(word: str, kind: str) -> None:
    assert activity_kind(word) == kind


@pytest.mark.parametrize("word", ["dance", 7, ["call"]])
def test_m3_another_word_is_refused_with_the_kinds_there_are(word: object) -> None:
    with pytest.raises(
        ValueError, match=r"is not a kind of activity; the kinds are call, email|must be text"
    ):
        activity_kind(word)
