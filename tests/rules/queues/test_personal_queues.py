"""A rep's own queue: its offers and its leads, their order and their columns (D3, D4, R3, S5)."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from models.contact_decisions import CallbackDue, CallbackSet
from models.decisions import ArrivalRepeated, Decision, LeadClosed, OutcomeRecorded
from models.lead import Lead, Phase
from models.offer_decisions import OfferDeclined
from models.offers import Outcome
from rules.queues.personal_queues import own_columns, own_queues, own_sort_key
from tests.rules.outbound.journal_cases import (
    AT,
    UNTIL,
    changes,
    lead,
    messages_of,
    offer,
    offer_ended,
    offered_lead,
    owned_lead,
    owner,
    row,
)

LATER = AT + timedelta(hours=2)


@dataclass(frozen=True)
class Own:
    """A record, and its changes of reps' own queues."""

    decisions: list[Decision]
    after: Lead
    expected: dict[str, str]


@pytest.mark.parametrize(
    "case",
    [
        Own([owner("rep-7")], owned_lead(), {"rep/rep-7": "entered"}),
        Own([owner("rep-7", "rep-2")], owned_lead(), {"rep/rep-2": "left", "rep/rep-7": "entered"}),
        Own([owner(None, "rep-7")], lead(), {"rep/rep-7": "left"}),
        Own(
            [owner("rep-7"), CallbackSet(rep_id="rep-7", at=LATER)],
            owned_lead(callback_at=LATER),
            {"rep/rep-7": "entered"},
        ),
        Own([CallbackSet(rep_id="rep-7", at=LATER)], owned_lead(callback_at=LATER), {"rep/rep-7": "moved"}),
        Own([CallbackDue(rep_id="rep-7")], owned_lead(callback_at=AT), {"rep/rep-7": "moved"}),
        Own([CallbackSet(rep_id="rep-7", at=None)], lead(deferred_at=AT), {}),
        Own([ArrivalRepeated(filled=("email",))], owned_lead(), {"rep/rep-7": "moved"}),
        Own([ArrivalRepeated(filled=("email",))], owned_lead(phase=Phase.CLOSED), {}),
        Own([OutcomeRecorded(rep_id="rep-7", outcome="no_answer")], owned_lead(), {"rep/rep-7": "moved"}),
        Own(
            [OutcomeRecorded(rep_id="rep-7", outcome="closed_won"), LeadClosed(outcome="closed_won")],
            owned_lead(phase=Phase.CLOSED),
            {"rep/rep-7": "left"},
        ),
        Own(
            [LeadClosed(outcome="closed_lost")],
            lead(phase=Phase.CLOSED),
            {},
        ),
        Own([owner("rep-7", "rep-7")], owned_lead(), {"rep/rep-7": "moved"}),
    ],
)
def test_d3_an_owned_lead_is_in_its_owners_queue_and_no_other_reps(case: Own) -> None:
    assert changes(row(*case.decisions, of=case.after)) == case.expected


def test_d4_a_due_call_is_at_the_top_a_later_one_below_and_one_without_a_time_at_the_end() -> None:
    earlier, later = AT - timedelta(minutes=5), AT + timedelta(minutes=5)
    top_first = [
        owned_lead(callback_at=earlier),
        owned_lead(callback_at=AT),
        owned_lead(assigned_at=earlier),
        owned_lead(assigned_at=AT),
        owned_lead(callback_at=later),
        owned_lead(deferred_at=earlier),
    ]
    keys = [own_sort_key(lead, AT) for lead in top_first]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert own_queues(lead()) == ()
    assert (
        own_sort_key(offered_lead("rep-7"), AT)
        < own_sort_key(offered_lead("rep-7", until=None), AT)
        < keys[0]
    )


@pytest.mark.parametrize(
    "case",
    [
        Own([offer("rep-7")], offered_lead("rep-7"), {"rep/rep-7": "entered"}),
        Own(
            [offer("rep-2", "rep-7")],
            offered_lead("rep-2", "rep-7"),
            {"rep/rep-2": "entered", "rep/rep-7": "entered"},
        ),
        Own(
            [offer_ended(Outcome.TIMEOUT, "rep-2", "rep-7")],
            lead(),
            {"rep/rep-2": "left", "rep/rep-7": "left"},
        ),
        Own([offer_ended(Outcome.VOIDED, "rep-7")], lead(), {"rep/rep-7": "left"}),
        Own(
            [offer_ended(Outcome.CLAIMED, "rep-2"), owner("rep-7")],
            owned_lead(),
            {"rep/rep-2": "left", "rep/rep-7": "moved"},
        ),
        Own(
            [offer_ended(Outcome.VOIDED, "rep-2"), owner("rep-7")],
            owned_lead(),
            {"rep/rep-2": "left", "rep/rep-7": "entered"},
        ),
        Own([offer_ended(Outcome.TIMEOUT, "rep-7"), owner("rep-7")], owned_lead(), {"rep/rep-7": "moved"}),
        Own(
            [offer("rep-7"), offer_ended(Outcome.CLAIMED), owner("rep-7")],
            owned_lead(),
            {"rep/rep-7": "entered"},
        ),
        Own([offer("rep-2"), offer_ended(Outcome.VOIDED, "rep-2")], lead(), {}),
        Own(
            [OfferDeclined(rep_id="rep-2", epoch=3, why="w", remaining=("rep-7",))],
            offered_lead("rep-7", "rep-9"),
            {"rep/rep-2": "left"},
        ),
        Own(
            [ArrivalRepeated(filled=("first_name",))],
            offered_lead("rep-2", "rep-7"),
            {"rep/rep-2": "moved", "rep/rep-7": "moved"},
        ),
        Own([ArrivalRepeated()], offered_lead("rep-7"), {}),
        Own([offer_ended(Outcome.VOIDED)], lead(), {}),
    ],
)
def test_r3_s5_an_offer_is_in_its_reps_queues_and_gone_with_the_record_that_ends_it(case: Own) -> None:
    assert changes(row(*case.decisions, of=case.after)) == case.expected


def test_r3_who_is_asked_alone_sees_what_it_decides_about_and_no_contact_data() -> None:
    (_, value), *_ = [
        message
        for message in messages_of(row(offer("rep-7"), of=offered_lead("rep-7")))
        if message[0] == "queue-changes"
    ]
    assert value["columns"] == {
        "name": "Jeremy Jones",
        "offer": True,
        "method": "round_robin",
        "group_id": "west",
        "epoch": 3,
        "until": "2026-11-20T14:27:00Z",
        "state": "RI",
        "loan_purpose": "purchase",
        "loan_amount": 310000,
    }


def test_s1_s5_those_who_race_for_a_lead_see_its_name_and_no_more() -> None:
    ringing = offered_lead("rep-2", "rep-7")
    assert own_columns(ringing) == {
        "name": "Jeremy Jones",
        "offer": True,
        "method": "ring_all",
        "group_id": "west",
        "epoch": 3,
        "until": UNTIL,
    }
    assert "offer" not in own_columns(owned_lead())
