"""Finds the names of the leads that a decision says may be the same person, for whoever oversees leads (K1, K2, K6)."""

from collections.abc import Iterable

from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services


def other_leads(row: Row) -> list[str]:
    """Return the ids of the other leads that a decision is about, each once."""
    why = row["why"]
    if row["type"] not in ("lead_accepted", "shared_handle_found"):
        return []
    ids = (*(why.get("maybe") or ()), *(why.get("leads") or ()), why.get("id_reused"))
    return list(dict.fromkeys(lead_id for lead_id in ids if lead_id and lead_id != row["lead_id"]))


def named_leads(parts: Services, person: Person, rows: Iterable[Row]) -> dict[str, str]:
    """Return lead id -> name of the other leads of a page of decisions; empty for whoever does not oversee leads."""
    ids = dict.fromkeys(lead for row in rows for lead in other_leads(row)) if person.oversees else {}
    if not ids:
        return {}
    with translated_errors("CRM database"), parts.crm.connect() as connection:
        leads = ((lead_id, queries.lead(connection, lead_id)) for lead_id in ids)
        return {lead_id: _name(row) for lead_id, row in leads if row is not None and row["org"] == person.org}


def _name(row: Row) -> str:
    facts = row["facts"]
    name = " ".join(part for part in (facts.get("first_name"), facts.get("last_name")) if part)
    return name or "no name"
