"""Describes a request that is not sent yet, and the two ways in which it ends without an attempt (N1)."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final

from aiokafka import TopicPartition

from models.public import Notification
from streams.tracing import Header

NOBODY: Final = "firstclaim"
"""The provider of a fate that no provider decided."""
OVER_REASON: Final = "it was over before it was sent"


class OverError(Exception):
    """A request became useless before it was delivered."""


class WithdrawnError(Exception):
    """A request is not to be delivered any more: it is over, or its rep does not want it. `reason`: which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RequestPhase(Enum):
    """What a request does now. A new one has not begun; an ended one only records its fate."""

    NEW = auto()
    WAITING = auto()
    SENDING = auto()
    ENDED = auto()


@dataclass(eq=False)
class PendingRequest:
    """A request on its way. `withdrawals`: the positions of its withdrawals, which are finished with it.

    `trace`: the trace headers of its fate (`streams.tracing`); empty if the fate begins a trace.
    """

    notification: Notification
    org: str
    topic_partition: TopicPartition
    offset: int
    requested_at: datetime
    until: datetime
    trace: tuple[Header, ...] = ()
    phase: RequestPhase = RequestPhase.NEW
    withdrawn: bool = False
    withdrawals: list[tuple[TopicPartition, int]] = field(default_factory=list)
    last_failure: str = ""
    attempts: int = 0
    task: asyncio.Task[None] | None = None
