"""The committed schemas are the models', and what is valid by them is taken without a remark."""

import json
import re
from typing import Any, get_args

import pytest

from models import public
from models.events import ActionRequested
from models.inbound import Action, Arrival
from models.publication import KINDS
from models.results import Reason
from rules.language.catalogue import HOW
from rules.lead.actions import ACTIONS
from rules.lead.lifecycle import OFFER_TRIGGERS, Trigger
from streams import topics
from tests.fuzz.mutate import VALID
from tools import contracts


def test_the_committed_schemas_are_up_to_date() -> None:
    """Run `python -m tools.contracts` when this fails, and say in the changelog what changed for others."""
    committed = {path: path.read_text(encoding="utf-8") for path in contracts.FOLDER.glob("*.json")}
    committed[contracts.FIELDS] = contracts.FIELDS.read_text(encoding="utf-8")
    assert committed == contracts.files()


def test_every_public_topic_has_a_schema() -> None:
    topic_names = {
        topics.LEAD_ARRIVALS,
        topics.LEAD_ACTIONS,
        topics.DO_NOT_CONTACT,
        topics.LEAD_DECISIONS,
        topics.ASSIGNMENTS,
        topics.LEAD_EXCEPTIONS,
        topics.QUEUE_CHANGES,
        topics.NOTIFICATIONS,
        topics.DELIVERIES,
        topics.CALLS,
        topics.VENDOR_REPORTS,
        topics.AUDIT,
        *(f"{topics.DIRECTORY}-{kind}" for kind in KINDS),
        f"{topics.DEAD_LETTERS}-headers",
    }
    assert set(contracts.schemas()) == topic_names


def test_the_names_of_topics_are_the_same_everywhere() -> None:
    for name in (
        "LEAD_DECISIONS",
        "ASSIGNMENTS",
        "LEAD_EXCEPTIONS",
        "QUEUE_CHANGES",
        "NOTIFICATIONS",
        "DELIVERIES",
        "DEAD_LETTERS",
    ):
        assert getattr(public, name) == getattr(topics, name)


def test_the_contracts_needed_fields_are_required() -> None:
    schemas = contracts.schemas()
    assert schemas["lead-arrivals"]["required"] == ["vendor"]
    assert {choice["required"][0] for choice in schemas["lead-arrivals"]["anyOf"]} == {
        "external_id",
        "phone",
        "email",
        "last_name",
    }
    assert schemas["lead-actions"]["required"] == ["action_id", "type", "lead_id", "rep_id"]


def test_the_contract_names_every_type_reason_and_way_to_an_owner() -> None:
    """These lists are written by hand, and readers build their own tables from them."""
    types = contracts.schemas()["lead-actions"]["properties"]["type"]["description"]
    assert {str(action) for action in (*ACTIONS, *OFFER_TRIGGERS, Trigger.ERASE)} <= set(
        re.findall(r"[a-z_]+", types)
    )
    text = (contracts.FOLDER / "README.md").read_text(encoding="utf-8")
    reasons = text.split("The reasons are")[1].split("###")[0]
    assert set(Reason) == set(re.findall(r"`(\w+)`", reasons))
    ways = text.split("`how` is")[1].split(". ")[0]
    assert set(HOW) == set(re.findall(r"`(\w+)`", ways))


def test_every_field_of_an_action_reaches_the_log() -> None:
    renamed = {"action_id": "cause", "type": "action"}
    assert {renamed.get(name, name) for name in Action.model_fields} <= set(ActionRequested.__struct_fields__)


@pytest.mark.parametrize("message", [*VALID["arrival"], *VALID["action"]])
def test_every_field_has_a_description_and_a_type(message: dict[str, Any]) -> None:
    model = Action if "action_id" in message else Arrival
    properties = model.model_json_schema()["properties"]
    for name in message.keys() & properties.keys():
        assert properties[name]["description"]
        assert properties[name]["type"]


def test_a_decision_as_it_is_sent_has_the_fields_of_its_schema() -> None:
    schema = contracts.schemas()["lead-decisions"]
    assert set(schema["properties"]) == set(public.LeadDecision.__struct_fields__)
    assert set(schema["required"]) == set(schema["properties"]) - {"org", "call_from"}, (
        "records of earlier versions have neither"
    )


def test_schemas_refer_only_to_what_they_carry() -> None:
    for name, schema in contracts.schemas().items():
        text = json.dumps(schema)
        for reference in {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}:
            assert reference in schema["$defs"], name


def test_a_change_of_a_queue_is_one_of_two() -> None:
    assert {*get_args(public.Change), *get_args(public.Defined)} == {
        *("entered", "left", "moved"),
        *("defined", "removed"),
    }
    assert len(contracts.schemas()["queue-changes"]["anyOf"]) == 2


def test_contracts_that_are_up_to_date_are_not_written_again(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contracts, "FOLDER", tmp_path / "contracts")
    monkeypatch.setattr(contracts, "FIELDS", tmp_path / "contracts" / "fields")
    messages: list[str] = []
    contracts.write(messages.append)
    assert len(messages) == len(contracts.files())
    (tmp_path / "contracts" / "gone.schema.json").write_text("{}")
    messages.clear()
    contracts.write(messages.append)
    assert messages == ["removed gone.schema.json"]
