"""Indexes which lead each arrival and each handle belongs to, small enough for a million people (R6, K1, X6).

Rows of persons are only ever added, so any order of them gives the same index. Of a lead's corrections only the newest
row counts; whatever it names, the lead's other rows of persons do not (M2). Rows of the do-not-contact list must be
applied in the journal's order.
"""

from hashlib import blake2b
from itertools import islice
from typing import Final
from uuid import UUID

from models.org import DoNotContactRow, OrgPerson
from models.persons import MET_TOO_OFTEN, PHONE, OrgCorrection, listed_handle

Packed = bytes | str
"""An id as stored: a UUID as its sixteen bytes, any other id unchanged."""

_DIGEST_BYTES: Final = 15
"""With a billion people, two share a digest with a probability of 10^-18; and a `bytes` of this length takes 48
bytes."""
_UUID_LENGTH: Final = 36
_UNCORRECTED: Final[dict[bytes, bool]] = {}
_NO_NAMES: Final[frozenset[bytes]] = frozenset()
MOST_LEADS: Final = 16
"""How many leads with the same joining handle are compared with an arrival."""
MOST_NAMES: Final = 8
"""How many last names of one lead are remembered. The names of a lead that has more tell nobody apart."""
_PHONE_BYTE: Final = {False: b"\x00", True: b"\x01"}
_PHONE: Final = f"{PHONE}/"


class Persons:
    """arrival -> lead, handle -> the lead that had it first, and the handles on the do-not-contact list.

    Start with `Persons()`. All references to an id share one object, so a person costs two entries for itself and one
    for each handle.
    """

    __slots__ = (
        "_also",
        "_apart",
        "_arrivals",
        "_barred",
        "_corrected",
        "_handles",
        "_met",
        "_people",
        "_shared",
    )

    def __init__(self) -> None:
        self._arrivals: dict[Packed, Packed] = {}
        self._handles: dict[bytes, Packed] = {}
        self._shared: dict[bytes, set[Packed]] = {}
        self._apart: dict[bytes, set[Packed]] = {}
        """Digest of a handle that does not join -> the leads that the do-not-contact list reaches by it."""
        self._people: dict[Packed, bytes] = {}
        """Lead -> a byte, whether it has a phone that tells people apart, and the digest of its arrival's last name."""
        self._also: dict[Packed, frozenset[bytes]] = {}
        """Lead -> digests of the last names of its inquiries and resends."""
        self._met: dict[bytes, frozenset[bytes]] = {}
        """Digest of a joining handle -> digests of the last names it came with. Without an entry: that of its lead."""
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

    def candidates(self, joining: str) -> tuple[str, ...]:
        """Return the leads that an arrival with a joining handle may belong to: the first one, then the others by id.

        At most `MOST_LEADS`. A lead that lost the handle by a correction is none of them.
        """
        digest, listed = _digest(joining), listed_handle(joining)
        found = (lead for lead in self._holders(digest) if not self.has_lost(lead, listed))
        return tuple(islice(found, MOST_LEADS))

    def is_held(self, joining: str) -> bool:
        """Say whether any lead has a joining handle."""
        digest = _digest(joining)
        return digest in self._handles or digest in self._shared

    def has(self, lead_id: str, handle: str) -> bool:
        """Say whether a lead has a handle, in whichever way."""
        digest, lead = _digest(handle), _packed(lead_id)
        return (
            self._handles.get(digest) == lead
            or lead in self._shared.get(digest, ())
            or lead in self._apart.get(digest, ())
        )

    def all_with(self, handle: str) -> tuple[str, ...]:
        """Return every lead that has a handle: the first one, then the others by id."""
        digest = _digest(handle)
        found = self._holders(digest)
        if apart := self._apart.get(digest):
            known = set(found)
            found += tuple(lead for lead in sorted(map(_unpacked, apart)) if lead not in known)
        return found

    def apart(self, handle: str) -> int:
        """Return how many leads have a handle that joins them with nobody."""
        return len(self._apart.get(_digest(handle), ()))

    def has_phone(self, lead_id: str) -> bool:
        """Say whether a lead has a phone that tells people apart."""
        return self._people.get(_packed(lead_id), b"\x00")[:1] == b"\x01"

    def names(self, lead_id: str) -> frozenset[str]:
        """Return the digests of a lead's last names; empty if none is known, or too many to tell anybody apart."""
        lead = _packed(lead_id)
        found = self._also.get(lead, _NO_NAMES)
        if own := self._people.get(lead, b"")[1:]:
            found |= {own}
        return frozenset(name.hex() for name in found) if len(found) < MOST_NAMES else frozenset()

    def takes_name(self, lead_id: str, name: str | None) -> bool:
        """Say whether a last name is new for a lead that has room for it."""
        lead = _packed(lead_id)
        if name is None or len(also := self._also.get(lead, _NO_NAMES)) >= MOST_NAMES:
            return False
        digest = bytes.fromhex(name)
        return digest not in also and digest != self._people.get(lead, b"")[1:]

    def own_name(self, lead_id: str) -> str | None:
        """Return the digest of the last name of a lead's own arrival."""
        return self._people.get(_packed(lead_id), b"")[1:].hex() or None

    def met(self, joining: str) -> frozenset[str]:
        """Return the digests of the last names that a joining handle was met with, at most `MET_TOO_OFTEN` (K1)."""
        digest = _digest(joining)
        if (found := self._met.get(digest)) is None:
            first = self._handles.get(digest)
            own = self._people.get(first, b"")[1:] if first is not None else b""
            return frozenset((own.hex(),)) if own else frozenset()
        return frozenset(name.hex() for name in found)

    def is_retired(self, joining: str) -> bool:
        """Say whether a joining handle was met with so many last names that it joins nobody (K1)."""
        return len(self.met(joining)) >= MET_TOO_OFTEN

    def _holders(self, digest: bytes) -> tuple[str, ...]:
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
        for handle in row.apart:
            digest = _digest(handle)
            if digest not in corrected:
                self._apart.setdefault(digest, set()).add(lead)
        self._describe(row, lead)

    def _describe(self, row: OrgPerson, lead: Packed) -> None:
        """Remember last names, and whether the lead has a phone that tells people apart."""
        known = self._people.get(lead, b"")
        name = b"" if row.name is None else bytes.fromhex(row.name)
        own = row.arrival_id == row.lead_id and not row.more
        if name and not own:
            self._also[lead] = self._also.get(lead, _NO_NAMES) | {name}
        phone = known[:1] == b"\x01" or any(
            handle.startswith(_PHONE) for handle in (*row.handles, *row.shared)
        )
        described = _PHONE_BYTE[phone] + (name if own else known[1:])
        if len(described) > 1 or phone:
            self._people[lead] = described
        for joining, names in row.met.items():
            digest = _digest(joining)
            self._met[digest] = self._met.get(digest, _NO_NAMES) | set(map(bytes.fromhex, names))

    def _share(self, digest: bytes, lead: Packed) -> None:
        self._shared.setdefault(digest, set()).add(lead)

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
            for holders in (self._shared, self._apart):
                holders.get(digest, set()).discard(lead)
                if not holders.get(digest, True):
                    del holders[digest]
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
