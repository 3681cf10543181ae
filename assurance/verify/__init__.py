"""Checks that logs, journals, public topics, CRM database and board agree on every lead. Reports each difference."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
import typer
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from application.erasure.receipts import PURGED
from assurance.verify.board import check_board
from assurance.verify.calls import check_calls
from assurance.verify.catch_up import Snapshot, catch_up
from assurance.verify.cross_log import CrossLogMessages
from assurance.verify.cross_state import check_conservation, check_orgs, check_persons
from assurance.verify.database import check_database
from assurance.verify.dead_letter_index import DeadLetterIndex
from assurance.verify.deliveries import check_deliveries
from assurance.verify.erased import check_erased, letter_was_removed
from assurance.verify.findings import CODES, Finding, FindingKind, Findings
from assurance.verify.inbound import Inbound
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.lateness import Deadlines, Lateness
from assurance.verify.lead_invariants import KnownAnswers
from assurance.verify.pairing import batches, paired_records
from assurance.verify.published import PUBLIC, ExpectedMessages, check_topic
from assurance.verify.records import key_text, time_of
from assurance.verify.replay_leads import LeadReplay
from assurance.verify.replay_orgs import OrgReplay
from assurance.verify.vendor_reports import check_vendor_reports
from models.errors import RetryableError
from streams.clients import consumer as make_consumer
from streams.clients import stop_consumer
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import (
    DEAD_LETTERS,
    DIRECTORY,
    DO_NOT_CONTACT,
    ERASURES,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_JOURNAL,
    LEAD_LOG,
    ORG_JOURNAL,
    ORG_LOG,
)

__all__ = ["CODES", "Finding", "FindingKind", "VerifyReport", "verify"]

WAIT_SECONDS = 60.0
SHOWN = 20
POLL_MS = 500

Say = Callable[[str], None]


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `verify`. `findings`: the first of each code. `counts`: all of them, by code.

    `phases`: leads by phase (X7). `events`: by type, in the log. `dead_letters`: the number of messages among them.
    `moving`: leads that changed while they were compared, and so were compared within the log and the journal only.
    `org_leads`: leads that their orgs hold. `org_events`: by type, in the orgs' log. `inquiries`: arrivals of known
    people, which are no leads of their own (R6). `erased`: leads without facts, because their persons were erased.
    `lateness`: how late deadlines were decided, which is no finding. One that was never decided is `deadline_overdue`.
    """

    ok: bool
    leads: int
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    phases: dict[str, int]
    events: dict[str, int]
    org_leads: int
    org_events: dict[str, int]
    inquiries: int
    crm_rows: dict[str, int]
    board_positions: int
    dead_letters: int
    moving: int
    erased: int
    lateness: Lateness
    seconds: float

    def of_kind(self, kind: FindingKind) -> int:
        """Return the number of findings of a kind."""
        return sum(count for code, count in self.counts.items() if CODES[code][0] is kind)

    def lines(self, most: int = SHOWN) -> list[str]:
        """Return the lines to print: the first findings, then the number of each code."""
        shown = [str(finding) for finding in self.findings[:most]]
        if self.findings:
            shown.append(", ".join(f"{count} {code}" for code, count in sorted(self.counts.items())))
        phases = ", ".join(f"{count} {phase}" for phase, count in sorted(self.phases.items()))
        shown.append(self.lateness.line())
        return [*shown, f"{self.leads} leads ({phases}): {'all agree' if self.ok else 'NOT all agree'}"]

    def print(self, most: int = SHOWN) -> None:
        """Print them."""
        for line in self.lines(most):
            typer.echo(line)

    def as_dict(self, most: int = SHOWN) -> dict[str, Any]:
        """Return the object of the last output line: `ok`, `leads`, `findings` and more."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return {**fields, "findings": fields["findings"][:most]}


async def verify(
    settings: Settings,
    *,
    wait_seconds: float = WAIT_SECONDS,
    say: Say = lambda _: None,
    search_all: bool = False,
    more_databases: Sequence[str] = (),
) -> VerifyReport:
    """Cross-check all data of every lead. Reads only.

    It first waits until the readers have caught up, `wait_seconds` in total. A reader that has not is a finding. The
    system may run meanwhile: leads that change are compared within log and journal only. `say` gets progress as
    sentences. `search_all`: search topics and Valkey for erased persons, not only the CRM database; `more_databases`:
    and these. Raises `RetryableError` where Kafka is unreachable.
    """
    began = time.monotonic()
    findings, journal_facts, known_answers = Findings(), JournalFacts(), KnownAnswers()
    try:
        snapshot = await catch_up(settings, findings, wait_seconds=wait_seconds, say=say)
    except (KafkaError, OSError) as error:
        raise RetryableError("Kafka", repr(error)) from error
    snapshot.purged_at = await _purged_at(settings)
    cut = snapshot.cut
    cross_log_messages = CrossLogMessages(findings, journal_facts, cut=cut)
    dead_letters = await _dead_letters(settings, findings)
    deadlines = Deadlines(findings)
    partitions = sum(topic == LEAD_LOG for topic, _ in snapshot.ends)
    for partition in range(partitions):
        say(f"log and journal, partition {partition + 1} of {partitions}")
        cross_log_messages.expect(
            await _partition(
                settings,
                partition,
                partitions,
                snapshot,
                findings,
                journal_facts,
                known_answers,
                dead_letters,
                deadlines,
            )
        )
    say("the orgs")
    for partition in range(partitions):
        await _orgs(
            settings,
            partition,
            partitions,
            snapshot,
            findings,
            journal_facts,
            cross_log_messages,
            dead_letters,
        )
    cross_log_messages.end()
    dead_letters.end(findings)
    check_orgs(journal_facts, findings)
    check_conservation(journal_facts, findings)
    check_persons(journal_facts, findings)
    say("what came in")
    await _inbound(settings, partitions, snapshot, findings, journal_facts, known_answers, dead_letters)
    say(f"the CRM database, {len(journal_facts.leads)} leads")
    crm_rows = await asyncio.to_thread(
        check_database, settings.database_url, journal_facts, findings, cut=cut
    )
    say("vendors' reports")
    await check_vendor_reports(settings, findings)
    say("mails, pushes and calls")
    await check_deliveries(settings, findings)
    await check_calls(settings, findings)
    say("the board")
    board_positions = await check_board(settings, journal_facts, findings)
    say("erased persons")
    erased = await check_erased(
        settings, journal_facts, findings, search_all=search_all, more_databases=more_databases
    )
    journal_facts.moving |= await _moved(settings, journal_facts)
    findings.settle(journal_facts.moving)
    return VerifyReport(
        ok=not findings.counts,
        leads=len(journal_facts.leads),
        findings=tuple(findings.found),
        counts=dict(findings.counts),
        phases=journal_facts.phases(),
        events=dict(journal_facts.events),
        org_leads=len(journal_facts.org_leads),
        org_events=dict(journal_facts.org_events),
        inquiries=sum(facts.lead.inquiries - 1 for facts in journal_facts.leads.values()),
        crm_rows=crm_rows,
        board_positions=board_positions,
        dead_letters=len(dead_letters),
        moving=len(journal_facts.moving),
        erased=erased,
        lateness=deadlines.lateness(),
        seconds=round(time.monotonic() - began, 3),
    )


async def _partition(
    settings: Settings,
    partition: int,
    partitions: int,
    snapshot: Snapshot,
    findings: Findings,
    journal_facts: JournalFacts,
    known_answers: KnownAnswers,
    dead_letters: DeadLetterIndex,
    deadlines: Deadlines,
) -> ExpectedMessages:
    """Compare log with journal, then journal with public topics. Return the messages the journal causes."""
    expected = ExpectedMessages(partition)
    replay = LeadReplay(
        partition,
        partitions,
        snapshot=snapshot,
        findings=findings,
        journal_facts=journal_facts,
        known_answers=known_answers,
        expected=expected,
        dead_letters=dead_letters,
        deadlines=deadlines,
    )
    async with AsyncExitStack() as stack:
        journal, log = [
            await stack.enter_async_context(aclosing(read_topic(settings, topic, partitions=[partition])))
            for topic in (LEAD_JOURNAL, LEAD_LOG)
        ]
        async for pair in paired_records(journal, log):
            replay.check(pair)
    replay.end()
    for topic in PUBLIC:
        async with aclosing(read_topic(settings, topic, partitions=[partition])) as records:
            await check_topic(
                topic,
                records,
                expected=expected,
                journal_facts=journal_facts,
                known_answers=known_answers,
                findings=findings,
                cut=snapshot.cut,
            )
    return expected


async def _orgs(
    settings: Settings,
    partition: int,
    partitions: int,
    snapshot: Snapshot,
    findings: Findings,
    journal_facts: JournalFacts,
    cross_log_messages: CrossLogMessages,
    dead_letters: DeadLetterIndex,
) -> None:
    """Compare the orgs' log with their journal."""
    replay = OrgReplay(
        partition,
        partitions,
        snapshot=snapshot,
        findings=findings,
        journal_facts=journal_facts,
        cross_log_messages=cross_log_messages,
        dead_letters=dead_letters,
    )
    async with AsyncExitStack() as stack:
        journal, log = [
            await stack.enter_async_context(aclosing(read_topic(settings, topic, partitions=[partition])))
            for topic in (ORG_JOURNAL, ORG_LOG)
        ]
        together = await stack.enter_async_context(aclosing(batches(journal)))
        async for pair in paired_records(together, log, lambda batch: batch.off):
            replay.check(pair)
    replay.end()


