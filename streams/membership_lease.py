"""Keeps the lease of a group membership. A worker writes only while it is certainly a member (docs/faust.md 9, 13).

Each successful heartbeat renews the lease, counted from when it was sent. A process that was stopped and resumed finds
its lease expired at the next write, and ends before it can write rows that another worker may own by then. Records
queued before the stop are not sent either: a loop that stood still for longer than its lease ends the process.
"""

import time
from typing import Final

from streams.process_exit import ExitCode, leave

SAFE_SHARE: Final = 0.75
"""Share of the session timeout. The broker counts from the receipt of a heartbeat, we count from its sending."""


class Lease:
    """One group membership's lease. `seconds`: how long it holds after a heartbeat. Times are monotonic seconds."""

    def __init__(self, session_timeout_seconds: float) -> None:
        self.seconds = SAFE_SHARE * session_timeout_seconds
        self.renewed_at: float | None = None
        self.awake_at = time.monotonic()

    def renew(self, sent_at: float) -> None:
        """Renew the lease from a successful heartbeat that was sent at `sent_at`."""
        if self.renewed_at is None or sent_at > self.renewed_at:
            self.renewed_at = sent_at

    @property
    def age(self) -> float:
        """Seconds since the last successful heartbeat was sent; infinite before the first."""
        return float("inf") if self.renewed_at is None else time.monotonic() - self.renewed_at

    @property
    def fresh(self) -> bool:
        """Whether this worker may write now, that is, the lease has not expired."""
        return self.age <= self.seconds

    def check(self, place: str) -> None:
        """End the process if the lease is not fresh."""
        if not self.fresh:
            leave(
                ExitCode.LEASE_LOST,
                place,
                f"last good heartbeat {self.age:.1f} s ago, lease {self.seconds:.1f} s",
            )

    def check_awake(self, place: str) -> None:
        """End the process if its loop stood still for longer than the lease, and the lease is not fresh.

        It is for writes that passed `check` before. While a broker is away they may be retried, as long as the loop
        runs.
        """
        if self.renewed_at is not None and time.monotonic() - self.awake_at > self.seconds:
            self.check(place)

    def tick(self) -> None:
        """Record that the loop runs. The loop calls this a few times a second."""
        self.check_awake("the loop woke up")
        self.awake_at = time.monotonic()


_leases: dict[str, Lease] = {}


def lease_of(group_id: str, session_timeout_seconds: float) -> Lease:
    """Return the lease of this process's membership in a group; `streams.patches.heartbeats` renews it."""
    return _leases.setdefault(group_id, Lease(session_timeout_seconds))


def renew(group_id: str, sent_at: float) -> None:
    """Renew the lease of a group from a successful heartbeat or join that was sent at `sent_at`."""
    if lease := _leases.get(group_id):
        lease.renew(sent_at)
