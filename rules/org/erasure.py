"""Erases a person from an org: finds the leads, forgets phone and mail address, and recognises who comes again.

A person is the leads that share a phone or a mail address with the one that was named. Each of them is erased in its
own log (`rules.lead.erasure`), which tells the org, and the org then removes the lead from the index of persons. The
org keeps keyed hashes, which nobody can read back without the key (`models.erasure`).
"""

from typing import Final

from models.erasure import RECOGNISING, kind_of
from models.org_events import ErasureRequested, LeadForgotten, PersonArrived
from models.org_rows import OrgErased
from models.persons import (
    ArrivalTurnedAway,
    ErasureOrder,
    PersonForgotten,
    handles_of,
    joining_handles,
)
from rules.org.capacity import release_lead
from rules.org.persons import Persons
from rules.org.transition import OrgTransition

MAX_LEADS: Final = 20
"""The maximum number of leads of one person. A phone or mail address of more leads tells nobody apart."""


def order_erasure(transition: OrgTransition, event: ErasureRequested) -> None:
    """Order the erasure of a person's leads, and answer the request with their ids. A preview is only answered."""
    persons = transition.state.persons
    seeds: tuple[str, ...]
    digest = bytes.fromhex(event.digest or "")
    if event.lead_id is not None:
        lead_id = persons.lead_of(event.lead_id)
        seeds = () if lead_id is None else (lead_id,)
    else:
        seeds = persons.all_with_digest(digest)
    leads = _person(persons, seeds)
    if event.lead_id is not None and not leads:
        leads = seeds  # erased already: the lead answers so, and a repeated request has the same receipt
    if len(leads) > MAX_LEADS:
        why = f"{len(leads)} leads share a phone or mail address with it, more than one person has"
        leads = seeds if event.lead_id is not None else ()
        why += "; only this lead is erased" if leads else ": name the lead"
    elif event.lead_id is None and persons.is_retired_digest(digest):
        leads, why = (), "it came with three last names, so it tells nobody apart: name the lead"
    elif not seeds:
        why = "no lead of this org has it"
    else:
        why = "1 lead of the person" if len(leads) == 1 else f"{len(leads)} leads of the person"
    transition.emit(
        ErasureOrder(
            leads=leads,
            rep_id=event.rep_id,
            cause=event.cause,
            why=why,
            hashes=event.hashes if leads and not event.preview else (),
            answer_to=event.answer_to,
            preview=event.preview,
        )
    )


def forget(transition: OrgTransition, event: LeadForgotten) -> None:
    """Forget an erased lead's person, and order the erasure of other leads with the same phone or mail address.

    After a retention period only the lead itself is forgotten: the person may have other leads, and may come back.
    """
    persons, lead_id = transition.state.persons, event.lead_id
    row = transition.lead(lead_id)
    if row is not None:
        release_lead(transition, row, "the lead was erased")
    others = tuple(other for other in _person(persons, (lead_id,)) if other != lead_id)
    hashes = event.hashes if len(others) <= MAX_LEADS else ()
    digests, rows = persons.digests_of(lead_id), persons.rows_of(lead_id)
    for person in rows:
        transition.put_person(person)
    for hashed in hashes:
        transition.put_person(OrgErased(hash=hashed, at=transition.at))
    transition.emit(
        PersonForgotten(
            lead_id=lead_id,
            arrivals=len(rows),
            handles=len(digests),
            hashes=len(hashes),
            former=event.former,
        )
    )
    if members := tuple(member for member in persons.members(lead_id) if not persons.is_erased(member)):
        transition.emit(
            ErasureOrder(
                leads=members,
                rep_id=event.rep_id or "",
                cause=event.cause,
                why=f"it was merged into lead {lead_id}, which was erased",
                retention=event.rep_id is None,
            )
        )
    if event.rep_id is not None and others and len(others) <= MAX_LEADS:
        why = f"it has the same phone or mail address as lead {lead_id}, which was erased"
        transition.emit(ErasureOrder(leads=others, rep_id=event.rep_id, cause=event.cause, why=why))


def turn_away(transition: OrgTransition, event: PersonArrived) -> bool:
    """Decide about an arrival of an erased person; say whether it is not taken.

    A resend of a message whose lead was erased is never taken. Whoever comes with a new message is turned away if the
    org's settings say so, and otherwise taken as a new lead; then the person counts as erased no more.
    """
    persons = transition.state.persons
    lead_id = persons.lead_of(event.lead_id)
    if lead_id is not None and persons.is_erased(lead_id):
        why = f"it is a resend, and lead {lead_id} was erased"
        transition.emit(ArrivalTurnedAway(arrival_id=event.lead_id, why=why))
        return True
    erased_hashes = persons.erased_among(event.hashes)
    telling = _telling_kinds(transition, event)
    kinds = [
        kind_of(hashed)
        for hashed in erased_hashes
        if kind_of(hashed) in RECOGNISING and kind_of(hashed) in telling
    ]
    if not kinds:
        return False
    if transition.directory.settings.refuse_erased:
        why = f"its {' and '.join(kinds)} is an erased person's, and the org's setting refuse_erased is on"
        transition.emit(ArrivalTurnedAway(arrival_id=event.lead_id, why=why))
        return True
    for hashed in erased_hashes:
        transition.put_person(OrgErased(hash=hashed, at=transition.at, returned=True))
    return False


def _telling_kinds(transition: OrgTransition, event: PersonArrived) -> set[str]:
    """Return the kinds of an arrival's handles that tell people apart (K1). No hash tells extensions."""
    persons, handles = transition.state.persons, set(handles_of(event.facts))
    joining = joining_handles(event.facts, transition.directory.shared_handles)
    return {
        handle.partition("/")[0] for handle in joining if handle in handles and not persons.is_retired(handle)
    }


def _person(persons: Persons, seeds: tuple[str, ...]) -> tuple[str, ...]:
    """Return these leads and every lead that shares a handle with one of them, each once, without erased ones.

    A handle that came with three last names tells nobody apart, so it finds nobody (K1).
    """
    leads = dict.fromkeys(seeds)
    for lead_id in seeds:
        for digest in (digest for lead in persons.family(lead_id) for digest in persons.digests_of(lead)):
            if persons.is_retired_digest(digest):
                continue
            leads.update(dict.fromkeys(persons.all_with_digest(digest)))
    return tuple(lead_id for lead_id in leads if not persons.is_erased(lead_id))
