"""Says in words what became of a lead's mails, pushes and calls to reps, for the lead's page (N1)."""

import asyncio
from typing import Final, NamedTuple

from sink import queries
from sink.db_errors import translated_errors
from sink.queries import Row
from web.auth import Person
from web.console_services import Services
from web.services.names import Names

SHOWN: Final = 50
"""The newest fates that the page lists."""
CHANNELS: Final = {"email": "Mail", "push": "Push message", "call": "Call", "chat": "Chat message"}
FATES: Final = {
    "sent": "was sent",
    "delivered": "was delivered",
    "bounced": "was refused: the address does not take it",
    "withdrawn": "was withdrawn",
    "failed": "was not sent",
}
TEMPLATES: Final = {
    "lead_offered": "about the offer",
    "ring": "about the offer",
    "new_lead_button": "about the offer",
    "lead_assigned": "about the assignment",
    "lead_reassigned": "about the reassignment",
    "lead_claimed": "about the claim by another rep",
    "new_inquiry": "about another inquiry",
    "callback_due": "about the callback",
    "lock_freed": "about the freed lock",
    "lead_calls": "about the call of the lead",
    "connect": "to connect the rep with the lead",
}


class DeliveryShown(NamedTuple):
    """One fate in words. `at`: ISO 8601. `detail`: the provider's words."""

    at: str
    text: str
    detail: str


async def deliveries_shown(parts: Services, person: Person, lead_id: str) -> list[DeliveryShown]:
    """Return the newest fates of a lead's requests, newest first."""

    def read() -> list[Row]:
        with translated_errors("CRM database"), parts.crm.connect() as connection:
            return queries.deliveries(connection, lead_id, SHOWN)

    names = Names(parts.directory.org(person.org))
    return [
        DeliveryShown(row["at"].isoformat(), _text(row, names), row["detail"])
        for row in await asyncio.to_thread(read)
    ]


def _text(row: Row, names: Names) -> str:
    template = row["notification_id"].rsplit("/", 2)[-2]
    about = f" {TEMPLATES[template]}" if template in TEMPLATES else ""
    fate = FATES.get(row["status"], row["status"])
    return f"{CHANNELS.get(row['channel'], row['channel'])} to {names.rep(row['rep_id'])}{about} {fate}."
