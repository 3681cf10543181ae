"""Indexes which leads have a handle by their own arrivals (K1, K2).

A handle is stored as its digest. The index of persons (`rules.org.persons`) keeps one such index. Rows may be added in
any order.
"""

from typing import Final

from rules.org.packed_ids import Packed, unpack_id

_NOBODY: Final[frozenset[Packed]] = frozenset()
_DERIVED: Final = "_digests_of"


class HandleIndex:
    """digest -> the lead that had the handle first, the other leads that it joins, and those that it joins with nobody.

    The digests of one lead are indexed by `index_leads`, which the first erasure calls. An org in which nobody is
    erased does not pay for that.
    """

    __slots__ = ("_apart", "_digests_of", "_first", "_shared")

    def __init__(self) -> None:
        self._first: dict[bytes, Packed] = {}
        self._shared: dict[bytes, set[Packed]] = {}
        self._apart: dict[bytes, set[Packed]] = {}
        """Digest of a handle that does not join -> the leads that the do-not-contact list reaches by it."""
        self._digests_of: dict[Packed, list[bytes]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HandleIndex) and all(
            getattr(self, name) == getattr(other, name) for name in HandleIndex.__slots__ if name != _DERIVED
        )

    __hash__ = None  # type: ignore[assignment]  # the index is mutable

    # -- who has a handle -------------------------------------------------------------------------------------------

    def first(self, digest: bytes) -> Packed | None:
        """Return the lead that had a joining handle first; None if it lost the handle, or nobody has it."""
        return self._first.get(digest)

    def is_held(self, digest: bytes) -> bool:
        """Say whether any lead has a joining handle."""
        return digest in self._first or digest in self._shared

    def joins(self, lead: Packed, digest: bytes) -> bool:
        """Say whether a lead has a joining handle."""
        return self._first.get(digest) == lead or lead in self._shared.get(digest, _NOBODY)

    def holders(self, digest: bytes) -> tuple[Packed, ...]:
        """Return every lead that has a joining handle: the first one, then the others by id."""
        first, shared = self._first.get(digest), self._shared.get(digest)
        others = _by_id(shared) if shared else ()
        return others if first is None else (first, *others)

    def apart(self, digest: bytes) -> tuple[Packed, ...]:
        """Return the leads with a handle that joins them with nobody, by id."""
        leads = self._apart.get(digest)
        return _by_id(leads) if leads else ()

    def is_apart(self, lead: Packed, digest: bytes) -> bool:
        """Say whether a lead has a handle that joins it with nobody."""
        return lead in self._apart.get(digest, _NOBODY)

    def count_apart(self, digest: bytes) -> int:
        """Return how many leads have a handle that joins them with nobody."""
        return len(self._apart.get(digest, _NOBODY))

    # -- changes ----------------------------------------------------------------------------------------------------

    def begin(self, digest: bytes, lead: Packed) -> None:
        """Make a lead the one that had a joining handle first. Another one that was first shares it from now on.

        A person took the handle from that one; the correction that says so comes later.
        """
        if (former := self._first.get(digest, lead)) != lead:
            self.share(digest, former)
        self._first[digest] = lead
        self._note(digest, lead)

    def share(self, digest: bytes, lead: Packed) -> None:
        """Add a lead to those that have a joining handle, but had it not first."""
        self._shared.setdefault(digest, set()).add(lead)
        self._note(digest, lead)

    def keep_apart(self, digest: bytes, lead: Packed) -> None:
        """Add a lead to those that have a handle which joins them with nobody."""
        self._apart.setdefault(digest, set()).add(lead)

    def remove(self, digest: bytes, lead: Packed) -> None:
        """Take a handle from a lead."""
        if self._first.get(digest) == lead:
            del self._first[digest]
        for holders in (self._shared, self._apart):
            if lead in (leads := holders.get(digest, set())):
                leads.discard(lead)
                if not leads:
                    del holders[digest]
        if self._digests_of is not None and digest in (lead_digests := self._digests_of.get(lead, [])):
            lead_digests.remove(digest)

    def forget(self, lead: Packed) -> None:
        """Take every handle from a lead. The first call reads the whole index: a second for a million leads."""
        for digest in tuple(self.index_leads().pop(lead, ())):
            self.remove(digest, lead)
        for digest in [digest for digest, leads in self._apart.items() if lead in leads]:
            self.remove(digest, lead)

    # -- by lead ----------------------------------------------------------------------------------------------------

    def digests_of(self, lead: Packed) -> tuple[bytes, ...]:
        """Return the digests of a lead's joining handles."""
        return tuple(self.index_leads().get(lead, ()))

    def index_leads(self) -> dict[Packed, list[bytes]]:
        """Return lead -> the digests of its joining handles. From the first call on every change updates it."""
        if self._digests_of is None:
            self._digests_of = {}
            for digest, lead in self._first.items():
                self._digests_of.setdefault(lead, []).append(digest)
            for digest, leads in self._shared.items():
                for lead in leads:
                    self._digests_of.setdefault(lead, []).append(digest)
        return self._digests_of

    def _note(self, digest: bytes, lead: Packed) -> None:
        if self._digests_of is not None and digest not in (
            lead_digests := self._digests_of.setdefault(lead, [])
        ):
            lead_digests.append(digest)


def _by_id(leads: set[Packed]) -> tuple[Packed, ...]:
    return tuple(sorted(leads, key=unpack_id))
