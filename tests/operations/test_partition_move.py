"""Everything moves from 4 to 8 partitions, and nothing is lost.

The commands are those of docs/operations/partitions.md.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import AsyncExitStack, aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from application.journal_snapshot import current_org_partition, journal_now
from application.lag import Lags
from application.partition_move import at_rest
from application.partition_move.export import export as write_file
from application.partition_move.load import load
from application.partition_move.move_file import FORMAT, FileHeader, new_move_file
from assurance.load.client import LoadClient
from couriers.channels import group_of
from couriers.request_reader import reader_consumer
from models.errors import RuntimeFailure
from models.lead import DeadlineKind, Lead, Phase
from runtime import LocalStack
from streams import clients
from streams.topic_reader import extent, read_topic
from streams.topics import (
    AUDIT,
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_JOURNAL,
    NOTIFICATIONS,
    PUSH_SUBSCRIPTIONS,
)
from tests.docs.shown_commands import run
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually, until
from tests.operations.other_machine import Machine
from tools.kept_state import ORG, arrival, do_action, feed, lead
from web.store.audit import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assurance.load.client import RequestedAction
    from rules.org.state import OrgState
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOTE: Final = "Call back after the appraisal"
LISTED: Final = "4014190001"
PROMISED: Final = lead("pool", 2)
"""Claimed by rep-1, who promised a call."""
LOCKED: Final = lead("work", 0)
"""Open by rep-1."""
OFFERED: Final = lead("offer", 0)
"""Offered to rep-2."""
FILE: Final = "state.jsonl.gz"
IDENTITY_FIELDS: Final = ("type", "lead_id", "rep_id", "org")
MOVED: Final = ("erasure.key", "console.key", "crm.sqlite", "console.sqlite")


def test_a_system_with_leads_in_every_phase_moves_to_more_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTCLAIM_PARTITIONS", "4")
    old = machine_in(tmp_path / "old")
    old.start()
    try:
        asyncio.run(feed(old.stack.settings))
        promised = asyncio.run(promise(old.stack.settings))
        old.run_operations("partitions", "verify")
        leads = asyncio.run(leads_of(old.stack.settings))
        org_partition = asyncio.run(org_state_of(old.stack.settings))
        with monkeypatch.context() as impatient:
            impatient.setattr(at_rest, "STOP_SECONDS", 0.0)
            asyncio.run(refuses_while_processes_run(old))
    finally:
        old.stop()
    assert {lead.phase for lead in leads.values()} == set(Phase)
    ends = export(old)

    monkeypatch.setenv("FIRSTCLAIM_PARTITIONS", "8")
    new = machine_in(tmp_path / "new")
    for name in MOVED:
        shutil.copy(old.state / name, new.state / name)
    shutil.copy(old.folder / FILE, new.folder)
    with kafka_of(new) as settings:
        new.run_operations("partitions", "import")
        assert len(asyncio.run(extent(settings, LEAD_JOURNAL))) == 8
        for topic, ended in ends.items():
            assert asyncio.run(extent(settings, topic)) == ended, topic
        repeated = run(f"firstclaim partitions import {FILE}", new.folder, new.environment, expected=70)
        assert "has records already" in repeated.stderr
        assert leads_as_data(asyncio.run(leads_of(settings))) == leads_as_data(leads)
        assert asyncio.run(acts_of(settings))[-2:] == ["state_exported", "state_imported"]
    assert new.rows("SELECT MAX(source_offset) FROM decision")[0][0] < 0
    new.start()
    try:
        assert new.stack.settings.partitions == 8
        new.run_operations("partitions", "verify")
        moved_leads = asyncio.run(leads_of(new.stack.settings))
        assert visible_state(moved_leads) == visible_state(leads)
        assert NOTE in str(new.rows("SELECT why FROM decision WHERE type = 'note_recorded'"))
        assert org_as_data(asyncio.run(org_state_of(new.stack.settings))) == org_as_data(org_partition)
        assert LISTED in run("firstclaim do-not-contact list --json", new.folder, new.environment).stdout
        asyncio.run(work_on(new.stack.settings, promised))
        offered = f"lead_id = '{OFFERED}' AND owner = 'rep-2'"
        assert until(lambda: new.count(offered) == 1, PATIENCE_SECONDS)
        new.run_operations("partitions", "verify")
        new.run_operations("rebuilding", "crm")
        new.run_operations("rebuilding", "verify")
    finally:
        new.stop()


def export(machine: Machine) -> dict[str, Any]:
    """Export the state; return where the topics end whose offsets are versions."""
    with kafka_of(machine) as settings:
        ends = {topic: asyncio.run(extent(settings, topic)) for topic in (DIRECTORY, DO_NOT_CONTACT)}
        command = f"firstclaim partitions export {FILE}"
        early = run(command, machine.folder, machine.environment, expected=70)
        letters = re.search(r"dead-letters: (\d+) of \1 are open", early.stderr)
        assert letters, early.stderr
        run("firstclaim dead-letters skip --all --why refused", machine.folder, machine.environment)
        asyncio.run(refuses_what_is_written_meanwhile(settings, machine.folder / FILE))
        output = machine.run_operations("partitions", "export")
        assert f"{letters[1]} dead letters stay on this Kafka, 0 of them open" in output
        again = run(f"firstclaim partitions export {FILE}", machine.folder, machine.environment, expected=78)
    assert "cannot be made" in again.stderr
    assert (machine.folder / FILE).stat().st_mode & 0o777 == 0o600
    return ends


async def refuses_while_processes_run(machine: Machine) -> None:
    """Check that both commands refuse, and name what runs, while processes are in their groups."""
    settings = machine.stack.settings
    file = machine.folder / FILE
    courier = reader_consumer(settings, group_of("mail"), None)
    courier.subscribe([NOTIFICATIONS])
    async with clients.started_client(courier), AsyncExitStack() as stack:
        lags = Lags(settings)
        stack.push_async_callback(lags.close)
        await lags.start()

        async def has_joined() -> bool:
            return "courier --channel mail" in await at_rest.running(lags)

        await eventually(has_joined, "the courier is in its group")
        names = "firstclaim worker, firstclaim relay, firstclaim sink, firstclaim courier --channel mail: still runs"
        with pytest.raises(RuntimeFailure, match=names):
            await write_file(settings, file, say=lambda _: None)
        assert not file.exists()
        with new_move_file(file) as writer:
            writer.head(FileHeader(format=FORMAT, at=datetime.now(UTC), partitions=4, ends={}))
            writer.end()
        with pytest.raises(RuntimeFailure, match=names):
            await load(settings, file, say=lambda _: None)
    file.unlink()


async def refuses_what_is_written_meanwhile(settings: Settings, file: Path) -> None:
    """Check that no file is left if a console that the groups do not show writes during the export."""

    def write(stage: str) -> None:
        if stage == "leads":
            worker = Thread(target=lambda: asyncio.run(forget_a_browser(settings)))
            worker.start()
            worker.join()

    with pytest.raises(RuntimeFailure, match=f"{PUSH_SUBSCRIPTIONS}: got records"):
        await write_file(settings, file, say=write)
    assert not file.exists()


async def forget_a_browser(settings: Settings) -> None:
    """Write what a console writes for a browser that wants no more push messages."""
    async with clients.started_client(clients.producer(settings)) as producer:
        await producer.send_and_wait(PUSH_SUBSCRIPTIONS, None, b"no browser")


async def acts_of(settings: Settings) -> list[str]:
    """Return the acts of the audit, in the topic's order."""
    async with aclosing(read_topic(settings, AUDIT)) as records:
        return [record_of(record.value).act async for record in records]


