"""Says for the rows of a list what time it is where each lead is, until when it may be called, and its group's window.

A time of day reveals where a lead is. So a queue's rows say it only if the queue shows one of `LOCATION_FIELDS` (Q3).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from board.reader import ListRow
from models.facts import Facts
from models.location import location_of
from models.public import MINE
from models.results import Reason
from rules.calendar.quiet_hours import allowed_until, quiet_until
from rules.queues.columns import PHONE
from rules.queues.rule_book import OrgRules
from sink.tables import LeadTable
from web.auth import Person
from web.console_services import Services
from web.schemas import CallTime
from web.services.crm_query import ask
from web.services.shown_lead import NO_CALL

LOCATION_FIELDS: Final = frozenset({"state", "zip", "phone", "time_zone"})
"""The columns of which one must be shown, so that a row may say the lead's time of day."""
_READ: Final = tuple(
    getattr(LeadTable, name).label(name)
    for name in ("lead_id", "zip", "state", "phone", "time_zone", "silenced", "campaign")
)


def shows_call_times(rules: OrgRules, queue_id: str) -> bool:
    """Say whether the rows of a queue, or of the own queue `mine`, may say the leads' times."""
    if queue_id == MINE:
        return True
    queue = rules.queues.get(queue_id)
    return queue is not None and not LOCATION_FIELDS.isdisjoint(queue.queue.columns)


async def call_times_in(parts: Services, person: Person, rows: Iterable[ListRow]) -> dict[str, CallTime]:
    """Return lead -> time for rows that the person sees. A row that shows no location is left out (Q3, S1)."""
    located = [row for row in rows if not LOCATION_FIELDS.isdisjoint(row.columns)]
    with_phone = {row.lead_id for row in located if PHONE in row.columns}
    return await call_times(parts, person, [row.lead_id for row in located], with_phone=with_phone)


async def call_times(
    parts: Services, person: Person, lead_ids: Collection[str], *, with_phone: Collection[str] | None = None
) -> dict[str, CallTime]:
    """Return lead -> time. Leads that the database does not have yet are missing.

    `with_phone`: of which leads to say whether there is a phone number, and whether it is on the do-not-contact list
    (M8); None for all.
    """
    if not lead_ids:
        return {}

    def rows(connection: Connection) -> list[Mapping[str, Any]]:
        query = select(*_READ).where(LeadTable.org == person.org, LeadTable.lead_id.in_(list(lead_ids)))
        return [dict(row) for row in connection.execute(query).mappings()]

    rules, now = parts.directory.org(person.org), datetime.now(UTC)
    return {
        row["lead_id"]: call_time(
            row, rules, now, with_phone=with_phone is None or row["lead_id"] in with_phone
        )
        for row in await ask(parts, rows)
    }


def call_time(row: Mapping[str, Any], rules: OrgRules, now: datetime, *, with_phone: bool) -> CallTime:
    """Return the time of the lead of a row, at `now` (aware)."""
    facts = Facts(
        vendor="", zip=row["zip"], state=row["state"], phone=row["phone"], time_zone=row["time_zone"]
    )
    zone = location_of(facts.zip, facts.state, facts.phone, facts.time_zone).time_zone
    result = CallTime(time_zone=zone, window_seconds=window_seconds(rules, row["campaign"]))
    if with_phone and row["silenced"]:
        return result.model_copy(update={"may_call": False, "reason": Reason.SUPPRESSED, "why": NO_CALL})
    if with_phone and facts.phone is None:
        return result.model_copy(
            update={"may_call": False, "reason": Reason.NO_PHONE, "why": "it has no phone number"}
        )
    spans = rules.settings.quiet_hours
    quiet = quiet_until(spans, facts, now)
    if quiet is None:
        return result.model_copy(update={"until": allowed_until(spans, facts, now)})
    why = "it is too early or too late to call where the lead is"
    return result.model_copy(
        update={"may_call": False, "reason": Reason.QUIET_HOURS, "why": why, "call_from": quiet[1]}
    )


def window_seconds(rules: OrgRules, campaign_id: str | None) -> int | None:
    """Return the claim window, in seconds, of the group that a campaign distributes to; None if there is none."""
    campaign = rules.campaigns.get(campaign_id or "")
    group = rules.objects.get(("group", campaign.group_id or "")) if campaign else None
    seconds = group.value.get("claim_window_seconds") if group and group.value else None
    return seconds if isinstance(seconds, int) else None
