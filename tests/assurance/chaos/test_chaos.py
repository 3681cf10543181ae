"""Half a minute of chaos on a stack of its own; nothing is lost, nothing is left behind."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

from assurance.chaos import chaos
from assurance.chaos.conservation_probe import MOMENTS
from assurance.chaos.crm_consumers import KILLS
from assurance.chaos.fault_plan import STORE_ACTS
from cli.common import say
from tests.fixtures.servers import unique

CRM = Path(__file__).parents[3] / "docs" / "examples" / "crm"
JAVA = CRM / "java" / "target"
CONSUMERS = [
    f"{sys.executable} {CRM}/python/consumer.py {{bootstrap}} {{database}}",
    f"{Path(sys.executable).parent}/node {CRM}/javascript/consumer.mjs {{bootstrap}} {{database}}",
    f"java -cp {JAVA}/classes:{JAVA}/lib/* example.Consumer {{bootstrap}} {{database}} {CRM}/schema.sql",
    f"{CRM}/kcat/consumer.sh {{bootstrap}} {{database}}",
]
"""The commands of docs/crm.md; `make consumers` builds what they need."""

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_x7_nothing_is_lost_owned_twice_contradicted_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue: 0 lost, 0 with two owners, 0 answers the journal contradicts, 0 overdue, all poison buried, 20 moments.

    The four examples of CRM consumers read meanwhile, are killed, and end with the rows of the CRM database.
    """
    # In the common folder, another session's chaos could begin or end meanwhile.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = asyncio.run(chaos(seconds=35, workers=2, seed=4, say=say, consumers=CONSUMERS))
    assert result["ok"], result
    assert result["lost"] == result["double_owned"] == result["contradicted"] == result["overdue"] == 0
    assert result["dead_letters"] == result["poison_sent"] > 0
    assert result["conserved_at"] == MOMENTS
    # It was no idle run: the bounds are low, so that a slow or busy machine reaches them too. On one core, with 16
    # other processes ready to run, there were 1,442 leads, and at least one event for each.
    assert result["kills"] >= 2
    assert result["events"] > 1_000
    assert result["leads"] > 300
    assert result["deadlines"] > 10
    assert result["mails"] > 20
    assert result["mails_refused"] > 5
    assert {"kafka", "valkey", "worker-1", "worker-2", "sink"} <= result["resources"].keys()
    assert all(min(use["memory_mb"]) > 0 < min(use["files"]) for use in result["resources"].values())
    assert result["findings"] == {}
    assert result["crm_findings"] == 0
    assert [consumer["kills"] for consumer in result["crm_consumers"]] == [KILLS] * len(CONSUMERS)
    assert list(tmp_path.iterdir()) == []


def test_q9_x7_nothing_is_lost_when_valkey_and_postgres_fail_over(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is killed, paused or stopped, and promoted under load. A page that follows the feed ends with the board."""
    folder = server_folder / unique("chaos")  # Postgres drops root, and its user must reach its folder
    folder.mkdir(mode=0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    result = asyncio.run(chaos(seconds=35, workers=1, seed=6, say=say, failover=True))
    assert result["ok"], result
    assert result["lost"] == result["double_owned"] == result["contradicted"] == result["overdue"] == 0
    assert {name: result["blows"][name] for name in STORE_ACTS} == dict.fromkeys(STORE_ACTS, 1)
    assert result["feed_findings"] == 0
    assert result["feed_entries"] > 300
    assert {"valkey-1", "valkey-2", "postgres-1", "postgres-2"} <= result["resources"].keys()
    assert list(folder.iterdir()) == []