async def promise(settings: Settings) -> RequestedAction:
    """Promise a call, write a note, list a number, and publish; return the promise as it was asked and answered."""
    async with LoadClient(settings, org=ORG) as client:
        await do_action(client, "note", PROMISED, "rep-1", note=NOTE)
        due = datetime.now(UTC) + timedelta(days=3)
        request = await client.ask("callback", PROMISED, "rep-1", at=due.isoformat())
        await client.publish("campaign", "later", {"name": "Later"})
        await send_poison(
            client, DIRECTORY
        )  # what was refused does not move, so it leaves a gap between two versions
        await client.publish("campaign", "last", {"name": "Last"})
        await send_poison(client, DIRECTORY)
        key = f"{ORG}/phone/{LISTED}".encode()
        await (await client.put(DO_NOT_CONTACT, b'{"reason": "asked us"}', key=key))
        await send_poison(client, DO_NOT_CONTACT)
    assert request.answer is not None
    assert request.answer.result == "done"
    return request


async def send_poison(client: LoadClient, topic: str) -> None:
    """Send what no stage accepts."""
    await (await client.put(topic, b"{", key=b"no key of this topic"))


async def work_on(settings: Settings, promised: RequestedAction) -> None:
    """Check that locks, offers, claims, answers, persons and the do-not-contact list count as before."""
    async with LoadClient(settings, org=ORG) as client:
        action = {name: value for name, value in promised.action.items() if name not in IDENTITY_FIELDS}
        repeated = await client.ask("callback", PROMISED, "rep-1", **action)
        assert repeated.answer == promised.answer
        claimed = await client.ask("claim", PROMISED, "rep-2", queue_id="new")
        assert (claimed.answer.result, claimed.answer.owner) == ("lost", "rep-1")  # type: ignore[union-attr]
        locked = await client.ask("outcome", LOCKED, "rep-2", outcome="no_answer")
        assert locked.result == "refused"
        await do_action(client, "outcome", LOCKED, "rep-1", outcome="no_answer")
        before = await leads_of(settings)
        distribution = before[OFFERED].open_distribution
        assert distribution is not None
        await do_action(client, "accept", OFFERED, "rep-2", epoch=distribution.epoch)
        await client.arrive(arrival("pool", 0))  # a resend
        await client.arrive({"vendor": "pool", "external_id": "third", "phone": arrival("pool", 4)["phone"]})
        await client.arrive(arrival("pool", 99, phone=LISTED))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while lead("pool", 99) not in (after := await leads_of(settings)) or (
            after[lead("pool", 4)].inquiries == before[lead("pool", 4)].inquiries
        ):
            await asyncio.sleep(0.1)
    assert after.keys() - before.keys() == {lead("pool", 99)}
    assert after[lead("pool", 99)].suppressed == {f"phone/+1{LISTED}": "asked us"}


