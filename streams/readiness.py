"""Records why a process is not ready and since when. An outage keeps its first instant until it is over."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def _now() -> datetime:
    return datetime.now(UTC)


class Readiness:
    """The causes that block a process, by name. It is ready when there are none. `clock` returns aware datetimes."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._blocked: dict[str, tuple[str, datetime]] = {}

    def blocked(self, cause: str, reason: str) -> None:
        """Record that `cause` blocks. The newest reason and the first instant are kept."""
        _, since = self._blocked.get(cause, (reason, self._clock()))
        self._blocked[cause] = (reason, since)

    def cleared(self, *names: str) -> None:
        """Record that these causes no longer block. Without names, clear all."""
        for cause in names or tuple(self._blocked):
            self._blocked.pop(cause, None)

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return (ready, details). `not_ready` names the causes; `reasons` says why and since when."""
        reasons = [
            {"what": cause, "reason": reason, "since": since.isoformat()}
            for cause, (reason, since) in self._blocked.items()
        ]
        return not reasons, {"not_ready": list(self._blocked), "reasons": reasons}
