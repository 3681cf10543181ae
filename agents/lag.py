"""Measures the lag of each stage of this process, by partition. It queries Kafka every few seconds."""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from streams.metrics import STAGE_LAG, STAGE_OLDEST_SECONDS
from streams.patches.consumer_access import progress

if TYPE_CHECKING:
    from agents.stage import Stage
    from streams.app import StageApp

_log = structlog.get_logger(__name__)

MEASURE_SECONDS: Final = 2.0
"""How often the lag is measured."""
ANSWER_SECONDS: Final = 10.0
"""How long Kafka may take to return end offsets. After that the last figures stay until the next measurement."""


class LagMeter:
    """Measures the stages of one app; run `follow`. A partition that moves to another worker is measured there."""

    def __init__(self, app: "StageApp") -> None:
        self._app = app
        self._labels: set[tuple[str, str, int]] = set()

    async def follow(self) -> None:
        """Measure until cancelled."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.measure()
            except Exception as error:  # noqa: BLE001  # no error of a client may stop the measurement
                _log.info("the lag is measured again later", reason=repr(error))
            await asyncio.sleep(MEASURE_SECONDS)

    async def measure(self) -> None:
        """Measure once; raises KafkaError."""
        app, now = self._app, time.time()
        for stage in app.stages:
            oldest = stage.acker.oldest
            STAGE_OLDEST_SECONDS.labels(stage.name).set(0 if oldest is None else max(0.0, now - oldest))
        if app.rebalancing or app.in_recovery:
            return  # the assignment and the positions are not settled yet
        consumer: Any = app.consumer
        stage_of: dict[str, Stage] = {topic: stage for stage in app.stages for topic in stage.topics}
        topic_partitions = [tp for tp in consumer.assignment() if tp.topic in stage_of]
        ends = await consumer.highwaters(*topic_partitions) if topic_partitions else {}
        labels = set()
        for tp, end in ends.items():
            label = (stage_of[tp.topic].name, tp.topic, tp.partition)
            STAGE_LAG.labels(*label).set(max(0, end - await self._handled(tp)))
            labels.add(label)
        for label in self._labels - labels:
            STAGE_LAG.remove(*label)
        self._labels = labels

    async def _handled(self, tp: Any) -> int:
        """Return the offset up to which a partition is handled: the committed one, or the position at the end.

        The end of a partition may hold records that no reader gets: transaction markers and aborted records.
        """
        consumer: Any = self._app.consumer
        committed, read = progress(consumer, tp)
        if committed is None:
            return int((await consumer.earliest_offsets(tp))[tp])
        if read is not None and committed > read:
            return max(int(committed), int(await consumer.position(tp)))
        return int(committed)
