"""Turns a message from outside into an event for a log, or raises Refused with the reason for its dead letter.

A message is refused because of its hard fields: a lead needs a vendor and a handle on the person, and an action needs
an action id and a lead id, because it cannot be answered without them. Every other field is soft. A lead's soft field
that cannot be read is kept as sent under `attributes.invalid`. An action's is named in `invalid`, and the lead machine
answers the action.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from models import ids, normalize
from models.directory import OrgSettings
from models.errors import PublicationErrors, Refused
from models.events import NO_ORG, ActionRequested, DirectoryPublished
from models.facts import Facts
from models.inbound import ARRIVAL_READERS, Action, Arrival
from models.org_events import PersonArrived
from models.publication import KINDS
from rules.inbound import publication
from rules.inbound.attribute_types import Types, read_types
from rules.inbound.corrections import UPDATE, read_corrections
from rules.inbound.envelope import (
    NULL_REMOVES_NOTHING,
    Headers,
    digest,
    is_null,
    open_envelope,
    printable,
    storable,
)
from rules.inbound.fields import HANDLES, as_sent, find_fields, list_found
from rules.inbound.lenient import parsed_lead, unreadable_paths
from rules.inbound.remarks import Remarks, complete_facts

_ARRIVAL_HARD: Final = frozenset({"vendor", "org"})
_ACTION_HARD: Final = frozenset({"action_id", "lead_id"})
_NO_FACTS: Final = {
    name: Arrival.model_fields[name].default for name in Facts.__struct_fields__ if name != "attributes"
} | {"vendor": None}
ZoneOfOrg = Callable[[str], str]
"""Returns an org's time zone."""
TypesOfOrg = Callable[[str], Types]
"""Returns an org's types of attributes."""
_MISSING: Final = "is missing"


def accept_arrival(
    value: bytes | None,
    headers: Headers,
    *,
    arrived_at: datetime,
    zone_of_org: ZoneOfOrg | None = None,
    types_of_org: TypesOfOrg | None = None,
) -> PersonArrived:
    """Read one record of `lead-arrivals`.

    `arrived_at`: the broker's time. It is used if the vendor gives no `created_at` or an impossible one; the latter is
    kept under `attributes.invalid`. A `created_at` without an offset is read in the org's time zone (`zone_of_org`, UTC
    where not given), and `attributes.assumed.created_at` says so. An unreadable `silenced` counts as yes, so that
    nobody is called by mistake. A phone, mail address or name that cannot be read still counts as a handle on the
    person if it is text. What contradicts is named in `attributes.remarks` (V5). Attributes are read by the org's types
    (`types_of_org`, C4). Raises only Refused.
    """
    envelope = open_envelope(value, headers, parsed_lead)
    message = find_fields(envelope.message)
    read, extra, problems = _read_arrival(message.fields, envelope.message)
    if not message.identifies:
        problem_field = next((name for name in HANDLES if name in problems), "external_id")
        why = problems.get(problem_field) or list_found(envelope.message)
        why = why or "or one of phone, email, last_name is needed to tell the lead from others"
        raise Refused("nothing_identifying", problem_field, why)
    remarks = Remarks(message, problems)
    extra |= {message.names[name]: message.fields[name] for name in problems if name in message.names}
    facts: dict[str, Any] = {**_NO_FACTS, **read}
    attributes = facts.pop("attributes", None) or {}
    org = facts["org"]
    zone = zone_of_org(org) if zone_of_org else "UTC"
    complete_facts(facts, message, remarks, arrived_at=arrived_at, zone=zone)
    attributes = _attributes(attributes, extra, remarks)
    if types_of_org and (types := types_of_org(org)):
        attributes = read_types(attributes, types, zone)
    vendor, external_id = as_sent(message.fields["vendor"]), as_sent(message.fields.get("external_id"))
    return PersonArrived(
        lead_id=ids.lead_id(org, vendor or facts["vendor"], external_id, envelope.message),
        cause=envelope.event_id or digest(value or b""),
        org=org,
        facts=Facts(**facts, attributes=attributes),
    )


def accept_as(
    settings: OrgSettings, value: bytes | None, headers: Headers, *, arrived_at: datetime
) -> PersonArrived:
    """Read a record as intake does for an org with these settings: its time zone, its types of attributes (reading C4).

    Whatever shows a lead before it is sent reads it with this function. Raises only Refused.
    """
    return accept_arrival(
        value,
        headers,
        arrived_at=arrived_at,
        zone_of_org=lambda _: settings.time_zone,
        types_of_org=lambda _: settings.attribute_types,
    )


def accept_action(value: bytes | None, headers: Headers) -> ActionRequested:
    """Read one record of `lead-actions`.

    An action without a readable action id and lead id is refused; rules/inbound/refused_actions.py answers it if it
    can. Any other field that cannot be read is named in the event's `invalid`. The lead machine decides whether the
    action exists and is allowed. Raises only Refused.
    """
    action, problems = _read_action(open_envelope(value, headers).message)
    if action.action_id is None:
        raise Refused("missing_action_id", "action_id", "is missing")
    for name in ("type", "rep_id"):
        if getattr(action, name) is None:
            problems.setdefault(name, "is missing")
    facts: dict[str, Any] | None = None
    if action.type == UPDATE:
        facts, unread = read_corrections(action.facts)
        problems |= unread
    extra = action.model_extra
    return ActionRequested(
        lead_id=action.lead_id,
        cause=action.action_id,
        action=action.type or "",
        rep_id=action.rep_id or "",
        org=NO_ORG if "org" in problems else action.org,
        queue_id=action.queue_id,
        outcome=action.outcome,
        note=action.note,
        at=action.at,
        epoch=action.epoch,
        to_rep_id=action.to_rep_id,
        from_rep_id=action.from_rep_id,
        why=action.why,
        kind=action.kind,
        into_lead_id=action.into_lead_id,
        inquiry_id=action.inquiry_id,
        facts=facts,
        view_only=bool(action.view_only),
        override_licence=bool(action.override_licence),
        override_cap=bool(action.override_cap),
        invalid="; ".join(f"{name}: {why}" for name, why in problems.items()) or None,
        attributes=storable(extra) if extra else {},
    )


