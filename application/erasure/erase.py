"""Erases persons from every place that keeps data, in the order in which data travels, and writes a receipt for each.

First the logs: each lead is erased by one event. Then, once sink and org have it, what repeats facts elsewhere: the
do-not-contact list, dead letters, the live feed, the console's tables. At last, if wanted, the past of Kafka's logs.
If this stops in between, erasing the same persons again completes it.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import func, select

from application.erasure.do_not_contact_hashes import list_by_hash
from application.erasure.erased_data_finder import Finder
from application.erasure.letters import delete_letters
from application.erasure.logs import LOGS, delete_logs, ends_of_logs
from application.erasure.receipts import write_receipts
from application.erasure.request import ANSWER_SECONDS, ErasureResult, PersonToErase, request_erasures
from application.erasure.stores import blank, compact, rewrite_file, trim_feeds
from application.journal_snapshot import current_org_partition
from models.erasure import ERASED, ErasureKey
from models.errors import RetryableError
from models.public import ErasureReceipt
from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.tables import LeadTable
from streams.erasure_key import own_key
from streams.settings import Settings

APPLY_SECONDS: Final = 120.0
"""How long sink and orgs may take to apply the erasures."""
LOOK_SECONDS: Final = 0.2
AT_ONCE: Final = 500
RETENTION: Final = timedelta(days=8)
"""The longest that retention takes to remove a record of a log: a week, and the day of its segment."""
CRM: Final = "CRM database"
CONSOLE: Final = "console's database"

Say = Callable[[str], None]


class ErasureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. `refused`: persons whose leads could not be erased, with the reason, by their number."""

    receipts: tuple[ErasureReceipt, ...]
    refused: dict[int, str]
    leads: int
    places: dict[str, int]


async def erase(
    settings: Settings,
    org: str,
    by: str,
    persons: Sequence[PersonToErase],
    *,
    at_once: bool = False,
    console_database_url: str | None = None,
    patience_seconds: float = ANSWER_SECONDS,
    say: Say = lambda _: None,
) -> ErasureSummary:
    """Erase persons of an org. `by`: the admin who requests it. `at_once`: delete the logs' past now.

    `patience_seconds`: how long the engine may take to answer for each person.

    Raises `RetryableError` where a part is away or too slow, and `ConfigError` without a usable key; then erase again.
    """
    key = own_key(settings)
    erased = await request_erasures(settings, key, org, by, persons, patience_seconds=patience_seconds)
    leads = tuple(dict.fromkeys(lead for result in erased if result.refused is None for lead in result.leads))
    say(f"{len(leads)} leads of {len(persons)} persons are erased in their logs")
    await _until_stored(settings, leads)
    finder = await _until_forgotten(settings, key, org, leads, persons)
    say("the CRM database has them, and the org has forgotten them")
    places = await clear(settings, org, finder, key, console_database_url)
    if at_once:
        places |= await purge(settings, console_database_url)
    receipts = tuple(
        _receipt(org, by, result, places, key, at_once=at_once) for result in erased if not result.refused
    )
    await write_receipts(settings, receipts)
    refused = {n: result.refused for n, result in enumerate(erased) if result.refused is not None}
    return ErasureSummary(receipts=receipts, refused=refused, leads=len(leads), places=places)


async def clear(
    settings: Settings, org: str, finder: Finder, key: ErasureKey, console_database_url: str | None
) -> dict[str, int]:
    """Remove what repeats facts of erased persons outside of the journals; return how many, by place."""
    places = {
        "do-not-contact": await list_by_hash(settings, org, finder, key),
        "dead-letters": await delete_letters(settings, finder),
        "feed": await trim_feeds(settings.redis_url, finder),
    }
    if console_database_url is not None:
        places["console"] = await asyncio.to_thread(blank, console_database_url, org, finder, CONSOLE)
    return places


async def purge(settings: Settings, console_database_url: str | None) -> dict[str, int]:
    """Delete the past of the logs, as far as every reader has it, and rewrite the databases without what is free."""
    deleted = await delete_logs(settings, await ends_of_logs(settings))
    await rewrite_file(settings.redis_url)
    for url, name in ((settings.database_url, CRM), (console_database_url, CONSOLE)):
        if url is not None:
            await asyncio.to_thread(compact, url, name)
    return deleted


async def _until_stored(settings: Settings, leads: tuple[str, ...]) -> None:
    """Wait until the CRM database has every lead erased. Raises `RetryableError`."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + APPLY_SECONDS
    while (missing := len(leads) - await asyncio.to_thread(_stored, settings, leads)) > 0:
        if loop.time() > give_up:
            raise RetryableError(
                CRM, f"it still has {missing} of the leads. Check that the sink runs, and erase again"
            )
        await asyncio.sleep(LOOK_SECONDS)


def _stored(settings: Settings, leads: tuple[str, ...]) -> int:
    engine, stored = connect(settings.database_url), 0
    try:
        with translated_errors(CRM), engine.connect() as connection:
            for begin in range(0, len(leads), AT_ONCE):
                chunk = leads[begin : begin + AT_ONCE]
                query = select(func.count()).where(
                    LeadTable.lead_id.in_(chunk), LeadTable.last_outcome == ERASED
                )
                stored += connection.scalar(query) or 0
    finally:
        engine.dispose()
    return stored


async def _until_forgotten(
    settings: Settings,
    key: ErasureKey,
    org: str,
    leads: tuple[str, ...],
    persons_to_erase: Sequence[PersonToErase],
) -> Finder:
    """Wait until the org's index of persons has none of these leads; return what finds the erased persons.

    It also finds a phone or mail address that was named and that no lead has: a dead letter may have it.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + APPLY_SECONDS
    while True:
        persons = (await current_org_partition(settings, org)).state(org).persons
        remaining = set(leads) - set(persons.erased)
        if not remaining:
            handles = [person.handle for person in persons_to_erase if person.handle is not None]
            unused = [handle for handle in handles if not persons.all_with(handle)]
            hashes = {key.hash_of(org, *handle.split("/", 1)) for handle in unused}
            return Finder(key, {org: persons.erased_hashes | hashes}, persons.erased)
        if loop.time() > give_up:
            raise RetryableError("engine", f"the org still knows {len(remaining)} of the leads; erase again")
        await asyncio.sleep(LOOK_SECONDS)


def _receipt(
    org: str, by: str, erased: ErasureResult, places: dict[str, int], key: ErasureKey, *, at_once: bool
) -> ErasureReceipt:
    now = datetime.now(UTC)
    return ErasureReceipt(
        receipt_id=str(uuid.uuid4()),
        org=org,
        by=by,
        at=now,
        named_by=erased.person.kind,
        leads=erased.leads,
        places=places,
        key_id=key.key_id,
        left_until={} if at_once else dict.fromkeys(LOGS, now + RETENTION),
    )
