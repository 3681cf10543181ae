"""Turns a row of a file into an arrival message that intake accepts, or into a refusal with line, field and reason."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from models.directory import OrgSettings
from models.errors import Refused
from models.facts import Facts
from models.inbound import MAX_DEPTH, Arrival
from rules.inbound.intake import accept_as

_POSITION: Final = re.compile(r" (\(byte \d+\)|at byte \d+)")
LONGEST_TEXT: Final = 20_000
"""The most characters of a refused row that are kept with its refusal."""
AS_SENT: Final = OrgSettings()
"""The settings of an org that are not known: UTC, and no types of attributes."""


class RowRefusal(msgspec.Struct, frozen=True):
    """Why a row is not sent. `line`: its first line in the file, from 1. `field`: of the contract, or a column.

    `lines`: how many lines it has. `text`: the row as it is in the file, its first `LONGEST_TEXT` characters; of a
    row that only intake refuses, the message as JSON.
    """

    line: int
    field: str
    reason: str
    lines: int = 1
    text: str = ""

    @property
    def sentence(self) -> str:
        """Field and reason, the same for all rows with the same mistake."""
        reason = _POSITION.sub("", self.reason)
        return f"{self.field}: {reason}" if self.field else reason


class ImportRow(msgspec.Struct, frozen=True):
    """One row: the `message` to send, with the lead id it will have, or a `refusal`. `lines`: how many it has.

    `refused_message`: the message that intake refuses, where there is one. `doubts`: fields that intake will
    keep under `attributes.invalid` because they cannot be read. `facts`: the lead as intake will read it.
    """

    line: int
    message: dict[str, Any] | None = None
    lead_id: str = ""
    doubts: tuple[str, ...] = ()
    refusal: RowRefusal | None = None
    refused_message: dict[str, Any] | None = None
    facts: Facts | None = None
    lines: int = 1

    @property
    def value(self) -> bytes:
        """The message as bytes."""
        return encode(self.message)


class ParsedLine(msgspec.Struct, frozen=True):
    """What a reader found at a line: a message, or the reason why there is none.

    `lines`: how many lines it has. `text`: of a refusal, the row as it is in the file.
    """

    line: int
    message: dict[str, Any] | None = None
    field: str = ""
    reason: str = ""
    lines: int = 1
    text: str = ""


def encode(message: Any) -> bytes:
    """Return a message as the bytes that are sent."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def row(parsed: ParsedLine, defaults: dict[str, str], settings: OrgSettings = AS_SENT) -> ImportRow:
    """Return the row to send for a reader's result. `defaults` fill what is missing. Intake's own code checks it.

    `settings`: the org's, by which times without an offset and attributes with a type are read.
    """
    if parsed.message is None:
        text = parsed.text[:LONGEST_TEXT]
        refusal = RowRefusal(
            line=parsed.line, field=parsed.field, reason=parsed.reason, lines=parsed.lines, text=text
        )
        return ImportRow(line=parsed.line, refusal=refusal, lines=parsed.lines)
    defaults_used = {
        name: value for name, value in defaults.items() if parsed.message.get(name) in (None, "")
    }
    message = {**parsed.message, **defaults_used}
    try:
        event = accept_as(settings, encode(message), {}, arrived_at=datetime.now(UTC))
    except Refused as error:
        return refused_row(parsed.line, error.field, error.reason, message, lines=parsed.lines)
    except RecursionError:
        return refused_row(parsed.line, "", f"is nested deeper than {MAX_DEPTH}", lines=parsed.lines)
    return ImportRow(
        line=parsed.line,
        message=message,
        lead_id=event.lead_id,
        doubts=_unreadable(event.facts, message),
        facts=event.facts,
        lines=parsed.lines,
    )


def refused_row(
    line: int, field: str, reason: str, message: dict[str, Any] | None = None, *, lines: int = 1
) -> ImportRow:
    """Return the row of a refusal. `message`: what intake refuses, where there is a message."""
    text = "" if message is None else encode(message).decode()[:LONGEST_TEXT]
    refusal = RowRefusal(line=line, field=field, reason=reason, lines=lines, text=text)
    return ImportRow(line=line, refused_message=message, refusal=refusal, lines=lines)


def _unreadable(facts: Facts, message: dict[str, Any]) -> tuple[str, ...]:
    """Return the fields of the contract, and of the message, whose value cannot be read."""
    invalid = facts.attributes.get("invalid")
    if not isinstance(invalid, dict):
        return ()
    return tuple(name for name in invalid if name in message or name in Arrival.model_fields)
