"""Checks that the CRM's table `activity` has what reps did with leads, and nothing else (M3)."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

from assurance.verify.findings import Findings
from models.decisions import ActivityRecorded, NoteRecorded
from models.lead import LeadRow
from sink.tables import ActivityTable

Activities = dict[tuple[int, int], tuple[str, int]]
"""(partition, offset of the event) -> (lead id, hash of the record's activities)."""

COLUMNS = (
    ActivityTable.source_partition,
    ActivityTable.source_offset,
    ActivityTable.lead_id,
    ActivityTable.n,
    ActivityTable.org,
    ActivityTable.rep_id,
    ActivityTable.kind,
    ActivityTable.contact,
    ActivityTable.note,
    ActivityTable.version,
    ActivityTable.cause,
    ActivityTable.at,
)
ORDER = COLUMNS[:2]


def note_activities(activities: Activities, partition: int, lead_id: str, row: LeadRow) -> None:
    """Remember the activities of a journal record. A note is one, whether it came as a note or as an activity."""
    if row.lead is None:
        return
    org = row.lead.facts.org
    rows = [
        (
            n,
            org,
            decision.rep_id,
            decision.kind if isinstance(decision, ActivityRecorded) else "note",
            isinstance(decision, ActivityRecorded) and decision.contact,
            decision.note,
            row.seq,
            row.cause,
            row.at,
        )
        for n, decision in enumerate(row.decisions)
        if isinstance(decision, ActivityRecorded | NoteRecorded)
    ]
    if rows:
        activities[partition, row.off] = (lead_id, _hash(rows))


def check_activities(
    rows: Iterable[Any],
    activities: Activities,
    findings: Findings,
    *,
    cut: datetime,
    erased: Collection[str] = (),
) -> int:
    """Compare the table's rows, in the order of `ORDER`, with the journal's activities. Return how many there are.

    `cut`: the journal may lack activities from before this time, and they are not reported as unasked. `erased`: leads
    whose notes are gone from the table, although the journal has them until it is compacted.
    """
    unmatched, count = set(activities), 0
    for position, group in groupby(rows, key=lambda row: (row[0], row[1])):
        stored = sorted(tuple(row) for row in group)
        count += len(stored)
        unmatched.discard(position)
        lead_id, expected = stored[0][2], activities.get(position)
        event = f"lead-log-{position[0]}@{position[1]}"
        if expected is None:
            if stored[0][-1] > cut:
                findings.suspect("crm_unasked", lead_id, table="activity", event=event)
        elif lead_id not in erased and expected != (lead_id, _hash([row[3:] for row in stored])):
            shown_fields = [row[5:8] for row in stored]
            findings.suspect("crm_differs", lead_id, table="activity", event=event, said=shown_fields)
    for position in sorted(unmatched):
        event = f"lead-log-{position[0]}@{position[1]}"
        findings.suspect("crm_missing", activities[position][0], table="activity", event=event)
    return count


def _hash(rows: list[tuple[Any, ...]]) -> int:
    return hash(tuple(rows))
