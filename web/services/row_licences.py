"""Says for the rows of a queue whether the person may claim or open them by the person's licences (M6)."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from models.public import MINE
from rules.lead.licences import lacks_licence
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.services.crm_query import ask
from web.services.licence_text import licensed_states, unlicensed_text


async def why_unlicensed(
    parts: Services, person: Person, queue_id: str, lead_ids: Collection[str]
) -> dict[str, str]:
    """Return lead -> why the person may neither claim nor open it. Other leads are left out.

    The state is named only if the queue shows it (Q3). States are read from the CRM database in one query for the page.
    """
    rules = parts.directory.org(person.org)
    queue = rules.queues.get(queue_id)
    if licensed_states(rules, person.rep_id) is None or not lead_ids or queue_id == MINE:
        return {}

    def states(connection: Connection) -> dict[str, str | None]:
        query = select(LeadTable.lead_id, LeadTable.state).where(
            LeadTable.org == person.org, LeadTable.lead_id.in_(list(lead_ids))
        )
        return {row.lead_id: row.state for row in connection.execute(query)}

    shown = queue is not None and "state" in queue.queue.columns
    return {
        lead_id: unlicensed_text(state, shown=shown)
        for lead_id, state in (await ask(parts, states)).items()
        if lacks_licence(rules, person.rep_id, state)
    }
