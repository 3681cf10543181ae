"""Sends changes of owners and exceptions to open pages after the CRM database, which the pages read, has them."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Engine, select

from models.errors import RetryableError
from sink.db_errors import translated_errors
from sink.tables import LeadTable
from streams.clients import Batch, follow
from streams.retries import FOLLOW_TOPIC
from streams.settings import Settings
from streams.topics import ASSIGNMENTS, LEAD_EXCEPTIONS
from web import metrics
from web.live.hub import Hub, OpenPage
from web.services.moved_notices import concerns

log = structlog.get_logger(__name__)

_POLL_MS: Final = 5_000
"""How long one request waits for records. It ends with the first record, so no page is told later."""
_LOOK_SECONDS: Final = 0.05
_AWAY_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 10.0
"""How long to wait for the sink. After that, pages are notified anyway and show what the database has."""
_LATE_SECONDS: Final = 5.0
"""How often the database is asked whether it has what it did not get in that time. The org's pages are told again then.
A database that is behind gets their questions only so often."""
_FORGET_SECONDS: Final = 600.0
"""After so long a version is not expected any more: the sink could not store it, or the lead is gone."""
_MAX_LATE: Final = 1_000
"""Of how many leads that is remembered. When the newest are stored, the ones before them are too."""


class ChangedLead(msgspec.Struct, frozen=True):
    """The fields used of a message of `assignments` or `lead-exceptions`."""

    lead_id: str
    org: str
    version: int
    rep_id: str | None = None
    previous_rep_id: str | None = None
    how: str = ""
    via: str | None = None


_CHANGED: Final = msgspec.json.Decoder(ChangedLead)


class _Late(msgspec.Struct, frozen=True):
    """A version of a lead that pages lack, and when it was noted (of the loop's clock)."""

    org: str
    version: int
    since: float


class TopicTail:
    """Follows both topics from their ends. `leads` go to managers and the reps concerned, `exceptions` to all (E5)."""

    def __init__(self, settings: Settings, crm: Engine, hub: Hub, oversees: Any) -> None:
        self._settings, self._crm, self._hub = settings, crm, hub
        self._oversees = oversees
        self._late: dict[str, _Late] = {}
        """By lead: what pages lack. They were told, or made, before the database had it."""

    async def follow(self) -> None:
        """Follow until cancelled. Wait while Kafka or the database is unavailable, and retry after any other failure.

        A failure is logged and counted, and every page must read its lists again, because it may have missed a change.
        """
        task = asyncio.create_task(self._tell_again())
        try:
            await self._follow_on()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow_on(self) -> None:
        missed, pauses = False, FOLLOW_TOPIC.pauses()
        while True:
            try:
                await self._follow(missed=missed)
            except Exception:
                log.exception("the follower of assignments and exceptions restarts")
                metrics.TAIL_FAILURES.inc()
                missed = True
                await asyncio.sleep(next(pauses))

    async def _follow(self, *, missed: bool) -> None:
        topics = follow(self._settings, ASSIGNMENTS, LEAD_EXCEPTIONS, from_end=True, poll_ms=_POLL_MS)
        async with aclosing(topics) as batches:
            async for batch in batches:
                if missed:  # from the first batch on, nothing is missed
                    self._hub.reload_lists()
                missed = False
                try:
                    await self._hand_on(batch)
                except Exception:
                    log.exception("a batch of assignments and exceptions is skipped")
                    metrics.TAIL_FAILURES.inc()
                    self._hub.reload_lists()

    async def _hand_on(self, batch: Batch) -> None:
        topic_changes = [
            (record.topic, changed)
            for record in batch.records
            if (changed := _read(record.value)) is not None
        ]
        if topic_changes:
            orgs = {changed.lead_id: changed.org for _, changed in topic_changes}
            for lead, version in (await self._until_kept(changed for _, changed in topic_changes)).items():
                self.tell_when_stored(orgs[lead], lead, version)
            self._tell(topic_changes)

    def tell_when_stored(self, org: str, lead: str, version: int) -> None:
        """Make the org's pages read again when the database has this version of a lead, which a page lacks."""
        late = self._late.pop(lead, None)
        newest = max(version, late.version if late else 0)
        self._late[lead] = _Late(org, newest, asyncio.get_running_loop().time())
        while len(self._late) > _MAX_LATE:  # those that came first are stored first, too
            del self._late[next(iter(self._late))]

    async def _tell_again(self) -> None:
        """Make the pages read again what the database got after they were told, until cancelled."""
        while True:
            await asyncio.sleep(_LATE_SECONDS)
            if not self._late:
                continue
            waiting = dict(self._late)
            try:
                stored = await asyncio.to_thread(versions, self._crm, list(waiting))
            except RetryableError:
                continue  # it is away; the next look tries again
            except Exception:
                log.exception("the versions of late leads could not be read")
                metrics.TAIL_FAILURES.inc()
                continue
            arrived = {lead for lead, late in waiting.items() if stored.get(lead, -1) >= late.version}
            forgotten = asyncio.get_running_loop().time() - _FORGET_SECONDS
            for lead, late in waiting.items():
                if (lead in arrived or late.since < forgotten) and self._late.get(lead) is late:
                    del self._late[lead]
            for org in {waiting[lead].org for lead in arrived}:
                self._hub.reload_lists(org)

    async def _until_kept(self, changes: Iterable[ChangedLead]) -> dict[str, int]:
        """Wait until the database has the changes. Return lead -> version of those that it did not get in time.

        While it is away, pages could not read them anyway.
        """
        missing = {change.lead_id: change.version for change in changes}
        give_up, is_away = asyncio.get_running_loop().time() + _PATIENCE_SECONDS, False
        while missing and asyncio.get_running_loop().time() < give_up:
            try:
                stored = await asyncio.to_thread(versions, self._crm, list(missing))
            except RetryableError as away:
                if not is_away:
                    log.warning("pages are told when the database is back", reason=str(away))
                is_away = True
                await asyncio.sleep(_AWAY_SECONDS)
                give_up = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
                continue
            is_away = False
            missing = {lead: v for lead, v in missing.items() if stored.get(lead, -1) < v}
            if missing:
                await asyncio.sleep(_LOOK_SECONDS)
        return missing

    def _tell(self, topic_changes: list[tuple[str, ChangedLead]]) -> None:
        by_org: dict[str, list[tuple[str, ChangedLead]]] = {}
        for topic, change in topic_changes:
            by_org.setdefault(change.org, []).append((topic, change))
        for org, changes in by_org.items():
            leads = [change for topic, change in changes if topic == ASSIGNMENTS]
            desk = [change.lead_id for topic, change in changes if topic == LEAD_EXCEPTIONS]
            if desk:
                self._hub.tell(org, "exceptions", {"leads": desk}, self._oversees)
                # Reps read their list of unassigned leads again. The event does not tell them which lead it is.
                self._hub.tell(org, "exceptions", {"leads": []}, lambda page: not self._oversees(page))
            if not leads:
                continue
            self._hub.tell(org, "leads", {"leads": [lead.lead_id for lead in leads]}, self._oversees)
            for rep_id in {rep for lead in leads for rep in (lead.rep_id, lead.previous_rep_id) if rep}:
                lead_ids = [lead.lead_id for lead in leads if rep_id in (lead.rep_id, lead.previous_rep_id)]

                def is_theirs(page: OpenPage, rep_id: str = rep_id) -> bool:
                    return page.rep_id == rep_id and not self._oversees(page)

                self._hub.tell(org, "leads", {"leads": lead_ids}, is_theirs)
            for rep_id in {rep for lead in leads for rep in _notified_reps(lead)}:

                def is_of(page: OpenPage, rep_id: str = rep_id) -> bool:
                    return page.rep_id == rep_id

                self._hub.tell(org, "moved", {}, is_of)


def _notified_reps(lead: ChangedLead) -> list[str]:
    """Return the reps who are told that others moved the lead to or from them (M1, M4)."""
    return [
        rep_id
        for rep_id in (lead.rep_id, lead.previous_rep_id)
        if rep_id and concerns(rep_id, lead.how, lead.via, lead.rep_id, lead.previous_rep_id)
    ]


def _read(value: bytes | None) -> ChangedLead | None:
    try:
        return None if value is None else _CHANGED.decode(value)
    except msgspec.MsgspecError as error:
        log.warning("this message cannot be read and is skipped", reason=str(error))
        return None


def versions(crm: Engine, lead_ids: Sequence[str]) -> dict[str, int]:
    """Return the version of each of these leads in the CRM database. Raises `RetryableError` if it is unavailable."""
    query = select(LeadTable.lead_id, LeadTable.version).where(LeadTable.lead_id.in_(lead_ids))
    with translated_errors("CRM database"), crm.connect() as connection:
        return dict(connection.execute(query).all())
