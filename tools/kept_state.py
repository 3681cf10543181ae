"""Makes the kept state of a release: a small state folder with leads in every phase, which every build upgrades.

    python -m tools.kept_state tests/data/state-0.1.tar.xz

Run it with the code of the release, once, when the release is made. It starts Kafka, Valkey and all processes in an
empty folder, sends leads and actions as a vendor and reps do, stops everything, and packs Kafka's data, the two
databases and the keys. Valkey's data is left out, because the board is built from the journal. The topics of the kept
state keep their records for ever, so that the state is the same in every later year.
"""

import asyncio
import os
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from assurance.load.client import LoadClient
from assurance.verify import verify
from models.ids import lead_id
from models.lead import Phase
from runtime.up import everything
from streams import clients
from streams.settings import Settings
from streams.topics import TOPICS

ORG: Final = "default"
PARTITIONS: Final = 2
LEADS_OF_EACH: Final = 2
WAIT_SECONDS: Final = 120.0
KEPT_FILES: Final = ("kafka/data", "crm.sqlite", "console.sqlite", "erasure.key", "console.key")
"""The files and folders of the state folder that are packed, as far as they exist."""
NOT_KEPT: Final = frozenset({".lock"})

DIRECTORY: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    ("settings", "settings", {"lock_minutes": 1440, "max_locks": 8}),
    ("rep", "rep-1", {"name": "Alex Thompson", "role": "rep", "email": "alex@lender.example"}),
    ("rep", "rep-2", {"name": "Maria Silva", "role": "rep", "email": "maria@lender.example"}),
    ("rep", "mia", {"name": "Mia Brandt", "role": "manager", "email": "mia@lender.example"}),
    (
        "group",
        "west",
        {"method": "round_robin", "members": [{"rep_id": "rep-2"}], "claim_window_seconds": 604_800},
    ),
    ("campaign", "purchase-west", {"name": "Purchase west", "group_id": "west"}),
    (
        "queue",
        "new",
        {
            "name": "New leads",
            "claimable": True,
            "columns": ["state", "loan_amount"],
            "inclusion": {"rules": [{"field": "vendor", "operator": "=", "value": "pool"}]},
        },
    ),
    (
        "queue",
        "work",
        {"name": "To call", "inclusion": {"rules": [{"field": "vendor", "operator": "=", "value": "work"}]}},
    ),
)


def lead(vendor: str, number: int) -> str:
    """Return the id of one of the leads."""
    return lead_id(ORG, vendor, f"{vendor}-{number}", {})


def arrival(vendor: str, number: int, **more: Any) -> dict[str, Any]:
    """Return a vendor's message."""
    return {
        "vendor": vendor,
        "external_id": f"{vendor}-{number}",
        "first_name": "Pat",
        "last_name": f"Keeper{vendor.title()}{number}",
        "phone": f"401419{sum(vendor.encode()) % 90 + 10}{number:02d}",
        "state": "RI",
        "loan_amount": 200_000 + 1_000 * number,
        **more,
    }


async def feed(settings: Settings) -> None:
    """Bring leads into every phase. Raises RuntimeError for an action that was not done."""
    async with LoadClient(settings, org=ORG, follow_queues=True) as client:
        for kind, object_id, value in DIRECTORY:
            await client.publish(kind, object_id, value)
        pool = range(5 * LEADS_OF_EACH)
        for number in pool:
            await client.arrive(arrival("pool", number))
        for number in range(2 * LEADS_OF_EACH):
            await client.arrive(arrival("work", number))
            await client.arrive(arrival("desk", number))
        for number in range(LEADS_OF_EACH):
            await client.arrive(arrival("offer", number, campaign="purchase-west"))
        await client.until_in("work", {lead("work", n) for n in range(2 * LEADS_OF_EACH)}, WAIT_SECONDS)
        await client.until_in("new", {lead("pool", number) for number in pool}, WAIT_SECONDS)
        for number in range(LEADS_OF_EACH):
            await client.until_offered(lead("offer", number), {"rep-2"}, WAIT_SECONDS)
            await do_action(client, "view", lead("work", number), "rep-1")
            for base in (1, 2, 3):
                await do_action(
                    client, "claim", lead("pool", base * LEADS_OF_EACH + number), "rep-1", queue_id="new"
                )
            await do_action(client, "view", lead("pool", 2 * LEADS_OF_EACH + number), "rep-1")
            closed = lead("pool", 3 * LEADS_OF_EACH + number)
            await do_action(client, "outcome", closed, "rep-1", outcome="closed_won", note="Signed")
            await do_action(client, "ignore", lead("desk", number), "mia")
        await client.arrive(arrival("pool", 1))  # a resend
        await client.arrive({"vendor": "pool", "external_id": "second", "phone": arrival("pool", 4)["phone"]})
        await client.arrive({"vendor": "pool"})  # a dead letter: nothing tells who it is


async def do_action(client: LoadClient, action: str, lead_id: str, rep_id: str, **more: Any) -> None:
    """Ask for an action, and check that it was done."""
    request = await client.ask(action, lead_id, rep_id, **more)
    if request.result not in {"won", "done"}:
        raise RuntimeError(f"{action} of {lead_id} by {rep_id}: {request.answer}")


async def keep_for_ever(settings: Settings) -> None:
    """Let no topic lose a record by its age."""
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic.name, configs={**topic.config, "retention.ms": "-1"})
        for topic in TOPICS
        if "delete" in topic.config.get("cleanup.policy", "")
    ]
    async with clients.started_client(clients.admin(settings)) as admin:
        await admin.alter_configs(resources)


def pack(state_dir: Path, archive: Path) -> None:
    """Pack the state folder, in an order and with times that do not depend on the machine."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if Path(info.name).name in NOT_KEPT:
            return None
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for name in KEPT_FILES:
            if (state_dir / name).exists():
                packed.add(state_dir / name, name, filter=plain)


def main(archive: Path) -> None:
    """Make the archive. Raises RuntimeError unless every phase has a lead and `verify` finds nothing."""
    os.environ["FIRSTCLAIM_PARTITIONS"] = str(PARTITIONS)
    with tempfile.TemporaryDirectory(prefix="firstclaim-kept-") as folder:
        state_dir = Path(folder)
        with everything(workers=1, state_dir=state_dir, say=print, console_port=0) as stack:
            asyncio.run(feed(stack.settings))
            report = asyncio.run(verify(stack.settings, say=print))
            missing = {str(phase) for phase in Phase} - report.phases.keys()
            if missing or not report.ok:
                raise RuntimeError(f"no lead is {missing or 'wrong'}; verify: {report}")
            asyncio.run(keep_for_ever(stack.settings))
        pack(state_dir, archive)
    print(f"{archive}: {archive.stat().st_size:,} bytes, leads by phase: {report.phases}")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
