"""Extends aiokafka's admin client: it can ask who leads the cluster and its partitions, and move replicas."""

from typing import Any, ClassVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

METADATA_TOPIC = "__cluster_metadata"
_TIMEOUT_MS = 30_000
_VOTERS = CompactArray(("replica_id", Int32), ("log_end_offset", Int64), ("tags", TaggedFields))


class _DescribeQuorumResponse(Response):
    """Kafka protocol, DescribeQuorum v0."""

    API_KEY = 55
    API_VERSION = 0
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("current_voters", _VOTERS),
                        ("observers", _VOTERS),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeQuorumStruct(RequestStruct):
    API_KEY = 55
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _DescribeQuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("partitions", CompactArray(("partition_index", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeQuorum(Request[_DescribeQuorumStruct]):
    API_KEY: ClassVar[int] = 55

    def build(self, request_struct_class: type[_DescribeQuorumStruct]) -> _DescribeQuorumStruct:
        return request_struct_class([(METADATA_TOPIC, [(0, {})], {})], {})


class ClusterClient(AIOKafkaAdminClient):
    """Asks about brokers by their ids. Every method raises KafkaError if the cluster refuses or does not answer."""

    async def active_controller(self) -> int:
        """Return the id of the broker that is the active controller; -1 while there is none."""
        answer = await self._send_request(_DescribeQuorum())
        [(_, [partition, *_], _)] = answer.topics
        leader: int = partition[2]
        return leader

    async def replicas(self, topic: str) -> dict[int, tuple[int, list[int], list[int]]]:
        """Return the leader, the replicas and the replicas in sync of each partition of a topic."""
        [described] = await self.describe_topics([topic])
        return {
            partition["partition"]: (partition["leader"], list(partition["replicas"]), list(partition["isr"]))
            for partition in described["partitions"]
        }

    async def reassign(self, topic: str, replicas: dict[int, list[int]]) -> None:
        """Begin to move partitions to the brokers with these ids. The first of them is to lead."""
        partitions: Any = [(number, brokers, {}) for number, brokers in replicas.items()]
        request = AlterPartitionReassignmentsRequest(_TIMEOUT_MS, [(topic, partitions, {})], {})
        answer = await self._send_to_controller(request)
        for code in (
            answer.error_code,
            *(result[1] for _, results, _ in answer.responses for result in results),
        ):
            if code:
                raise for_code(code)(f"{topic} cannot be reassigned")

    async def is_moving(self) -> bool:
        """Tell whether a partition of the cluster is still on its way to other brokers."""
        request = ListPartitionReassignmentsRequest(_TIMEOUT_MS, None, {})
        answer = await self._send_to_controller(request)
        if answer.error_code:
            raise for_code(answer.error_code)("the moves cannot be listed")
        return bool(answer.topics)
