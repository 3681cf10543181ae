"""Describes decisions about a lead in words: who, what, why, and why the others did not get it (X1)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from models.offers import RejectionReason
from rules.language.catalogue import FIELDS
from sink.queries import Row
from web.services.asked_text import asked_text
from web.services.names import Names
from web.services.rejection_words import WHY_NOT

HOW: Final = {
    "claim": "claimed it",
    "claim_now": "claimed it while it was open",
    "callback": "owns it because of a promised callback",
    "round_robin": "got it by round robin",
    "roster": "got it as number one on the roster",
    "ring_all": "pressed 1 first",
    "distribute_all": "was the first to click New Lead",
    "manual": "was assigned it",
    "reassigned": "got it from its former owner",
    "pre_assigned": "has owned it since it arrived",
}
"""How a lead got its owner."""

OVERRIDDEN: Final = {
    "licence": "without the licence of its state",
    "cap": "over the cap of open leads",
}
"""What a manager overrode when a rep got a lead (M6)."""

METHODS: Final = {
    "round_robin": "round robin",
    "roster": "the roster",
    "ring_all": "ring all",
    "distribute_all": "New Lead",
}

ENDED: Final = {
    "claimed": "somebody accepted it",
    "timeout": "nobody acted in time",
    "declined": "it was declined",
    "voided": "it was withdrawn",
}

DID: Final = {
    "call": "called",
    "email": "sent an email",
    "sms": "sent a text message",
    "note": "wrote a note",
    "call_log": "logged a call",
    "todo": "planned a to-do",
    "drip_plan": "started a drip plan",
    "bulk_email": "sent a bulk email",
}
"""What a rep did, by the kind of activity (M3)."""

NOISE: Final = frozenset({"queue_moved", "answer_ignored", "deadline_ignored", "place_returned"})
"""Types of decisions that people who work the lead do not need to see."""


class PassedOverRep(msgspec.Struct, frozen=True):
    """A candidate who did not get the lead, and why. `rep_id` None: all, or the rest."""

    rep_id: str | None
    name: str | None
    why: str


class DecisionText(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `who`: the rep who caused it. `why`: the reason in words. `passed`: who was passed over."""

    type: str
    text: str
    who: str | None = None
    who_name: str | None = None
    why: str | None = None
    note: str | None = None
    passed: tuple[PassedOverRep, ...] = ()


def decision_text(row: Row, names: Names) -> DecisionText:
    """Describe a decision for people who may see the lead."""
    kind, why = row["type"], row["why"]
    text_of = _TEXTS.get(kind)
    rep_id = row["rep_id"]
    text = text_of(row, names) if text_of else kind.replace("_", " ").capitalize()
    return DecisionText(
        type=kind,
        text=text,
        who=rep_id,
        who_name=names.rep(rep_id) if rep_id else None,
        why=names.within(why.get("why") or why.get("doubt")),
        note=why.get("note"),
        passed=tuple(_candidates(why.get("passed") or why.get("explanation") or (), names)),
    )


def decision_text_for(rep_id: str, row: Row, names: Names) -> DecisionText | None:
    """Describe a decision for a rep who may not see the lead; None if it does not concern the rep."""
    why, is_own = row["why"], row["rep_id"] == rep_id
    kind = row["type"]
    entries = [
        entry for entry in why.get("passed") or why.get("explanation") or () if entry.get("rep_id") == rep_id
    ]
    text = None
    if kind in ("lead_offered", "nobody_available") and entries:
        reason = entries[0].get("reason", "")
        text = f"Not you: {WHY_NOT[RejectionReason(reason)]}" if reason in set(RejectionReason) else None
    elif kind == "lead_offered" and rep_id in why["reps"]:
        text = f"It was offered to you by {METHODS.get(why['method'], why['method'])}"
    elif kind == "offer_ended" and rep_id in why.get("reps", ()):
        text = f"Your offer ended: {ENDED.get(why['outcome'], why['outcome'])}"
    elif kind == "offer_declined" and is_own:
        text = "You declined it"
    elif kind == "owner_changed" and (is_own or why["previous_rep_id"] == rep_id):
        text = "It became yours" if is_own else "It no longer belonged to you"
    elif kind in ("lock_taken", "lock_released") and is_own:
        text = "You opened it" if kind == "lock_taken" else "You no longer had it open"
    elif kind == "answered" and is_own and row["result"] in ("lost", "refused"):
        text = asked_text("You", row["result"], why)
    return (
        None if text is None else DecisionText(type=kind, text=text, who=rep_id, who_name=names.rep(rep_id))
    )


