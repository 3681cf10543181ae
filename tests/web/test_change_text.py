"""What a publication changed is said in words also where a rule takes the place of a group of rules."""

from typing import Any

import pytest

from application.directory.changes import differences
from models.audit import AuditDifference
from web.services.audit.change_text import change_texts


def group(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return a group of rules that all must be met."""
    return {"combinator": "and", "rules": list(rules)}


def rule(field: str, value: str) -> dict[str, Any]:
    """Return one rule."""
    return {"field": field, "operator": "=", "value": value}


RI, MA, CONDO = rule("state", "RI"), rule("state", "MA"), rule("property_type", "condo")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            {"inclusion": group(group(RI, CONDO), MA)},
            {"inclusion": group(MA)},
            [
                "removes the rule State is RI and Property type is Condo; adds the rule State is MA",
                "removes the rule State is MA",
            ],
        ),
        (
            {"inclusion": group(MA)},
            {"inclusion": group(group(RI, CONDO))},
            ["removes the rule State is MA; adds the rule State is RI and Property type is Condo"],
        ),
        (
            {"filter": MA},
            {"filter": group(RI, MA)},
            [
                "removes the rule State is MA from the filter; adds the rule State is RI and State is MA to the filter"
            ],
        ),
    ],
)
def test_x1_a_rule_and_a_group_that_take_each_others_place_are_named_as_a_whole(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    changes = [
        AuditDifference(difference.path, difference.old, difference.new, difference.rule)
        for difference in differences(old, new)
    ]
    assert change_texts(changes) == expected
