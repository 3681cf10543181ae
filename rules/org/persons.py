"""Indexes which lead each arrival and each handle belongs to, small enough for a million people (R6, X6).

Rows of persons are only ever added, so any order of them gives the same index. Rows of the do-not-contact list must be
applied in the journal's order.
"""

from hashlib import blake2b
from typing import Final
from uuid import UUID

from models.org import DoNotContactRow, OrgPerson

Packed = bytes | str
"""An id as stored: a UUID as its sixteen bytes, any other id unchanged."""

_DIGEST_BYTES: Final = 15
"""With a billion people, two share a digest with a probability of 10^-18; and a `bytes` of this length takes 48
bytes."""
_UUID_LENGTH: Final = 36


class Persons:
    """arrival -> lead, handle -> the lead that had it first, and the handles on the do-not-contact list.

    Start with `Persons()`. All references to an id share one object, so a person costs one entry for itself and one for
    each handle.
    """

    __slots__ = ("_arrivals", "_barred", "_handles", "_shared")

    def __init__(self) -> None:
        self._arrivals: dict[Packed, Packed] = {}
        self._handles: dict[bytes, Packed] = {}
        self._shared: dict[bytes, frozenset[Packed]] = {}
        self._barred: dict[bytes, str] = {}

    def __len__(self) -> int:
        """Return the number of arrivals."""
        return len(self._arrivals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Persons) and all(
            getattr(self, name) == getattr(other, name) for name in Persons.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # the index is mutable

    def lead_of(self, arrival_id: str) -> str | None:
        """Return the lead that an arrival became or was added to; None for an unknown arrival."""
        lead = self._arrivals.get(_packed(arrival_id))
        return None if lead is None else _unpacked(lead)

    def first_with(self, handle: str) -> str | None:
        """Return the lead that had a handle first."""
        lead = self._handles.get(_digest(handle))
        return None if lead is None else _unpacked(lead)

    def all_with(self, handle: str) -> tuple[str, ...]:
        """Return every lead that has a handle: the first one, then the others by id."""
        digest = _digest(handle)
        first = self._handles.get(digest)
        if first is None:
            return ()
        return _unpacked(first), *sorted(map(_unpacked, self._shared.get(digest, frozenset())))

    def barred(self, handle: str) -> str | None:
        """Return why a handle must not be contacted; None if it may be (X6)."""
        return self._barred.get(_digest(handle))

    def arrivals(self) -> dict[str, int]:
        """Return the number of arrivals of each lead."""
        found: dict[Packed, int] = {}
        for lead in self._arrivals.values():
            found[lead] = found.get(lead, 0) + 1
        return {_unpacked(lead): count for lead, count in found.items()}

    def put(self, row: OrgPerson | DoNotContactRow) -> None:
        """Add a row to the index."""
        if isinstance(row, DoNotContactRow):
            if row.reason is None:
                self._barred.pop(_digest(row.handle), None)
            else:
                self._barred[_digest(row.handle)] = row.reason
            return
        lead = _packed(row.lead_id)
        lead = self._arrivals.get(lead, lead)
        self._arrivals.setdefault(lead if row.arrival_id == row.lead_id else _packed(row.arrival_id), lead)
        for handle in row.handles:
            self._handles[_digest(handle)] = lead
        for handle in row.shared:
            digest = _digest(handle)
            self._shared[digest] = self._shared.get(digest, frozenset()) | {lead}


def _packed(identity: str) -> Packed:
    if len(identity) != _UUID_LENGTH:
        return identity
    try:
        found = UUID(identity)
    except ValueError:
        return identity
    return found.bytes if str(found) == identity else identity


def _unpacked(identity: Packed) -> str:
    return identity if isinstance(identity, str) else str(UUID(bytes=identity))


def _digest(handle: str) -> bytes:
    return blake2b(handle.encode(), digest_size=_DIGEST_BYTES).digest()
