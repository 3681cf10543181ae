"""Lists the fields of the rule builder: the catalogue's fields with their operators, and any attribute (Q2)."""

from typing import Any, Final

from rules.language.catalogue import ATTRIBUTES, FIELDS, builder_field, builder_fields
from rules.language.operators import FieldType
from rules.language.value_labels import value_label
from rules.queues.rule_book import OrgRules
from web.services.outcome_labels import org_outcomes, outcome_label

UTC: Final = "UTC"
OUTCOME: Final = "last_outcome"
FREE: Final = "Another attribute"
"""The label of the builder's entry where a person types an attribute's name."""


def offered_fields(
    attributes: tuple[str, ...] = (), *, derived: bool = False, org_zone: str = UTC
) -> list[dict[str, Any]]:
    """Return the island's `data-fields`, JSON-ready: fields, the given attributes, and an entry for any other name.

    `derived`: include fields that are derived from the queues a lead is in. They are for filters and segments; a
    queue's own rules must not use them. `org_zone`: the org's time zone, which a date's label names where it is not
    UTC, because a day is a day of that zone (reading C1).
    """
    hidden = frozenset() if derived else frozenset(name for name, field in FIELDS.items() if field.derived)
    fields = [field for field in builder_fields(attributes) if field["name"] not in hidden]
    for field in fields:
        for option in field.get("values", ()):
            option["label"] = value_label(option["name"])
    if org_zone != UTC:
        for field in fields:
            if field["type"] == FieldType.DATE.value:
                field["label"] = f"{field['label']} ({org_zone})"
    free_field = builder_field(FIELDS[f"{ATTRIBUTES}name"])
    return [*fields, free_field | {"name": ATTRIBUTES, "label": FREE, "free": True}]


def org_fields(rules: OrgRules, *, derived: bool = False) -> list[dict[str, Any]]:
    """Return `offered_fields` of an org: dates of its time zone, its outcomes by their words (D2)."""
    fields = offered_fields(derived=derived, org_zone=rules.settings.time_zone)
    outcomes = [{"name": outcome, "label": outcome_label(rules, outcome)} for outcome in org_outcomes(rules)]
    for field in fields:
        if field["name"] == OUTCOME and outcomes:
            field["values"] = outcomes
    return fields
