"""Leads that a running system distributes, and the orgs that do it, agree; also while offers run out and reps leave."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
import pytest

from assurance.load import LoadClient
from assurance.verify import VerifyReport, verify
from models.ids import lead_id
from models.public import NOTIFICATIONS, Notification
from models.results import Result
from streams.topic_reader import read_topic
from streams.topics import LEAD_JOURNAL, ORG_JOURNAL
from tests.assurance.verify.running import check_no_findings, running
from tests.fixtures.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TURNS, RINGS = 5, 2
REPS = ("ann", "bob", "cid")
REST_SECONDS = PATIENCE_SECONDS
"""Three windows of two seconds, and a machine that has other things to do."""


async def test_r3_s1_x2_leads_and_orgs_agree_at_every_moment() -> None:
    async with running(workers=1) as (settings, _):
        async with LoadClient(settings) as client:
            await publish_reps(settings, client)
            for n in range(TURNS):
                await client.arrive({"vendor": "acme", "external_id": f"turn-{n}", "campaign": "turns"})
            for n in range(RINGS):
                await client.arrive({"vendor": "acme", "external_id": f"ring-{n}", "campaign": "ring"})
            owner, accepted = await take_offers(settings, client, least=3)
            await client.publish("rep", owner, None)
        check_no_findings(await verify(settings), leads=TURNS + RINGS)
        report = await report_at_rest(settings)
        check_no_findings(report, leads=TURNS + RINGS)
        # Nobody took what else was offered. One owner has left, and another has stayed.
        assert report.phases["exception"] >= TURNS + RINGS - accepted + 1
        assert report.phases["exception"] + report.phases["owned"] == TURNS + RINGS
        assert report.org_leads >= report.phases["owned"] > 0, (
            "the org knows owners, and leads that wait (M5)"
        )
        assert report.org_events["rep_requested"] > TURNS + RINGS
        assert report.org_events["lead_taken"] >= 3


async def publish_reps(settings: Settings, client: LoadClient) -> None:
    """Publish three reps, who take turns with two seconds each, or are called at once, and wait until all is known."""
    for rep_id in REPS:
        await client.publish("rep", rep_id, {"rep_id": rep_id})
    members = [{"rep_id": rep_id} for rep_id in REPS]
    for group_id, terms in {
        "turns": {"method": "round_robin", "claim_window_seconds": 2},
        "ring": {"method": "ring_all", "ring_seconds": 2},
    }.items():
        await client.publish("group", group_id, {"group_id": group_id, "members": members, **terms})
        await client.publish("campaign", group_id, {"campaign_id": group_id, "group_id": group_id})
    for topic, most in ((LEAD_JOURNAL, 7 * settings.partitions), (ORG_JOURNAL, 5)):
        rows = 0
        async with aclosing(read_topic(settings, topic, until_end=False)) as records:
            async for record in records:
                rows += record.key.startswith(b"directory/")
                if rows == most:
                    break


async def take_offers(settings: Settings, client: LoadClient, *, least: int) -> tuple[str, int]:
    """Take offers in the order they come: `least` of them, by two reps at least.

    Return one of these reps, who did not take all, and how many were taken.
    """
    owners = set()
    taken_leads: set[str] = set()
    async with (
        asyncio.timeout(REST_SECONDS),
        aclosing(read_topic(settings, NOTIFICATIONS, until_end=False)) as records,
    ):
        async for record in records:
            notification = msgspec.json.decode(record.value, type=Notification)
            if (
                notification.withdrawn
                or notification.template not in ("lead_offered", "ring")
                or notification.lead_id in taken_leads
            ):
                continue
            action = "press_one" if notification.template == "ring" else "accept"
            request = await client.ask(
                action, notification.lead_id, notification.rep_id, epoch=notification.epoch
            )
            if request.result is Result.WON:
                owners.add(notification.rep_id)
                taken_leads.add(notification.lead_id)
            if len(taken_leads) >= least and len(owners) > 1:
                break
    assert taken_leads <= {
        lead_id("default", "acme", f"{name}-{n}", {}) for name in ("turn", "ring") for n in range(TURNS)
    }
    return min(owners), len(taken_leads)


async def report_at_rest(settings: Settings) -> VerifyReport:
    """Return what there is when no offer is open any more, and no news is on its way."""
    async with asyncio.timeout(REST_SECONDS):
        while True:
            report = await verify(settings)
            assert report.ok, report.lines()
            if "offered" not in report.phases and report.moving == 0:
                return report
