"""Selects leads for a manager: by ids, by a file or by a rule, each lead once (D6)."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from application.importing.import_rows import ParsedLine
from application.importing.import_tables import open_table
from application.importing.mapping import columns_as_text as first_named
from application.lead_dealing import owner_and_phase_of
from application.rule_text import read_tree
from models import ids, normalize
from models.errors import InvalidInput, Problem
from models.lead import Lead, Phase
from rules.language.compile import CompiledRule
from rules.language.tree import in_zone, parse

LEAD_ID: Final = "lead_id"
"""The column of lead ids in a file, unless another one is named."""
_VENDOR_COLUMNS: Final = ("vendor", "external_id")
"""The columns from which a lead id can be computed."""


class UnusableEntry(msgspec.Struct, frozen=True):
    """An entry that names no lead, with the reason. `place`: `line 7` of a file, or the given text."""

    place: str
    reason: str


class LeadSelection(msgspec.Struct, frozen=True):
    """Lead ids in the order they were named. `repeated`: the number of entries that named a lead again."""

    leads: tuple[str, ...]
    unusable: tuple[UnusableEntry, ...] = ()
    repeated: int = 0


def select_by_ids(lead_ids: Iterable[str]) -> LeadSelection:
    """Return the leads with these ids."""
    return _collected(_NamedLead(lead_id, lead_id) for lead_id in lead_ids)


def select_from_file(path: Path, org: str, column: str | None = None) -> LeadSelection:
    """Return the leads of a CSV file, found by a column of lead ids or by vendor and external id.

    Raises `InvalidInput` where the file cannot be read or has no such columns.
    """
    try:
        with open_table(path) as (header, rows):
            if (column or LEAD_ID) in header:
                return _collected(_by_id(rows, column or LEAD_ID))
            if column is None and set(_VENDOR_COLUMNS) <= set(header):
                return _collected(_by_vendor(rows, org))
    except OSError as error:
        raise InvalidInput((Problem(path=str(path), reason=f"cannot be read: {error.strerror}"),)) from error
    needed = column or f"{LEAD_ID}, nor {' and '.join(_VENDOR_COLUMNS)}"
    reason = f"there is no column {needed}; there are {first_named(header)}"
    raise InvalidInput((Problem(path=f"{path}: header", reason=reason),))


class Segment:
    """A rule over lead fields. Fields that follow from queues (`phase`, `failure_reason`) are allowed too."""

    def __init__(self, raw: Any) -> None:
        """Compile a rule tree. Raises `RuleErrors` with every problem."""
        self._tree = parse(raw, "segment")
        self._rule = CompiledRule(self._tree)

    @classmethod
    def read(cls, text: str) -> "Segment":
        """Parse a rule from its text (`application.rule_text`). Raises `RuleErrors` with path and reason."""
        return cls(read_tree(text, "segment"))

    def in_zone(self, time_zone: str) -> None:
        """Let dates without a time be days of a zone, the org's (reading C1)."""
        self._rule = CompiledRule(in_zone(self._tree, time_zone))

    def select(self, leads: Iterable[Lead], org: str, at: datetime, action: str = "assign") -> LeadSelection:
        """Return an org's leads that meet the rule at `at` (aware) and that the action can change, the oldest first.

        For `assign` these are the leads that nobody owns and that are not closed.
        """
        matches = [
            (lead.arrived_at, lead.lead_id)
            for lead in leads
            if lead.facts.org == org
            and owner_and_phase_of(lead.owner, lead.phase, lead.facts.state).changes(action)
            and self._rule.test(lead, at)[0]
        ]
        return LeadSelection(tuple(lead_id for _, lead_id in sorted(matches)))


class _NamedLead(msgspec.Struct, frozen=True):
    """A lead id, or the reason why there is none."""

    place: str
    lead_id: str
    reason: str = ""


def _by_id(rows: Iterable[ParsedLine], column: str) -> Iterator[_NamedLead]:
    for row in rows:
        yield _NamedLead(f"line {row.line}", (row.message or {}).get(column, ""), row.reason)


def _by_vendor(rows: Iterable[ParsedLine], org: str) -> Iterator[_NamedLead]:
    for row in rows:
        place, cells = f"line {row.line}", row.message or {}
        vendor, external_id = cells.get("vendor", ""), cells.get("external_id", "")
        try:
            normalize.vendor(vendor)
        except ValueError as error:
            yield _NamedLead(place, "", row.reason or f"vendor {error}")
            continue
        reason = "" if external_id else "external_id is missing"
        yield _NamedLead(place, ids.lead_id(org, vendor, external_id, {}), row.reason or reason)


def _collected(named_leads: Iterable[_NamedLead]) -> LeadSelection:
    leads: dict[str, None] = {}
    unusable: list[UnusableEntry] = []
    repeated = 0
    for named_lead in named_leads:
        if named_lead.reason:
            unusable.append(UnusableEntry(named_lead.place, named_lead.reason))
            continue
        try:
            lead_id = normalize.lead_id(named_lead.lead_id)
        except ValueError as error:
            unusable.append(UnusableEntry(named_lead.place, f"{LEAD_ID} {error}"))
            continue
        repeated += lead_id in leads
        leads[lead_id] = None
    return LeadSelection(tuple(leads), tuple(unusable), repeated)


def select_portfolio(leads: Iterable[Lead], org: str, rep_id: str) -> LeadSelection:
    """Return all leads that a rep owns and that are not closed, the oldest first (M1)."""
    owned = [
        (lead.arrived_at, lead.lead_id)
        for lead in leads
        if lead.facts.org == org and lead.owner == rep_id and lead.phase is not Phase.CLOSED
    ]
    return LeadSelection(tuple(lead_id for _, lead_id in sorted(owned)))
