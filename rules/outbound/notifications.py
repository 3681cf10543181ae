"""Derives notifications by mail, push or call from a lead's record, and withdraws void ones (R2, R3, S1, S2, S4).

A notification is a request whose id follows from lead, epoch and rep; for an inquiry from lead, inquiry and rep; for a
move, merge or split from lead, version and rep. So its sender can send it exactly once.
"""

from typing import Any, Final, Literal

from models.contact_decisions import CallbackDue, CallbackNoticeWithdrawn
from models.decisions import (
    Answered,
    InquiryAdded,
    LockFreed,
    MergedInto,
    OwnerChanged,
    QueueEntered,
    QueueLeft,
    QueueMoved,
    SharedHandleFound,
)
from models.facts import Facts
from models.lead import Lead, LeadRow
from models.merging_decisions import InquirySplit, LeadSplit
from models.offer_decisions import ConnectRequested, LeadOffered, OfferDeclined, OfferEnded
from models.offers import Outcome
from models.public import TELEPHONE, Notification

Kind = Literal["email", "push", "call"]

OFFERS: Final[dict[str, tuple[str, tuple[Kind, ...]]]] = {
    "round_robin": ("lead_offered", ("email", "push")),
    "roster": ("lead_offered", ("email", "push")),
    "ring_all": ("ring", ("call",)),
    "distribute_all": ("new_lead_button", ("push",)),
}
"""method -> template and kinds of the notifications for its offers (R2, S1, S5)."""
WINDOWED: Final = frozenset({"round_robin", "roster"})
"""The methods that offer a lead to one rep: for a window, or for good where the group has none (R1, R3)."""
NOTIFIED: Final = frozenset({"ring_all", "distribute_all", "manual", "pre_assigned", "reassigned"})
"""The ways of assignment after which the new owner is notified by mail and push. A rep who claims needs no
notification."""
LOCK_FREED: Final = "lock_freed"
"""The template that tells a rep that a manager freed the lead that the rep had open, and why (M6)."""
CALLBACK_DUE: Final = "callback_due"
"""The template that tells the owner that a promised call is due (M7)."""
LEAD_CALLS: Final = "lead_calls"
"""The template that rings the owner of a lead that calls in (N5)."""
MAX_INQUIRIES: Final = 5
"""How many of a lead's newest inquiries a ring names."""
INQUIRY_FACTS: Final = (
    *("first_name", "last_name", "phone", "phone_extension", "email", "state", "loan_purpose", "loan_amount"),
)
"""The facts of another inquiry that its owner is told (K4)."""
SHARED_HANDLE: Final = "shared_handle"
"""The template that tells managers which leads a phone or mail address of three last names joined (K1)."""
MOVED: Final = frozenset({"reassigned", "unassigned", "redistributed"})
"""The ways in which an owner loses a lead by a move, and is told (M1)."""

_SILENT: Final = frozenset({Answered, QueueEntered, QueueLeft, QueueMoved})
"""The most frequent decisions, of which nobody is notified."""


def notifications_of(row: LeadRow) -> list[Notification]:
    """Return the notifications a record requests and withdraws, in order."""
    lead = row.lead
    if lead is None:
        return []
    notifications: list[Notification] = []
    given_for_good = False
    for decision in row.decisions:
        if type(decision) in _SILENT:
            continue
        match decision:
            case LeadOffered():
                template, kinds = OFFERS.get(decision.method, OFFERS["round_robin"])
                if lead.owner in decision.reps and decision.method in WINDOWED:
                    given_for_good = True  # without a window (R1)
                    template = "lead_assigned"
                data = {
                    **_about(lead),
                    "group_id": decision.group_id,
                    "until": decision.until,
                    **_inquiries(lead),
                }
                for rep_id in decision.reps:
                    notifications += _to(lead, rep_id, template, kinds, decision.epoch, data)
            case OfferEnded(method=str() as method):
                template, kinds = OFFERS.get(method, OFFERS["round_robin"])
                for rep_id in decision.reps:
                    notifications += _to(lead, rep_id, template, kinds, decision.epoch, {}, withdrawn=True)
                    if decision.outcome is Outcome.TIMEOUT and method in WINDOWED:
                        notifications += _to(
                            lead, rep_id, "lead_reassigned", ("email",), decision.epoch, _about(lead)
                        )
                if decision.winner is not None and not given_for_good:
                    winner_data = {"won": True}
                    notifications += _to(
                        lead, decision.winner, template, kinds, decision.epoch, winner_data, withdrawn=True
                    )
            case OfferDeclined():
                method = (
                    lead.open_distribution.method
                    if lead.open_distribution and lead.open_distribution.method
                    else "ring_all"
                )
                template, kinds = OFFERS.get(method, OFFERS["ring_all"])
                notifications += _to(
                    lead, decision.rep_id, template, kinds, decision.epoch, {}, withdrawn=True
                )
            case OwnerChanged():
                notifications += _new_owner(lead, decision) + _former_owner(lead, decision, row.seq)
            case InquiryAdded(rep_id=str() as rep_id):
                notifications += _another_inquiry(lead, decision, rep_id)
            case CallbackDue(rep_id=str() as rep_id, epoch=epoch) if epoch:
                due = {"callback_at": lead.callback_at, "quiet_until": decision.quiet_until}
                notifications += _to(
                    lead, rep_id, CALLBACK_DUE, ("email", "push"), epoch, {**_about(lead), **due}
                )
            case CallbackNoticeWithdrawn(rep_id=rep_id, epoch=epoch):
                notifications += _to(lead, rep_id, CALLBACK_DUE, ("email", "push"), epoch, {}, withdrawn=True)
            case LockFreed():
                data = {**_about(lead), "why": decision.why}
                notifications += _to(lead, decision.rep_id, LOCK_FREED, ("push",), row.seq, data)
            case ConnectRequested():
                data = {**_about(lead), "phone": lead.facts.phone, "place": _location(lead)}
                notifications += _to(lead, decision.rep_id, "connect", ("call",), row.seq, data)
            case MergedInto() | InquirySplit() | LeadSplit():
                notifications += _merged_or_split(lead, decision, row.seq)
            case SharedHandleFound():
                data = {
                    **_about(lead),
                    "handle": decision.handle,
                    "leads": list(decision.leads),
                    "why": decision.why,
                }
                for rep_id in decision.managers:
                    notifications += _to(lead, rep_id, SHARED_HANDLE, ("email", "push"), row.seq, data)
            case _:
                pass
    return notifications