def accept_publication(
    key: bytes | None, value: bytes | None, headers: Headers, *, version: int
) -> DirectoryPublished:
    """Read one record of `directory`: key `org/kind/id`. A record without a value (a tombstone) removes the object.

    `version`: the record's offset in the topic. Only a whole object with its own id is accepted, because it replaces
    the previous one. rules/inbound/publication.py checks the object; the first problem it finds is the reason. JSON's
    null is refused, because compaction would keep it for ever. Raises only Refused.
    """
    org, kind, object_id = _directory_key(key)
    published: dict[str, Any] | None = None
    if value is not None:
        if is_null(value):
            raise Refused("not_an_object", "", NULL_REMOVES_NOTHING)
        sent = storable(open_envelope(value, headers).message)
        id_field = KINDS[kind][1]
        if id_field is not None and sent.get(id_field) is None:
            reason = f"is missing: a publication replaces the whole {kind}, so it must be the whole {kind}"
            raise Refused("invalid_publication", id_field, reason)
        try:
            published = publication.accept_publication(kind, object_id, sent)
        except PublicationErrors as error:
            first, other_count = error.problems[0], len(error.problems) - 1
            first_reason = str(first).removeprefix(f"{first.path or 'value'}: ")
            reason = f"{first_reason} (and {other_count} more)" if other_count else first_reason
            raise Refused("invalid_publication", printable(first.path), reason) from None
    return DirectoryPublished(
        lead_id="",
        cause=f"directory/{org}/{kind}/{object_id}/{version}",
        org=org,
        kind=kind,
        object_id=object_id,
        version=version,
        value=published,
    )


def _directory_key(key: bytes | None) -> tuple[str, str, str]:
    try:
        parts = (key or b"").decode().split("/", 2)
    except UnicodeDecodeError:
        raise Refused("invalid_key", "key", "is not UTF-8") from None
    if len(parts) != len(("org", "kind", "id")) or not parts[2].strip():
        raise Refused("invalid_key", "key", "must be org/kind/id, like default/queue/aged")
    org, kind, object_id = parts
    if kind not in KINDS:
        raise Refused("invalid_key", "key", f"kind must be one of {', '.join(sorted(KINDS))}")
    try:
        normalize.org(org or "/")
        normalize.identifier(object_id)
    except ValueError as error:
        raise Refused("invalid_key", "key", str(error)) from None
    return org, kind, object_id


def _read_arrival(
    sent: Mapping[str, Any], whole: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return the fields that can be read, those unknown, and the problems of all others.

    `whole`: the message in which they were found. Raises Refused for a hard field.
    """
    read: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    problems: dict[str, str] = {}
    if "vendor" not in sent:
        problems["vendor"] = f"{_MISSING}; {found}" if (found := list_found(whole)) else _MISSING
    for name, value in sent.items():
        reader = ARRIVAL_READERS.get(name)
        if reader is None:
            extra[name] = value
            continue
        try:
            read[name] = reader(value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        _refuse_hard(problems, _ARRIVAL_HARD)
    return read, extra, problems


def _read_action(sent: Mapping[str, Any]) -> tuple[Action, dict[str, str]]:
    """Return the action without unreadable soft fields, and their problems; raises Refused for a hard field."""
    try:
        return Action.model_validate(sent), {}
    except ValidationError as error:
        problems = {
            str(problem["loc"][0]): _MISSING
            if problem["type"] == "missing"
            else problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        }
    _refuse_hard(problems, _ACTION_HARD)
    readable = {name: value for name, value in sent.items() if name not in problems}
    return Action.model_validate(readable), problems


def _refuse_hard(problems: Mapping[str, str], hard: frozenset[str]) -> None:
    for name in sorted(hard & problems.keys()):
        missing = problems[name] == _MISSING
        raise Refused("missing_field" if missing else "invalid_field", name, problems[name])


def _attributes(attributes: dict[str, Any], extra: dict[str, Any], remarks: Remarks) -> dict[str, Any]:
    """Return the fields the vendor sent beyond the contract, with our remarks added. Nothing is dropped.

    `attributes`: the vendor's own. `extra`: the fields of the message that are none of the contract's.

    A top-level field that also occurs in `attributes` with another value goes to `attributes.invalid`, because its name
    is already taken.
    """
    merged = {**attributes}
    invalid = remarks.invalid | {
        name: value for name, value in extra.items() if merged.setdefault(name, value) != value
    }
    unreadable = dict.fromkeys(unreadable_paths(merged), "could not be kept as it was sent")
    for name, own_remarks in (
        ("invalid", invalid),
        ("assumed", remarks.assumed),
        ("remarks", remarks.remarks | unreadable),
    ):
        if own_remarks:
            sent = merged.get(name, {})
            merged[name] = {**(sent if isinstance(sent, dict) else {name: sent}), **own_remarks}
    storable_attributes: dict[str, Any] = storable(merged)
    return storable_attributes
