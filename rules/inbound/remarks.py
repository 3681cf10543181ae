"""Completes a lead's facts from each other, and remarks what is lost, assumed or contradicts (V2, V5)."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from models import amounts, contacts, geography, location
from models.field_names import field_of
from rules.inbound.fields import FoundFields
from rules.inbound.times import may_be_created

_SECOND: Final = timedelta(seconds=1)


class Remarks:
    """What is said about the reading of one lead.

    `invalid`: name as sent -> a value that could not be read. `assumed`: field -> how or from what it was read.
    `remarks`: field -> what is doubtful about it.
    """

    def __init__(self, message: FoundFields, problems: dict[str, str]) -> None:
        self.invalid: dict[str, Any] = {
            **message.invalid,
            **{message.names.get(name, name): message.fields[name] for name in problems},
        }
        self.assumed: dict[str, Any] = {}
        self.remarks: dict[str, str] = {}
        self.unread = frozenset(problems)


def complete_facts(
    facts: dict[str, Any], message: FoundFields, remarks: Remarks, *, arrived_at: datetime, zone: str
) -> None:
    """Fill what follows from other facts. `arrived_at`: the broker's time. `zone`: of a time without an offset."""
    _read_created_at(facts, message, remarks, arrived_at, zone)
    facts["silenced"] = facts["silenced"] is True or "silenced" in remarks.unread
    _read_contacts(facts, message, remarks)
    _read_location(facts, remarks)


def _read_created_at(
    facts: dict[str, Any], message: FoundFields, remarks: Remarks, arrived_at: datetime, zone: str
) -> None:
    created_at: datetime | None = facts["created_at"]
    if created_at is None:
        facts["created_at"] = arrived_at
        return
    name, sent = message.names.get("created_at", "created_at"), message.fields["created_at"]
    if created_at.tzinfo is None:
        remarks.assumed["created_at"] = zone
        created_at = created_at.replace(tzinfo=ZoneInfo(zone))
    if created_at.tzinfo is not UTC:
        created_at = created_at.astimezone(UTC)
    if not may_be_created(created_at, arrived_at):
        remarks.invalid[name] = sent
        remarks.assumed.pop("created_at", None)
        if created_at > arrived_at:
            ahead = (created_at - arrived_at) // _SECOND * _SECOND
            remarks.remarks["created_at"] = f"lies {ahead} after the arrival, which counts instead"
    facts["created_at"] = min(created_at, arrived_at) if name not in remarks.invalid else arrived_at


def _read_contacts(facts: dict[str, Any], message: FoundFields, remarks: Remarks) -> None:
    sent = message.fields.get("phone")
    if facts["phone"] is not None:
        parts = contacts.phone_parts(sent)
        if parts is not None and parts.extension is not None and facts["phone_extension"] is None:
            facts["phone_extension"] = parts.extension
        if parts is not None and parts.more:
            remarks.assumed["phone"] = sent
    sent = message.fields.get("email")
    if facts["email"] is not None and isinstance(sent, str) and sent.count("@") > 1:
        remarks.assumed["email"] = sent
    sent = message.fields.get("loan_amount")
    if facts["loan_amount"] is not None and isinstance(sent, str):
        read = amounts.amount_and_bound(sent)
        if read is not None and read[1]:
            remarks.assumed["loan_amount"] = sent


def _read_location(facts: dict[str, Any], remarks: Remarks) -> None:
    if facts["zip"] is None:
        _restore_zip(facts, remarks)
    if facts["state"] is None and facts["zip"] is not None:
        facts["state"] = geography.state_of_zip(facts["zip"])
        if facts["state"] is not None:
            remarks.assumed["state"] = f"from zip {facts['zip']}"
    derived = location.location_of(facts["zip"], facts["state"], facts["phone"], facts["time_zone"])
    facts["time_zone"] = derived.time_zone
    remarks.remarks |= derived.contradictions


def _restore_zip(facts: dict[str, Any], remarks: Remarks) -> None:
    """Put the leading zeros back that a spreadsheet took, if the zip then lies in the state (reading A14)."""
    for name in [name for name in remarks.invalid if field_of(name) == "zip"]:
        restored = location.with_zero(remarks.invalid[name], facts["state"])
        if restored is not None:
            facts["zip"] = restored
            del remarks.invalid[name]
            return
