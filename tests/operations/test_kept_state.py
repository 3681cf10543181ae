"""The state of release 0.1 starts with this code, is used, backed up, lost and restored.

Every command is one that docs/operations and docs/guides show. The order of the tests is the order of the scenario.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from application.journal_snapshot import journal_now
from assurance.load.client import LoadClient
from models.ids import lead_id
from models.lead import Phase
from runtime import LocalStack, postgres
from streams import clients
from streams.topics import LEAD_ARRIVALS, WORKER_GROUP
from tests.docs.shown_commands import commands_of_block, run
from tests.fixtures.waiting import PATIENCE_SECONDS, until
from tests.operations.other_machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.up import RunningStack
    from streams.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KEPT_STATE: Final = Path(__file__).parents[1] / "data" / "state-0.1.tar.xz"
ORG: Final = "default"
LATER: Final = lead_id(ORG, "acme", "later", {})


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Yield a machine that runs on the kept state."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    with tarfile.open(KEPT_STATE) as archive:
        archive.extractall(machine.state, filter="data")
    yield machine
    machine.stop()


def test_the_kept_state_is_upgraded_with_leads_in_every_phase(machine: Machine) -> None:
    kept_leads = machine.rows("SELECT lead_id, phase, owner FROM lead")
    assert {phase for _, phase, _ in kept_leads} == {str(phase) for phase in Phase}
    owners = {lead: owner for lead, _, owner in kept_leads if owner}
    machine.start()
    machine.run_operations("upgrade", "doctor")
    machine.run_operations("upgrade", "verify")
    assert owners.items() <= dict(machine.rows("SELECT lead_id, owner FROM lead")).items()


def test_the_guides_commands_work_on_it(machine: Machine) -> None:
    machine.run_guides("vendor", "try")
    assert "Accepted: 2. Refused: 0." in machine.run_guides("vendor", "send")
    machine.run_guides("vendor", "message")
    machine.run_guides("admin", "account")
    machine.run_guides("admin", "directory")
    assert "leads match" in machine.run_guides("admin", "rules")
    machine.run_guides("admin", "route")
    machine.run_guides("admin", "vendor-key")
    key = run(
        "firstclaim vendor key issue acme --name test --json", machine.folder, machine.environment
    ).stdout
    secret = json.loads(key.splitlines()[-1])["secret"]
    assert json.loads(machine.run_guides("vendor", "post", KEY=secret))["accepted"] == 1
    assert "asked us by mail" in machine.run_guides("admin", "do-not-contact")
    assert "firstclaim-worker" in machine.run_guides("admin", "acls")
    assert machine.lead("phase = 'exception'") in machine.run_guides("manager", "exceptions")
    exception = machine.lead("phase = 'exception'")
    machine.run_guides("manager", "assign", LEAD=exception)
    machine.run_guides("manager", "reassign", LEAD=exception)
    assert "Alex is on leave" in machine.run_guides("manager", "why", LEAD=exception)
    machine.run_guides("manager", "locks")
    queued = machine.lead("vendor = 'pool' AND phase = 'queued'")
    machine.run_guides("crm", "act", LEAD=queued)
    assert until(lambda: "|rep-2" in _owner(machine, queued), PATIENCE_SECONDS)
    assert queued in machine.run_guides("crm", "read")
    assert "rep_id" in machine.run_guides("crm", "tables")
    machine.run_guides("on-call", "status")
    machine.run_guides("on-call", "doctor")
    assert "rep-2 asked: claim" in machine.run_guides("on-call", "why", LEAD=queued)
    machine.run_guides("on-call", "dead-letters")
    machine.run_guides("on-call", "verify")


def _owner(machine: Machine, lead: str) -> str:
    return "".join(
        f"|{owner}" for lead_id, owner in machine.rows("SELECT lead_id, owner FROM lead") if lead_id == lead
    )


def test_what_is_derived_is_built_again_while_all_runs(machine: Machine) -> None:
    before = machine.rows("SELECT lead_id, phase, owner, version FROM lead ORDER BY lead_id")
    machine.run_operations("rebuilding", "crm-dry-run")
    machine.run_operations("rebuilding", "crm")
    machine.run_operations("rebuilding", "board")
    machine.run_operations("rebuilding", "verify")
    assert machine.rows("SELECT lead_id, phase, owner, version FROM lead ORDER BY lead_id") == before


def test_dead_letters_are_replayed_and_skipped_and_a_directory_is_put_back(machine: Machine) -> None:
    assert "lead-arrivals" in machine.run_operations("poison", "list")
    letter = machine.letters()[0]
    assert letter in machine.run_operations("poison", "show", LETTER=letter)
    machine.run_operations("poison", "replay", LETTER=letter)
    assert until(lambda: machine.letters() not in ([], [letter]), PATIENCE_SECONDS)
    machine.run_operations("poison", "skip", LETTER=machine.letters()[0])
    assert machine.letters() == []
    machine.run_operations("disasters", "export")
    machine.run_operations("disasters", "difference")
    machine.run_operations("disasters", "apply")


def test_a_backup_brings_back_everything_up_to_the_copy_of_kafka(machine: Machine) -> None:
    machine.run_operations("backup", "databases")
    asyncio.run(send_lead(machine.stack, "later"))
    machine.stop()
    machine.run_operations("backup", "kafka")
    shutil.rmtree(machine.state)
    machine.run_operations("backup", "restore-kafka")
    machine.run_operations("backup", "restore-databases")
    assert LATER not in dict(
        machine.rows("SELECT lead_id, phase FROM lead")
    )  # the databases are the older copy
    pass_over_a_message(machine)
    machine.start()
    machine.run_operations("backup", "verify")
    assert LATER in dict(machine.rows("SELECT lead_id, phase FROM lead"))
    assert "passed over: crashes the interpreter" in machine.run_operations("poison", "list")
    partition, offset = asyncio.run(send_poison(machine.stack.settings))
    variables: dict[str, object] = {**machine.environment, "PARTITION": partition, "OFFSET": offset}
    refused = run(commands_of_block("operations/poison", "pass-over"), machine.folder, variables, expected=70)
    assert "the workers have read" in refused.stderr or "all workers stopped" in refused.stderr


def pass_over_a_message(machine: Machine) -> None:
    """Pass over a message, while Kafka runs and no worker does."""
    local = LocalStack(machine.state)
    settings = local.start()
    try:
        # A static member keeps its place in the group for the seconds of its session.
        assert until(lambda: asyncio.run(is_empty(settings)), PATIENCE_SECONDS)
        partition, offset = asyncio.run(send_poison(settings))
        machine.run_operations("poison", "pass-over", PARTITION=partition, OFFSET=offset)
    finally:
        local.stop()


def test_a_dump_of_postgres_is_restored_as_the_page_says(postgres_url: str, tmp_path: Path) -> None:
    from sqlalchemy import create_engine, make_url, text  # noqa: PLC0415  # only here

    from sink.migrate import upgrade  # noqa: PLC0415  # likewise

    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    addresses = {}
    for name in ("backup_before", "backup_after"):
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        addresses[name] = make_url(postgres_url).set(database=name)
    before, after = addresses.values()
    upgrade(before.render_as_string(hide_password=False))
    engines = [create_engine(address) for address in (before, after)]
    with engines[0].begin() as connection:
        connection.execute(text("INSERT INTO sink_offset VALUES ('lead-journal', 0, 42, 7)"))

    programs = postgres._programs() / "bin"

    def restored(block: str, address: Any) -> None:
        plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
        variables = {"BACKUP": tmp_path, "CRM": plain}
        run(
            f'export PATH="{programs}:$PATH"\n{commands_of_block("operations/backup", block)}',
            tmp_path,
            variables,
        )

    restored("postgres", before)
    restored("restore-postgres", after)
    with engines[1].connect() as connection:
        assert connection.execute(text("SELECT * FROM sink_offset")).fetchall() == [
            ("lead-journal", 0, 42, 7)
        ]
    for engine in engines:
        engine.dispose()
    with admin.connect() as connection:
        for name in addresses:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


async def send_lead(stack: RunningStack, external_id: str) -> None:
    """Send a lead, and wait until it is decided."""
    lead = lead_id(ORG, "acme", external_id, {})
    async with LoadClient(stack.settings, org=ORG) as client:
        await client.arrive({"vendor": "acme", "external_id": external_id, "last_name": "Late"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while lead not in (await journal_now(stack.settings)).leads:
            await asyncio.sleep(0.1)


async def send_poison(settings: Settings) -> tuple[int, int]:
    """Send a message to partition 0; return its partition and offset."""
    async with clients.started_client(clients.producer(settings)) as producer:
        sent = await producer.send_and_wait(LEAD_ARRIVALS, b"{}", partition=0)
    return sent.partition, sent.offset


async def is_empty(settings: Settings) -> bool:
    """Say whether the workers' group has no member."""
    async with clients.started_client(clients.admin(settings)) as admin:
        (described,) = await admin.describe_consumer_groups([WORKER_GROUP])
    return not described.groups[0][5]
