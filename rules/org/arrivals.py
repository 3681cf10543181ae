"""Decides which lead an arrival belongs to: a repeat, another inquiry of a known person, or a new lead (R6, K1-K6).

A person is recognised by phone or email. If the two point to different leads, the phone decides: it is the number that
is called, it has one normalised spelling, and families and spam share addresses more than numbers. The address stays
with the lead that had it first.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from models.erasure import kind_of
from models.facts import Facts
from models.ids import reused_lead_id
from models.org_events import DoNotContactPublished, PersonArrived
from models.org_rows import DoNotContactRow, OrgPerson
from models.persons import (
    MAX_DOUBTS,
    MET_TOO_OFTEN,
    PHONE,
    ArrivalPlaced,
    DoNotContactChanged,
    HandleRetired,
    Inquiry,
    do_not_contact_handle,
    handles_of,
    joining_handles,
    name_digest,
)
from rules.org.erasure import turn_away
from rules.org.persons import FORBIDDEN_HASH, Persons
from rules.org.transition import OrgTransition

MAX_APART: Final = 1_000
"""How many leads with the same shared handle a later entry of the do-not-contact list reaches."""
ID_REUSED: Final = "id_reused"
"""The remark on a lead whose vendor's id came with another person before (K6)."""


class _Arrival(msgspec.Struct):
    """What tells one arrival's person from others.

    `identifying`: phone and mail address as read, also placeholders. `handles`: without placeholders. `joining`:
    those that tell people apart. `name`: the digest of its last name.
    `retired`: those that this arrival shows to be shared, because it is the third last name they are met with.
    """

    identifying: tuple[str, ...]
    handles: tuple[str, ...]
    joining: tuple[str, ...]
    name: str | None
    retired: tuple[str, ...] = ()


class _Match(msgspec.Struct):
    """The lead an arrival belongs to; None for a new one.

    `maybe`: leads whose person may be the person of the arrival.
    """

    lead_id: str | None
    why: str
    maybe: tuple[str, ...] = ()


def place_arrival(transition: OrgTransition, event: PersonArrived) -> None:
    """Decide which lead an arrival belongs to, and store it."""
    persons = transition.state.persons
    arrival = _read(persons, event.facts, transition.directory.shared_handles)
    event, reused = _with_own_id(persons, event, arrival)
    if turn_away(transition, event):
        return
    arrival_id = event.lead_id
    before = persons.lead_of(arrival_id)
    is_known = before is not None
    if not is_known:
        arrival.retired = _newly_retired(persons, arrival)
    match = _match(persons, arrival_id, arrival, before)
    lead_id = match.lead_id or arrival_id
    _store(transition, arrival_id, lead_id, arrival, is_known=is_known)
    why = match.why
    maybe = match.maybe if lead_id == arrival_id and not is_known else ()
    if reused is not None:
        why = f"its vendor's id came with another person before, in lead {reused}; {why}"
    retained = tuple(handle for handle in arrival.handles if not persons.has_lost(lead_id, handle))
    transition.emit(
        ArrivalPlaced(
            lead_id=lead_id,
            facts=event.facts if reused is None else _remarked(event.facts),
            why=why,
            inquiry=None if lead_id == arrival_id else Inquiry(arrival_id, why, is_known),
            forbidden=forbidden_among(persons, retained, event.hashes),
            maybe=maybe,
            id_reused=reused,
            hashes=event.hashes,
        )
    )
    for joining in arrival.retired:
        _tell_retired(transition, joining, apart_from=lead_id)


def list_contact(transition: OrgTransition, event: DoNotContactPublished) -> None:
    """Store whether a handle may be contacted, and inform every lead that has the handle (X6)."""
    persons, handle = transition.state.persons, event.handle
    former_reason = persons.forbidden_reason(handle)
    if event.erased:  # always written: the journal may hold an older row, whose key is the handle
        transition.put_person(DoNotContactRow(handle=handle, erased=True))
    if former_reason == event.reason:
        return
    if not event.erased:
        transition.put_person(DoNotContactRow(handle=handle, reason=event.reason, at=event.at))
    for lead_id in persons.all_with(handle):
        transition.emit(DoNotContactChanged(lead_id=lead_id, handle=handle, reason=event.reason))


