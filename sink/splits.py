"""Removes the rows of inquiries that managers took out, before a batch's own rows are stored (K5).

A row of `inquiry` is removed only if it still names the lead that the inquiry was taken out of. So it does not matter
in which order two partitions are read.
"""

from sqlalchemy import Connection, delete

from sink.rows import TableRows
from sink.tables import InquiryTable, LeadAliasTable


def remove_split_rows(connection: Connection, applied: list[TableRows]) -> None:
    """Remove the inquiries that these records take out of leads, and the aliases of ids that are leads again."""
    for rows in applied:
        if not (rows.split or rows.is_split) or rows.lead is None:
            continue
        lead_id = rows.lead["lead_id"]
        for inquiry_id in rows.split:
            connection.execute(
                delete(InquiryTable).where(
                    InquiryTable.inquiry_id == inquiry_id, InquiryTable.lead_id == lead_id
                )
            )
        if rows.is_split:
            connection.execute(delete(LeadAliasTable).where(LeadAliasTable.alias_id == lead_id))
