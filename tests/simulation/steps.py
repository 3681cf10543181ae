"""What may happen to a cluster, step by step: each is a value that prints as what it is."""

from dataclasses import dataclass
from typing import Any

WORKERS = 3
LEADS = tuple(f"lead-{number}" for number in range(9))
CONCERNED = ("holder", "owner", "lapsed", "offered")
"""People by what they are to the lead when they act."""
ORG_LANE = 3
"""Where publications for the org wait, after those for the partitions of `lead-log`."""
MOST = 100
"""More than there ever is, where all is meant."""


@dataclass(frozen=True, slots=True)
class Arrive:
    """A vendor's message is appended to its org's log, which says whose it is (R6)."""

    lead: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class List:
    """A handle is put on the do-not-contact list, or taken off it (X6)."""

    handle: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """A person's action is appended. `rep_id` may be one of CONCERNED; `call_in`: seconds until a callback's time."""

    lead: str
    rep_id: str
    action: str
    fields: dict[str, Any]
    call_in: float | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """An admin's publication is on its way to every partition of the log."""

    kind: str
    object_id: str
    value: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Deliver:
    """The next publications arrive in one partition of `lead-log`, or, as ORG_LANE, in the org's log."""

    partition: int
    most: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Intake died before it committed: something it appended before is appended again. `back`: how long ago."""

    partition: int
    back: int


@dataclass(frozen=True, slots=True)
class Poison:
    """Bytes that are no event are appended under a lead's key."""

    lead: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes, or the clock of one partition's leader jumps by `skew` seconds."""

    seconds: float
    partition: int
    skew: float


@dataclass(frozen=True, slots=True)
class Dawn:
    """Time passes until so many seconds before the next instant at which something of the org is to be woken."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Poll:
    """A worker handles the next events of one of its partitions."""

    worker: int
    partition: int
    most: int


@dataclass(frozen=True, slots=True)
class PollOrgs:
    """A worker handles the next events of the org's log, if that is among its partitions."""

    worker: int
    most: int


@dataclass(frozen=True, slots=True)
class Flow:
    """For a moment all is well: whoever is alive handles up to `most` of each log, all lands and is relayed."""

    most: int


@dataclass(frozen=True, slots=True)
class Land:
    """So many of a worker's records become durable in each partition, and it hears of it."""

    worker: int
    most: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A worker commits."""

    worker: int


@dataclass(frozen=True, slots=True)
class Fire:
    """A worker looks at its timers."""

    worker: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A worker does the sweeps it was asked for."""

    worker: int


@dataclass(frozen=True, slots=True)
class Crash:
    """A worker is killed; so many records of each lane were on their way and land. It comes back empty."""

    worker: int
    landed: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """A worker is stopped, its open records with it."""

    worker: int


@dataclass(frozen=True, slots=True)
class Thaw:
    """A stopped worker goes on as if nothing had happened."""

    worker: int


@dataclass(frozen=True, slots=True)
class Rejoin:
    """A worker notices that it was put out of the group: it lets go and stands in line."""

    worker: int


@dataclass(frozen=True, slots=True)
class Rebalance:
    """The group shares the partitions out anew among those that answer; the frozen ones become zombies."""

    shift: int


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay reads on in one partition; `most` of its messages land, then it commits or not."""

    partition: int
    read: int
    land: int
    commit: bool


@dataclass(frozen=True, slots=True)
class CrashRelay:
    """The relay is killed; so many messages of each lane land."""

    landed: int


@dataclass(frozen=True, slots=True)
class RelayOrg:
    """The org relay reads on; `land` of its answers reach each partition of `lead-log`, then it commits or not."""

    read: int
    land: int
    commit: bool


@dataclass(frozen=True, slots=True)
class CrashOrgRelay:
    """The org relay is killed; so many answers of each lane land."""

    landed: int


@dataclass(frozen=True, slots=True)
class SucceedOrgRelay:
    """The org relay is taken for dead, and another one begins; the first has answers in hand."""


@dataclass(frozen=True, slots=True)
class HauntOrgRelay:
    """So many answers of an org relay that was taken for dead land in each lane."""

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