def machine_in(folder: Path) -> Machine:
    """Return a machine whose files are in a new folder."""
    folder.mkdir()
    return Machine(folder)


@contextmanager
def kafka_of(machine: Machine) -> Iterator[Settings]:
    """Run the servers of a machine without firstclaim's processes."""
    local = LocalStack(machine.state)
    settings = local.start()
    machine.environment["KAFKA_BOOTSTRAP_SERVERS"] = settings.kafka_bootstrap_servers
    try:
        yield settings
    finally:
        local.stop()


def visible_state(leads: dict[str, Lead]) -> dict[str, Any]:
    """Return of each lead what people see, and what has been promised."""
    return {
        lead_id: (
            stored_lead.phase,
            stored_lead.owner,
            stored_lead.lock,
            stored_lead.callback_at,
            stored_lead.claimed_through,
            stored_lead.notes,
            stored_lead.open_distribution,
            stored_lead.open_exception,
            set(stored_lead.placements),
            {deadline for deadline in stored_lead.deadlines if deadline.kind is not DeadlineKind.RULES},
        )
        for lead_id, stored_lead in leads.items()
    }


async def leads_of(settings: Settings) -> dict[str, Lead]:
    return (await journal_now(settings)).leads


async def org_state_of(settings: Settings) -> OrgState:
    return (await current_org_partition(settings, ORG)).state(ORG)


def org_as_data(state: OrgState) -> dict[str, Any]:
    """Return what an org knows, as plain data."""
    return {
        "reps": msgspec.to_builtins(state.reps),
        "groups": msgspec.to_builtins(state.groups),
        "leads": msgspec.to_builtins(state.leads),
        "arrivals": state.persons.arrivals(),
    }


def leads_as_data(leads: dict[str, Lead]) -> dict[str, Any]:
    """Return leads as plain data, without the offset of their org's last message."""
    return {
        lead_id: msgspec.to_builtins(msgspec.structs.replace(stored_lead, org_log_offset=-1))
        for lead_id, stored_lead in leads.items()
    }
