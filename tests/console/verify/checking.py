"""What `verify` finds in a partition that exists in memory only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.verify.across import check_conservation, check_orgs, check_persons
from console.verify.errands import Errands
from console.verify.facts import Truth
from console.verify.findings import Findings
from console.verify.orgs import OrgWalk
from console.verify.pairing import batches, paired
from console.verify.published import PUBLIC, Expected, check_topic
from console.verify.reading import COMPACTABLE
from console.verify.story import Told
from console.verify.walk import Walk
from tests.console.verify.records import stream

if TYPE_CHECKING:
    from console.verify.catch_up import Snapshot
    from tests.console.verify.partition import Partition


@dataclass
class Checked:
    """What a check of a partition left."""

    findings: Findings
    truth: Truth
    told: Told

    @property
    def codes(self) -> dict[str, int]:
        """How often each code was found."""
        self.findings.settle(self.truth.moving)
        return dict(self.findings.counts)


def check(partition: Partition, snapshot: Snapshot | None = None) -> Checked:
    """Check a partition as `verify` does."""
    return asyncio.run(_check(partition, snapshot or partition.snapshot()))


async def _check(partition: Partition, snapshot: Snapshot) -> Checked:
    checked = Checked(Findings(), Truth(), Told())
    findings, truth, told = checked.findings, checked.truth, checked.told
    expected = Expected(0)
    walk = Walk(0, 1, snapshot=snapshot, findings=findings, truth=truth, told=told, expected=expected)
    async for pair in paired(stream(partition.journal), stream(partition.log)):
        walk.take(pair)
    walk.end()
    for topic in PUBLIC:
        records = stream(partition.public[topic])
        await check_topic(topic, records, expected=expected, truth=truth, told=told, findings=findings)
    errands = Errands(findings, truth, cut=snapshot.at - COMPACTABLE)
    errands.expect(expected)
    orgs = OrgWalk(0, 1, snapshot=snapshot, findings=findings, truth=truth, errands=errands)
    together = batches(stream(partition.org.journal))
    async for pair in paired(together, stream(partition.org.log), lambda batch: batch.off):
        orgs.take(pair)
    orgs.end()
    errands.end()
    check_orgs(truth, findings)
    check_conservation(truth, findings)
    check_persons(truth, findings)
    return checked