def placed_undecided(event: PersonArrived, persons: Persons) -> ArrivalPlaced:
    """Place an arrival whose person could not be determined. It is processed as sent, because it must not be lost."""
    lead_id = persons.lead_of(event.lead_id) or event.lead_id
    why = "its person could not be looked for because of a fault of firstclaim"
    inquiry = None if lead_id == event.lead_id else Inquiry(event.lead_id, why, again=True)
    return ArrivalPlaced(lead_id=lead_id, facts=event.facts, why=why, inquiry=inquiry)


def _read(persons: Persons, facts: Facts, shared: frozenset[str]) -> _Arrival:
    joining = joining_handles(facts, shared)
    return _Arrival(
        identifying=tuple(value for value in (facts.phone, facts.phone_extension, facts.email) if value),
        handles=handles_of(facts),
        joining=tuple(handle for handle in joining if not persons.is_retired(handle)),
        name=name_digest(facts),
    )


def _with_own_id(
    persons: Persons, event: PersonArrived, arrival: _Arrival
) -> tuple[PersonArrived, str | None]:
    """Return the arrival with its person's lead id, and the lead to which the vendor gave its id before (K6)."""
    before = persons.lead_of(event.lead_id)
    if before is None or not _is_another_person(persons, arrival, before):
        return event, None
    own_id = reused_lead_id(event.lead_id, *arrival.identifying, arrival.name or "")
    return msgspec.structs.replace(event, lead_id=own_id), before


def _is_another_person(persons: Persons, arrival: _Arrival, lead_id: str) -> bool:
    """Say whether an arrival with a known id is of another person: its name, phone and mail all differ (K6).

    Without a last name, or without phone and mail address, an arrival is of the person of its id. A placeholder and a
    shared handle agree with nothing.
    """
    names = persons.names(lead_id)
    if arrival.name is None or not names or arrival.name in names:
        return False
    return bool(arrival.identifying) and not any(
        persons.joins(lead_id, joining) or persons.was_corrected(lead_id, do_not_contact_handle(joining))
        for joining in arrival.joining
    )


def _newly_retired(persons: Persons, arrival: _Arrival) -> tuple[str, ...]:
    """Return the joining handles that this arrival meets with their third last name (K1)."""
    if arrival.name is None:
        return ()
    return tuple(
        joining for joining in arrival.joining if len(persons.met(joining) | {arrival.name}) >= MET_TOO_OFTEN
    )


def _match(persons: Persons, arrival_id: str, arrival: _Arrival, before: str | None) -> _Match:
    """Return the lead an arrival belongs to, and why. `before`: the lead that an arrival with its id belongs to."""
    if before is not None:
        reason = "it came before" if before == arrival_id else f"it came before, as an inquiry of {before}"
        return _Match(before, reason)
    recognised: list[tuple[str, str]] = []
    doubtful: list[str] = []
    for joining in arrival.joining:
        if joining in arrival.retired:
            doubtful += persons.candidates(joining)
            continue
        candidates = persons.candidates(joining)
        agreeing = [lead for lead in candidates if not _speaks_against(persons, arrival, joining, lead)]
        if agreeing:
            recognised.append((joining, _best(persons, arrival, agreeing)))
        else:
            doubtful += candidates
    retired = "".join(
        f"; its {_kind(joining)} has come with {MET_TOO_OFTEN} last names and joins nobody any more"
        for joining in arrival.retired
    )
    if recognised:
        return _Match(recognised[0][1], _recognised(recognised) + retired)
    if doubtful:
        maybe = tuple(dict.fromkeys(doubtful))[:MAX_DOUBTS]
        why = f"it may be the same person as {', '.join(f'lead {lead}' for lead in maybe)}"
        against = retired or "; name and phone speak against the same email"
        return _Match(None, why + against, maybe)
    if arrival.joining:
        return _Match(None, "nobody of this phone or email is known")
    shared = bool(arrival.handles)
    return _Match(
        None, "its phone or email does not tell people apart" if shared else "it has no phone or email"
    )


def _speaks_against(persons: Persons, arrival: _Arrival, joining: str, lead_id: str) -> bool:
    """Say whether name and phone both speak against what the same mail address says (K2). A phone decides alone."""
    phones = (
        handle for handle in arrival.joining if _kind(handle) == PHONE and handle not in arrival.retired
    )
    phone = next(phones, None)
    if _kind(joining) == PHONE or phone is None or arrival.name is None:
        return False
    names = persons.names(lead_id)
    other_phone = persons.has_phone(lead_id) and not persons.joins(lead_id, phone)
    return other_phone and bool(names) and arrival.name not in names


