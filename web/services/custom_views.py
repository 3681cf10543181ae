"""Runs a custom view: a saved rule over its owner's leads, on the CRM database (Q1, Q3, Q12).

A view covers only its owner's leads, whatever the owner's role. A rule over hidden leads would reveal their fields:
somebody could test conditions such as "the loan is above 300,000" on blind or unclaimed leads one by one, and learn the
values without seeing them. So every query filters by owner, independently of the rule.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from models.errors import PublicationErrors
from rules.inbound.publication import accept_publication
from rules.queues.columns import shown_columns
from rules.queues.membership import CompiledQueue
from sink.hydrate import lead_from_row
from sink.lists.pages import contains
from sink.sql.filter import rule_condition
from sink.sql.order import queue_order
from sink.tables import LeadTable
from web.services.queue_editing import drafted_value

_VERSION: Final = 0
"""The version passed to the compiler. A view has no published versions."""
PARTS: Final = ("name", "columns", "inclusion", "exclusion", "sort")
"""The parts of a queue that a view has. A view has no teams and no outcomes, and is never claimable."""


class CustomViewRow(NamedTuple):
    """A lead of a view: its rank, and the view's columns, the name first."""

    lead_id: str
    rank: int
    version: int
    columns: dict[str, Any]


class OwnLeads(NamedTuple):
    """A page of a view. `size`: the number of leads in the whole view."""

    size: int
    rows: list[CustomViewRow]


def accepted_view(view_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check a view by a queue's rules; return its stored form. Raises `InvalidInput` with every problem, by path."""
    drafted = drafted_value(view_id, {name: fields.get(name) for name in PARTS})
    accepted = accept_publication("queue", view_id, drafted)
    if accepted is None:
        raise PublicationErrors(())
    return {name: accepted[name] for name in PARTS if name in accepted}


def own_leads(
    connection: Connection,
    org: str,
    rep_id: str,
    view: CompiledQueue,
    at: datetime,
    *,
    start: int,
    limit: int,
    name: str = "",
) -> OwnLeads:
    """Return the rep's own leads that meet the view's rules at `at` (aware), in its order, from rank `start` on.

    `name`: only leads whose name contains it (Q12). The driver's errors pass through.
    """
    dialect, table = connection.dialect.name, LeadTable
    met = [table.org == org, table.owner == rep_id, rule_condition(view.rule.tree, at, dialect)]
    if called := name.replace("\0", "").strip():
        full = func.coalesce(table.first_name, "").concat(" ").concat(func.coalesce(table.last_name, ""))
        met.append(contains(full, called))
    rows = connection.execute(
        select(*table.__table__.columns)
        .where(*met)
        .order_by(*queue_order(view.queue.sort, dialect))
        .offset(start)
        .limit(limit)
    ).mappings()
    return OwnLeads(
        rows=[_row(dict(row), rank, view) for rank, row in enumerate(rows, start)],
        size=connection.scalar(select(func.count()).select_from(table).where(*met)) or 0,
    )


def compiled_view(view_id: str, value: Mapping[str, Any], org_zone: str) -> CompiledQueue:
    """Compile a stored view. Raises `RuleErrors` if it uses a field that no longer exists.

    `org_zone`: the org's time zone. Dates without a time are its days (reading C1).
    """
    return CompiledQueue.from_value(view_id, dict(value), _VERSION, org_zone)


def _row(row: dict[str, Any], rank: int, view: CompiledQueue) -> CustomViewRow:
    columns = msgspec.to_builtins(shown_columns(lead_from_row(row), view.queue))
    return CustomViewRow(lead_id=row["lead_id"], rank=rank, version=row["version"], columns=columns)
