"""What happens to owners and exceptions reaches open pages once the CRM database, which they read, has it too."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, select

from models.errors import PermanentError, RetryableError, RuntimeFailure
from sink.db_errors import translated
from sink.tables import LeadTable
from streams.closing import stop_consumer
from streams.settings import Settings
from streams.topics import ASSIGNMENTS, LEAD_EXCEPTIONS
from web import metrics
from web.live.hub import Hub, Page

log = structlog.get_logger(__name__)

_POLL_MS: Final = 100
_LOOK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 10.0
"""A sink that is down for longer: pages are told all the same, and show what there is."""
_AGAIN_SECONDS: Final = 1.0
_AGAIN_MOST_SECONDS: Final = 8.0
"""How long to wait after each failure in a row: twice as long as before, up to this."""


class Changed(msgspec.Struct, frozen=True):
    """What a reader needs of a message of `assignments` or `lead-exceptions`."""

    lead_id: str
    org: str
    version: int
    rep_id: str | None = None
    previous_rep_id: str | None = None


_CHANGED: Final = msgspec.json.Decoder(Changed)


class Tail:
    """Follows both topics from their ends; `leads` go to managers and the reps concerned, `exceptions` to all (E5)."""

    def __init__(self, settings: Settings, crm: Engine, hub: Hub, oversees: Any) -> None:
        self._settings, self._crm, self._hub = settings, crm, hub
        self._oversees = oversees
        self._heard = self._missed = False

    async def follow(self) -> None:
        """Follow until cancelled. Whatever fails is logged, counted and tried again; then every page looks anew."""
        again = _AGAIN_SECONDS
        while True:
            self._heard = False
            try:
                await self._follow()
            except Exception as error:
                metrics.TAIL_FAILURES.inc()
                if isinstance(error, KafkaError | OSError | RuntimeFailure):
                    log.warning("owners and exceptions are followed again", reason=repr(error))
                else:
                    log.exception("owners and exceptions are followed again")
                again = _AGAIN_SECONDS if self._heard else min(2 * again, _AGAIN_MOST_SECONDS)
                await asyncio.sleep(again)
                self._missed = True

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            ASSIGNMENTS,
            LEAD_EXCEPTIONS,
            **self._settings.consumer_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=500)
                self._heard = True
                if self._missed:
                    # What was published between is told to nobody; whoever looks now sees it.
                    self._missed = False
                    self._hub.look_anew()
                found = [
                    (place.topic, changed)
                    for place, records in batches.items()
                    for record in records
                    if (changed := _read(record.value)) is not None
                ]
                if found:
                    await self._until_kept(changed for _, changed in found)
                    self._tell(found)
        finally:
            await stop_consumer(consumer)

    async def _until_kept(self, changes: Iterable[Changed]) -> None:
        wanted = {change.lead_id: change.version for change in changes}
        give_up = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while wanted and asyncio.get_running_loop().time() < give_up:
            try:
                kept = await asyncio.to_thread(versions, self._crm, list(wanted))
            except RetryableError:
                kept = {}
            except PermanentError as error:
                log.warning("a message names a lead that no database can have", reason=str(error))
                return
            wanted = {lead: v for lead, v in wanted.items() if kept.get(lead, -1) < v}
            if wanted:
                await asyncio.sleep(_LOOK_SECONDS)

    def _tell(self, found: list[tuple[str, Changed]]) -> None:
        by_org: dict[str, list[tuple[str, Changed]]] = {}
        for topic, change in found:
            by_org.setdefault(change.org, []).append((topic, change))
        for org, changes in by_org.items():
            leads = [change for topic, change in changes if topic == ASSIGNMENTS]
            desk = [change.lead_id for topic, change in changes if topic == LEAD_EXCEPTIONS]
            if desk:
                self._hub.tell(org, "exceptions", {"leads": desk}, self._oversees)
                # A rep's list of unassigned leads is to be looked at again, too; which lead it is, is not said.
                self._hub.tell(org, "exceptions", {"leads": []}, lambda page: not self._oversees(page))
            if not leads:
                continue
            self._hub.tell(org, "leads", {"leads": [one.lead_id for one in leads]}, self._oversees)
            for rep_id in {rep for one in leads for rep in (one.rep_id, one.previous_rep_id) if rep}:
                theirs = [one.lead_id for one in leads if rep_id in (one.rep_id, one.previous_rep_id)]

                def is_theirs(page: Page, rep_id: str = rep_id) -> bool:
                    return page.rep_id == rep_id and not self._oversees(page)

                self._hub.tell(org, "leads", {"leads": theirs}, is_theirs)


def _read(value: bytes | None) -> Changed | None:
    try:
        return None if value is None else _CHANGED.decode(value)
    except msgspec.MsgspecError as error:
        log.warning("this is no message of ours and was left out", reason=str(error))
        return None


def versions(crm: Engine, lead_ids: Sequence[str]) -> dict[str, int]:
    """Return the version of each of these leads that the CRM database has; raises `RetryableError` where it is away."""
    query = select(LeadTable.lead_id, LeadTable.version).where(LeadTable.lead_id.in_(lead_ids))
    with translated("CRM database"), crm.connect() as connection:
        return dict(connection.execute(query).all())
