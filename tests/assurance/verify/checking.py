"""Runs `verify` on a partition that exists only in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assurance.verify.cross_log import CrossLogMessages
from assurance.verify.cross_state import check_conservation, check_orgs, check_persons
from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.lateness import Deadlines
from assurance.verify.lead_invariants import KnownAnswers
from assurance.verify.pairing import batches, paired_records
from assurance.verify.published import PUBLIC, ExpectedMessages, check_topic
from assurance.verify.records import COMPACTABLE
from assurance.verify.replay_leads import LeadReplay
from assurance.verify.replay_orgs import OrgReplay
from tests.assurance.verify.records import stream

if TYPE_CHECKING:
    from assurance.verify.catch_up import Snapshot
    from tests.assurance.verify.partition import Partition


@dataclass
class Checked:
    """The result of a check of a partition."""

    findings: Findings
    journal_facts: JournalFacts
    known_answers: KnownAnswers
    deadlines: Deadlines

    @property
    def codes(self) -> dict[str, int]:
        """The number of findings of each code."""
        self.findings.settle(self.journal_facts.moving)
        return dict(self.findings.counts)


def check(partition: Partition, snapshot: Snapshot | None = None) -> Checked:
    """Check a partition as `verify` does."""
    return asyncio.run(_check(partition, snapshot or partition.snapshot()))


async def _check(partition: Partition, snapshot: Snapshot) -> Checked:
    findings = Findings()
    checked = Checked(findings, JournalFacts(), KnownAnswers(), Deadlines(findings))
    journal_facts, known_answers = checked.journal_facts, checked.known_answers
    expected = ExpectedMessages(0)
    replay = LeadReplay(
        0,
        1,
        snapshot=snapshot,
        findings=findings,
        journal_facts=journal_facts,
        known_answers=known_answers,
        expected=expected,
        deadlines=checked.deadlines,
    )
    async for pair in paired_records(stream(partition.journal), stream(partition.log)):
        replay.check(pair)
    replay.end()
    for topic in PUBLIC:
        records = stream(partition.public[topic])
        await check_topic(
            topic,
            records,
            expected=expected,
            journal_facts=journal_facts,
            known_answers=known_answers,
            findings=findings,
        )
    cross_log_messages = CrossLogMessages(findings, journal_facts, cut=snapshot.at - COMPACTABLE)
    cross_log_messages.expect(expected)
    orgs = OrgReplay(
        0,
        1,
        snapshot=snapshot,
        findings=findings,
        journal_facts=journal_facts,
        cross_log_messages=cross_log_messages,
    )
    together = batches(stream(partition.org.journal))
    async for pair in paired_records(together, stream(partition.org.log), lambda batch: batch.off):
        orgs.check(pair)
    orgs.end()
    cross_log_messages.end()
    check_orgs(journal_facts, findings)
    check_conservation(journal_facts, findings)
    check_persons(journal_facts, findings)
    return checked
