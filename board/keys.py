"""Names all keys that the board uses in Valkey. The Lua scripts beside this file use the same names.

The string `board:3` names the current generation: a complete, consistent set of lists that one rebuild made and that
is kept up to date since. If it is missing (a wiped Valkey), there is no board and it is rebuilt.
"""

from typing import Any, Final

import msgspec

CURRENT: Final = "board:3"
"""The key of the current generation's id. It is missing when Valkey is new or was wiped.

The number is the version of the layout. A board of an older layout counts as missing: it is rebuilt, and the old keys
are removed.
"""

REBUILDING: Final = "board:rebuilding"
"""The key of the rebuild lock. Its value is the id of the generation being built, and it expires."""

LICENCE_STATE: Final = "licence_state"
"""The field of a row's columns that is kept for the licence check and never shown (M6)."""

FEED_LENGTH: Final = 20_000
"""About how many of an org's newest changes its feed keeps. A reader that was away longer reads the lists again."""

TOMBSTONE_SECONDS: Final = 86_400
"""How long a lead that left a queue keeps its version there.

A tombstone only has to outlive late changes. The board itself reads nothing twice, because its offsets are stored in
the same step as the changes. But the stream can repeat, when its writer restarts behind its last position. It then
repeats a lead's changes in order and to the end, so the newest always follows. Without a tombstone the lead would be
listed until then, for milliseconds. A rebuild needs the tombstones only while it runs.
"""


def prefix(generation: str) -> str:
    """Return the prefix of all keys of a generation."""
    return f"board:{generation}:"


def offsets(generation: str) -> str:
    """Hash: partition of `queue-changes` -> the next offset to apply."""
    return f"{prefix(generation)}offsets"


def floor(generation: str) -> str:
    """Hash: partition of `lead-log` -> the newest offset that the rebuild contains, with all before it."""
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
    """Hash: `<searchable name> NUL <lead id>` -> sort key. Searches read it (Q12)."""
    return f"{prefix(generation)}names:{org}/{queue_id}"


def feed_key(org: str) -> str:
    """Stream: the changes of an org's lists, across generations."""
    return f"feed:{org}"


def member(sort_key: str, lead_id: str) -> bytes:
    """Return a lead's member in a queue's sorted set. NUL sorts first, so no key runs into an id."""
    return f"{sort_key}\0{lead_id}".encode()


def row(version: int, sort_key: str, columns: bytes) -> bytes:
    """Return a lead's value in a queue's rows."""
    key, name = sort_key.encode(), name_in(columns).encode()
    return b"%d %d %d %b%b%b" % (version, len(key), len(name), key, name, columns)


def with_state(columns: bytes, state: str | None) -> bytes:
    """Return a lead's columns (JSON, never empty) with the state by which lists say who has the licence (M6)."""
    if state is None:
        return columns
    return b'{"%b":%b,%b' % (LICENCE_STATE.encode(), msgspec.json.encode(state), columns[1:])


def read_row(value: bytes) -> tuple[int, str, bytes]:
    """Return version, sort key and columns (JSON) of a row."""
    version, key_bytes, name_bytes, payload = value.split(b" ", 3)
    end = int(key_bytes)
    return int(version), payload[:end].decode(), payload[end + int(name_bytes) :]


def searchable(name: str) -> str:
    """Return a name, or a part of one, as it is searched: casefolded, without NUL, which ends a name."""
    return name.casefold().replace("\0", "")


def name_in(columns: bytes) -> str:
    """Return the searchable name from a lead's columns (JSON). Raises `msgspec.MsgspecError`."""
    return searchable(str(_NAMED_DECODER.decode(columns).name))


def name_field(columns: bytes, lead_id: str) -> bytes:
    """Return a lead's field in a queue's hash of names."""
    return f"{name_in(columns)}\0{lead_id}".encode()


class _Named(msgspec.Struct):
    name: Any = ""


_NAMED_DECODER: Final = msgspec.json.Decoder(_Named)
