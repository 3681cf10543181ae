"""Removes what rows of earlier records say about an erased lead, in the transaction that stores the erasing record.

The lead's own row is replaced like any other. Rows of the history are never updated otherwise. Here they keep who did
what and when, and lose the words, which may repeat facts: queues' reasons, columns, notes and names.
"""

from sqlalchemy import Connection, update

from models.erasure import ERASED
from sink.rows import TableRows
from sink.tables import (
    ActivityTable,
    AssignmentHistoryTable,
    AssignmentTable,
    DecisionTable,
    InquiryTable,
    LeadExceptionTable,
)


def erase_earlier_rows(connection: Connection, applied: list[TableRows]) -> None:
    """Remove the facts of each lead that one of these records erased."""
    for rows in applied:
        if not rows.erased or rows.lead is None:
            continue
        lead_id, partition = rows.lead["lead_id"], rows.decisions[0]["source_partition"]
        decision, desk = DecisionTable, LeadExceptionTable
        connection.execute(
            update(decision)
            .where(
                decision.lead_id == lead_id,
                decision.source_partition == partition,
                decision.source_offset < rows.off,
            )
            .values(why={})
        )
        activity = ActivityTable
        connection.execute(update(activity).where(activity.lead_id == lead_id).values(note=None))
        inquiry = InquiryTable
        connection.execute(
            update(inquiry).where(inquiry.lead_id == lead_id).values(facts={}, phone=None, email=None)
        )
        for table in (AssignmentTable, AssignmentHistoryTable):
            connection.execute(update(table).where(table.lead_id == lead_id).values(why=ERASED))
        connection.execute(
            update(desk)
            .where(desk.lead_id == lead_id)
            .values(
                prospect_name=ERASED,
                explanation=None,
                campaign=None,
                description=None,
                loan_purpose=None,
                loan_amount=None,
                state=None,
            )
        )
