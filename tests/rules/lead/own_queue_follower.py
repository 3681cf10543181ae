"""Follows reps' own queues change by change, as a client that reads only `queue-changes` would."""

from models.lead import LeadRow
from models.public import QueueChange
from rules.queues.personal_queues import own_changes, own_columns, own_queues, own_sort_key


def follow(listed: dict[str, QueueChange], row: LeadRow) -> None:
    """Apply a record's changes to `listed` (queue id -> last change), and compare the result with the row.

    Raises AssertionError if a change does not fit the earlier changes, if the lead is not in exactly the queues of its
    row, or if an offer differs from the row (D3, R3, S5).
    """
    if row.lead is None:
        return
    for change in own_changes(row, row.lead):
        assert (change.queue_id in listed) is (change.change != "entered"), change
        if change.change == "left":
            del listed[change.queue_id]
        else:
            listed[change.queue_id] = change
    assert set(listed) == set(own_queues(row.lead))
    for change in listed.values():
        assert change.columns == own_columns(row.lead)
        assert row.lead.owner is not None or change.sort_key == own_sort_key(row.lead, row.at)