def _another_inquiry(lead: Lead, decision: InquiryAdded, rep_id: str) -> list[Notification]:
    """Tell the owner of another inquiry (K4), and ring the owner if the lead calls in (N5)."""
    epoch, about = lead.owned_epoch, decision.inquiry_id
    data = {
        **_about(lead),
        "inquiry_id": decision.inquiry_id,
        "vendor": decision.vendor,
        "campaign": decision.campaign,
        "inquiry": _inquiry(decision.facts),
    }
    notifications = _to(lead, rep_id, "new_inquiry", ("email", "push"), epoch, data, about=about)
    if decision.vendor == TELEPHONE:
        call_data = {**_about(lead), "inquiry_id": decision.inquiry_id}
        notifications += _to(lead, rep_id, LEAD_CALLS, ("call",), epoch, call_data, about=about)
    return notifications


def _merged_or_split(
    lead: Lead, decision: MergedInto | InquirySplit | LeadSplit, version: int
) -> list[Notification]:
    """Tell a lead's active owner that the lead was merged or taken out, or lost an inquiry (K5). Not who did it."""
    match decision:
        case MergedInto():
            template, data = "lead_merged", {"into_lead_id": decision.into}
        case InquirySplit():
            template, data = "inquiry_split", {"inquiry_id": decision.inquiry_id}
        case LeadSplit():
            template, data = "lead_split", {"from_lead_id": decision.from_lead_id}
    if lead.owner is None or lead.owner_left or lead.owner == decision.rep_id:
        return []
    about = f"version-{version}"
    lead_data = {**_about(lead), **data, "why": decision.why}
    return _to(lead, lead.owner, template, ("email", "push"), version, lead_data, about=about)


def _new_owner(lead: Lead, change: OwnerChanged) -> list[Notification]:
    if change.rep_id is None or change.how not in NOTIFIED:
        return []
    about = _about(lead)
    return _to(lead, change.rep_id, "lead_assigned", ("email", "push"), lead.owned_epoch, about)


def _former_owner(lead: Lead, change: OwnerChanged, version: int) -> list[Notification]:
    """Tell the owner that a move took the lead away, and why (M1). Whoever gave it away need not be told.

    The owner of an aged lead is told that another rep claimed it (M4).
    """
    former = change.previous_rep_id
    template = "lead_claimed" if change.how == "claim" else "lead_reassigned"
    moved = change.how in MOVED or (change.how == "claim" and former != change.rep_id)
    if former is None or not moved or change.via == f"rep/{former}":
        return []
    data = {**_about(lead), "to_rep_id": change.rep_id, "why": change.why}
    about = f"version-{version}"
    return _to(lead, former, template, ("email", "push"), version, data, about=about)


def _inquiry(facts: Facts | None) -> dict[str, Any]:
    """Return what another inquiry gave of itself; it may differ from the lead's facts (K4)."""
    values = {name: getattr(facts, name, None) for name in INQUIRY_FACTS}
    return {name: value for name, value in values.items() if value is not None}


def _location(lead: Lead) -> dict[str, str]:
    """Return what tells where the lead is, so that its quiet hours can be checked before its telephone rings (N6)."""
    values = {name: getattr(lead.facts, name) for name in ("zip", "state", "time_zone")}
    return {name: value for name, value in values.items() if value is not None}


def _inquiries(lead: Lead) -> dict[str, list[str]]:
    """Return the ids of the lead's newest inquiries, by which a telephone finds a lead that calls in (N5)."""
    newest = list(lead.joined)[-MAX_INQUIRIES:]
    return {"inquiry_ids": newest} if newest else {}


def _about(lead: Lead) -> dict[str, Any]:
    """Return the details of the lead for a message (the mail of S1). `may_call` false: it must not be called (M8)."""
    facts = lead.facts
    call = {"may_call": False} if lead.silenced else {}
    return {
        "first_name": facts.first_name,
        "last_name": facts.last_name,
        "vendor": facts.vendor,
        "campaign": facts.campaign,
        **call,
    }


def _to(
    lead: Lead,
    rep_id: str,
    template: str,
    kinds: tuple[Kind, ...],
    epoch: int,
    data: dict[str, Any],
    *,
    withdrawn: bool = False,
    about: str | None = None,
) -> list[Notification]:
    return [
        Notification(
            notification_id=f"{lead.lead_id}/{about or epoch}/{rep_id}/{template}/{kind}",
            kind=kind,
            template=template,
            rep_id=rep_id,
            lead_id=lead.lead_id,
            epoch=epoch,
            withdrawn=withdrawn,
            data=data,
            org=lead.facts.org,
        )
        for kind in kinds
    ]
