"""Decides which lead an arrival belongs to: a repeat, another inquiry of a known person, or a new lead (R6).

A person is recognised by phone or email. If the two point to different leads, the phone decides: it is the number that
is called, it has one normalised spelling, and families and spam share addresses more than numbers. The address stays
with the lead that had it first.
"""

from models.erasure import kind_of
from models.org import ContactListed, DoNotContactRow, OrgPerson, PersonArrived
from models.persons import ArrivalPlaced, DoNotContactChanged, Inquiry, handles_of
from rules.org.erasure import turn_away
from rules.org.persons import BARRED_HASH, Persons
from rules.org.transition import OrgTransition


def place_arrival(transition: OrgTransition, event: PersonArrived) -> None:
    """Decide which lead an arrival belongs to, and store it."""
    if turn_away(transition, event):
        return
    persons, arrival_id = transition.state.persons, event.lead_id
    handles = handles_of(event.facts)
    first = {handle: persons.first_with(handle) for handle in handles}
    before = persons.lead_of(arrival_id)
    lead_id, why = _place(arrival_id, before, first)
    handles = tuple(handle for handle in handles if not persons.has_lost(lead_id, handle))
    first = {handle: first[handle] for handle in handles}
    known = before is not None
    fresh = tuple(handle for handle, lead in first.items() if lead is None)
    shared = tuple(
        handle
        for handle, lead in first.items()
        if lead not in (None, lead_id) and lead_id not in persons.all_with(handle)
    )
    if not known or fresh or shared:
        transition.put_person(
            OrgPerson(arrival_id=arrival_id, lead_id=lead_id, handles=fresh, shared=shared, more=known)
        )
    transition.emit(
        ArrivalPlaced(
            lead_id=lead_id,
            facts=event.facts,
            why=why,
            inquiry=None if lead_id == arrival_id else Inquiry(arrival_id, why, known),
            barred=_barred(persons, handles, event.hashes),
            hashes=event.hashes,
        )
    )


def list_contact(transition: OrgTransition, event: ContactListed) -> None:
    """Store whether a handle may be contacted, and inform every lead that has the handle (X6)."""
    persons, handle = transition.state.persons, event.handle
    known = persons.barred(handle)
    if event.erased:  # always written: the journal may hold an older row, whose key is the handle
        transition.put_person(DoNotContactRow(handle=handle, erased=True))
    if known == event.reason:
        return
    if not event.erased:
        transition.put_person(DoNotContactRow(handle=handle, reason=event.reason, at=event.at))
    for lead_id in persons.all_with(handle):
        transition.emit(DoNotContactChanged(lead_id=lead_id, handle=handle, reason=event.reason))


def placed_undecided(event: PersonArrived, persons: Persons, error: Exception) -> ArrivalPlaced:
    """Place an arrival whose person could not be determined. It is processed as sent, because it must not be lost."""
    lead_id = persons.lead_of(event.lead_id) or event.lead_id
    why = f"its person could not be looked for: {error!r}"
    inquiry = None if lead_id == event.lead_id else Inquiry(event.lead_id, why, again=True)
    return ArrivalPlaced(lead_id=lead_id, facts=event.facts, why=why, inquiry=inquiry)


def _place(arrival_id: str, known: str | None, first: dict[str, str | None]) -> tuple[str, str]:
    """Return the lead an arrival belongs to, and why. `first`: handle -> the lead that had it first."""
    if known is not None:
        return known, "it came before" if known == arrival_id else f"it came before, as an inquiry of {known}"
    found = [(_kind(handle), lead) for handle, lead in first.items() if lead is not None]
    if not found:
        return arrival_id, "nobody of this phone or email is known" if first else "it has no phone or email"
    (kind, lead_id), *others = found
    agreeing = [kind, *(other for other, lead in others if lead == lead_id)]
    why = f"lead {lead_id} has the same {' and '.join(agreeing)}"
    for other, lead in others:
        if lead != lead_id:
            why += f"; lead {lead} has the same {other}, and the {kind} decides"
    return lead_id, why


def _barred(persons: Persons, handles: tuple[str, ...], hashes: tuple[str, ...]) -> dict[str, str]:
    """Return the handles on the do-not-contact list with their reason, also those listed by their hash only."""
    by_kind = {kind_of(hashed): f"{BARRED_HASH}{hashed}" for hashed in hashes}
    found = {
        handle: persons.barred(handle) or persons.barred(by_kind.get(_kind(handle), "")) for handle in handles
    }
    return {handle: reason for handle, reason in found.items() if reason is not None}


def _kind(handle: str) -> str:
    return handle.partition("/")[0]
