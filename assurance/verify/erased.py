"""Searches every place that keeps data for erased persons. What is found is a finding.

The CRM database is always searched, because the sink removes an erased person at once. Kafka's logs and Valkey's feed
keep the past for a while, so they are searched only on request (`firstclaim verify --erased`).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from application.erasure.erased_data_finder import Finder
from application.erasure.letters import about_erased
from application.erasure.receipts import read_receipts
from application.erasure.stores import keys_with, rows_with
from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.records import key_text, position_of, time_of
from models.errors import RetryableError
from streams.erasure_key import read_key
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS, TOPICS

EMPTY: Final = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "phone_extension",
    "external_id",
    "state",
    "zip",
    "loan_amount",
)
"""Facts that an erased lead must not have, whatever the key of the hashes is."""


def finder_of(settings: Settings, journal_facts: JournalFacts) -> Finder:
    """Return what finds the erased persons of all orgs, as their journals name them."""
    hashes = {org: persons.erased_hashes for org, persons in journal_facts.persons.items()}
    leads = [lead_id for lead_id, facts in journal_facts.leads.items() if facts.lead.erased_at is not None]
    orgs = {lead_id: facts.lead.facts.org for lead_id, facts in journal_facts.leads.items()}
    return Finder(read_key(settings), hashes, leads, orgs)


async def letter_was_removed(settings: Settings, journal_facts: JournalFacts) -> Callable[[Any], bool]:
    """Return what tells whether the dead letter of a message was removed by an erasure.

    Of a person without any lead no hash is kept. So if such a person's letters were removed, that may hold for every
    message that is older than the removal.
    """
    try:
        receipts = await read_receipts(settings)
    except RetryableError:
        receipts = []  # a cluster of an earlier version has no such topic yet
    removals = [receipt for receipt in receipts if receipt.places.get(DEAD_LETTERS)]
    if not removals:
        return lambda _: False
    until = max(receipt.at for receipt in removals)
    unknown = max((receipt.at for receipt in removals if not receipt.leads), default=None)
    hashes = {
        org: persons.erased_hashes | persons.returned_hashes for org, persons in journal_facts.persons.items()
    }
    leads = [lead_id for lead_id, facts in journal_facts.leads.items() if facts.lead.erased_at is not None]
    finder = Finder(read_key(settings), hashes, leads)

    def was_removed(record: Any) -> bool:
        at = time_of(record)
        return at <= until and ((unknown is not None and at <= unknown) or about_erased(finder, record))

    return was_removed


async def check_erased(
    settings: Settings,
    journal_facts: JournalFacts,
    findings: Findings,
    *,
    search_all: bool,
    more_databases: Sequence[str] = (),
) -> int:
    """Search for erased persons; return the number of erased leads. `search_all`: in topics and Valkey too."""
    finder = finder_of(settings, journal_facts)
    if not finder:
        return 0
    for lead_id in finder.leads:
        facts = journal_facts.leads[lead_id].lead.facts
        if fields := [name for name in EMPTY if getattr(facts, name) is not None] or facts.attributes:
            findings.add("erased_found", lead_id, "an erased lead has facts", fields=sorted(fields))
    if finder.foreign:
        text = f"{finder.foreign} hashes of erased persons have another key than ours, and cannot be searched for"
        findings.add("erased_unknown", "", text)
    for url in (settings.database_url, *more_databases):
        await asyncio.to_thread(_search_database, url, finder, findings)
    if search_all:
        for topic in TOPICS:
            await _search_topic(settings, topic.name, finder, findings)
        try:
            for key, parts in await keys_with(settings.redis_url, finder):
                findings.add("erased_found", "", valkey=key.partition(":")[0], what_is_left=list(parts))
        except RetryableError as error:
            findings.add("unreachable", "", str(error))
    return len(finder.leads)


def _search_database(url: str, finder: Finder, findings: Findings) -> None:
    try:
        for table, lead_id, fields in rows_with(url, finder):
            findings.add("erased_found", lead_id, table=table, what_is_left=list(fields))
    except (SQLAlchemyError, OSError) as error:
        findings.add("unreachable", "", f"a database: {str(error).splitlines()[0]}")


async def _search_topic(settings: Settings, topic: str, finder: Finder, findings: Findings) -> None:
    async with aclosing(read_topic(settings, topic)) as records:
        async for record in records:
            if about_erased(finder, record):
                lead_id = key_text(record.key) if key_text(record.key) in finder.leads else ""
                findings.add("erased_found", lead_id, at=position_of(record))