def _best(persons: Persons, arrival: _Arrival, candidates: list[str]) -> str:
    """Return the first lead with the arrival's last name, or else the first one."""
    namesakes = (lead for lead in candidates if arrival.name in persons.names(lead))
    return next(namesakes, candidates[0])


def _recognised(matches: list[tuple[str, str]]) -> str:
    (joining, lead_id), *others = matches
    kind = _kind(joining)
    agreeing = [kind, *(_kind(other) for other, lead in others if lead == lead_id)]
    why = f"lead {lead_id} has the same {' and '.join(agreeing)}"
    for other, lead in others:
        if lead != lead_id:
            why += f"; lead {lead} has the same {_kind(other)}, and the {kind} decides"
    return why


def _store(
    transition: OrgTransition, arrival_id: str, lead_id: str, arrival: _Arrival, *, is_known: bool
) -> None:
    """Store whose the arrival and its handles are, and the last name they came with."""
    persons = transition.state.persons
    joining = tuple(
        handle
        for handle in arrival.joining
        if not persons.has_lost(lead_id, do_not_contact_handle(handle))
        and not persons.has_lost(lead_id, handle)
    )
    fresh = tuple(handle for handle in joining if not persons.is_held(handle))
    shared = tuple(handle for handle in joining if handle not in fresh and not persons.holds(lead_id, handle))
    not_joining = tuple(
        handle
        for handle in arrival.handles
        if handle not in joining
        and not persons.has_lost(lead_id, handle)
        and not persons.has(lead_id, handle)
        and persons.apart(handle) < MAX_APART
    )
    is_own = lead_id == arrival_id and not is_known
    name = arrival.name if is_own or persons.takes_name(lead_id, arrival.name) else None
    met = {} if is_known else dict(_newly_met(persons, joining, arrival.name, lead_id, own=is_own))
    if not is_known or fresh or shared or not_joining or name:
        transition.put_person(
            OrgPerson(
                arrival_id=arrival_id,
                lead_id=lead_id,
                handles=fresh,
                shared=shared,
                more=is_known,
                apart=not_joining,
                name=name,
                met=met,
            )
        )


def _newly_met(
    persons: Persons, joining: tuple[str, ...], name: str | None, lead_id: str, *, own: bool
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Yield each joining handle with the last names that the lead has by it, if they are not just its own one."""
    came_with = () if name is None else (name,)
    for handle in joining:
        if persons.holds(lead_id, handle):
            if not (met := persons.met_by(lead_id, handle)).issuperset(came_with):
                yield handle, tuple(sorted(met.union(came_with)))
        elif not own and persons.own_name(lead_id) != name:
            yield handle, came_with


def _tell_retired(transition: OrgTransition, joining: str, *, apart_from: str) -> None:
    """Tell every lead with a handle that the handle joins nobody any more, and which leads have it (K1)."""
    leads = transition.state.persons.candidates(joining)
    for lead_id in leads:
        if lead_id == apart_from:
            continue  # its arrival says so
        others = tuple(lead for lead in leads if lead != lead_id)
        transition.emit(HandleRetired(lead_id=lead_id, handle=joining, leads=(lead_id, *others)))


def _remarked(facts: Facts) -> Facts:
    """Return the facts with the remark that the vendor's id came with another person before (K6)."""
    sent: Any = facts.attributes.get("remarks", {})
    remarks = sent if isinstance(sent, dict) else {"remarks": sent}
    remark = "the vendor's id came with another person before"
    return msgspec.structs.replace(
        facts, attributes={**facts.attributes, "remarks": {**remarks, ID_REUSED: remark}}
    )


def forbidden_among(persons: Persons, handles: tuple[str, ...], hashes: tuple[str, ...]) -> dict[str, str]:
    """Return the handles on the do-not-contact list with their reason, also those listed by their hash only."""
    by_kind = {kind_of(hashed): f"{FORBIDDEN_HASH}{hashed}" for hashed in hashes}
    reasons = {
        handle: persons.forbidden_reason(handle) or persons.forbidden_reason(by_kind.get(_kind(handle), ""))
        for handle in handles
    }
    return {handle: reason for handle, reason in reasons.items() if reason is not None}


def _kind(handle: str) -> str:
    return handle.partition("/")[0]
