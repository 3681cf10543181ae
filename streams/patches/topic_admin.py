"""Extends aiokafka's admin client: it can set one config of a topic and leave the others unchanged."""

from collections.abc import Sequence
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

_SET: Final = 0
"""The set operation of `IncrementalAlterConfigs`."""
_TOPIC: Final = 2


class _Altered(Response):
    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class _Alter(RequestStruct):
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = _Altered
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")),
                        ("config_operation", Int8),
                        ("value", String("utf-8")),
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class _AlterRequest(Request[_Alter]):
    API_KEY = 44

    def __init__(self, topic: str, key: str, value: str) -> None:
        self._resources = [(_TOPIC, topic, [(key, _SET, value)])]

    def build(self, request_struct_class: type[_Alter]) -> _Alter:
        """Return the request for a protocol version."""
        return request_struct_class(self._resources, False)  # `validate_only`


class TopicAdmin(AIOKafkaAdminClient):
    """Creates and describes topics, and corrects their configs."""

    async def configs(self, topics: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return each topic's configs on the broker. Raises KafkaError if the broker does not return them."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
        configs: dict[str, dict[str, str]] = {}
        for response in await self.describe_configs(resources):
            for code, _message, _type, name, entries in response.resources:
                if code:
                    raise for_code(code)(name)
                configs[name] = {entry[0]: entry[1] for entry in entries}
        return configs

    async def set_config(self, topic: str, key: str, value: str) -> str | None:
        """Set one config of a topic; return None, or why the broker refused. It needs the AlterConfigs permission.

        aiokafka's own `alter_configs` resets every config of the topic that the call does not name.
        """
        try:
            response: Any = await self._send_request(_AlterRequest(topic, key, value))
        except (IncompatibleBrokerVersion, NotImplementedError) as error:
            return f"it is too old: {error}"
        ((code, message, *_),) = response.responses
        return f"{for_code(code).__name__}: {message}" if code else None