def _candidates(candidates: Iterable[Mapping[str, Any]], names: Names) -> Iterable[PassedOverRep]:
    for candidate in candidates:
        rep_id, queue_id = candidate.get("rep_id"), candidate.get("queue_id")
        name = names.rep(rep_id) if rep_id else names.queue(queue_id) if queue_id else None
        yield PassedOverRep(rep_id, name, names.within(candidate.get("why")) or "")


def _owner(row: Row, names: Names) -> str:
    return owner_words({**row["why"], "rep_id": row["rep_id"]}, names)


def owner_words(why: Mapping[str, Any], names: Names) -> str:
    """Describe a change of owner, from a decision's fields or a row of the history."""
    if why["rep_id"] is None:
        return f"{names.rep(why['previous_rep_id'])} no longer owns it; nobody owns it now"
    verb = HOW.get(why["how"], why["how"].replace("_", " "))
    via = names.via(why.get("via"))
    overridden = "".join(f", {OVERRIDDEN.get(override, override)}" for override in why.get("overrides") or ())
    return f"{names.rep(why['rep_id'])} {verb}" + (f", {via}" if via else "") + overridden


def _answered(row: Row, names: Names) -> str:
    return asked_text(names.rep(row["rep_id"]), row["result"], row["why"])


def _offered(row: Row, names: Names) -> str:
    why = row["why"]
    reps = ", ".join(map(names.rep, why["reps"]))
    until = f", until {why['until']}" if why.get("until") else ""
    return f"Offered to {reps} by {METHODS.get(why['method'], why['method'])}{until}"


def _callback(row: Row, names: Names) -> str:
    name, at = names.rep(row["rep_id"]), row["why"].get("at")
    without = f"{name} will call back without a time, so it goes to the end of the queue"
    return f"{name} promised to call at {at}" if at else without


def _activity(row: Row, names: Names) -> str:
    return f"{names.rep(row['rep_id'])} {DID.get(row['why']['kind'], _with_spaces(row['why']['kind']))}"


def _corrected(row: Row, names: Names) -> str:
    fields = ", ".join(_field(change["field"]) for change in row["why"]["changes"])
    return f"{names.rep(row['rep_id'])} corrected {fields}"


def _opened(row: Row, names: Names) -> str:
    return f"{names.rep(row['rep_id'])} opened it until {row['why']['until']}"


def _freed(row: Row, names: Names) -> str:
    by = names.rep(row["why"].get("freed_by"))
    return f"{by} freed it, which {names.rep(row['rep_id'])} had open"


def _inquiry(row: Row) -> str:
    """Describe another inquiry with what it gave of itself (K4)."""
    facts = row["why"].get("facts") or {}
    name = " ".join(facts[part] for part in ("first_name", "last_name") if facts.get(part))
    extension = f" x{facts['phone_extension']}" if facts.get("phone_extension") else ""
    phone = f"{facts['phone']}{extension}" if facts.get("phone") else ""
    amount = f"loan amount {facts['loan_amount']:,}" if facts.get("loan_amount") is not None else ""
    details = ", ".join(part for part in (name, phone, facts.get("email"), amount) if part)
    return f"The person inquired again, through {row['why']['vendor']}" + (f": {details}" if details else "")


def _field(name: str) -> str:
    field = FIELDS.get(name)
    return field.label[:1].lower() + field.label[1:] if field else _with_spaces(name)


def _with_spaces(value: str) -> str:
    return value.replace("_", " ")


