"""Defines the fields that a rule, a column or an order may name, with their types and readers (Q2)."""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final

import msgspec

from models.geography import STATE_CODES
from models.lead import Lead, Phase
from rules.language.operators import LABELS, OPERATORS, FieldType, Operator

ATTRIBUTES: Final = "attributes."
MAX_ATTRIBUTE_NAME: Final = 100


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a lead, by its name in rules.

    `get`: reads the field from a lead; None if the lead has no value. For a number of days it is the instant from which
    they count. `options`: all values of a choice, suggestions
    for a text. `unit`: the unit of a number. `nullable`: whether a lead may lack the value. `derived`: the value
    follows from the queues a lead is in, so a queue's own rules must not use the field; filters and segments may.
    """

    name: str
    label: str
    type: FieldType
    get: Callable[[Lead], Any]
    group: str
    options: tuple[str, ...] = ()
    nullable: bool = True
    unit: str | None = None
    derived: bool = False

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that may be applied to the field."""
        return OPERATORS[self.type]


class Catalogue(Mapping[str, Field]):
    """The fields by name.

    Iteration yields the fields that every lead has. `attributes.NAME` is also found, for any NAME.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._fields = {field.name: field for field in fields}

    def __getitem__(self, name: str) -> Field:
        field = self._fields.get(name)
        if field is not None:
            return field
        attribute = name.removeprefix(ATTRIBUTES)
        if attribute == name or not 0 < len(attribute) <= MAX_ATTRIBUTE_NAME or not attribute.isprintable():
            raise KeyError(name)
        return Field(
            name=name,
            label=attribute.replace("_", " ").capitalize(),
            type=FieldType.ATTRIBUTE,
            get=lambda lead: lead.facts.attributes.get(attribute),
            group="Attributes",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def _fact(name: str, label: str, kind: FieldType, **more: Any) -> Field:
    return Field(name=name, label=label, type=kind, get=attrgetter(f"facts.{name}"), group="Prospect", **more)


def _life(
    name: str, label: str, kind: FieldType, get: Callable[[Lead], Any] | None = None, **more: Any
) -> Field:
    return Field(name=name, label=label, type=kind, get=get or attrgetter(name), group="Lead", **more)


def _owned(lead: Lead) -> bool:
    return lead.owner is not None


def _claimed_once(lead: Lead) -> bool:
    return lead.claimed_through is not None


def _owned_by_active(lead: Lead) -> bool:
    return lead.owner is not None and not lead.owner_left


def _failure_reason(lead: Lead) -> str | None:
    return None if lead.open_exception is None else lead.open_exception.reason


HOW: Final = (
    "claim",
    "claim_now",
    "callback",
    "round_robin",
    "roster",
    "ring_all",
    "distribute_all",
    "manual",
    "reassigned",
    "pre_assigned",
    "orphaned",
    "unassigned",
    "redistributed",
)
"""The ways in which a lead gets its owner, or loses it (docs/contracts, `assignments`)."""

_T = FieldType

FIELDS: Final[Mapping[str, Field]] = Catalogue(
    (
        _fact("first_name", "First name", _T.TEXT),
        _fact("last_name", "Last name", _T.TEXT),
        _fact("email", "Email", _T.TEXT),
        _fact("phone", "Phone", _T.TEXT),
        _fact("phone_extension", "Phone extension", _T.TEXT),
        _fact("state", "State", _T.CHOICE, options=tuple(sorted(STATE_CODES))),
        _fact("zip", "Zip", _T.TEXT),
        _fact("time_zone", "Time zone", _T.TEXT),
        _fact(
            "loan_purpose",
            "Loan purpose",
            _T.TEXT,
            options=("purchase", "refinance", "cash_out", "home_equity", "reverse", "construction"),
        ),
        _fact("loan_amount", "Loan amount", _T.NUMBER, unit="currency"),
        _fact("credit_score", "Credit score", _T.INTEGER, unit="points"),
        _fact(
            "property_type",
            "Property type",
            _T.TEXT,
            options=("single_family", "condo", "townhouse", "multi_family", "manufactured", "land"),
        ),
        _fact("vendor", "Lead provider", _T.TEXT, nullable=False),
        _fact("campaign", "Campaign", _T.TEXT),
        _fact("external_id", "Lead provider's id", _T.TEXT),
        _fact("created_at", "Created on date", _T.DATE),
        _fact("assigned_to", "Arrived assigned to", _T.TEXT),
        Field(
            name="silenced",
            label="Silenced communication",
            type=_T.BOOLEAN,
            get=attrgetter("silenced"),
            group="Prospect",
            nullable=False,
        ),
        _fact("consent", "Consent", _T.BOOLEAN),
        _life("phase", "Phase", _T.CHOICE, options=tuple(map(str, Phase)), nullable=False, derived=True),
        _life("owned", "Has an owner", _T.BOOLEAN, _owned, nullable=False),
        _life("owned_by_active", "Owned by an active rep", _T.BOOLEAN, _owned_by_active, nullable=False),
        _life("owner", "Owner", _T.TEXT),
        _life("how", "How it came to its owner", _T.CHOICE, options=HOW),
        _life("via", "Through what it came to its owner", _T.TEXT),
        _life("claimed_once", "Claimed once", _T.BOOLEAN, _claimed_once, nullable=False),
        _life("claimed_through", "Claimed through queue", _T.TEXT),
        _life("failure_reason", "Failure reason", _T.TEXT, _failure_reason, derived=True),
        _life("last_outcome", "Last outcome", _T.TEXT),
        _life("inquiries", "Inquiries", _T.INTEGER, nullable=False, unit="inquiries"),
        _life("notes", "Notes", _T.INTEGER, nullable=False, unit="notes"),
        _life("arrived_at", "Arrived", _T.DATE, nullable=False),
        _life("assigned_at", "Assigned", _T.DATE),
        _life(
            "days_in_queue",
            "Days in queue",
            _T.DAYS,
            attrgetter("in_queue_since"),
            nullable=False,
            unit="days",
        ),
        _life("last_contacted_at", "Last contacted date", _T.DATE),
        _life("owner_last_contacted_at", "Last contacted by its owner", _T.DATE),
        _life("callback_at", "Call back at", _T.DATE),
        _life("deferred_at", "Put off since", _T.DATE),
    )
)
"""The only catalogue. Rules, columns, orders, the builder and previews are all checked against it."""

_EDITORS: Final = {
    FieldType.TEXT: {"inputType": "text"},
    FieldType.CHOICE: {"valueEditorType": "select"},
    FieldType.NUMBER: {"inputType": "number"},
    FieldType.INTEGER: {"inputType": "number"},
    FieldType.DAYS: {"inputType": "number"},
    FieldType.BOOLEAN: {"valueEditorType": "checkbox"},
    FieldType.DATE: {"inputType": "datetime-local"},
    FieldType.ATTRIBUTE: {"inputType": "text"},
}


def builder_field(field: Field) -> dict[str, Any]:
    """Return one field in the form of react-querybuilder's `fields`, with type, nullable and unit added.

    A number of days is compared as any whole number, so its type is `integer`.
    """
    kind = FieldType.INTEGER if field.type is FieldType.DAYS else field.type
    definition: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "group": field.group,
        "type": kind.value,
        "nullable": field.nullable,
        "operators": [{"name": operator.value, "label": LABELS[operator]} for operator in field.operators],
        **_EDITORS[field.type],
    }
    if field.unit:
        definition["unit"] = field.unit
    if field.options:
        definition["values"] = [{"name": option, "label": option} for option in field.options]
    return definition


def builder_fields(attributes: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the builder's `fields`, with the named attributes (without prefix) after the fixed ones.

    The result can be serialised as JSON.
    """
    names = [*FIELDS, *(f"{ATTRIBUTES}{name}" for name in attributes)]
    return [builder_field(FIELDS[name]) for name in names]
