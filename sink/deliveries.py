"""Copies the fates of requests from `deliveries` to the table `delivery` (N1). Only couriers may write the topic."""

from datetime import UTC
from typing import Final

import msgspec
from sqlalchemy import Engine

from models.public import Delivery
from sink.copied_topics import CopiedTopic, CopiedTopicWriter, read_message
from sink.rows import Values
from sink.tables import DeliveryTable
from streams.topics import DELIVERIES


def delivery_row(value: bytes | None) -> Values | None:
    """Return a fate's row; None for a record that is none."""
    delivery: Delivery | None = read_message(DELIVERIES, value, Delivery)
    return (
        None if delivery is None else {**msgspec.structs.asdict(delivery), "at": delivery.at.astimezone(UTC)}
    )


COPIED_DELIVERIES: Final = CopiedTopic(DELIVERIES, DeliveryTable, delivery_row)


class DeliveryWriter(CopiedTopicWriter):
    """Stores fates."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, COPIED_DELIVERIES)
