"""Indexes which lead each arrival and each handle belongs to, small enough for a million people (R6, X6).

Rows of persons are only ever added, so any order of them gives the same index. Of a lead's corrections only the newest
row counts; whatever it names, the lead's other rows of persons do not (M2). Rows of the do-not-contact list must be
applied in the journal's order.
"""

from hashlib import blake2b
from typing import Final
from uuid import UUID

from models.org import DoNotContactRow, OrgPerson
from models.persons import OrgCorrection

Packed = bytes | str
"""An id as stored: a UUID as its sixteen bytes, any other id unchanged."""

_DIGEST_BYTES: Final = 15
"""With a billion people, two share a digest with a probability of 10^-18; and a `bytes` of this length takes 48
bytes."""
_UUID_LENGTH: Final = 36
_UNCORRECTED: Final[dict[bytes, bool]] = {}


class Persons:
    """arrival -> lead, handle -> the lead that had it first, and the handles on the do-not-contact list.

    Start with `Persons()`. All references to an id share one object, so a person costs one entry for itself and one for
    each handle.
    """

    __slots__ = ("_arrivals", "_barred", "_corrected", "_handles", "_shared")

    def __init__(self) -> None:
        self._arrivals: dict[Packed, Packed] = {}
        self._handles: dict[bytes, Packed] = {}
        self._shared: dict[bytes, frozenset[Packed]] = {}
        self._barred: dict[bytes, str] = {}
        self._corrected: dict[Packed, dict[bytes, bool]] = {}
        """Lead -> digest of a handle that a person corrected -> whether the lead has it."""

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
        """Return the lead that had a handle first; if that was corrected, the first by id of those that share it."""
        found = self.all_with(handle)
        return found[0] if found else None

    def all_with(self, handle: str) -> tuple[str, ...]:
        """Return every lead that has a handle: the first one, then the others by id."""
        digest = _digest(handle)
        first, shared = self._handles.get(digest), self._shared.get(digest)
        others = sorted(map(_unpacked, shared)) if shared else []
        return tuple(others) if first is None else (_unpacked(first), *others)

    def has_lost(self, lead_id: str, handle: str) -> bool:
        """Say whether a person took a handle from a lead, so that no arrival brings it back (M2)."""
        return self._corrected.get(_packed(lead_id), _UNCORRECTED).get(_digest(handle)) is False

    def barred(self, handle: str) -> str | None:
        """Return why a handle must not be contacted; None if it may be (X6)."""
        return self._barred.get(_digest(handle))

    def arrivals(self) -> dict[str, int]:
        """Return the number of arrivals of each lead."""
        found: dict[Packed, int] = {}
        for lead in self._arrivals.values():
            found[lead] = found.get(lead, 0) + 1
        return {_unpacked(lead): count for lead, count in found.items()}

    def put(self, row: OrgPerson | OrgCorrection | DoNotContactRow) -> None:
        """Add a row to the index."""
        if isinstance(row, OrgCorrection):
            self._correct(row)
            return
        if isinstance(row, DoNotContactRow):
            if row.reason is None:
                self._barred.pop(_digest(row.handle), None)
            else:
                self._barred[_digest(row.handle)] = row.reason
            return
        lead = _packed(row.lead_id)
        lead = self._arrivals.get(lead, lead)
        self._arrivals.setdefault(lead if row.arrival_id == row.lead_id else _packed(row.arrival_id), lead)
        corrected = self._corrected.get(lead, _UNCORRECTED)
        for handle in row.handles:
            digest = _digest(handle)
            if digest in corrected:
                continue
            if (former := self._handles.get(digest, lead)) != lead:
                self._share(digest, former)  # a person took it from that lead; its correction comes later
            self._handles[digest] = lead
        for handle in row.shared:
            digest = _digest(handle)
            if digest not in corrected and self._handles.get(digest) != lead:
                self._share(digest, lead)

    def _share(self, digest: bytes, lead: Packed) -> None:
        self._shared[digest] = self._shared.get(digest, frozenset()) | {lead}

    def _correct(self, row: OrgCorrection) -> None:
        """Replace what is corrected of a lead. It shares its corrected handles and is first with none of them."""
        lead = _packed(row.lead_id)
        lead = self._arrivals.get(lead, lead)
        corrected = dict.fromkeys(map(_digest, row.removed), False) | dict.fromkeys(
            map(_digest, row.handles), True
        )
        for digest in corrected:
            if self._handles.get(digest) == lead:
                del self._handles[digest]
            if left := self._shared.get(digest, frozenset()) - {lead}:
                self._shared[digest] = left
            else:
                self._shared.pop(digest, None)
        for digest, has in corrected.items():
            if has:
                self._share(digest, lead)
        self._corrected[lead] = corrected


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
