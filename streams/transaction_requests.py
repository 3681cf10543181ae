"""Adds two requests that aiokafka lacks: the producers of a partition, and the open transactions of a producer."""

from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

_TEXT: Final = CompactString("utf-8")
_TAGS: Final = ("tags", TaggedFields)


class DescribeProducersResponse(Response):
    """The producers of a partition."""

    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", _TEXT),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                _TAGS,
                            ),
                        ),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class DescribeProducersStruct(RequestStruct):
    """The request in its wire format."""

    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = DescribeProducersResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("name", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)),
        _TAGS,
    )


class DescribeProducersRequest(Request[DescribeProducersStruct]):
    """Asks the leader of a partition for its producers and the start offsets of their open transactions."""

    API_KEY = 61

    def __init__(self, topic: str, partition: int) -> None:
        self._topics: list[Any] = [(topic, [partition], {})]

    def build(self, request_struct_class: Any) -> Any:
        """Return the request in its wire format."""
        return request_struct_class(self._topics, {})


class ListTransactionsResponse(Response):
    """The transactions that a broker coordinates."""

    API_KEY = 66
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(_TEXT)),
        (
            "transactions",
            CompactArray(("transactional_id", _TEXT), ("producer_id", Int64), ("state", _TEXT), _TAGS),
        ),
        _TAGS,
    )


class ListTransactionsStruct(RequestStruct):
    """The request in its wire format."""

    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 0
    RESPONSE_TYPE = ListTransactionsResponse
    SCHEMA = Schema(
        ("states", CompactArray(_TEXT)),
        ("producer_ids", CompactArray(Int64)),
        _TAGS,
    )


class ListTransactionsRequest(Request[ListTransactionsStruct]):
    """Asks a broker for the transactions of a producer that the broker coordinates."""

    API_KEY = 66

    def __init__(self, producer_id: int) -> None:
        self._producer_ids = [producer_id]

    def build(self, request_struct_class: Any) -> Any:
        """Return the request in its wire format."""
        return request_struct_class([], self._producer_ids, {})
