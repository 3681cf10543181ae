"""Reasons are shown with names and labels; ids, fields and values of the log are not (X1)."""

import pytest

from models.events import DirectoryPublished
from rules.language.value_labels import value_label
from rules.queues.rule_book import OrgRules, RuleBook
from web.services.names import Names
from web.services.reason_text import reason_text

PUBLISHED = (
    ("rep", "rep-7", {"rep_id": "rep-7", "name": "Scott Lee", "role": "rep"}),
    ("queue", "work", {"queue_id": "work", "name": "Call these"}),
    ("group", "west", {"group_id": "west", "name": "West Coast", "method": "round_robin"}),
    ("campaign", "radio", {"campaign_id": "radio", "name": "Radio 2026", "vendor": "acme"}),
)


def _rules() -> OrgRules:
    rule_book = RuleBook()
    for version, (kind, object_id, value) in enumerate(PUBLISHED, 1):
        rule_book = rule_book.publish(
            DirectoryPublished(
                cause=str(version),
                lead_id="",
                org="default",
                kind=kind,
                object_id=object_id,
                version=version,
                value=value,
            )
        )
    return rule_book.org("default")


RULES = _rules()

SHOWN = [
    (
        "not in work by its rules of version 2: state is TX, not RI",
        "not in Call these by its rules of version 2: state is TX, not RI",
    ),
    ("first claim; in work by rules 2", "first claim; in Call these by rules 2"),
    ("it was claimed once already, through work", "it was claimed once already, through Call these"),
    ("loan_purpose is cash_out, not purchase", "loan purpose is cash-out, not purchase"),
    ("created_at is empty; attributes.first_home is yes", "created on date is empty; first home is yes"),
    ("rep-7 owns it and the queue is not claimable", "Scott Lee owns it and the queue is not claimable"),
    ("the filter of west: loan_amount is 5", "the filter of West Coast: loan amount is 5"),
    ("nobody is on the roster of west", "nobody is on the roster of West Coast"),
    ("new through campaign radio", "new through campaign Radio 2026"),
    ("its phone is an erased person's", "its phone is an erased person's"),
    ("email is john_cash_out@x.org", "email is john_cash_out@x.org"),
    ("not in unknown by its rules of version 2: x", "not in unknown by its rules of version 2: x"),
]


@pytest.mark.parametrize(("why", "shown"), SHOWN)
def test_x1_a_reason_has_names_and_labels(why: str, shown: str) -> None:
    assert reason_text(why, RULES) == shown
    assert Names(RULES).within(why) == shown


@pytest.mark.parametrize(
    ("value", "label"),
    [("cash_out", "Cash-out"), ("home_equity", "Home equity"), ("RI", "RI"), ("purchase", "Purchase")],
)
def test_a_value_has_a_label(value: str, label: str) -> None:
    assert value_label(value) == label
