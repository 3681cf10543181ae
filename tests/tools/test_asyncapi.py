"""The AsyncAPI document is valid by AsyncAPI's own schema, and names every public topic and file.

The schema in `data` is the one that the AsyncAPI Initiative publishes for version 3.0.0 (Apache-2.0).
"""

import gzip
import json
from pathlib import Path
from typing import Any

from jsonschema import validators

from rules.outbound.public_messages import CE_TYPES
from streams.partition_counts import Shape
from streams.topics import BY_NAME
from tools import asyncapi, contracts

SPECIFICATION = Path(__file__).parent / "data" / "asyncapi-3.0.0.schema.json.gz"


def specification() -> Any:
    schema = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    return validators.validator_for(schema)(schema)


def test_the_document_is_valid_by_asyncapis_own_schema() -> None:
    problems = [
        f"{list(error.absolute_path)}: {error.message}"
        for error in specification().iter_errors(asyncapi.document())
    ]
    assert not problems


def test_asyncapis_schema_refuses_a_document_that_is_wrong() -> None:
    document = asyncapi.document()
    document["operations"]["send-assignments"]["action"] = "publish"  # as in AsyncAPI 2
    assert not specification().is_valid(document)


def test_every_schema_belongs_to_a_message_of_a_channel() -> None:
    names = set()
    for topic in asyncapi.PUBLIC:
        names |= set(topic.messages) or {f"{topic.name}-headers"}
    assert names == set(contracts.schemas())


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()
    references = list(_references(document))
    assert len(references) > len(asyncapi.PUBLIC)
    for reference in references:
        if reference.startswith("#/"):
            node: Any = document
            for part in reference[2:].split("/"):
                node = node[part]
        else:
            assert (contracts.FOLDER / reference).is_file(), reference


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_channels_have_the_configs_of_the_registry() -> None:
    channels = asyncapi.document()["channels"]
    for name, channel in channels.items():
        binding = channel["bindings"]["kafka"]
        assert binding["topicConfiguration"]["cleanup.policy"] == BY_NAME[name].config[
            "cleanup.policy"
        ].split(",")
        assert (binding.get("partitions") == 1) is (BY_NAME[name].shape is Shape.ONE)
    assert channels["assignments"]["description"] == (
        "Who has which lead now. The key is the lead id. A record without a value says: the lead was erased."
    )


def test_what_the_relay_sends_has_the_cloudevents_headers() -> None:
    enveloped = {topic.name for topic in asyncapi.PUBLIC if topic.enveloped}
    kinds = {name.decode().split(".")[1] for name in CE_TYPES.values()}
    assert {"assignment", "lead-exception", "notification", "queue-change"} <= kinds
    assert {"assignments", "lead-exceptions", "notifications", "queue-changes", "lead-decisions"} <= enveloped
