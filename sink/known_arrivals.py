"""Reads the arrivals that a file's rows may belong to: by lead id, phone and mail address (R6)."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, select

from models.facts import Facts
from sink.tables import InquiryTable, LeadTable

ASKED_AT_ONCE: Final = 500
"""The most values of one condition."""

KnownRow = tuple[str, str, Facts]
"""Arrival id, the id of its lead, and its facts."""


def arrivals_of(
    connection: Connection, org: str, ids: Collection[str], phones: Collection[str], emails: Collection[str]
) -> list[KnownRow]:
    """Return the org's arrivals with one of these ids, phones or mail addresses, the oldest first.

    A lead comes with the inquiries that were found, so that its own facts are known too.
    """
    arrivals: dict[str, tuple[datetime, KnownRow]] = {}
    lead, inquiry = LeadTable, InquiryTable
    lead_query = select(lead.lead_id, lead.lead_id, lead.facts, lead.arrived_at).where(lead.org == org)
    inquiry_query = select(inquiry.inquiry_id, inquiry.lead_id, inquiry.facts, inquiry.at).where(
        inquiry.org == org
    )
    for query, table, id_column in (
        (lead_query, lead, lead.lead_id),
        (inquiry_query, inquiry, inquiry.inquiry_id),
    ):
        for column, values in ((id_column, ids), (table.phone, phones), (table.email, emails)):
            _take(connection, query, column, values, arrivals)
    missing = {row[1] for _, row in arrivals.values()} - arrivals.keys()
    _take(connection, lead_query, lead.lead_id, missing, arrivals)
    return [
        row for _, row in sorted(arrivals.values(), key=lambda entry: (entry[0], entry[1][0] != entry[1][1]))
    ]


def _take(
    connection: Connection,
    query: Select[Any],
    column: Any,
    values: Iterable[str],
    arrivals: dict[str, tuple[datetime, KnownRow]],
) -> None:
    for chunk in _lists(values):
        for arrival_id, lead_id, facts, at in connection.execute(query.where(column.in_(chunk))):
            if facts:  # an erased lead and an inquiry of an earlier version have none
                arrivals[arrival_id] = (at, (arrival_id, lead_id, msgspec.convert(facts, Facts)))


def _lists(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield values in lists of at most `ASKED_AT_ONCE`."""
    remaining = iter(values)
    while chunk := list(islice(remaining, ASKED_AT_ONCE)):
        yield chunk
