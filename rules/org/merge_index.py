"""Remembers which leads managers merged into others, and which inquiries they took out (K5).

The index of persons (`rules.org.persons`) keeps one. The rows of a merged lead stay its own; only the answers of the
index name the lead that counts. So taking it out again gives exactly the former index. Of each lead and of each
inquiry the newest row counts.
"""

from collections.abc import Iterator
from typing import Final

from models.merging import OrgMerged, OrgSplit
from models.persons import handle_digest
from rules.org.packed_ids import Packed

_NONE: Final[frozenset[Packed]] = frozenset()
_NO_LOSSES: Final[frozenset[bytes]] = frozenset()


class MergeIndex:
    """lead -> the lead it was merged into; inquiry -> what its former lead lost with it."""

    __slots__ = ("_former", "_into", "_members", "_splits")

    def __init__(self) -> None:
        self._into: dict[Packed, tuple[Packed, OrgMerged]] = {}
        self._members: dict[Packed, frozenset[Packed]] = {}
        self._splits: dict[Packed, tuple[Packed, frozenset[bytes], OrgSplit]] = {}
        """Inquiry -> its former lead, the digests of the handles it lost, and the row without its handles."""
        self._former: dict[Packed, frozenset[Packed]] = {}
        """Lead -> the inquiries that were taken out of it."""

    def __bool__(self) -> bool:
        return bool(self._into)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MergeIndex) and all(
            getattr(self, name) == getattr(other, name) for name in MergeIndex.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # the index is mutable

    def put(self, row: OrgMerged, lead: Packed, into: Packed | None) -> None:
        """Apply a row of a merged lead. No row makes a circle, because the org grants none."""
        if (former := self._into.pop(lead, None)) is not None:
            remaining = self._members[former[0]] - {lead}
            if remaining:
                self._members[former[0]] = remaining
            else:
                del self._members[former[0]]
        if into is not None:
            self._into[lead] = (into, row)
            self._members[into] = self._members.get(into, _NONE) | {lead}

    def put_split(self, row: OrgSplit, inquiry: Packed, lead: Packed) -> frozenset[bytes]:
        """Apply a row of an inquiry that was taken out. Return the digests of the handles its former lead loses."""
        lost_digests = frozenset(map(handle_digest, row.lost))
        self._former[lead] = self._former.get(lead, _NONE) | {inquiry}
        self._splits[inquiry] = (lead, lost_digests, OrgSplit(inquiry_id=row.inquiry_id, lead_id=row.lead_id))
        return lost_digests

    def root(self, lead: Packed) -> Packed:
        """Return the lead that counts for a lead: itself, or the one it was merged into, directly or through others."""
        while (merge := self._into.get(lead)) is not None:
            lead = merge[0]
        return lead

    def family(self, lead: Packed) -> Iterator[Packed]:
        """Yield a lead and every lead that was merged into it, directly or through others."""
        yield lead
        for member in self._members.get(lead, _NONE):
            yield from self.family(member)

    def members(self, lead: Packed) -> frozenset[Packed]:
        """Return the leads that were merged into a lead directly."""
        return self._members.get(lead, _NONE)

    def row(self, lead: Packed) -> OrgMerged | None:
        """Return the row of a merged lead; None if it is a lead of its own."""
        merge = self._into.get(lead)
        return None if merge is None else merge[1]

    def lost(self, lead: Packed) -> frozenset[bytes]:
        """Return the digests of the handles that a lead lost with inquiries that were taken out."""
        inquiries = self._former.get(lead, _NONE)
        return (
            frozenset().union(*(self._splits[inquiry][1] for inquiry in inquiries))
            if inquiries
            else _NO_LOSSES
        )

    def bare_split(self, inquiry: Packed) -> OrgSplit | None:
        """Return the row that replaces that of an inquiry that was taken out, once it is erased."""
        split = self._splits.get(inquiry)
        return None if split is None else split[2]
