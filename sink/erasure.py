"""Removes what rows of earlier records say about an erased lead, in the transaction that stores the erasing record.

The lead's own row is replaced like any other. Rows of the history are never updated otherwise. Here they keep who did
what and when, and lose the words, which may repeat facts: queues' reasons, columns, notes and names.
"""

from typing import Final

from sqlalchemy import Connection, select, update

from models.erasure import ERASED
from models.lead import Phase
from sink.rows import OF_INQUIRIES, TableRows
from sink.tables import (
    ActivityTable,
    AssignmentHistoryTable,
    AssignmentTable,
    DecisionTable,
    InquiryTable,
    LeadExceptionTable,
    LeadTable,
)

_TAGS: Final = tuple(str(kind.__struct_config__.tag) for kind in OF_INQUIRIES)


def erase_earlier_rows(connection: Connection, applied: list[TableRows]) -> None:
    """Remove the facts of each lead that one of these records erased.

    The leads that it was taken out of may lie in other partitions, which may be read later. So what these records say
    about leads that were erased before is removed too.
    """
    _erase_inquiries_of_erased_leads(connection, applied)
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
        for former in rows.split_from:
            _erase_inquiry(connection, former, lead_id)


def _erase_inquiries_of_erased_leads(connection: Connection, applied: list[TableRows]) -> None:
    """Remove the facts of inquiries that these records add or take out and whose own leads are erased already."""
    inquiries = {
        (rows.decisions[0]["lead_id"], inquiry_id) for rows in applied for inquiry_id in rows.of_inquiries
    }
    if not inquiries:
        return
    lead = LeadTable
    erased = select(lead.lead_id).where(
        lead.lead_id.in_({inquiry_id for _, inquiry_id in inquiries}),
        lead.phase == Phase.CLOSED.value,
        lead.last_outcome == ERASED,
    )
    erased_ids = set(connection.scalars(erased))
    for lead_id, inquiry_id in sorted(inquiries):
        if inquiry_id in erased_ids:
            _erase_inquiry(connection, lead_id, inquiry_id)


def _erase_inquiry(connection: Connection, lead_id: str, inquiry_id: str) -> None:
    """Remove what a lead's decisions say about an inquiry that was taken out of it."""
    decision = DecisionTable
    connection.execute(
        update(decision)
        .where(
            decision.lead_id == lead_id,
            decision.type.in_(_TAGS),
            decision.why["inquiry_id"].as_string() == inquiry_id,
        )
        .values(why={})
    )
