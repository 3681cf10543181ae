"""The comparison of a CRM's consumer with the CRM database names every difference. `test_chaos` runs the examples."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest

from assurance.chaos.crm_consumers import MAX_CONSUMERS, CrmConsumer, CrmConsumers
from models.errors import ConfigError
from streams.settings import Settings
from tests.fixtures.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

ROWS: dict[str, frozenset[tuple[object, ...]]] = {
    "assignment": frozenset({("lead-1", "ann", "claim", "queue/aged")}),
    "lead_exception": frozenset(),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_construct(state_dir=tmp_path, kafka_bootstrap_servers="127.0.0.1:9092")


def consumer(settings: Settings, rows: list[tuple[object, ...]]) -> CrmConsumer:
    crm_consumer = CrmConsumer("true {bootstrap} {database}", 1, settings)
    with sqlite3.connect(crm_consumer.database) as database:
        database.execute("CREATE TABLE assignment (lead_id, rep_id, how, via, version)")
        database.execute("CREATE TABLE lead_exception (lead_id, status, reason, version)")
        database.executemany("INSERT INTO assignment VALUES (?, ?, ?, ?, ?)", rows)
    return crm_consumer


def test_equal_rows_are_no_finding(settings: Settings) -> None:
    assert consumer(settings, [("lead-1", "ann", "claim", "queue/aged", 3)]).differences(ROWS) == []


def test_a_former_owner_is_missing_and_not_expected(settings: Settings) -> None:
    assert consumer(settings, [("lead-1", "bob", "claim", "queue/aged", 2)]).differences(ROWS) == [
        "assignment: 1 rows are missing: ('lead-1', 'ann', 'claim', 'queue/aged')",
        "assignment: 1 rows are not expected: ('lead-1', 'bob', 'claim', 'queue/aged')",
    ]


def test_a_consumer_that_never_wrote_is_named(settings: Settings) -> None:
    differences = CrmConsumer("true {bootstrap} {database}", 1, settings).differences(ROWS)
    assert differences == [
        "assignment: unable to open database file",
        "lead_exception: unable to open database file",
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true {database}", r"the command has no \{bootstrap\}: true \{database\}"),
        ("true {bootstrap}", r"the command has no \{database\}"),
        ("no-such-program {bootstrap} {database}", "there is no program no-such-program"),
    ],
)
def test_a_command_that_cannot_be_a_consumer_is_refused(
    settings: Settings, command: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        CrmConsumer(command, 1, settings)


def test_more_consumers_than_the_bound_are_refused(settings: Settings, tmp_path: Path) -> None:
    commands = ["true {bootstrap} {database}"] * (MAX_CONSUMERS + 1)
    with pytest.raises(ConfigError, match="9 are given, at most 8 can run"):
        CrmConsumers(commands, settings, tmp_path / "crm.sqlite", 10, print)


async def test_a_consumer_that_cannot_work_is_named_at_its_first_end(
    settings: Settings, tmp_path: Path
) -> None:
    """Before, a missing module of an example showed only as three hundred starts, after the whole run."""
    said: list[str] = []
    command = f"{sys.executable} -m no_such_module {{bootstrap}} {{database}}"
    async with CrmConsumers([command], settings, tmp_path / "crm.sqlite", 60, said.append) as consumers:
        await eventually(lambda: consumers.all[0].starts > 2, "the consumer is started again")
    assert len(said) == 1
    assert said[0].startswith("a CRM's consumer ended with status 1: ")
    assert "No module named no_such_module" in said[0]
    assert said[0].endswith(f"({command})")
