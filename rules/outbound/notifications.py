"""Derives notifications by mail, push or call from a lead's record, and withdraws void ones (R2, R3, S1, S2, S4).

A notification is a request whose id follows from lead, epoch and rep, or for an inquiry from lead, inquiry and rep. So
its sender can send it exactly once.
"""

from typing import Any, Final, Literal

from models.decisions import (
    ConnectRequested,
    InquiryAdded,
    LeadOffered,
    OfferDeclined,
    OfferEnded,
    OwnerChanged,
)
from models.lead import Lead, LeadRow
from models.offers import Outcome
from models.public import Notification

Kind = Literal["email", "push", "call"]

OFFERS: Final[dict[str, tuple[str, tuple[Kind, ...]]]] = {
    "round_robin": ("lead_offered", ("email", "push")),
    "roster": ("lead_assigned", ("email", "push")),
    "ring_all": ("ring", ("call",)),
    "distribute_all": ("new_lead_button", ("push",)),
}
"""method -> template and kinds of the notifications for its offers (R2, S1, S5)."""
TOLD: Final = frozenset({"ring_all", "distribute_all", "manual", "pre_assigned"})
"""The ways of assignment after which the new owner is notified by mail and push. A rep who claims needs no
notification."""


def notifications_of(row: LeadRow) -> list[Notification]:
    """Return the notifications a record requests and withdraws, in order."""
    lead = row.lead
    if lead is None:
        return []
    found: list[Notification] = []
    for decision in row.decisions:
        match decision:
            case LeadOffered():
                template, kinds = OFFERS.get(decision.method, OFFERS["round_robin"])
                data = {**_about(lead), "group_id": decision.group_id, "until": decision.until}
                for rep_id in decision.reps:
                    found += _to(lead, rep_id, template, kinds, decision.epoch, data)
            case OfferEnded(method=str() as method):
                template, kinds = OFFERS.get(method, OFFERS["round_robin"])
                for rep_id in decision.reps:
                    found += _to(lead, rep_id, template, kinds, decision.epoch, {}, withdrawn=True)
                    if decision.outcome is Outcome.TIMEOUT and method == "round_robin":
                        found += _to(
                            lead, rep_id, "lead_reassigned", ("email",), decision.epoch, _about(lead)
                        )
            case OfferDeclined():
                method = lead.search.method if lead.search and lead.search.method else "ring_all"
                template, kinds = OFFERS.get(method, OFFERS["ring_all"])
                found += _to(lead, decision.rep_id, template, kinds, decision.epoch, {}, withdrawn=True)
            case OwnerChanged(rep_id=str() as rep_id) if decision.how in TOLD:
                found += _to(lead, rep_id, "lead_assigned", ("email", "push"), lead.owned_epoch, _about(lead))
            case InquiryAdded(rep_id=str() as rep_id):
                data = {
                    **_about(lead),
                    "inquiry_id": decision.inquiry_id,
                    "vendor": decision.vendor,
                    "campaign": decision.campaign,
                }
                found += _to(
                    lead,
                    rep_id,
                    "new_inquiry",
                    ("email", "push"),
                    lead.owned_epoch,
                    data,
                    about=decision.inquiry_id,
                )
            case ConnectRequested():
                data = {**_about(lead), "phone": lead.facts.phone}
                found += _to(lead, decision.rep_id, "connect", ("call",), row.seq, data)
            case _:
                pass
    return found


def _about(lead: Lead) -> dict[str, Any]:
    """Return the details of the lead for a message (the mail of S1)."""
    facts = lead.facts
    return {
        "first_name": facts.first_name,
        "last_name": facts.last_name,
        "vendor": facts.vendor,
        "campaign": facts.campaign,
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
        )
        for kind in kinds
    ]
