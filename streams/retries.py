"""Defines how often and how long each part of the product retries. Every retry loop takes its policy from here.

The pauses double from the first to the longest, with a random part, so that many processes do not retry at the same
moment. stamina executes a policy. Each retry is logged with its reason.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import stamina
import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Kinds = type[Exception] | tuple[type[Exception], ...]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The timing of retries. Seconds are wall time.

    `timeout_seconds` None: for as long as the process runs. `most_attempts` None: as often as the time allows.
    `jitter_seconds`: the maximum that is added to a pause at random. No pause is longer than `longest_seconds`.
    """

    first_seconds: float
    longest_seconds: float
    timeout_seconds: float | None = None
    most_attempts: int | None = None
    jitter_seconds: float = 0.0
    factor: float = 2.0

    def attempts(
        self,
        kinds: Kinds,
        operation: str,
        *,
        never: Kinds = (),
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> Any:
        """Return the attempts to iterate over. Each is a context manager that handles an error of these kinds.

        The last error is raised when the policy ends. `never`: the subset of these kinds that ends it at once.
        `operation` names the work in the log. `failed` is called with each error.
        """

        def is_retried(error: Exception) -> bool:
            if not isinstance(error, kinds) or isinstance(error, never):
                return False
            failed(error)
            return True

        context: Any = stamina.retry_context(
            is_retried,
            attempts=self.most_attempts,
            timeout=self.timeout_seconds,
            wait_initial=self.first_seconds,
            wait_max=self.longest_seconds,
            wait_jitter=self.jitter_seconds,
            wait_exp_base=self.factor,
        )
        return context.with_name(operation, (), {})

    async def run(
        self,
        kinds: Kinds,
        operation: str,
        work: Callable[[], Awaitable[Result]],
        *,
        never: Kinds = (),
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> Result:
        """Run the work and return its result; see `attempts`."""
        async for attempt in self.attempts(kinds, operation, never=never, failed=failed):
            with attempt:
                return await work()
        raise AssertionError  # the last attempt returned or raised

    def run_blocking(self, kinds: Kinds, operation: str, work: Callable[[], Result]) -> Result:
        """Run blocking work and return its result; see `attempts`."""
        for attempt in self.attempts(kinds, operation):
            with attempt:
                return work()
        raise AssertionError  # the last attempt returned or raised

    def pauses(self) -> Iterator[float]:
        """Yield the pauses, for a loop that does other work while it waits."""
        pause = self.first_seconds
        while True:
            yield pause
            pause = min(pause * self.factor, self.longest_seconds)


FOLLOW_TOPIC: Final = RetryPolicy(first_seconds=0.5, longest_seconds=2.0, jitter_seconds=0.5)
"""Resumes following a topic at its position (`streams.clients.follow`), for as long as the process runs."""
CONNECT_PRODUCER: Final = RetryPolicy(first_seconds=0.5, longest_seconds=2.0, jitter_seconds=0.5)
"""Connects the producer of a client of the engine, for as long as the client needs it."""
START_WORKER: Final = RetryPolicy(
    first_seconds=0.25, longest_seconds=1.0, jitter_seconds=0.25, timeout_seconds=60.0
)
"""Waits for Kafka at the start of a worker or a relay. After a minute the process ends."""
WRITE_CRM: Final = RetryPolicy(first_seconds=0.1, longest_seconds=5.0)
"""Waits in the sink for the CRM database or Kafka, for as long as the process runs; `/ready` names which."""
REBUILD_CRM: Final = RetryPolicy(first_seconds=0.5, longest_seconds=0.5, timeout_seconds=60.0)
"""Repeats one step of a rebuild of the CRM database. What was stored before stays."""
FOLLOW_BOARD: Final = RetryPolicy(first_seconds=0.1, longest_seconds=2.0)
"""Waits in the board for Valkey or Kafka, for as long as the process runs; its state names which."""
READ_FEED: Final = RetryPolicy(first_seconds=0.5, longest_seconds=4.0)
"""Reads a feed of the board again in the console after any failure, for as long as the process runs."""
SEND_TO_ENGINE: Final = RetryPolicy(first_seconds=0.2, longest_seconds=1.0, jitter_seconds=0.1)
"""Sends a message to the engine again until it is durable or the caller's timeout is over."""
PROBE_CONSERVATION: Final = RetryPolicy(first_seconds=0.5, longest_seconds=1.0, jitter_seconds=0.25)
"""Waits in the probe of a chaos run for a killed broker, until the run ends."""
DELIVER: Final = RetryPolicy(first_seconds=1.0, longest_seconds=60.0, jitter_seconds=1.0)
"""Repeats one request of a courier until the request is useless (N1)."""
PROVIDER_DOWN: Final = RetryPolicy(first_seconds=0.5, longest_seconds=30.0)
"""Tries a courier's provider again while it is down. Its requests wait meanwhile."""
SEND_ACCOUNT_MAIL: Final = RetryPolicy(
    first_seconds=1.0, longest_seconds=15.0, jitter_seconds=1.0, timeout_seconds=120.0
)
"""Sends a mail of an account again. After two minutes it is given up; the person can ask for another one."""
WRITE_FATE: Final = RetryPolicy(first_seconds=0.2, longest_seconds=2.0, jitter_seconds=0.2)
"""Writes the fate of a request again, for as long as the process runs. Its record is not passed before."""
DOWNLOAD_JAR: Final = RetryPolicy(first_seconds=1.0, longest_seconds=2.0, most_attempts=3)
"""Asks a busy mirror again after a short pause."""


def _log_retry(details: RetryDetails) -> None:
    _log.warning(
        "tried again",
        what=details.name,
        failures=details.retry_num,
        seconds=round(details.wait_for, 2),
        reason=repr(details.caused_by),
    )


# This replaces stamina's own hooks: its Prometheus counter has a label value for every attempt number.
set_on_retry_hooks([_log_retry])
