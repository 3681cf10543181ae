"""Defines the messages that others may send us: the accepted fields, how each is read, and its JSON Schema.

The readers in `models/normalize.py` are used by these models, so a schema and the code that enforces it cannot diverge.
Unknown fields are kept. The models hold normalised values; they do not change the message as sent.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from models import amounts, contacts, location, moments, normalize
from models.activities import ActivityKind, activity_kind
from models.corrections import CORRECTABLE

MAX_BYTES: Final = 256 * 1024
"""The maximum size of one message in bytes. A larger message becomes a dead letter."""
MAX_DEPTH: Final = 32
"""The maximum nesting of objects and lists, including the message itself. A deeper message becomes a dead letter."""
MAX_TEXT: Final = 16_384
"""The maximum length of one unknown text field in characters. A message with a longer one becomes a dead letter."""


def _text(about: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": ["string", "integer", "null"],
            "maxLength": normalize.NAME_LENGTH,
            "description": about,
            **more,
        }
    )


def _any_of_types(about: str, *types: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": [*types, "null"], "description": about, **more})


def _lenient(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader that treats an unreadable value as not given."""

    def kind(value: Any) -> Any:
        try:
            return read(value)
        except ValueError:
            return None

    return kind


_LINE = PlainValidator(normalize.text())
_NAME = PlainValidator(normalize.person_name)
_WORD = PlainValidator(normalize.word)
_ID = PlainValidator(normalize.identifier)
_FLAG = PlainValidator(normalize.flag)
_YES_NO = ("boolean", "string", "integer")

Org = Annotated[
    str,
    PlainValidator(normalize.org),
    WithJsonSchema(
        {
            "type": ["string", "null"],
            "pattern": "^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
            "description": "The organisation; `default` where not given.",
        }
    ),
]


