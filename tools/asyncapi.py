"""Describes the public topics as an AsyncAPI 3 document, made from the topic registry and the schemas.

`python -m tools.contracts` writes it to `docs/contracts/asyncapi.json`. The operations are named from firstclaim's
side, as AsyncAPI does: it receives what vendors and CRMs send, and sends what they read.
"""

from importlib.metadata import version
from typing import Any, Final

import msgspec

from models.publication import KINDS
from streams import topics
from streams.partition_counts import Shape
from streams.topic_configs import Topic

VERSION: Final = "3.0.0"
"""The version of AsyncAPI. Its JSON Schema is in tests/tools/data."""
BINDING: Final = "0.5.0"
"""The version of AsyncAPI's Kafka binding."""
_SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
LEAD_KEY: Final = "the lead id"


class PublicTopic(msgspec.Struct, frozen=True, kw_only=True):
    """A public topic. `key`: what its records' keys are, in words. `received`: firstclaim reads it.

    `messages`: the names of its messages, which are those of their schemas. `enveloped`: its records have the
    CloudEvents headers. `tombstones`: what a record without a value says; None: there is none.
    """

    name: str
    key: str
    messages: tuple[str, ...]
    received: bool = False
    enveloped: bool = True
    tombstones: str | None = None


def _sent(name: str, key: str = LEAD_KEY, *, tombstones: str | None = None) -> PublicTopic:
    return PublicTopic(name=name, key=key, messages=(name,), tombstones=tombstones)


def _received(
    name: str, key: str, messages: tuple[str, ...] = (), tombstones: str | None = None
) -> PublicTopic:
    return PublicTopic(
        name=name,
        key=key,
        messages=messages or (name,),
        received=True,
        enveloped=False,
        tombstones=tombstones,
    )


ERASED: Final = "the lead was erased"
PUBLIC: Final[tuple[PublicTopic, ...]] = (
    _received(topics.LEAD_ARRIVALS, "whatever the sender chooses"),
    _received(topics.LEAD_ACTIONS, "whatever the sender chooses"),
    _received(
        topics.DIRECTORY,
        "`org/kind/id`, which says what the object is",
        tuple(f"{topics.DIRECTORY}-{kind}" for kind in sorted(KINDS)),
        "the object is removed",
    ),
    _received(
        topics.DO_NOT_CONTACT,
        "`org/phone/NUMBER` or `org/email/ADDRESS`",
        tombstones="the phone or address is taken off the list",
    ),
    _sent(topics.LEAD_DECISIONS),
    _sent(topics.ASSIGNMENTS, tombstones=ERASED),
    _sent(topics.LEAD_EXCEPTIONS, tombstones=ERASED),
    _sent(topics.QUEUE_CHANGES, "the lead id, or `directory/org/queue` for the definition of a queue"),
    _sent(topics.NOTIFICATIONS),
    _sent(topics.DELIVERIES),
    _sent(topics.CALLS),
    PublicTopic(
        name=topics.VENDOR_REPORTS,
        key="`org/vendor/hour`",
        messages=(topics.VENDOR_REPORTS,),
        enveloped=False,
    ),
    PublicTopic(name=topics.AUDIT, key="the org", messages=(topics.AUDIT,), enveloped=False),
    PublicTopic(
        name=topics.DEAD_LETTERS, key="the key of the message that failed", messages=(), enveloped=False
    ),
)


def document() -> dict[str, Any]:
    """Return the AsyncAPI document of the public topics."""
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "firstclaim",
            "version": version("firstclaim"),
            "description": "The topics by which vendors send leads to firstclaim and CRMs read who may work them. "
            "README.md beside this document says what each message means. Fields are added and never removed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {topic.name: _channel(topic) for topic in PUBLIC},
        "operations": {_operation_name(topic): _operation(topic) for topic in PUBLIC},
        "components": {
            "securitySchemes": {
                "tls": {"type": "X509", "description": "A client certificate over TLS."},
                "scram": {
                    "type": "scramSha512",
                    "description": "SASL with a user name and a password over TLS.",
                },
            },
            "messageTraits": {"cloudEvent": {"headers": _envelope()}},
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "The lender's Kafka cluster. docs/kafka-access.md says which client may use which topic.",
        "variables": {
            "bootstrap": {
                "default": "localhost:9092",
                "description": "Host and port of any broker of the cluster.",
            }
        },
        "security": [
            {"$ref": "#/components/securitySchemes/tls"},
            {"$ref": "#/components/securitySchemes/scram"},
        ],
    }


def _channel(topic: PublicTopic) -> dict[str, Any]:
    registered = topics.BY_NAME[topic.name]
    names = topic.messages or (topic.name,)
    return {
        "address": topic.name,
        "title": topic.name,
        "description": _description(registered, topic),
        "messages": {name: _message(topic, name) for name in names},
        "bindings": {"kafka": _binding(registered)},
    }


def _description(registered: Topic, topic: PublicTopic) -> str:
    description = registered.says
    sentences = [f"{description[0].upper()}{description[1:]}.", f"The key is {topic.key}."]
    if topic.tombstones is not None:
        sentences.append(f"A record without a value says: {topic.tombstones}.")
    return " ".join(sentences)


def _binding(topic: Topic) -> dict[str, Any]:
    policy = topic.config.get("cleanup.policy", "delete")
    binding: dict[str, Any] = {
        "topicConfiguration": {"cleanup.policy": policy.split(",")},
        "bindingVersion": BINDING,
    }
    if topic.shape is Shape.ONE:
        binding["partitions"] = 1
    retention = topic.config.get("retention.ms")
    if retention is not None and "delete" in policy:
        binding["topicConfiguration"]["retention.ms"] = int(retention)
    return binding


def _message(topic: PublicTopic, name: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": name,
        "title": name,
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING}
        },
    }
    if not topic.messages:  # the message as it came, with headers that say why it failed
        return {
            **message,
            "contentType": "application/octet-stream",
            "headers": _schema(f"{topic.name}-headers"),
            "payload": {"description": "The value of the message that failed, byte for byte."},
        }
    message["payload"] = _schema(name)
    if topic.enveloped:
        message["traits"] = [{"$ref": "#/components/messageTraits/cloudEvent"}]
    return message


def _schema(name: str) -> dict[str, Any]:
    return {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": f"./{name}.schema.json"}}


def _operation_name(topic: PublicTopic) -> str:
    return f"{'receive' if topic.received else 'send'}-{topic.name}"


def _operation(topic: PublicTopic) -> dict[str, Any]:
    return {
        "action": "receive" if topic.received else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topics.BY_NAME[topic.name].says,
    }


def _envelope() -> dict[str, Any]:
    """Return the schema of the CloudEvents headers. A repeat has the `ce_id` of the first one."""
    return {
        "type": "object",
        "properties": {
            "ce_id": {"type": "string", "description": "The id of the message. A repeat has the same one."},
            "ce_source": {"type": "string"},
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_type": {"type": "string"},
        },
        "required": ["ce_id", "ce_source", "ce_type", "ce_time"],
    }