async def _dead_letters(settings: Settings, findings: Findings) -> DeadLetterIndex:
    dead_letters = DeadLetterIndex()
    async with aclosing(read_topic(settings, DEAD_LETTERS)) as records:
        async for record in records:
            dead_letters.take(record, findings)
    return dead_letters


async def _inbound(
    settings: Settings,
    partitions: int,
    snapshot: Snapshot,
    findings: Findings,
    journal_facts: JournalFacts,
    known_answers: KnownAnswers,
    dead_letters: DeadLetterIndex,
) -> None:
    inbound = Inbound(
        snapshot=snapshot,
        journal_facts=journal_facts,
        known_answers=known_answers,
        dead_letters=dead_letters,
        findings=findings,
        partitions=partitions,
        letter_was_removed=await letter_was_removed(settings, journal_facts),
    )
    for topic, check in (
        (LEAD_ARRIVALS, inbound.arrivals),
        (LEAD_ACTIONS, inbound.actions),
        (DIRECTORY, inbound.publications),
        (DO_NOT_CONTACT, inbound.listings),
    ):
        async with aclosing(read_topic(settings, topic)) as records:
            await check(records)


async def _purged_at(settings: Settings) -> datetime | None:
    """Return when the logs were last deleted by `firstclaim erase --now`, by the broker's clock; None: never."""
    newest = None
    try:
        async with aclosing(read_topic(settings, ERASURES)) as records:
            async for record in records:
                if record.key == PURGED:
                    newest = time_of(record)
    except RetryableError:
        return newest  # a cluster of an earlier version has no such topic yet
    return newest


async def _moved(settings: Settings, journal_facts: JournalFacts) -> set[str]:
    """Return the leads that have new journal records since it was read."""
    moved: set[str] = set()
    async with _consumer(settings) as consumer:
        topic_partitions = [TopicPartition(LEAD_JOURNAL, partition) for partition in journal_facts.read]
        if not topic_partitions:
            return moved
        consumer.assign(topic_partitions)
        ends = await consumer.end_offsets(topic_partitions)
        for tp in topic_partitions:
            consumer.seek(tp, journal_facts.read[tp.partition])
        while any([await consumer.position(tp) < ends[tp] for tp in topic_partitions]):
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                moved.update(key_text(record.key) for record in records)
    return moved


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[Any]:
    consumer = make_consumer(settings, reset="none")
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError) as error:
        raise RetryableError("Kafka", repr(error)) from error
    finally:
        await stop_consumer(consumer)
