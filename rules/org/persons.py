"""Indexes which lead each arrival and each handle belongs to, small enough for a million people (R6, K1, X6).

Rows of persons are only added, until their lead is erased; then none of its rows counts. So any order of them gives the
same index. Of a lead's corrections only the newest row counts; whatever it names, the lead's other rows of persons do
not (M2). Leads that managers merged and inquiries that they took out are in `rules.org.merge_index` (K5); every answer
names the lead that counts. Rows of the do-not-contact list and of erased persons must be applied in the journal's
order.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from models.merging import OrgMerged, OrgSplit
from models.org_rows import DoNotContactRow, OrgErased, OrgPerson
from models.persons import MET_TOO_OFTEN, OrgCorrection, do_not_contact_handle, handle_digest
from rules.org.handle_index import HandleIndex
from rules.org.last_names import LastNames
from rules.org.merge_index import MergeIndex
from rules.org.packed_ids import Packed, pack_id, unpack_id

FORBIDDEN_HASH: Final = "hash/"
"""The prefix of a handle on the do-not-contact list of which only the keyed hash is known."""
_DERIVED: Final = "_arrivals_of"
_UNCORRECTED: Final[dict[bytes, bool]] = {}
MAX_LEADS: Final = 16
"""How many leads with the same joining handle are compared with an arrival."""


class Persons:
    """arrival -> lead, handle -> the lead that had it first, and the handles on the do-not-contact list.

    Start with `Persons()`. All references to an id share one object, so a person costs two entries for itself and one
    for each handle. What belongs to one lead is indexed from the first erasure on, so that an org in which nobody is
    erased does not pay for it.
    """

    __slots__ = (
        "_arrivals",
        "_arrivals_of",
        "_corrected",
        "_erased",
        "_erased_hashes",
        "_forbidden",
        "_handles",
        "_merges",
        "_more",
        "_names",
        "_returned_hashes",
    )

    def __init__(self) -> None:
        self._arrivals: dict[Packed, Packed] = {}
        self._handles = HandleIndex()
        self._names = LastNames()
        self._merges = MergeIndex()
        self._forbidden: dict[bytes, str] = {}
        self._more: dict[Packed, tuple[OrgPerson, ...]] = {}
        """Lead -> the rows of resends that brought further handles, without the handles: each has its own key."""
        self._erased: set[Packed] = set()
        self._erased_hashes: set[str] = set()
        self._returned_hashes: set[str] = set()
        self._arrivals_of: dict[Packed, list[Packed]] | None = None
        self._corrected: dict[Packed, dict[bytes, bool]] = {}
        """Lead -> digest of a handle that a person corrected -> whether the lead has it."""

    def __len__(self) -> int:
        """Return the number of arrivals."""
        return len(self._arrivals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Persons) and all(
            getattr(self, name) == getattr(other, name) for name in Persons.__slots__ if name != _DERIVED
        )

    __hash__ = None  # type: ignore[assignment]  # the index is mutable

    def lead_of(self, arrival_id: str) -> str | None:
        """Return the lead that an arrival became or was added to; None for an unknown arrival.

        For a lead that was merged it is the lead that counts (K5).
        """
        lead = self._arrivals.get(pack_id(arrival_id))
        return None if lead is None else unpack_id(self._merges.root(lead))

    # -- who has a handle -------------------------------------------------------------------------------------------

    def first_with(self, handle: str) -> str | None:
        """Return the lead that had a handle first; after its erasure or correction the next one by id."""
        leads = self.all_with_digest(handle_digest(handle))
        return leads[0] if leads else None

    def candidates(self, joining: str) -> tuple[str, ...]:
        """Return the leads that an arrival with a joining handle may belong to: the first one, then the others by id.

        At most `MAX_LEADS`. A lead that lost the handle by a correction is none of them.
        """
        digest, listed = handle_digest(joining), do_not_contact_handle(joining)
        leads = (lead for lead in self.all_with_digest(digest) if not self.has_lost(lead, listed))
        return tuple(islice(leads, MAX_LEADS))

    def is_held(self, joining: str) -> bool:
        """Say whether any lead has a joining handle."""
        return self._handles.is_held(handle_digest(joining))

    def joins(self, lead_id: str, joining: str) -> bool:
        """Say whether a lead, or one that was merged into it, has a joining handle."""
        digest = handle_digest(joining)
        return any(self._handles.joins(lead, digest) for lead in self._merges.family(pack_id(lead_id)))

    def holds(self, lead_id: str, joining: str) -> bool:
        """Say whether a lead has a joining handle by its own arrivals."""
        return self._handles.joins(pack_id(lead_id), handle_digest(joining))

    def has(self, lead_id: str, handle: str) -> bool:
        """Say whether a lead has a handle by its own arrivals, in whichever way."""
        lead, digest = pack_id(lead_id), handle_digest(handle)
        return self._handles.joins(lead, digest) or self._handles.is_apart(lead, digest)

    def keeps(self, lead_id: str, handle: str, *, without: str, lost_handles: tuple[str, ...]) -> bool:
        """Say whether a lead has a handle once the lead or inquiry `without` is taken out of it (K5).

        `lost_handles`: the handles that it loses by that.
        """
        remaining = set(self._merges.family(pack_id(lead_id))) - set(self._merges.family(pack_id(without)))
        digest = handle_digest(handle)
        holders = (*self._handles.holders(digest), *self._handles.apart(digest))
        return any(
            lead in remaining and (lead != pack_id(lead_id) or handle not in lost_handles) for lead in holders
        )

    def all_with(self, handle: str) -> tuple[str, ...]:
        """Return every lead that the do-not-contact list reaches by a handle, also those that it joins with nobody."""
        digest = handle_digest(handle)
        leads = self.all_with_digest(digest)
        if apart_leads := self._handles.apart(digest):
            joined_leads = set(leads)
            leads += tuple(lead for lead in self._counting(apart_leads, digest) if lead not in joined_leads)
        return leads

    def apart(self, handle: str) -> int:
        """Return how many leads have a handle that joins them with nobody."""
        return self._handles.count_apart(handle_digest(handle))

    def all_with_digest(self, digest: bytes) -> tuple[str, ...]:
        """Return every lead with the joining handle of this digest: the first one, then the others by id."""
        return self._counting(self._handles.holders(digest), digest)

    def _counting(self, leads: tuple[Packed, ...], digest: bytes) -> tuple[str, ...]:
        """Return the leads that count for these, each once, without erased ones and those that lost the handle."""
        if not self._merges:
            return tuple(map(unpack_id, leads))
        roots = dict.fromkeys(map(self._merges.root, leads))
        return tuple(
            unpack_id(lead)
            for lead in roots
            if lead not in self._erased and self._corrected.get(lead, _UNCORRECTED).get(digest) is not False
        )

    def was_corrected(self, lead_id: str, handle: str) -> bool:
        """Say whether a person took a handle from a lead by a correction (M2)."""
        return self._corrected.get(pack_id(lead_id), _UNCORRECTED).get(handle_digest(handle)) is False

    def has_lost(self, lead_id: str, handle: str) -> bool:
        """Say whether a person took a handle from a lead, so that no arrival brings it back (M2, K5)."""
        if self.was_corrected(lead_id, handle):
            return True
        lost_digests = self._merges.lost(pack_id(lead_id))
        return (
            bool(lost_digests) and handle_digest(handle) in lost_digests and not self.joins(lead_id, handle)
        )

    def forbidden_reason(self, handle: str) -> str | None:
        """Return why a handle must not be contacted; None if it may be (X6)."""
        return self._forbidden.get(handle_digest(handle))

    def arrivals(self) -> dict[str, int]:
        """Return the number of arrivals of each lead."""
        counts: dict[Packed, int] = {}
        for lead in self._arrivals.values():
            root = self._merges.root(lead)
            counts[root] = counts.get(root, 0) + 1
        return {unpack_id(lead): count for lead, count in counts.items()}

    # -- last names -------------------------------------------------------------------------------------------------

    def has_phone(self, lead_id: str) -> bool:
        """Say whether a lead has a phone that tells people apart."""
        return any(map(self._names.has_phone, self._merges.family(pack_id(lead_id))))

    def names(self, lead_id: str) -> frozenset[str]:
        """Return the digests of a lead's last names; empty if none is known, or too many to tell anybody apart."""
        return frozenset().union(*map(self._names.of, self._merges.family(pack_id(lead_id))))

    def takes_name(self, lead_id: str, name: str | None) -> bool:
        """Say whether a last name is new for a lead that has room for it."""
        return self._names.takes(pack_id(lead_id), name)

    def own_name(self, lead_id: str) -> str | None:
        """Return the digest of the last name of a lead's own arrival."""
        return self._names.own(pack_id(lead_id))

    def met_by(self, lead_id: str, joining: str) -> frozenset[str]:
        """Return the digests of the last names with which a lead has a joining handle."""
        return self._names.met(pack_id(lead_id), handle_digest(joining))

    def met(self, joining: str) -> frozenset[str]:
        """Return the digests of the last names that a joining handle came with (K1)."""
        return self._met(handle_digest(joining))

    def is_retired(self, joining: str) -> bool:
        """Say whether a joining handle came with so many last names that it joins nobody (K1)."""
        return self.is_retired_digest(handle_digest(joining))

    def is_retired_digest(self, digest: bytes) -> bool:
        """Say the same of the joining handle with this digest."""
        return len(self._met(digest)) >= MET_TOO_OFTEN

    def _met(self, digest: bytes) -> frozenset[str]:
        leads = islice(self._handles.holders(digest), MAX_LEADS)
        return frozenset().union(*(self._names.met(lead, digest) for lead in leads))

    # -- merged leads -----------------------------------------------------------------------------------------------

    def merge_of(self, lead_id: str) -> OrgMerged | None:
        """Return the row of a merged lead; None for a lead of its own (K5)."""
        return self._merges.row(pack_id(lead_id))

    def members(self, lead_id: str) -> tuple[str, ...]:
        """Return the leads that were merged into a lead directly, by id."""
        return tuple(sorted(map(unpack_id, self._merges.members(pack_id(lead_id)))))

    def family(self, lead_id: str) -> tuple[str, ...]:
        """Return a lead and every lead that was merged into it, directly or through others."""
        return tuple(map(unpack_id, self._merges.family(pack_id(lead_id))))

    # -- erased persons ---------------------------------------------------------------------------------------------

    def is_erased(self, lead_id: str) -> bool:
        """Say whether a lead was erased."""
        return pack_id(lead_id) in self._erased

    @property
    def erased(self) -> tuple[str, ...]:
        """The ids of the erased leads."""
        return tuple(map(unpack_id, self._erased))

    @property
    def erased_hashes(self) -> frozenset[str]:
        """The keyed hashes of erased persons who did not come back."""
        return frozenset(self._erased_hashes)

    @property
    def returned_hashes(self) -> frozenset[str]:
        """The keyed hashes of erased persons who came back as new ones."""
        return frozenset(self._returned_hashes)

    def erased_among(self, hashes: Iterable[str]) -> tuple[str, ...]:
        """Return those of these hashes that are an erased person's."""
        return tuple(hashed for hashed in hashes if hashed in self._erased_hashes)

    def digests_of(self, lead_id: str) -> tuple[bytes, ...]:
        """Return the digests of a lead's handles. The first call reads the whole index once: a second for a million."""
        return self._handles.digests_of(pack_id(lead_id))

    def rows_of(self, lead_id: str) -> tuple[OrgPerson | OrgCorrection | OrgSplit, ...]:
        """Return the rows that replace a lead's rows of persons once it is erased: they have no handles."""
        lead = pack_id(lead_id)
        arrivals = self._index_arrivals().get(lead, ())
        return (
            *(OrgPerson(arrival_id=unpack_id(arrival), lead_id=lead_id, erased=True) for arrival in arrivals),
            *self._more.get(lead, ()),
            *((OrgCorrection(lead_id=lead_id),) if lead in self._corrected else ()),
            *((bare_split,) if (bare_split := self._merges.bare_split(lead)) is not None else ()),
        )

    def _index_arrivals(self) -> dict[Packed, list[Packed]]:
        if self._arrivals_of is None:
            self._arrivals_of = {}
            for arrival, lead in self._arrivals.items():
                self._arrivals_of.setdefault(lead, []).append(arrival)
        return self._arrivals_of

    def _forget(self, lead: Packed) -> None:
        """Remove a lead's handles from the index. Its arrivals stay, so that a resend is recognised."""
        self._index_arrivals()
        self._handles.forget(lead)
        self._names.forget(lead)
        self._more.pop(lead, None)
        self._corrected.pop(lead, None)
        self._erased.add(lead)

    # -- rows -------------------------------------------------------------------------------------------------------

    def put(
        self, row: OrgPerson | OrgErased | OrgCorrection | OrgMerged | OrgSplit | DoNotContactRow
    ) -> None:
        """Add a row to the index."""
        if isinstance(row, OrgMerged):
            into = None if row.into is None else pack_id(row.into)
            self._merges.put(row, self._own(row.lead_id), into)
            return
        if isinstance(row, OrgSplit):
            self._split(row)
            return
        if isinstance(row, OrgCorrection):
            self._correct(row)
            return
        if isinstance(row, DoNotContactRow):
            if row.reason is None:
                self._forbidden.pop(handle_digest(row.handle), None)
            else:
                self._forbidden[handle_digest(row.handle)] = row.reason
            return
        if isinstance(row, OrgErased):
            now, before = self._erased_hashes, self._returned_hashes
            if row.returned:
                now, before = before, now
            now.add(row.hash)
            before.discard(row.hash)
            return
        lead = pack_id(row.lead_id)
        lead = self._arrivals.get(lead, lead)
        arrival = lead if row.arrival_id == row.lead_id else pack_id(row.arrival_id)
        if arrival not in self._arrivals:
            self._arrivals[arrival] = lead
            if self._arrivals_of is not None:
                self._arrivals_of.setdefault(lead, []).append(arrival)
        if row.erased and lead not in self._erased:
            self._forget(lead)
        if lead in self._erased:
            return  # an older row, which a zombie wrote late, brings no handle back
        corrected = self._corrected.get(lead, _UNCORRECTED)
        if lost_digests := self._merges.lost(lead):
            corrected = {**dict.fromkeys(lost_digests, False), **corrected}
        for digest in map(handle_digest, row.handles):
            if digest not in corrected:
                self._handles.begin(digest, lead)
        for digest in map(handle_digest, row.shared):
            if digest not in corrected and self._handles.first(digest) != lead:
                self._handles.share(digest, lead)
        for digest in map(handle_digest, row.apart):
            if digest not in corrected:
                self._handles.keep_apart(digest, lead)
        self._names.put(row, lead)
        if row.more:
            erased_row = OrgPerson(
                arrival_id=row.arrival_id,
                lead_id=row.lead_id,
                more=True,
                resend_offset=row.resend_offset,
                erased=True,
            )
            if erased_row not in (further := self._more.get(lead, ())):
                self._more[lead] = (*further, erased_row)

    def _correct(self, row: OrgCorrection) -> None:
        """Replace what is corrected of a lead. It shares its corrected handles and is first with none of them."""
        lead = pack_id(row.lead_id)
        lead = self._arrivals.get(lead, lead)
        if lead in self._erased:
            return
        corrected = dict.fromkeys(map(handle_digest, row.removed), False) | dict.fromkeys(
            map(handle_digest, row.handles), True
        )
        for digest in corrected:
            self._handles.remove(digest, lead)
        for digest, has in corrected.items():
            if has:
                self._handles.share(digest, lead)
        self._corrected[lead] = corrected

    def _own(self, lead_id: str) -> Packed:
        """Return the id as it is stored for arrivals, so that all references share one object."""
        lead = pack_id(lead_id)
        return self._arrivals.get(lead, lead)

    def _split(self, row: OrgSplit) -> None:
        """Make an inquiry a lead of its own, with its handles. Its former lead loses what it had only by it (K5)."""
        lead, inquiry = self._own(row.lead_id), pack_id(row.inquiry_id)
        former = self._arrivals.get(inquiry)
        self._arrivals[inquiry] = inquiry
        if self._arrivals_of is not None and former != inquiry:
            if former is not None:
                self._arrivals_of[former].remove(inquiry)
            self._arrivals_of.setdefault(inquiry, []).append(inquiry)
        for digest in self._merges.put_split(row, inquiry, lead):
            self._handles.remove(digest, lead)
        self._names.lose(lead, row.inquiry_id, row.lost_name)
        if inquiry in self._erased:
            return
        for digest in map(handle_digest, row.handles):
            self._handles.share(digest, inquiry)
        for digest in map(handle_digest, row.apart):
            self._handles.keep_apart(digest, inquiry)
        if row.handles or row.name:
            own_person = OrgPerson(
                arrival_id=row.inquiry_id, lead_id=row.inquiry_id, handles=row.handles, name=row.name
            )
            self._names.put(own_person, inquiry)
