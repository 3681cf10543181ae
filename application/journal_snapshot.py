"""Reads the state of leads and orgs from the journals, without changing anything."""

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from typing import Final

import msgspec

from models.codec import decode_org_record, decode_row
from models.lead import Lead, LeadRow
from rules.lead.lead_partition import LeadPartition
from rules.org.org_partition import OrgPartition
from rules.queues.rule_book import Key, RuleBook
from streams.clients import partition_of
from streams.settings import Settings
from streams.topic_reader import Progress, read_topic
from streams.topics import LEAD_JOURNAL, ORG_JOURNAL

LOOK_SECONDS: Final = 0.25
OF_ORGS: Final = frozenset({"rep", "group", "settings"})
"""The kinds of objects that an org's own state needs. Leads need all kinds."""


class Journal(msgspec.Struct, frozen=True):
    """The content of the lead journal, or of some partitions. `leads`: by id, of every org."""

    leads: dict[str, Lead]
    rule_book: RuleBook


def partition_of_key(key: str, settings: Settings) -> int:
    """Return the partition of a log that holds the events of a lead or an org."""
    return partition_of(key.encode(), settings.partitions)


async def journal_now(
    settings: Settings, *, partitions: Collection[int] | None = None, progress: Progress | None = None
) -> Journal:
    """Return the newest row of every lead and published object. Each partition has all published objects.

    `partitions`: all if None. Raises `RetryableError` where Kafka is unreachable.
    """
    rows = LeadPartition(0)  # every key names its partition, so one object holds the rows of all
    async with aclosing(
        read_topic(settings, LEAD_JOURNAL, partitions=partitions, progress=progress)
    ) as records:
        async for record in records:
            try:
                rows.apply(record.key, None if record.value is None else decode_row(record.value))
            except msgspec.MsgspecError:
                continue  # as a worker does, which logs it and continues
    leads = {
        row.lead.lead_id: row.lead
        for row in rows.rows.values()
        if isinstance(row, LeadRow) and row.lead is not None
    }
    return Journal(leads, rows.rule_book)


async def current_org_partition(settings: Settings, org: str) -> OrgPartition:
    """Return an org's partition as a worker would load it now. Raises `RetryableError` where Kafka is away."""
    partition = partition_of_key(org, settings)
    org_partition = OrgPartition(partition)
    async with aclosing(read_topic(settings, ORG_JOURNAL, partitions={partition})) as records:
        async for record in records:
            if record.value is None:
                org_partition.remove(record.key)
                continue
            try:
                org_partition.apply(decode_org_record(record.value))
            except msgspec.MsgspecError:
                continue  # as a worker does, which logs it and continues
    org_partition.recovered()
    return org_partition


async def until_known(settings: Settings, org: str, keys: Collection[Key], seconds: float) -> None:
    """Wait until every partition's leads, and the org, know of these publications.

    A lead that arrives before its partition knows its campaign is routed without it. Raises TimeoutError that says
    how many are missing where, and `RetryableError` where Kafka is unreachable.
    """
    missing = "nothing was read"
    try:
        async with asyncio.timeout(seconds):
            for partition in range(settings.partitions):
                while unknown := set(keys) - (await _known_keys(settings, org, partition)):
                    missing = f"{len(unknown)} by partition {partition}"
                    await asyncio.sleep(LOOK_SECONDS)
            org_keys = {key for key in keys if key[0] in OF_ORGS}
            while (
                unknown := org_keys
                - (await current_org_partition(settings, org)).directory(org).versions.keys()
            ):
                missing = f"{len(unknown)} by the org"
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"publications of {org} are not known after {seconds:g} s: {missing}") from None


async def _known_keys(settings: Settings, org: str, partition: int) -> set[Key]:
    return set((await journal_now(settings, partitions={partition})).rule_book.org(org).objects)
