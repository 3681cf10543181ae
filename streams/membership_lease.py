"""The lease of a membership: a worker writes only while its group surely counts it as a member (docs/faust.md 9, 13).

The lease is renewed by each successful heartbeat, from the moment it was sent. A process that was stopped and resumed
finds its lease too old at the next write, and ends before it can write rows that belong to somebody else by now. What
was already on its way when it was stopped does not leave either: a loop that slept through its lease ends the process.
"""

import time
from typing import Final

from streams.process_exit import Exit, leave

SAFE_SHARE: Final = 0.75
"""Of the session timeout: the broker counts from when it received a heartbeat, we from when we sent it."""


class Lease:
    """One group membership's lease; `seconds` is how long it holds after a heartbeat. Times are monotonic seconds."""

    def __init__(self, session_timeout_seconds: float) -> None:
        self.seconds = SAFE_SHARE * session_timeout_seconds
        self.renewed_at: float | None = None
        self.awake_at = time.monotonic()

    def renew(self, sent_at: float) -> None:
        """Count from a heartbeat that was answered well, sent then."""
        if self.renewed_at is None or sent_at > self.renewed_at:
            self.renewed_at = sent_at

    @property
    def age(self) -> float:
        """Seconds since the last good heartbeat was sent; infinite before the first."""
        return float("inf") if self.renewed_at is None else time.monotonic() - self.renewed_at

    @property
    def fresh(self) -> bool:
        """Whether a write now is surely ours to make."""
        return self.age <= self.seconds

    def check(self, where: str) -> None:
        """End the process if the lease is not fresh."""
        if not self.fresh:
            leave(
                Exit.LEASE_LOST,
                where,
                f"last good heartbeat {self.age:.1f} s ago, lease {self.seconds:.1f} s",
            )

    def check_awake(self, where: str) -> None:
        """End the process if its loop stood still for longer than the lease, and the lease is not fresh.

        For what passed `check` before: while a broker is away it may be sent again, as long as the loop turns.
        """
        if self.renewed_at is not None and time.monotonic() - self.awake_at > self.seconds:
            self.check(where)

    def tick(self) -> None:
        """See that the loop turns; it calls this a few times a second."""
        self.check_awake("the loop woke up")
        self.awake_at = time.monotonic()


_leases: dict[str, Lease] = {}


def lease_of(group_id: str, session_timeout_seconds: float) -> Lease:
    """Return the lease of this process's membership in a group; `streams.patches.heartbeats` renews it."""
    return _leases.setdefault(group_id, Lease(session_timeout_seconds))


def renew(group_id: str, sent_at: float) -> None:
    """Renew the lease of a group from a heartbeat or a join that was answered well, sent then."""
    if lease := _leases.get(group_id):
        lease.renew(sent_at)
