"""R2, R3, N2: an arrival becomes a mail through the real engine, and the one whose offer ran out is told."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from application.status import read_status
from assurance.load import LoadClient
from assurance.verify import verify
from models.ids import lead_id
from runtime.process import stop_process
from sink import queries
from sink.database_engine import connect
from tests.assurance.verify.running import check_no_findings, running
from tests.couriers.conftest import CourierProcess
from tests.couriers.mail_server import MailServer, mail_server
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_r2_r3_n2_an_arrival_becomes_a_mail_and_so_does_the_end_of_an_offer(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        async with running(workers=1) as (settings, _):
            courier = CourierProcess(settings, tmp_path / "courier.log", server.environment())
            try:
                await asyncio.to_thread(courier.wait_ready)  # the offer's window begins when the lead arrives
                await _offered_twice(settings, server)
            finally:
                stop_process(courier.process, signal.SIGTERM, 30)
            report = await verify(settings)
            check_no_findings(report, leads=1)
            status = await read_status(settings)
            assert status["lag"]["courier_mail"] == 0, "it has finished every request"
            assert "courier_call" not in status["lag"], "it never ran"


async def _offered_twice(settings: Settings, server: MailServer) -> None:
    async with LoadClient(settings) as client:
        for rep_id in ("ann", "bob"):
            await client.publish(
                "rep", rep_id, {"rep_id": rep_id, "name": rep_id.title(), "email": f"{rep_id}@lender.example"}
            )
        members = [{"rep_id": "ann"}, {"rep_id": "bob"}]
        terms = {"group_id": "g", "method": "round_robin", "claim_window_seconds": 15, "members": members}
        await client.publish("group", "g", terms)
        await client.publish("campaign", "c", {"campaign_id": "c", "group_id": "g"})
        arrival = {
            "vendor": "acme",
            "external_id": "1",
            "campaign": "c",
            "first_name": "Jo",
            "last_name": "Doe",
        }
        await client.arrive(arrival)
    lead = lead_id("default", "acme", "1", arrival)

    def subjects(rep_id: str) -> list[str]:
        return [str(mail["Subject"]) for mail in server.for_rep(f"{rep_id}@lender.example")]

    offer_subject, end_subject = "New Lead was Distributed to You", "A Lead was Reassigned"

    def are_withdrawn() -> bool:
        return all(end_subject in subjects(rep_id) for rep_id in ("ann", "bob"))

    await eventually(are_withdrawn, "both are told that their offers are over", seconds=PATIENCE_SECONDS)
    assert subjects("ann") == subjects("bob") == [offer_subject, end_subject]
    engine = connect(settings.database_url)

    def stored() -> bool:
        with engine.connect() as connection:
            return len(queries.deliveries(connection, lead, 10)) >= 4

    await eventually(stored, "the CRM database has the four fates")
    engine.dispose()
