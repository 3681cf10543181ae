"""Who may see a lead is decided by its row in the CRM database, whatever its history contains (D1, D2, R3, S1)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from sink.database_engine import connect
from sink.tables import AssignmentHistoryTable, DecisionTable, LeadTable
from tests.fixtures.waiting import PATIENCE_SECONDS
from tests.web.rows import WORK

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Engine

    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


async def test_d1_d2_r3_a_leads_row_alone_says_who_has_it_open_and_to_whom_it_is_offered(
    running_org: RunningOrg,
) -> None:
    await running_org.publish("settings", "settings", quiet_hours=[])
    for rep_id in ("rep-1", "rep-2"):
        await running_org.rep(rep_id)
    members = [{"rep_id": "rep-2"}]
    await running_org.publish(
        "group", "west", method="round_robin", members=members, claim_window_seconds=3_600
    )
    await running_org.publish("campaign", "west", vendor="acme", group_id="west")
    await running_org.publish("queue", "work", **WORK)
    opened = await running_org.arrive("A-1", last_name="Jones", state="RI")
    claimed = await running_org.arrive("A-2", last_name="Silva", state="MA")
    engine = connect(running_org.stack.settings.database_url)
    first, second = await running_org.program("rep-1"), await running_org.program("rep-2")
    async with first, second, asyncio.timeout(PATIENCE_SECONDS):
        locked = await until_done(running_org, "view", opened, "rep-1")
        await until_done(running_org, "view", claimed, "rep-1")
        owned = await until_done(running_org, "claim_now", claimed, "rep-1")
        offered = await running_org.arrive("A-3", campaign="west", last_name="Brown", state="RI")
        while (await second.get(f"/api/v1/leads/{offered}")).status_code != HTTPStatus.OK:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(delete_history, engine, opened, claimed, offered)

        shown = await lead_as_shown(first, opened, locked)
        assert (shown["sight"], shown["lock"]["rep_id"], shown["lock"]["mine"]) == ("all", "rep-1", True)
        assert (await second.get(f"/api/v1/leads/{opened}")).status_code == HTTPStatus.FORBIDDEN
        shown = await lead_as_shown(first, claimed, owned)
        assert (shown["owner"], shown["how"]) == ("rep-1", "Rep 1 claimed it while it was open")
        shown = await lead_as_shown(second, offered, 0)
        assert (shown["sight"], shown["offer"]["method"], shown["offer"]["mine"]) == (
            "offer",
            "round_robin",
            True,
        )
        assert shown["facts"] == {"state": "RI"}
        assert (await first.get(f"/api/v1/leads/{offered}")).status_code == HTTPStatus.FORBIDDEN

        # A lock whose end has passed does not count, although the row still has it and its timer is late.
        await asyncio.to_thread(end_lock, engine, opened)
        assert (await first.get(f"/api/v1/leads/{opened}")).status_code == HTTPStatus.FORBIDDEN
    engine.dispose()


async def until_done(running_org: RunningOrg, action: str, lead: str, rep_id: str) -> int:
    """Ask until the engine knows the directory well enough to do it; return the lead's version then."""
    while True:
        answer = (await running_org.ask(action, lead, rep_id)).answer
        if answer is not None and answer.result in ("done", "won"):
            return answer.version
        await asyncio.sleep(0.05)


async def lead_as_shown(program: httpx.AsyncClient, lead: str, version: int) -> dict[str, Any]:
    """Return a lead as the console shows it to a program."""
    answer = await program.get(f"/api/v1/leads/{lead}", params={"at_least": version})
    assert answer.status_code == HTTPStatus.OK, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def delete_history(engine: Engine, *leads: str) -> None:
    """Delete the history of leads, and keep their rows."""
    with engine.execution_options(writes=True).begin() as connection:
        for table in (DecisionTable, AssignmentHistoryTable):
            connection.execute(delete(table).where(table.lead_id.in_(leads)))


def end_lock(engine: Engine, lead: str) -> None:
    """Set the end of a lock to a minute ago, as if its timer were late."""
    with engine.execution_options(writes=True).begin() as connection:
        ended = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(update(LeadTable).where(LeadTable.lead_id == lead).values(locked_until=ended))
