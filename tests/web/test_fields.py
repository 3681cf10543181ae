"""What the rule builder offers is what rules take: every field, every operator, and back as it was."""

from typing import Any, Final

import pytest

from rules.inbound.publication import check
from rules.language.catalogue import ATTRIBUTES, FIELDS
from rules.language.operators import LISTS, NULLNESS, PAIRS, RELATIVE, FieldType, Operator
from rules.language.tree import dump, parse
from web.services.rule_fields import offered_fields

SAMPLES: Final[dict[str, Any]] = {
    "text": "west",
    "number": 2.5,
    "integer": 3,
    "boolean": False,
    "date": "2026-11-20",
    "attribute": "gold",
}


def sample(field: dict[str, Any], operator: Operator) -> Any:
    """Return a value of the shape the builder's editor writes for a field and an operator."""
    if operator in NULLNESS:
        return None
    if operator in RELATIVE:
        return {"amount": 30, "unit": "day"}
    value = field["values"][0]["name"] if field["type"] == "choice" else SAMPLES[field["type"]]
    return [value, value] if operator in PAIRS else [value] if operator in LISTS else value


@pytest.mark.parametrize("field", offered_fields(("tier",)), ids=lambda field: field["name"])
def test_q2_every_operator_offered_is_read_back_as_it_was(field: dict[str, Any]) -> None:
    """Q2: the tree the builder writes is parsed, and printed it is the same; a queue may be published with it."""
    name = field["name"] if field["name"] != ATTRIBUTES else f"{ATTRIBUTES}anything"
    offered = [Operator(operator["name"]) for operator in field["operators"]]
    assert offered == list(FIELDS[name].operators)
    for operator in offered:
        rule = {"field": name, "operator": operator.value, "value": sample(field, operator)}
        tree = {"combinator": "and", "not": True, "rules": [rule]}
        assert dump(parse(tree)) == tree
        assert check("queue", "q", {"inclusion": tree}) == ()


def test_q2_a_queue_is_offered_every_field_but_those_that_follow_from_queues() -> None:
    """Q2: filters and segments may ask for those, too."""
    for derived in (False, True):
        names = [field["name"] for field in offered_fields(derived=derived)]
        assert names == [
            *(name for name, field in FIELDS.items() if derived or not field.derived),
            ATTRIBUTES,
        ]
    assert "phase" not in [field["name"] for field in offered_fields()]


def test_q2_a_choice_has_its_options_and_a_number_its_unit() -> None:
    """Q2: what the editors of values need."""
    for field in offered_fields(derived=True):
        catalogued = FIELDS.get(field["name"])
        if catalogued is None:
            continue
        assert field["label"]
        assert field["group"]
        assert field.get("unit") == catalogued.unit
        assert [option["name"] for option in field.get("values", ())] == list(catalogued.options)
        if catalogued.type is FieldType.CHOICE:
            assert field["values"]
