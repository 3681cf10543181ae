"""Finds leads that wait although a rep may have them (M5). Only checks use it, never a decision."""

from collections.abc import Iterator

from models.org_rows import OrgLeadStatus
from rules.org.allocate import may_be_offered
from rules.org.org_partition import OrgPartition
from rules.org.transition import OrgTransition


def stuck_waiting(orgs: OrgPartition) -> Iterator[tuple[str, str]]:
    """Yield org and lead of each waiting lead that a rep may have at the time of the partition's last event.

    There is none, except in orgs in which a row is due to be woken; those are left out.
    """
    due = {org for org, row in orgs.wakes() if row.wake is not None and row.wake <= orgs.at}
    for org, state in orgs.states.items():
        if org not in due:
            transition = OrgTransition(state, orgs.directory(org), orgs.at, 0)
            waiting = (row for row in state.leads.values() if row.stage is OrgLeadStatus.WAITING)
            yield from ((org, row.lead_id) for row in waiting if may_be_offered(transition, row))