class Arrival(BaseModel):
    """One lead from a vendor (topic `lead-arrivals`).

    Required: `vendor`, and at least one of external_id, phone, email, last_name. A field that cannot be read does not
    cause the lead to be refused: the field is kept as sent under `attributes.invalid`, and the lead goes on without it.
    Unknown fields are kept under `attributes`. Other names that vendors use for a field (`mobile`, `postal_code`,
    `full_name`) are read as that field (models/field_names.py).

    The lead id is the UUIDv5 of `{org}/{vendor}/{external_id}` as sent; without external_id, of
    `{org}/{vendor}/sha256:{hex of the canonical JSON of the message}`. So a resend is the same lead.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        title="lead-arrivals",
        json_schema_extra={
            "anyOf": [{"required": [name]} for name in ("external_id", "phone", "email", "last_name")]
        },
    )

    vendor: Annotated[
        str,
        PlainValidator(normalize.vendor),
        WithJsonSchema(
            {
                "type": ["string", "integer"],
                "minLength": 1,
                "maxLength": normalize.NAME_LENGTH,
                "pattern": "^[^/]*[^/\\s][^/]*$",
                "description": "Who sends the lead.",
            }
        ),
    ]
    org: Org = "default"
    external_id: Annotated[str | None, _LINE, _text("The vendor's own id of the lead.")] = None
    campaign: Annotated[str | None, _LINE, _text("The campaign it came through.")] = None
    first_name: Annotated[str | None, _NAME, _text("The prospect's first name.")] = None
    last_name: Annotated[str | None, _NAME, _text("The prospect's last name.")] = None
    email: Annotated[
        str | None,
        PlainValidator(contacts.email),
        _any_of_types("Mail address; lower case is the same.", "string", format="email", maxLength=254),
    ] = None
    phone: Annotated[
        str | None,
        PlainValidator(contacts.phone),
        _any_of_types(
            "As people write it; in the US unless it begins with +. Kept as E.164.", "string", "integer"
        ),
    ] = None
    phone_extension: Annotated[
        str | None,
        PlainValidator(contacts.extension),
        _any_of_types(
            "The phone's extension; also read from `phone` (401-419-4247 x12).", "string", "integer"
        ),
    ] = None
    state: Annotated[
        str | None,
        PlainValidator(location.state),
        _any_of_types("US state or territory: code, name or usual abbreviation. Kept as code.", "string"),
    ] = None
    zip: Annotated[
        str | None,
        PlainValidator(location.zip_code),
        _any_of_types("US zip, with or without +4. Kept as five digits.", "string", "integer"),
    ] = None
    loan_purpose: Annotated[str | None, _WORD, _text("purchase, refinance, … Kept in lower_snake_case.")] = (
        None
    )
    loan_amount: Annotated[
        int | float | None,
        PlainValidator(amounts.amount),
        _any_of_types('Whole currency units; also "$310,000" or "310k".', "number", "string", minimum=0),
    ] = None
    credit_score: Annotated[
        int | None,
        PlainValidator(normalize.credit_score),
        _any_of_types("Credit score.", "integer", "string", minimum=1, maximum=999),
    ] = None
    property_type: Annotated[
        str | None, _WORD, _text("single_family, condo, … Kept in lower_snake_case.")
    ] = None
    created_at: Annotated[
        datetime | None,
        PlainValidator(moments.vendor_time),
        _any_of_types(
            "When the vendor made the lead, RFC 3339. Without an offset it is in the org's `time_zone`.",
            "string",
        ),
    ] = None
    assigned_to: Annotated[str | None, _LINE, _text("The rep it is already assigned to (R5).")] = None
    silenced: Annotated[
        bool | None,
        _FLAG,
        _any_of_types("Silenced communication: do not call. What cannot be read counts as yes.", *_YES_NO),
    ] = None
    consent: Annotated[
        bool | None, _FLAG, _any_of_types("Whether the prospect agreed to be contacted.", *_YES_NO)
    ] = None
    time_zone: Annotated[
        str | None,
        PlainValidator(normalize.zone),
        _any_of_types("IANA name; derived from zip, state or phone where not given.", "string"),
    ] = None
    attributes: Annotated[
        dict[str, Any],
        PlainValidator(normalize.mapping),
        _any_of_types("Whatever else the vendor knows.", "object"),
    ] = Field(default_factory=dict)


ARRIVAL_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    name: part.func  # type: ignore[misc]  # these validators take only the value
    for name, field in Arrival.model_fields.items()
    for part in field.metadata
    if isinstance(part, PlainValidator)
}
"""Field of an arrival -> its reader, which takes the value alone. Intake calls them without building the model, which
takes half the time."""
_ARRIVAL_FIELDS: Final[dict[str, Any]] = Arrival.model_json_schema()["properties"]


class Listing(BaseModel):
    """Why a phone number or mail address must not be contacted, and since when (topic `do-not-contact`, X6).

    The key is `org/phone/NUMBER` or `org/email/ADDRESS`. A record without a value removes the entry. A field that
    cannot be read counts as not given.
    """

    model_config = ConfigDict(extra="allow", frozen=True, title="do-not-contact")

    reason: Annotated[str | None, PlainValidator(_lenient(normalize.text())), _text("Why, in words.")] = None
    at: Annotated[
        datetime | None,
        PlainValidator(_lenient(moments.instant)),
        _any_of_types("Since when, RFC 3339 with offset; when it was received where not given.", "string"),
    ] = None


class Action(BaseModel):
    """A request by a person or a CRM (topic `lead-actions`).

    Every action with a readable `action_id` is answered. If a field cannot be read, the answer is `refused` with reason
    `invalid` and names the field; for an unknown `type` the reason is `unknown_action`. A message that cannot be read,
    or that has no readable `lead_id`, becomes a dead letter; it is also answered in this way if its `action_id` can be
    read. Without a readable `action_id` there is no answer.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        title="lead-actions",
        json_schema_extra={"required": ["action_id", "type", "lead_id", "rep_id"]},
    )

    action_id: Annotated[
        str | None,
        _ID,
        WithJsonSchema(
            {
                "type": ["string", "integer"],
                "minLength": 1,
                "maxLength": normalize.NAME_LENGTH,
                "description": "A UUID of the sender; a repeat of it is answered as the first time (X4).",
            }
        ),
    ] = None
    lead_id: Annotated[
        str,
        PlainValidator(normalize.lead_id),
        WithJsonSchema(
            {"type": "string", "format": "uuid", "description": "The lead; case does not matter."}
        ),
    ]
    type: Annotated[
        str | None,
        _ID,
        WithJsonSchema(
            {
                "type": "string",
                "description": "claim, claim_now, view, release, outcome, callback, accept, decline,"
                " press_one, connect, hang_up, assign, reassign, unassign, redistribute, reopen, update, merge, split,"
                " ignore, unignore, reopen_claimable, consent, note, activity, dial, erase, or a kind of activity"
                " but note.",
            }
        ),
    ] = None
    rep_id: Annotated[
        str | None,
        _ID,
        WithJsonSchema({"type": ["string", "integer"], "minLength": 1, "description": "Who asks."}),
    ] = None
    org: Org = "default"
    queue_id: Annotated[str | None, _ID, _text("claim: the queue it is claimed from.")] = None
    outcome: Annotated[str | None, _LINE, _text("outcome: what came of it.")] = None
    note: Annotated[
        str | None,
        PlainValidator(normalize.text(normalize.NOTE_LENGTH, line=False)),
        _any_of_types(
            "note, outcome, activity: the text.", "string", "integer", maxLength=normalize.NOTE_LENGTH
        ),
    ] = None
    at: Annotated[
        datetime | None,
        PlainValidator(moments.instant),
        _any_of_types(
            "callback: when, RFC 3339 with offset; not given is no particular time.",
            "string",
            format="date-time",
        ),
    ] = None
    epoch: Annotated[
        int | None,
        PlainValidator(normalize.whole_number(0)),
        _any_of_types(
            "accept, decline, press_one, connect, hang_up: the offer's epoch.", "integer", "string", minimum=0
        ),
    ] = None
    to_rep_id: Annotated[str | None, _ID, _text("assign, reassign: who is to have it.")] = None
    from_rep_id: Annotated[
        str | None, _ID, _text("reassign, unassign, redistribute: only if this rep still has it.")
    ] = None
    into_lead_id: Annotated[
        str | None,
        PlainValidator(normalize.other_lead_id),
        _any_of_types("merge: the lead into which this one is merged.", "string", format="uuid"),
    ] = None
    inquiry_id: Annotated[
        str | None,
        PlainValidator(normalize.other_lead_id),
        _any_of_types("split: the inquiry that becomes a lead of its own.", "string", format="uuid"),
    ] = None
    kind: Annotated[
        str | None,
        PlainValidator(activity_kind),
        _any_of_types(
            "activity: what was done. CRMs' usual words are read too.", "string", enum=[*ActivityKind, None]
        ),
    ] = None
    why: Annotated[
        str | None,
        PlainValidator(normalize.text(normalize.WHY_LENGTH)),
        _any_of_types(
            "reassign, unassign, redistribute, reopen, update, merge, split, consent, release, overrides: the reason.",
            "string",
            "integer",
            maxLength=normalize.WHY_LENGTH,
        ),
    ] = None
    facts: Annotated[
        Any,
        WithJsonSchema(
            {
                "type": ["object", "null"],
                "description": "update: the corrected facts, read like an arrival's; null is empty.",
                "properties": {name: _ARRIVAL_FIELDS[name] for name in CORRECTABLE},
                "additionalProperties": False,
            }
        ),
    ] = None
    override_licence: Annotated[
        bool | None,
        _FLAG,
        _any_of_types(
            "assign, reassign: also to a rep without the state's licence; needs `why` (M6).", *_YES_NO
        ),
    ] = None
    override_cap: Annotated[
        bool | None,
        _FLAG,
        _any_of_types(
            "assign, reassign: also to a rep at the cap of open leads; needs `why` (M6).", *_YES_NO
        ),
    ] = None
    view_only: Annotated[
        bool | None,
        _FLAG,
        _any_of_types("view: open without a lock (D5), for managers and admins.", *_YES_NO),
    ] = None
