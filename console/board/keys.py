"""Every name the board uses in Valkey. The Lua scripts beside this file spell them the same way.

One string, `board`, names the current generation: a whole, consistent set of lists made by one rebuild
and kept up to date since. Without it (a wiped Valkey) there is no board and it is rebuilt.
"""

from typing import Final

CURRENT: Final = "board"
"""The current generation's id; missing when Valkey is new or was wiped."""

REBUILDING: Final = "board:rebuilding"
"""The lock of a rebuild: the id of the generation in the making, with an expiry."""

FEED_LENGTH: Final = 20_000
"""How many of an org's newest changes its feed keeps, about; who was away longer looks at the lists anew."""

TOMBSTONE_SECONDS: Final = 86_400
"""How long a lead that left a queue keeps its version there.

It only has to outlive what can come late. The board itself reads nothing twice: how far it read is noted
in the same step as the changes. What can repeat is the stream, when its writer starts again behind where
it was: it repeats a lead's changes in order and to the end, so the newest always follows, and without a
tombstone the lead would be listed until it does, milliseconds later. A rebuild needs the tombstones for
no longer than it takes.
"""


def prefix(generation: str) -> str:
    """Return what all keys of a generation begin with."""
    return f"board:{generation}:"


def offsets(generation: str) -> str:
    """Hash: partition of `queue-changes` -> the next offset to apply."""
    return f"{prefix(generation)}offsets"


def floor(generation: str) -> str:
    """Hash: partition of `lead-log` -> the newest offset in the rebuild; what is older is in it already."""
    return f"{prefix(generation)}floor"


def queues(generation: str, org: str) -> str:
    """Hash: queue id -> `<version> <definition as JSON>`."""
    return f"{prefix(generation)}queues:{org}"


def order(generation: str, org: str, queue_id: str) -> str:
    """Sorted set, all scores 0: `<sort key> NUL <lead id>` in the queue's order (Q7)."""
    return f"{prefix(generation)}order:{org}/{queue_id}"


def rows(generation: str, org: str, queue_id: str) -> str:
    """Hash: lead id -> `<version> <bytes of sort key> <sort key><columns as JSON>`."""
    return f"{prefix(generation)}rows:{org}/{queue_id}"


def feed(org: str) -> str:
    """Stream: what changed in an org's lists, across generations."""
    return f"feed:{org}"


def place(sort_key: str, lead_id: str) -> bytes:
    """Return a lead's member in a queue's sorted set. NUL sorts first, so no key runs into an id."""
    return f"{sort_key}\0{lead_id}".encode()


def row(version: int, sort_key: str, columns: bytes) -> bytes:
    """Return a lead's value in a queue's rows."""
    key = sort_key.encode()
    return b"%d %d %b%b" % (version, len(key), key, columns)


def read_row(value: bytes) -> tuple[int, str, bytes]:
    """Return version, sort key and columns (JSON) of a row."""
    version, size, rest = value.split(b" ", 2)
    end = int(size)
    return int(version), rest[:end].decode(), rest[end:]