_TEXTS: Final[dict[str, Callable[[Row, Names], str]]] = {
    "lead_accepted": lambda *_: "It arrived",
    "shared_handle_found": lambda row, _: (
        f"Its {row['why'].get('handle', 'handle').partition('/')[0]} came with three last names and joins nobody"
    ),
    "preassignment_not_followed": lambda row, names: (
        f"It arrived assigned to {names.rep(row['why']['assigned_to'])}, which was not followed: "
        + _with_spaces(row["why"]["reason"])
    ),
    "hung_up": lambda row, names: f"{names.rep(row['rep_id'])} hung up and keeps it",
    "arrival_repeated": lambda row, _: (
        "The vendor sent it again"
        + (", and completed " + ", ".join(map(_field, row["why"].get("filled", ()))))
        * bool(row["why"].get("filled"))
    ),
    "inquiry_added": lambda row, _: _inquiry(row),
    "merged_into": lambda row, names: (
        f"{names.rep(row['rep_id'])} merged it into lead {row['why']['into']}"
        if row["rep_id"]
        else "It is another inquiry of a known lead"
    ),
    "merge_sought": lambda *_: "The org was asked whether it may be merged",
    "merge_returned": lambda *_: "It was not merged after all",
    "inquiry_split": lambda row, names: (
        f"{names.rep(row['rep_id'])} took inquiry {row['why']['inquiry_id']} out as a lead of its own"
    ),
    "lead_split": lambda row, names: (
        f"{names.rep(row['rep_id'])} took it out of lead {row['why']['from_lead_id']}"
    ),
    "arrival_dropped": lambda *_: "A message of the erased person was not taken",
    "inquiry_erased": lambda *_: "A lead that was taken out of this one was erased",
    "lead_erased": lambda row, names: (
        f"{names.rep(row['rep_id'])} erased the person"
        if row["rep_id"]
        else "The person was erased after the retention period"
    ),
    "suppression_recorded": lambda row, _: (
        "It is on the do-not-contact list"
        if row["why"].get("reason")
        else "It was taken off the do-not-contact list"
    ),
    "contact_forbidden": lambda row, names: (
        f"{names.rep(row['rep_id'])} put the person on the do-not-contact list"
    ),
    "consent_recorded": lambda row, names: f"{names.rep(row['rep_id'])} recorded consent to be contacted",
    "answered": _answered,
    "owner_changed": _owner,
    "queue_entered": lambda row, names: f"It entered the queue {names.queue(row['why']['queue_id'])}",
    "queue_left": lambda row, names: f"It left the queue {names.queue(row['why']['queue_id'])}",
    "lock_taken": _opened,
    "lock_released": lambda row, names: f"{names.rep(row['rep_id'])} no longer has it open",
    "lock_freed": _freed,
    "callback_set": _callback,
    "callback_due": lambda *_: "The promised call is due",
    "callback_notice_withdrawn": lambda row, names: (
        f"{names.rep(row['rep_id'])} need not be told of the due call any more"
    ),
    "outcome_recorded": lambda row, names: (
        f"{names.rep(row['rep_id'])}: {names.outcome(row['why']['outcome'])}"
    ),
    "note_recorded": lambda row, names: f"{names.rep(row['rep_id'])} wrote a note",
    "activity_recorded": _activity,
    "facts_corrected": _corrected,
    "exception_raised": lambda row, _: f"It became an exception: {_with_spaces(row['why']['reason'])}",
    "exception_ignored": lambda row, names: f"{names.rep(row['rep_id'])} ignored the exception",
    "exception_resolved": lambda *_: "It is no longer an exception",
    "claim_reopened": lambda row, names: f"{names.rep(row['rep_id'])} reopened it for claims",
    "lead_reopened": lambda row, names: f"{names.rep(row['rep_id'])} reopened it",
    "lead_closed": lambda row, names: f"Closed: {names.outcome(row['why']['outcome'])}",
    "rep_sought": lambda row, names: f"The group {names.group(row['why']['group_id'])} was asked for a rep",
    "place_sought": lambda row, names: (
        f"The org was asked whether {names.rep(row['rep_id'])} has room for it"
    ),
    "lead_offered": _offered,
    "window_moved": lambda row, _: (
        f"Its window now ends at {row['why']['until']}"
        if row["why"].get("until")
        else "Its window does not end"
    ),
    "offer_ended": lambda row, _: f"The offer ended: {ENDED.get(row['why']['outcome'], '')}",
    "offer_declined": lambda row, names: f"{names.rep(row['rep_id'])} declined it",
    "nobody_available": lambda row, names: (
        f"The group {names.group(row['why']['group_id'])} has nobody for it: {_with_spaces(row['why']['reason'])}"
    ),
    "connect_requested": lambda row, names: f"{names.rep(row['rep_id'])} asked to be connected",
}
