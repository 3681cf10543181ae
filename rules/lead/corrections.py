"""Corrects the facts of a lead, and keeps what a person corrected from being undone by an arrival (M2)."""

from typing import Any, Final

from msgspec.structs import replace

from models.contact_decisions import SuppressionRecorded
from models.corrections import (
    CORRECTABLE,
    MAX_REMOVED_HANDLES,
    NOTHING_CORRECTED,
    Corrections,
    FactChange,
    FactsCorrected,
    FactsVersion,
    newest_versions,
)
from models.decisions import AnswerIgnored
from models.erasure import joined_hashes
from models.events import ActionRequested, CorrectionChecked
from models.facts import Facts
from models.lead import Lead, Phase
from models.location import location_of
from models.persons import handles_of
from models.results import Reason, Result
from rules.lead.contact import BY_OUTCOME
from rules.lead.distribution import ask_group, note_campaign
from rules.lead.permissions import MANAGERS
from rules.lead.transition import DONE, ActionResult, Transition, refused_result

LOCATION_FIELDS: Final = frozenset({"zip", "state", "phone"})
"""The facts from which the time zone is derived."""
_SOUGHT_ANEW: Final = frozenset({Phase.QUEUED, Phase.EXCEPTION})


def update(transition: Transition, request: ActionRequested) -> ActionResult:
    """Correct facts. The owner, managers and admins may, in every phase.

    Queues, placements, time zone and distribution follow at once; the org's index of persons and its do-not-contact
    list follow by an event of the org. A lead that nobody has and whose group found nobody is asked for again.
    """
    lead, rep_id = transition.lead, request.rep_id
    if transition.rules.role(rep_id) not in MANAGERS and lead.owner != rep_id:
        return refused_result(Reason.NOT_ALLOWED, "correcting facts is for the owner, managers and admins")
    if not request.facts:
        return refused_result(Reason.INVALID, "facts: an update action needs at least one field")
    requested = request.facts
    if lead.facts.silenced and requested.get("silenced") is False:
        return refused_result(Reason.INVALID, "facts.silenced: only recorded consent lifts it")
    corrections = lead.corrections or NOTHING_CORRECTED
    fields = _protected(corrections, requested)
    facts = _still_silenced(lead, _corrected(lead.facts, requested, fields))
    changes = tuple(
        FactChange(name, old, new)
        for name in CORRECTABLE
        if (old := getattr(lead.facts, name)) != (new := getattr(facts, name))
        or (name in fields and name not in corrections.fields)
    )
    if not changes and fields == corrections.fields:
        return ActionResult(Result.DONE, why="it has these facts already: nothing changes")
    before, after = handles_of(lead.facts), handles_of(facts)
    removed = [*corrections.removed_handles, *(handle for handle in before if handle not in after)]
    removed_handles = tuple(handle for handle in removed if handle not in after)
    if len(removed_handles) > MAX_REMOVED_HANDLES:
        why = f"facts.phone, facts.email: {MAX_REMOVED_HANDLES} of them were wrong already; no more are remembered"
        return refused_result(Reason.INVALID, why)
    unchecked = (*corrections.unchecked, *(handle for handle in after if handle not in before))
    version = FactsVersion(rep_id, transition.at, changes, request.why)
    transition.update(
        facts=facts,
        hashes=joined_hashes(lead.hashes, request.hashes),
        corrections=Corrections(
            fields=fields,
            versions=newest_versions((*corrections.versions, version)),
            removed_handles=removed_handles,
            unchecked=tuple(dict.fromkeys(handle for handle in unchecked if handle in after)),
        ),
    )
    why = f"corrected by {rep_id}: {_in_words(changes)}"
    transition.emit(FactsCorrected(rep_id=rep_id, changes=changes, why=why, reason=request.why))
    for handle in before:
        if handle not in after:
            _drop_do_not_contact(
                transition, handle, f"{rep_id} corrected it, so the lead does not have it any more"
            )
    _distribute_by(transition, why, campaign=facts.campaign != lead.facts.campaign)
    return DONE


def check_correction(transition: Transition, event: CorrectionChecked) -> AnswerIgnored | None:
    """Record which corrected phones and mail addresses are on the do-not-contact list (X6).

    A handle that the lead lost meanwhile is not listed. Returns the reason if nothing changes.
    """
    lead = transition.lead
    own_handles = handles_of(lead.facts)
    for handle in event.handles:
        reason = event.forbidden.get(handle) if handle in own_handles else None
        if reason is None:
            _drop_do_not_contact(transition, handle, "it is not on the do-not-contact list")
        elif lead.suppressed.get(handle) != reason:
            transition.update(suppressed={**transition.lead.suppressed, handle: reason})
            why = f"it is on the do-not-contact list: {reason}"
            transition.emit(SuppressionRecorded(handle=handle, reason=reason, why=why))
    corrections = lead.corrections
    if corrections is not None and any(handle in event.handles for handle in corrections.unchecked):
        unchecked = tuple(handle for handle in corrections.unchecked if handle not in event.handles)
        transition.update(corrections=replace(corrections, unchecked=unchecked))
    if transition.lead is lead:
        return AnswerIgnored(answer="correction_checked", epoch=0, why="the lead has it so already")
    return None


