"""Remembers which last names came with each lead and each handle, as digests, and which leads have a phone (K1-K3).

The index of persons (`rules.org.persons`) keeps one. Rows may be added in any order. An erased lead is forgotten.
"""

from typing import Final

from models.org_rows import OrgPerson
from models.persons import PHONE, handle_digest
from rules.org.packed_ids import Packed

MAX_NAMES: Final = 8
"""How many last names of one lead are remembered. The names of a lead that has more tell nobody apart."""
_NO_NAMES: Final[frozenset[bytes]] = frozenset()
_NOT_MET: Final[dict[bytes, frozenset[bytes]]] = {}
_NO_PHONE, _A_PHONE = b"\x00", b"\x01"
_PHONE: Final = f"{PHONE}/"


class LastNames:
    """lead -> its last names, and with which of them it came by each of its joining handles."""

    __slots__ = ("_also", "_lost_names", "_met", "_people")

    def __init__(self) -> None:
        self._people: dict[Packed, bytes] = {}
        """Lead -> a byte, whether it has a phone that tells people apart, and the digest of its arrival's last name."""
        self._also: dict[Packed, frozenset[bytes]] = {}
        """Lead -> digests of the last names of its inquiries and resends."""
        self._met: dict[Packed, dict[bytes, frozenset[bytes]]] = {}
        """Lead -> digest of a joining handle -> its last names, if they are not just that of the lead's arrival."""
        self._lost_names: dict[Packed, dict[str, bytes]] = {}
        """Lead -> inquiry that was taken out of it -> digest of the last name that only this inquiry had (K5)."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LastNames) and all(
            getattr(self, name) == getattr(other, name) for name in LastNames.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # the index is mutable

    def put(self, row: OrgPerson, lead: Packed) -> None:
        """Add a row of a person."""
        former = self._people.get(lead, b"")
        name = b"" if row.name is None else bytes.fromhex(row.name)
        is_own = row.arrival_id == row.lead_id and not row.more
        if name and not is_own:
            self._also[lead] = self._also.get(lead, _NO_NAMES) | {name}
        phone = any(handle.startswith(_PHONE) for handle in (*row.handles, *row.shared))
        flag = _A_PHONE if phone else former[:1] or _NO_PHONE
        described = flag + (name if is_own else former[1:])
        if described != _NO_PHONE:
            self._people[lead] = described
        for joining, names in row.met.items():
            met, digest = self._met.setdefault(lead, {}), handle_digest(joining)
            met[digest] = met.get(digest, _NO_NAMES) | set(map(bytes.fromhex, names))

    def lose(self, lead: Packed, inquiry_id: str, name: str | None) -> None:
        """Take the last name from a lead that it had only by an inquiry; None: the inquiry was erased."""
        lost_names = self._lost_names.setdefault(lead, {})
        if name is None:
            lost_names.pop(inquiry_id, None)
        else:
            lost_names[inquiry_id] = bytes.fromhex(name)
        if not lost_names:
            del self._lost_names[lead]

    def _without_lost(self, lead: Packed, names: frozenset[bytes]) -> frozenset[bytes]:
        return names.difference(self._lost_names[lead].values()) if lead in self._lost_names else names

    def forget(self, lead: Packed) -> None:
        """Forget what is known of an erased lead."""
        self._people.pop(lead, None)
        self._also.pop(lead, None)
        self._met.pop(lead, None)
        self._lost_names.pop(lead, None)

    def has_phone(self, lead: Packed) -> bool:
        """Say whether a lead has a phone that tells people apart."""
        return self._people.get(lead, _NO_PHONE)[:1] == _A_PHONE

    def own(self, lead: Packed) -> str | None:
        """Return the digest of the last name of a lead's own arrival."""
        return self._people.get(lead, b"")[1:].hex() or None

    def of(self, lead: Packed) -> frozenset[str]:
        """Return the digests of a lead's last names; empty if none is known, or too many to tell anybody apart."""
        digests = self._without_lost(lead, self._also.get(lead, _NO_NAMES))
        if own_name := self._people.get(lead, b"")[1:]:
            digests |= {own_name}
        return frozenset(name.hex() for name in digests) if len(digests) < MAX_NAMES else frozenset()

    def takes(self, lead: Packed, name: str | None) -> bool:
        """Say whether a last name is new for a lead that has room for it."""
        if name is None or len(other_names := self._also.get(lead, _NO_NAMES)) >= MAX_NAMES:
            return False
        digest = bytes.fromhex(name)
        return digest not in other_names and digest != self._people.get(lead, b"")[1:]

    def met(self, lead: Packed, digest: bytes) -> frozenset[str]:
        """Return the digests of the last names with which a lead came by one of its joining handles."""
        met_names = self._met.get(lead, _NOT_MET).get(digest)
        if met_names is None:
            own_name = self.own(lead)
            return frozenset((own_name,)) if own_name else frozenset()
        return frozenset(name.hex() for name in self._without_lost(lead, met_names))
