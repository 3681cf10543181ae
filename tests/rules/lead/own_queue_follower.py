"""What becomes of reps' own queues, change by change, as one who only hears `queue-changes` has it."""

from models.lead import LeadRow
from models.public import QueueChange
from rules.queues.personal_queues import own_changes, own_columns, own_queues, own_sort_key


def follow(listed: dict[str, QueueChange], row: LeadRow) -> None:
    """Apply what a record tells of its lead to `listed`, queue id -> what was told last, and hold it against the row.

    Raises AssertionError where a change does not fit what was told before, where the lead is not in exactly the
    queues it stands in, or where an offer shows something else than the row says (D3, R3, S5).
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
