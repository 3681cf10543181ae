"""Copies what happened to the legs of calls from `calls` to the table `call` (N4). Only couriers write the topic."""

from datetime import UTC
from typing import Final

import msgspec
from sqlalchemy import Engine

from models.public import Call
from sink.copied_topics import CopiedTopic, CopiedTopicWriter, read_message
from sink.rows import Values
from sink.tables import CallTable
from streams.topics import CALLS


def call_row(value: bytes | None) -> Values | None:
    """Return the row of a record; None for a record that is none. A repeat of a record has the same key."""
    call: Call | None = read_message(CALLS, value, Call)
    return None if call is None else {**msgspec.structs.asdict(call), "at": call.at.astimezone(UTC)}


COPIED_CALLS: Final = CopiedTopic(CALLS, CallTable, call_row)


class CallWriter(CopiedTopicWriter):
    """Stores what happened to legs."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, COPIED_CALLS)
