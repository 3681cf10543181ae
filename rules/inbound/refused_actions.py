"""Answers a refused action if its id can be read. The answer is sent in addition to the dead letter.

The lead's log gives the answer, as for every action: an event is appended that requests nothing and carries the reason
of the refusal. So the answer is durable and is repeated like any other, and a repeat of an action that was already
answered gets the earlier answer (X4).
"""

import base64
import binascii
from typing import Any, Final

from models import normalize
from models.errors import PermanentError, Refused
from models.events import NO_ORG, ActionRequested
from rules.inbound.envelope import Headers
from rules.inbound.salvage import NestedField, SalvagedFields, salvage, salvage_at

NO_LEAD: Final = "unreadable"
"""The lead id of an answer if the action's own lead id cannot be repeated."""
_FIELDS: Final = ("action_id", "lead_id", "type", "rep_id", "org")
_ENVELOPE: Final = ("specversion", "data", "data_base64")
_STRUCTURED: Final = "application/cloudevents"
_MAX_REASON: Final = 1_000
"""The maximum length of a reason in an answer, in characters. The dead letter has the full reason."""


def answer_to_refused(
    value: bytes | None, headers: Headers, refusal: PermanentError
) -> ActionRequested | None:
    """Return the event that answers a refused action; None if its id cannot be read."""
    sent = _sent(value or b"", headers)
    action_id = _identifier(sent.fields.get("action_id"))
    if not action_id:
        return None
    reason = refusal.reason
    if isinstance(refusal, Refused) and refusal.field:
        reason = f"{refusal.field}: {reason}"
    return ActionRequested(
        lead_id=_lead_id(sent.fields.get("lead_id")),
        cause=action_id,
        action=_identifier(sent.fields.get("type")) or "",
        rep_id=_identifier(sent.fields.get("rep_id")) or "",
        org=_org(sent),
        invalid=reason[:_MAX_REASON],
    )


def _sent(value: bytes, headers: Headers) -> SalvagedFields:
    """Return the fields of the action, also if it is in a structured envelope."""
    salvaged = salvage(value, (*_FIELDS, *_ENVELOPE))
    content_type = next((raw for name, raw in headers.items() if name.lower() == "content-type"), None) or b""
    is_structured = content_type.decode(errors="replace").strip().lower().startswith(_STRUCTURED)
    data, encoded = salvaged.fields.get("data"), salvaged.fields.get("data_base64")
    if not is_structured and not (
        "specversion" in salvaged.fields and (data is not None or encoded is not None)
    ):
        return salvaged
    if isinstance(data, NestedField):
        return salvage_at(salvaged.text, data.begin, _FIELDS)
    if isinstance(encoded, str):
        try:
            return salvage(base64.b64decode(encoded, validate=True), _FIELDS)
        except (binascii.Error, ValueError):
            pass
    return SalvagedFields("", {}, is_whole=False)


def _identifier(value: Any) -> str | None:
    """Return an id in the form that answers repeat; None if it cannot be repeated."""
    if not isinstance(value, str | int):
        return None
    try:
        return normalize.identifier(value)
    except ValueError:
        return None


def _lead_id(value: Any) -> str:
    """Return the lead id as sent, if it is one word that cannot be the key of another record."""
    try:
        return normalize.lead_id(value)
    except ValueError:
        identifier = _identifier(value)
        return identifier if identifier and "/" not in identifier and identifier.isprintable() else NO_LEAD


def _org(sent: SalvagedFields) -> str:
    if "org" not in sent.fields and not sent.is_whole:
        return NO_ORG
    try:
        return normalize.org(sent.fields.get("org"))
    except ValueError:
        return NO_ORG
