"""The names of all keys the board uses in Valkey. The Lua scripts beside this file use the same names.

One string, `board:2`, names the current generation: a whole, consistent set of lists made by one rebuild
and kept up to date since. Without it (a wiped Valkey) there is no board and it is rebuilt.
"""

from typing import Any, Final

import msgspec

CURRENT: Final = "board:2"
"""The current generation's id; missing when Valkey is new or was wiped.

The number counts layouts: a board of an older layout is as good as none, and is rebuilt and swept away.
"""

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
    """Hash: lead id -> `<version> <bytes of sort key> <bytes of name> <sort key><name><columns as JSON>`."""
    return f"{prefix(generation)}rows:{org}/{queue_id}"


def names(generation: str, org: str, queue_id: str) -> str:
    """Hash: `<name as it is searched> NUL <lead id>` -> sort key: what a search looks at (Q12)."""
    return f"{prefix(generation)}names:{org}/{queue_id}"


def feed(org: str) -> str:
    """Stream: what changed in an org's lists, across generations."""
    return f"feed:{org}"


def place(sort_key: str, lead_id: str) -> bytes:
    """Return a lead's member in a queue's sorted set. NUL sorts first, so no key runs into an id."""
    return f"{sort_key}\0{lead_id}".encode()


def row(version: int, sort_key: str, columns: bytes) -> bytes:
    """Return a lead's value in a queue's rows."""
    key, name = sort_key.encode(), name_in(columns).encode()
    return b"%d %d %d %b%b%b" % (version, len(key), len(name), key, name, columns)


def read_row(value: bytes) -> tuple[int, str, bytes]:
    """Return version, sort key and columns (JSON) of a row."""
    version, key_bytes, name_bytes, rest = value.split(b" ", 3)
    end = int(key_bytes)
    return int(version), rest[:end].decode(), rest[end + int(name_bytes) :]


def searchable(name: str) -> str:
    """Return a name, or a part of one, as it is searched: in any case. NUL ends a name, so none is in it."""
    return name.casefold().replace("\0", "")


def name_in(columns: bytes) -> str:
    """Return the name among a lead's columns (JSON) as it is searched. Raises `msgspec.MsgspecError`."""
    return searchable(str(_NAMED.decode(columns).name))


def named(columns: bytes, lead_id: str) -> bytes:
    """Return a lead's field in a queue's names."""
    return f"{name_in(columns)}\0{lead_id}".encode()


class _Named(msgspec.Struct):
    name: Any = ""


_NAMED: Final = msgspec.json.Decoder(_Named)
