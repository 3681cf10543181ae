"""What `verify` finds in a partition that exists in memory only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assurance.verify.cross_log import CrossLogMessages
from assurance.verify.cross_state import check_conservation, check_orgs, check_persons
from assurance.verify.facts import Truth
from assurance.verify.findings import Findings
from assurance.verify.lead_invariants import KnownAnswers
from assurance.verify.pairing import batches, paired
from assurance.verify.published import PUBLIC, Expected, check_topic
from assurance.verify.records import COMPACTABLE
from assurance.verify.replay_leads import LeadReplay
from assurance.verify.replay_orgs import OrgReplay
from tests.assurance.verify.records import stream

if TYPE_CHECKING:
    from assurance.verify.catch_up import Snapshot
    from tests.assurance.verify.partition import Partition


@dataclass
class Checked:
    """What a check of a partition left."""

    findings: Findings
    truth: Truth
    told: KnownAnswers

    @property
    def codes(self) -> dict[str, int]:
        """How often each code was found."""
        self.findings.settle(self.truth.moving)
        return dict(self.findings.counts)


def check(partition: Partition, snapshot: Snapshot | None = None) -> Checked:
    """Check a partition as `verify` does."""
    return asyncio.run(_check(partition, snapshot or partition.snapshot()))


async def _check(partition: Partition, snapshot: Snapshot) -> Checked:
    checked = Checked(Findings(), Truth(), KnownAnswers())
    findings, truth, told = checked.findings, checked.truth, checked.told
    expected = Expected(0)
    walk = LeadReplay(0, 1, snapshot=snapshot, findings=findings, truth=truth, told=told, expected=expected)
    async for pair in paired(stream(partition.journal), stream(partition.log)):
        walk.take(pair)
    walk.end()
    for topic in PUBLIC:
        records = stream(partition.public[topic])
        await check_topic(topic, records, expected=expected, truth=truth, told=told, findings=findings)
    errands = CrossLogMessages(findings, truth, cut=snapshot.at - COMPACTABLE)
    errands.expect(expected)
    orgs = OrgReplay(0, 1, snapshot=snapshot, findings=findings, truth=truth, errands=errands)
    together = batches(stream(partition.org.journal))
    async for pair in paired(together, stream(partition.org.log), lambda batch: batch.off):
        orgs.take(pair)
    orgs.end()
    errands.end()
    check_orgs(truth, findings)
    check_conservation(truth, findings)
    check_persons(truth, findings)
    return checked
