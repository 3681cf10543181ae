"""Lists the facts of a lead that people may correct on its page, and the versions that they made (M2)."""

import asyncio
import json
from typing import Any, Final

import msgspec

from models.corrections import CORRECTABLE
from models.lead import OWNED_PHASES
from rules.language.catalogue import FIELDS
from rules.queues.rule_book import OrgRules
from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.services.lead_visibility import VisibleLead
from web.services.names import Names

VERSIONS_SHOWN: Final = 20
"""The newest corrections that the page lists; all are in the history."""
_KINDS: Final = {"phone": "tel", "email": "email"}
_CHOICES: Final = {"silenced": ("yes", "no"), "consent": ("yes", "no")}


class CorrectableField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the form. `choices`: its only values, with labels. `suggestions`: usual values."""

    name: str
    label: str
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()


class FactDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One corrected field, with the labels and values as the page shows them; empty values are None."""

    name: str
    label: str
    type: str
    old: Any
    new: Any


class CorrectionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One version: who made it, when, what changed, and the reason that was given."""

    at: str
    who: str
    reason: str | None
    changes: tuple[FactDifference, ...]


def may_correct(person: Person, visible: VisibleLead, *, view_only: bool) -> bool:
    """Say whether the page offers the form: to managers and admins, and to the owner."""
    owns = visible.row["owner"] == person.rep_id and visible.row["phase"] in OWNED_PHASES
    return person.oversees or (owns and not view_only)


def correctable_fields(rules: OrgRules) -> list[CorrectableField]:
    """Return the fields of the form in their order."""
    campaigns = tuple(
        (campaign.campaign_id, campaign.name or campaign.campaign_id) for campaign in rules.campaigns.values()
    )
    fields = []
    for name in CORRECTABLE:
        field = FIELDS[name]
        choices = (
            campaigns if name == "campaign" else tuple((choice, choice) for choice in _CHOICES.get(name, ()))
        )
        fields.append(
            CorrectableField(
                name=name,
                label=field.label,
                kind=_KINDS.get(name, "text"),
                choices=choices,
                suggestions=() if choices else tuple(option.replace("_", " ") for option in field.options),
            )
        )
    return fields


def correctable_values(visible: VisibleLead) -> str:
    """Return the present values of the form's fields as JSON: name -> text."""
    facts = visible.row["facts"]
    values = {name: _text(facts.get(name)) for name in CORRECTABLE}
    values["silenced"] = _text(bool(facts.get("silenced")))
    return json.dumps(values)


async def corrections_shown(parts: Services, person: Person, lead_id: str) -> list[CorrectionShown]:
    """Return the newest corrections of a lead, newest first."""

    def read() -> list[Row]:
        with translated_errors("CRM database"), parts.crm.connect() as connection:
            return queries.newest_decisions(
                connection, lead_id, types=("facts_corrected",), limit=VERSIONS_SHOWN
            )

    names = Names(parts.directory.org(person.org))
    return [
        CorrectionShown(
            at=row["decided_at"].isoformat(),
            who=names.rep(row["rep_id"]),
            reason=row["why"].get("reason"),
            changes=tuple(_difference(change) for change in row["why"].get("changes", ())),
        )
        for row in await asyncio.to_thread(read)
    ]


def _difference(change: Any) -> FactDifference:
    name = change["field"]
    field = FIELDS.get(name)
    return FactDifference(
        name=name,
        label=field.label if field else name.replace("_", " "),
        type=str(field.type) if field else "text",
        old=change["old"],
        new=change["new"],
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)
