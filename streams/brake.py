"""Ends a process whose own code fails on too many records. Below that rate such records become dead letters.

A faulty release fails on every record. Without a limit, a day of leads would become dead letters. With the brake, the
process ends and reports the stage and the error. It does not acknowledge the record at which it ended, so that record
is processed after the fix. Errors of senders (`PermanentError`, `Refused`) are not counted.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from threading import Lock
from typing import Any, Final, NoReturn

import structlog
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from streams.clients import Consumer, start_at_rest, stop_consumer
from streams.clients import consumer as make_consumer
from streams.dead_letter_reading import StoredDeadLetter, read_letter
from streams.kafka_refusals import failure
from streams.process_exit import ExitCode, leave
from streams.settings import Settings
from streams.topics import DEAD_LETTERS

_log = structlog.get_logger(__name__)

MAX_READ: Final = 2_000
"""How many of the newest dead letters of a partition are read at process start."""
READ_SECONDS: Final = 20.0
"""How long a starting process reads them. Dead letters not read by then are not counted."""
_POLL_MS: Final = 250
_REASON: Final = 500

Leave = Callable[[ExitCode, str, str], NoReturn]


class Brake:
    """Counts the records on which our code failed within the last `window_seconds`.

    It counts those of this process, and the dead letters that any process wrote for the same stages before this one
    started.
    """

    def __init__(
        self,
        limit: int,
        window_seconds: float,
        *,
        clock: Callable[[], float] = time.time,
        end: Leave = leave,
    ) -> None:
        self._limit = limit
        self._window = window_seconds
        self._clock = clock
        self._end = end
        self._failed: deque[float] = deque(maxlen=limit)
        self._lock = Lock()

    @property
    def recent(self) -> int:
        """How many records failed within the window that ends now."""
        self._forget(self._clock())
        return len(self._failed)

    def remember(self, times: Collection[float]) -> None:
        """Count failures from before this process started, by POSIX time."""
        now = self._clock()
        # Another clock may be a little ahead of ours. A time far ahead would never leave the window, so it is dropped.
        self._failed.extend(sorted(min(at, now) for at in times if abs(now - at) < self._window))

    def failed(self, stage: str, error: str, message: Any) -> None:
        """Count one failed record; end the process if the limit was already reached."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            if len(self._failed) < self._limit:
                self._failed.append(now)
                return
        position = f"{message.topic}-{message.partition}@{message.offset}"
        self._end(
            ExitCode.BRAKE,
            stage,
            f"{self._limit} records could not be decided within {self._window:g} s, and one more fails, at {position}: "
            f"{error[:_REASON]}. It is neither a dead letter nor passed over: mend the fault, or raise "
            "FIRSTCLAIM_FATAL_ERROR_LIMIT, and start again; "
            "`firstclaim dead-letters list` shows the others",
        )

    def _forget(self, now: float) -> None:
        while self._failed and now - self._failed[0] >= self._window:
            self._failed.popleft()


async def make_brake(settings: Settings, stages: Collection[str]) -> Brake:
    """Return the brake of a process that runs these stages. It counts their recent dead letters of any process.

    So a start within the window gives no new allowance, whichever replica starts.

    Raises `RetryableError`.
    """
    brake = Brake(settings.fatal_error_limit, settings.fatal_error_window_seconds)
    buried = await recent_fatal_errors(settings, stages=stages)
    brake.remember([letter.at.timestamp() for letter in buried])
    if buried:
        _log.warning("records could not be decided lately", count=len(buried), newest=buried[-1].reason)
    return brake


async def recent_fatal_errors(
    settings: Settings, *, stages: Collection[str] | None = None, seconds: float | None = None
) -> list[StoredDeadLetter]:
    """Return the recent dead letters with error class `fatal_error`, without key and value, oldest first.

    `seconds`: how far back to look; the default is the brake's window. `stages`: the default is all. At most
    `MAX_READ` letters of a partition are read, for at most `READ_SECONDS`. Raises `RetryableError` if Kafka is
    unreachable.
    """
    window_seconds = settings.fatal_error_window_seconds if seconds is None else seconds
    since = time.time() - window_seconds
    letters: list[StoredDeadLetter] = []
    consumer = make_consumer(settings, DEAD_LETTERS)
    try:
        async with asyncio.timeout(READ_SECONDS):
            await start_at_rest(consumer)
            async for letter in _letters_since(consumer, since):
                if letter.is_fatal and (stages is None or letter.stage in stages):
                    letters.append(letter)  # noqa: PERF401  # letters found before a timeout are kept
    except TimeoutError:
        _log.warning("not all recent dead letters were read", seconds=READ_SECONDS, found=len(letters))
    except (KafkaError, OSError) as error:
        raise await failure(settings, error, f"{DEAD_LETTERS} could not be read: {error!r}") from error
    finally:
        await stop_consumer(consumer)
    return sorted(letters, key=lambda letter: letter.at)


async def _letters_since(consumer: Consumer, since: float) -> AsyncIterator[StoredDeadLetter]:
    """Yield the letters of each partition from a time up to its current end."""
    topic_partitions = sorted(consumer.assignment())
    begins = await consumer.offsets_for_times(dict.fromkeys(topic_partitions, int(since * 1000)))
    ends = await consumer.end_offsets(topic_partitions)
    end_of = {}
    for tp in topic_partitions:
        begin = begins.get(tp)
        if begin is None or begin.offset >= ends[tp]:
            continue
        end_of[tp] = ends[tp]
        consumer.seek(tp, max(begin.offset, ends[tp] - MAX_READ))
    consumer.resume(*end_of)
    while end_of:
        for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
            for record in records:
                if tp in end_of and record.offset < end_of[tp]:
                    # The key and the value are not needed here and may be large.
                    yield replace(read_letter(record), key=None, value=None)
        for tp in [tp for tp, end in end_of.items() if await consumer.position(tp) >= end]:
            del end_of[tp]
            consumer.pause(tp)