def filled_facts(lead: Lead, facts: Facts, sent: Facts) -> Facts:
    """Return the lead's facts after an arrival filled them, with a time zone that follows from corrected ones.

    `facts`: as filled. `sent`: those of the arrival, whose time zone may follow from a phone that is not the lead's.
    """
    corrections = lead.corrections
    if (
        corrections is None
        or facts.time_zone == lead.facts.time_zone
        or not LOCATION_FIELDS & set(corrections.fields)
    ):
        return facts
    derived = location_of(sent.zip, sent.state, sent.phone).time_zone
    if sent.time_zone != derived:
        return facts  # the vendor named the zone itself
    return replace(facts, time_zone=_zone_of(facts))


def protected_fields(lead: Lead) -> frozenset[str]:
    """Return the fields that no arrival fills, because a person corrected them."""
    return frozenset(lead.corrections.fields) if lead.corrections is not None else frozenset()


def without_removed(lead: Lead, handles: dict[str, str]) -> dict[str, str]:
    """Return handle -> value without the handles that a person took from the lead."""
    if lead.corrections is None:
        return handles
    return {
        handle: value for handle, value in handles.items() if handle not in lead.corrections.removed_handles
    }


def _protected(corrections: Corrections, requested: dict[str, Any]) -> tuple[str, ...]:
    """Return the corrected fields. A time zone that was corrected to empty is derived again, so it is not one."""
    fields = {*corrections.fields, *requested}
    if "time_zone" in requested and requested["time_zone"] is None:
        fields.discard("time_zone")
    return tuple(name for name in CORRECTABLE if name in fields)


def _corrected(facts: Facts, requested: dict[str, Any], fields: tuple[str, ...]) -> Facts:
    """Return the corrected facts. The time zone follows zip, state and phone unless somebody named it."""
    after: Facts = replace(facts, **requested)
    if "time_zone" in fields or not (LOCATION_FIELDS | {"time_zone"}) & requested.keys():
        return after
    was_derived = facts.time_zone in (None, _zone_of(facts)) or "time_zone" in requested
    return replace(after, time_zone=_zone_of(after)) if was_derived else after


def _still_silenced(lead: Lead, facts: Facts) -> Facts:
    """Silence a lead whose person forbade contact by an outcome, if the phone or address for it is corrected (M8).

    The outcome spoke of the person, not of the number.
    """
    lost_handles = set(handles_of(lead.facts)) - set(handles_of(facts))
    forbidden = any(lead.suppressed.get(handle, "").startswith(BY_OUTCOME) for handle in lost_handles)
    return replace(facts, silenced=True) if forbidden else facts


def _zone_of(facts: Facts) -> str | None:
    return location_of(facts.zip, facts.state, facts.phone).time_zone


def _drop_do_not_contact(transition: Transition, handle: str, why: str) -> None:
    """Take a handle off the lead's entries of the do-not-contact list, if it is there."""
    listed = transition.lead.suppressed
    if handle in listed:
        remaining = {other: reason for other, reason in listed.items() if other != handle}
        transition.update(suppressed=remaining)
        transition.emit(SuppressionRecorded(handle=handle, reason=None, why=why))


def _distribute_by(transition: Transition, why: str, *, campaign: bool) -> None:
    """Distribute a lead that nobody has by its new facts. An open request or offer of its group is decided by the org.

    `campaign`: another campaign was named, so another group may be asked.
    """
    lead = transition.lead
    if campaign:
        note_campaign(transition, lead.facts)
    if lead.owner is not None or lead.lock is not None or lead.phase in (Phase.IGNORED, Phase.CLOSED):
        return
    if campaign or (
        lead.open_distribution is None and lead.failed is not None and lead.phase in _SOUGHT_ANEW
    ):
        if campaign:
            transition.end_distribution(why)
            transition.update(phase=Phase.QUEUED)
        ask_group(transition, lead.facts, why)


def _in_words(changes: tuple[FactChange, ...]) -> str:
    return "; ".join(
        f"{change.field.replace('_', ' ')} {_value_text(change.old)} → {_value_text(change.new)}"
        if change.old != change.new
        else f"{change.field.replace('_', ' ')} {_value_text(change.new)} confirmed"
        for change in changes
    )


def _value_text(value: Any) -> str:
    if value is None:
        return "empty"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
