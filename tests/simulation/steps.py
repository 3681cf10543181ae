"""The steps that may happen to a cluster. Each is a value whose `repr` can be run again."""

from dataclasses import dataclass
from typing import Any

WORKERS = 3
LEADS = tuple(f"lead-{number}" for number in range(9))
CONCERNED = ("holder", "owner", "lapsed", "offered")
"""People, named by their relation to the lead when they act."""
ORG_LANE = 3
"""The lane of publications for the org, after the lanes of the partitions of `lead-log`."""
MAX_EVENTS = 100
"""More than there ever is, for steps that mean all."""


@dataclass(frozen=True, slots=True)
class Arrive:
    """Append a vendor's message to its org's log. The org decides whose arrival it is (R6)."""

    lead: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class List:
    """Put a handle on the do-not-contact list, or take it off (X6)."""

    handle: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """Append a person's action. `rep_id` may be one of CONCERNED. `call_in`: seconds until the time of a callback."""

    lead: str
    rep_id: str
    action: str
    fields: dict[str, Any]
    call_in: float | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Send an admin's publication to every partition of the log."""

    kind: str
    object_id: str
    value: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliver the next publications to one partition of `lead-log`, or, with ORG_LANE, to the org's log."""

    partition: int
    most: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Append a record of intake again, as after a crash before its commit.

    `back`: how many records ago it was appended.
    """

    partition: int
    back: int


@dataclass(frozen=True, slots=True)
class Poison:
    """Append bytes that are no event under a lead's key."""

    lead: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """Let time pass, or let the clock of one partition's leader jump by `skew` seconds."""

    seconds: float
    partition: int
    skew: float


@dataclass(frozen=True, slots=True)
class Dawn:
    """Let time pass until the given number of seconds before the next instant at which the org wakes something."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Poll:
    """Let a worker handle the next events of one of its partitions."""

    worker: int
    partition: int
    most: int


@dataclass(frozen=True, slots=True)
class PollOrgs:
    """Let a worker handle the next events of the org's log, if it owns that partition."""

    worker: int
    most: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Run without faults for a moment.

    Live processes handle up to `most` of each log; everything lands and is relayed.
    """

    most: int


@dataclass(frozen=True, slots=True)
class Land:
    """Make the given number of a worker's records durable in each partition, and acknowledge them."""

    worker: int
    most: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Let a worker commit."""

    worker: int


@dataclass(frozen=True, slots=True)
class Fire:
    """Let a worker check its timers."""

    worker: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Let a worker do its requested sweeps."""

    worker: int


@dataclass(frozen=True, slots=True)
class Crash:
    """Kill a worker. The given number of records of each lane land. The worker comes back without state."""

    worker: int
    landed: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop a worker with its open records."""

    worker: int


@dataclass(frozen=True, slots=True)
class Thaw:
    """Resume a stopped worker, which does not know that it was stopped."""

    worker: int


@dataclass(frozen=True, slots=True)
class Rejoin:
    """Let a worker notice that it was removed from the group. It gives up its partitions and asks to join again."""

    worker: int


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Assign the partitions again to the workers that respond. The frozen workers become zombies."""

    shift: int


@dataclass(frozen=True, slots=True)
class Relay:
    """Let the relay read on in one partition. `most` of its messages land; then it commits or not."""

    partition: int
    read: int
    land: int
    commit: bool


@dataclass(frozen=True, slots=True)
class CrashRelay:
    """Kill the relay. The given number of messages of each lane land."""

    landed: int


@dataclass(frozen=True, slots=True)
class RelayOrg:
    """Let the org relay read on. `land` of its answers reach each partition of `lead-log`; then it commits or not."""

    read: int
    land: int
    commit: bool


@dataclass(frozen=True, slots=True)
class CrashOrgRelay:
    """Kill the org relay. The given number of answers of each lane land."""

    landed: int


@dataclass(frozen=True, slots=True)
class SucceedOrgRelay:
    """Start a second org relay as if the first were dead. The first still has unsent answers."""


@dataclass(frozen=True, slots=True)
class HauntOrgRelay:
    """Let the given number of answers of a replaced org relay land in each lane."""

    landed: int


Step = (
    Arrive
    | List
    | Act
    | Publish
    | Deliver
    | Duplicate
    | Poison
    | Tick
    | Dawn
    | Poll
    | PollOrgs
    | Flow
    | Land
    | Commit
    | Fire
    | Sweep
    | Crash
    | Freeze
    | Thaw
    | Rejoin
    | Rebalance
    | Relay
    | CrashRelay
    | RelayOrg
    | CrashOrgRelay
    | SucceedOrgRelay
    | HauntOrgRelay
)
Schedule = tuple[Step, ...]
