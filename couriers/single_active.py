"""Lets one process of a channel work at a time, while others wait to take over (N5).

The processes are members of a Kafka group over a topic of one partition: whoever has the partition has the turn. The
assignment is sticky, so the turn stays where it is while its process lives. It passes on when the process ends, or is
silent for `SESSION_MS`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

from couriers.request_reader import HEARTBEAT_MS, REBALANCE_MS, SESSION_MS
from models.errors import RuntimeFailure
from streams.clients import consumer as make_consumer
from streams.clients import stop_consumer
from streams.kafka_refusals import refusal
from streams.readiness import Readiness
from streams.retries import FOLLOW_BOARD
from streams.settings import Settings
from streams.topics import DO_NOT_CONTACT

_log = structlog.get_logger(__name__)

TURN: Final = "turn"
TOPIC: Final = DO_NOT_CONTACT
"""A topic of one partition. None of its records is read."""
POLL_MS: Final = 500


class SingleActiveProcess(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka's class is untyped
    """The turn of one process. `active` is set once it has the turn. Use `waiting_until_active`."""

    def __init__(self, settings: Settings, group: str, instance_id: str | None, readiness: Readiness) -> None:
        self._settings = settings
        self._group = group
        self._readiness = readiness
        self._consumer = make_consumer(
            settings,
            group=group,
            group_instance_id=instance_id,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            partition_assignment_strategy=(StickyPartitionAssignor,),
        )
        self._is_replaced = False
        self.active = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Do nothing: nobody else has the turn until the group has assigned it again."""

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Note who has the turn."""
        if assigned:
            self._consumer.pause(*assigned)
            self._readiness.cleared(TURN)
            self.active.set()
            return
        self._is_replaced = self.active.is_set()
        reason = (
            "another courier of this channel works; one works at a time, and this one takes over when it ends"
        )
        _log.warning("this courier waits for its turn", group=self._group, reason=reason)
        self._readiness.blocked(TURN, reason)

    async def keep(self) -> None:
        """Stay in the group until cancelled. Raises RuntimeFailure when another process has got the turn.

        Raises ConfigError where Kafka refuses access.
        """
        pauses = FOLLOW_BOARD.pauses()
        await self._join_group()
        self._consumer.subscribe([TOPIC], listener=self)
        while not self._is_replaced:
            try:
                await self._consumer.getmany(timeout_ms=POLL_MS)
                pauses = FOLLOW_BOARD.pauses()
            except (KafkaError, OSError) as error:
                if (access_error := await refusal(self._settings, error)) is not None:
                    raise access_error from error
                _log.info("the turn is not certain while Kafka is away", reason=repr(error))
                await asyncio.sleep(next(pauses))
        raise RuntimeFailure(
            self._group, "another courier of this channel took over while this one was silent"
        )

    async def _join_group(self) -> None:
        for pause in FOLLOW_BOARD.pauses():
            try:
                await self._consumer.start()
            except (KafkaError, OSError) as error:
                if (access_error := await refusal(self._settings, error)) is not None:
                    raise access_error from error
                self._readiness.blocked(TURN, repr(error))
                await asyncio.sleep(pause)
            else:
                return

    async def leave(self) -> None:
        """Leave the group, so that the next process has the turn at once."""
        await stop_consumer(self._consumer)


@asynccontextmanager
async def waiting_until_active(
    settings: Settings, group: str, instance_id: str | None, readiness: Readiness, stop: asyncio.Event
) -> AsyncIterator[asyncio.Task[None]]:
    """Wait for the turn, or until `stop` is set. Yield the task that fails when the turn is lost."""
    turn = SingleActiveProcess(settings, group, instance_id, readiness)
    readiness.blocked(TURN, "the group has not said yet whose turn it is")
    keeping = asyncio.create_task(turn.keep())
    waits = {asyncio.create_task(turn.active.wait()), asyncio.create_task(stop.wait())}
    try:
        await asyncio.wait({keeping, *waits}, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
        yield keeping
    finally:
        for task in (keeping, *waits):
            task.cancel()
        await asyncio.gather(keeping, *waits, return_exceptions=True)
        await turn.leave()
