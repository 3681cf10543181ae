"""A queue's page says why its leads are there, and no more than its columns show (X1, Q3)."""

from __future__ import annotations

from typing import Any

import pytest

from models.events import DirectoryPublished
from rules.queues.rule_book import RuleBook
from web.services.queue_reason import queue_reason, rules_sentence

FREE = {"combinator": "and", "rules": [{"field": "owned", "operator": "=", "value": False}]}
LARGE = {"combinator": "and", "rules": [{"field": "loan_amount", "operator": ">=", "value": 600000}]}
SILENT = {"combinator": "and", "rules": [{"field": "silenced", "operator": "=", "value": True}]}
OWN = {"combinator": "and", "rules": [{"field": "attributes.pet", "operator": "=", "value": "cat"}]}


def one_rule(field: str, value: str) -> dict[str, Any]:
    """Return a group with one rule: the field has this value."""
    return {"combinator": "and", "rules": [{"field": field, "operator": "=", "value": value}]}


def reason_shown(*, oversees: bool, **value: Any) -> str | None:
    """Return what the page of a queue with these rules says."""
    rule_book = RuleBook().publish(
        DirectoryPublished(
            cause="1",
            lead_id="",
            org="default",
            kind="queue",
            object_id="new",
            version=1,
            value={"queue_id": "new", "name": "New", "claimable": True, **value},
        )
    )
    return queue_reason(rule_book.org("default"), "new", oversees=oversees)


@pytest.mark.parametrize(
    ("rules", "columns", "shown"),
    [
        ({"inclusion": FREE}, ["state"], "Why they are here: the lead has no owner."),
        (
            {"inclusion": FREE, "exclusion": SILENT},
            ["phone"],
            "Why they are here: the lead has no owner; not if the lead must not be contacted.",
        ),
        (
            {"exclusion": SILENT},
            ["phone"],
            "Why they are here: every lead; not if the lead must not be contacted.",
        ),
        ({"inclusion": FREE, "exclusion": SILENT}, ["state"], None),
        ({}, ["state"], "Every lead is here."),
        ({"inclusion": LARGE}, ["loan_amount"], "Why they are here: Loan amount is at least 600,000."),
        ({"inclusion": LARGE}, ["state"], None),
        ({"exclusion": LARGE}, ["state"], None),
        ({"inclusion": {"combinator": "or", "rules": [FREE, LARGE]}}, ["state"], None),
        ({"inclusion": OWN}, ["state"], None),
        ({"inclusion": FREE}, [], None),
        ({"inclusion": one_rule("last_outcome", "interested")}, ["state"], None),
        ({"inclusion": one_rule("claimed_through", "secret")}, ["state"], None),
        ({"inclusion": one_rule("owner", "rep-2")}, ["state"], None),
        (
            {"inclusion": one_rule("last_outcome", "left_message")},
            ["last_outcome"],
            "Why they are here: Last outcome is left message.",
        ),
    ],
)
def test_q3_a_rep_is_told_no_fact_that_the_queue_does_not_show(
    rules: dict[str, Any], columns: list[str], shown: str | None
) -> None:
    assert reason_shown(oversees=False, columns=columns, **rules) == shown
    assert reason_shown(oversees=True, columns=columns, **rules) == (
        rules_sentence(rules, RuleBook().org("default")) or "Every lead is here."
    )


def test_a_queue_of_many_rules_names_some_and_counts_the_others() -> None:
    inclusion = {
        "combinator": "and",
        "rules": [{"field": "loan_amount", "operator": ">=", "value": n} for n in range(100)],
    }
    sentence = reason_shown(oversees=True, columns=["state"], inclusion=inclusion)
    assert sentence is not None
    assert sentence.endswith("Loan amount is at least 7 and 92 more rules.")


def test_an_unknown_queue_has_no_reason() -> None:
    assert queue_reason(RuleBook().org("default"), "none", oversees=True) is None
