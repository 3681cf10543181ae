"""A CRM database or a board that differs from the journal is detected, row by row."""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import text

from assurance.verify.board import check_board
from assurance.verify.database import check_database
from assurance.verify.records import COMPACTABLE
from board import keys
from board.connection import connect as connect_valkey
from models.lead import LeadRow
from models.public import LEAD_EXCEPTIONS
from rules.outbound.public_messages import public_messages
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.writer import CrmWriter, JournalRecord
from streams.settings import Settings
from tests.assurance.verify.checking import Checked, check
from tests.assurance.verify.partition import WORK, Partition
from tests.assurance.verify.working import partition_with_offer, worked_partition
from tests.fixtures.servers import copied_database, empty_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

DATABASE = 12


@pytest.fixture(scope="module")
def partition() -> Partition:
    """Return a partition with leads of every phase."""
    partition = worked_partition(60, seed=3)
    lead_id = partition.arrive("called")
    partition.ask("note", lead_id, "rep-1", note="asks for the evening")
    partition.ask("activity", lead_id, "rep-1", kind="call", note="left a message")
    partition.arrive("known-1", phone="+14014194299", last_name="Doe")
    partition.arrive("known-2", phone="+14014194299", last_name="Doe", campaign="refinance")
    return partition


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def original(
    request: pytest.FixtureRequest, partition: Partition, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Yield a CRM database that has the partition's journal, to copy."""
    with empty_database(request, tmp_path_factory.mktemp("verify"), "verify") as empty:
        yield fill_database(empty, partition)


@pytest.fixture
def url(original: str, tmp_path: Path) -> Iterator[str]:
    """Yield a copy that the test may change."""
    with copied_database(original, tmp_path) as copy:
        yield copy


def fill_database(url: str, partition: Partition) -> str:
    """Let a sink fill a database with the partition's journal."""
    upgrade(url)
    engine = connect(url)

    def refuse(record: JournalRecord, error: object) -> None:
        raise AssertionError(f"{record} was buried: {error}")

    batch = [JournalRecord(0, r.offset, r.key, r.value, r.headers) for r in partition.journal]
    CrmWriter(engine, refuse).apply(batch)
    engine.dispose()
    return url


def with_conditions(statement: str) -> str:
    """Return a statement in which `{first TABLE}` is replaced by the condition of a table's first lead."""
    return re.sub(r"\{first (\w+)\}", r"lead_id = (SELECT min(lead_id) FROM \1)", statement)


def change_database(url: str, *statements: str) -> None:
    """Change the database directly."""
    engine = connect(url)
    with engine.execution_options(writes=True).begin() as connection:
        for statement in statements:
            assert connection.execute(text(with_conditions(statement))).rowcount == 1, statement
    engine.dispose()


def database_findings(partition: Partition, url: str, *, moving: set[str] | None = None) -> dict[str, int]:
    """Return the findings of a comparison."""
    checked = check(partition)
    checked.journal_facts.moving |= moving or set()
    check_database(url, checked.journal_facts, checked.findings, cut=partition.now - COMPACTABLE)
    return checked.codes


def test_a_database_the_sink_has_filled_agrees(partition: Partition, url: str) -> None:
    assert database_findings(partition, url) == {}
    checked = check(partition)
    counted = check_database(url, checked.journal_facts, checked.findings, cut=partition.now - COMPACTABLE)
    assert counted["lead"] == 62
    assert all(counted.values())
    phases = set(checked.journal_facts.phases())
    assert phases == {"queued", "owned", "exception", "ignored", "closed"} - ({"closed"} - phases)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM lead WHERE {first lead}", "crm_missing"),
        ("UPDATE lead SET owner = 'rep-9' WHERE {first lead}", "crm_differs"),
        ("UPDATE lead SET phase = 'locked' WHERE {first lead}", "crm_differs"),
        ("UPDATE lead SET version = version - 1 WHERE {first lead}", "crm_differs"),
        ("UPDATE lead SET locked_by = 'rep-9' WHERE {first lead}", "crm_differs"),
        ("UPDATE lead SET offer_epoch = 7 WHERE {first lead}", "crm_differs"),
        ("UPDATE lead SET lead_id = 'stranger' WHERE {first lead}", "crm_unasked"),
        ("DELETE FROM assignment WHERE {first assignment}", "crm_missing"),
        ("UPDATE assignment SET rep_id = NULL WHERE {first assignment}", "crm_differs"),
        ("DELETE FROM assignment_history WHERE {first assignment_history}", "crm_missing"),
        ("UPDATE assignment_history SET version = 99 WHERE {first assignment_history}", "crm_differs"),
        ("DELETE FROM lead_exception WHERE {first lead_exception}", "crm_missing"),
        ("UPDATE lead_exception SET status = upper(status) WHERE {first lead_exception}", "crm_differs"),
        ("UPDATE lead_exception SET version = version + 1 WHERE {first lead_exception}", "crm_differs"),
        ("DELETE FROM decision WHERE source_offset = 2 AND n = 0", "crm_differs"),
        ("UPDATE decision SET result = 'won' WHERE source_offset = 2 AND n = 0", "crm_differs"),
        ("UPDATE decision SET source_offset = 99999 WHERE source_offset = 2 AND n = 0", "crm_unasked"),
        ("DELETE FROM activity WHERE kind = 'note'", "crm_missing"),
        ("UPDATE activity SET note = 'called' WHERE kind = 'call'", "crm_differs"),
        ("UPDATE activity SET contact = false WHERE kind = 'call'", "crm_differs"),
        ("UPDATE activity SET rep_id = 'rep-2' WHERE kind = 'note'", "crm_differs"),
        ("UPDATE activity SET source_offset = 99999 WHERE kind = 'call'", "crm_unasked"),
        ("DELETE FROM inquiry WHERE campaign = 'refinance'", "crm_missing"),
        ("UPDATE inquiry SET vendor = 'other' WHERE campaign = 'refinance'", "crm_differs"),
        ("UPDATE inquiry SET facts = '{}' WHERE campaign = 'refinance'", "crm_differs"),
        ("UPDATE inquiry SET inquiry_id = 'stranger' WHERE campaign = 'refinance'", "crm_unasked"),
        ("DELETE FROM lead_alias WHERE {first lead_alias}", "crm_missing"),
        ("UPDATE lead_alias SET lead_id = 'stranger' WHERE {first lead_alias}", "crm_differs"),
        ("UPDATE lead_alias SET alias_id = 'stranger' WHERE {first lead_alias}", "crm_unasked"),
    ],
)
def test_a_row_that_says_something_else_is_found(
    partition: Partition, url: str, statement: str, code: str
) -> None:
    change_database(url, statement)
    assert database_findings(partition, url)[code] >= 1


def test_d1_r3_locks_and_offers_are_compared_too(tmp_path: Path) -> None:
    """The sink's rows of an open lock and an open offer agree. Each changed column is found."""
    partition, lead_id = partition_with_offer()
    free = partition.arrive("A-2", loan_purpose="refinance", phone="+14014194248")
    partition.publish("queue", "work", WORK)
    partition.ask("view", free, "boss")
    file = tmp_path / "crm.sqlite"
    url = fill_database(f"sqlite:///{file}", partition)
    assert check(partition).journal_facts.phases().keys() >= {"offered", "locked"}
    assert database_findings(partition, url) == {}
    for column, wrong, changed_lead in (
        ("locked_by", "NULL", free),
        ("locked_until", "'2026-11-20T00:00:00.000000+00:00'", free),
        ("offer_rep_ids", "'[]'", lead_id),
        ("offer_epoch", "offer_epoch + 1", lead_id),
        ("offer_until", "NULL", lead_id),
        ("offer_method", "'ring_all'", lead_id),
    ):
        copy = f"sqlite:///{shutil.copy(file, tmp_path / column)}"
        change_database(copy, f"UPDATE lead SET {column} = {wrong} WHERE lead_id = '{changed_lead}'")  # noqa: S608  # our own
        assert database_findings(partition, copy) == {"crm_differs": 1}, column


def test_e2_r6_an_open_exception_has_one_version_in_topic_and_database(tmp_path: Path) -> None:
    """Another inquiry changes the desk's row. Topic and database both have it, with the lead's new version."""
    partition = Partition()
    lead_id = partition.arrive("A-1", phone="+14014194247")
    partition.arrive("A-2", phone="+14014194247", last_name="Jones")
    partition.ask("claim", lead_id, "rep-1", queue_id="none")  # refused, so the lead does not change
    partition.ask("note", lead_id, "rep-1", note="calls back on Monday")
    url = fill_database(f"sqlite:///{tmp_path / 'crm.sqlite'}", partition)
    engine = connect(url)
    with engine.connect() as connection:
        query = text("SELECT version, status, prospect_name FROM lead_exception")
        ((version, status, prospect_name),) = connection.execute(query).all()
    engine.dispose()
    known_answers = [msgspec.json.decode(record.value or b"") for record in partition.public[LEAD_EXCEPTIONS]]
    versions = [published["version"] for published in known_answers]
    assert versions == sorted(set(versions))
    assert len(versions) == 2 + (partition.row(lead_id).seq > versions[1])
    assert (version, status, prospect_name) == (versions[-1], "open", "Jones")
    assert known_answers[-1]["prospect_name"] == "Jones"
    assert database_findings(partition, url) == {}


def test_a_lead_that_has_moved_since_is_not_compared(partition: Partition, url: str) -> None:
    change_database(url, "UPDATE lead SET version = version - 1 WHERE {first lead}")
    moved_id = min(check(partition).journal_facts.leads)
    assert database_findings(partition, url, moving={moved_id}) == {}


def test_a_database_that_is_not_there_is_found(partition: Partition, tmp_path: Path) -> None:
    assert database_findings(partition, f"sqlite:///{tmp_path / 'none.sqlite'}") == {"unreachable": 1}


# -- the board ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[Any]:
    """Yield a client of a Valkey database of our own, empty before and after."""
    valkey = connect_valkey(f"{valkey_url.rsplit('/', 1)[0]}/{DATABASE}")
    await valkey.flushdb()
    yield valkey
    await valkey.flushdb()
    await valkey.aclose()


@pytest.fixture
async def settings_of(partition: Partition, client: Any, valkey_url: str) -> Settings:
    """Return settings for a board that shows the partition."""
    return await fill_board(partition, client, valkey_url)


async def fill_board(partition: Partition, client: Any, valkey_url: str) -> Settings:
    """Fill a board with the partition's lists; return its settings."""
    pipe = client.pipeline(transaction=False)
    pipe.set(keys.CURRENT, "test")
    for key, row in partition.rows.items():
        if isinstance(row, LeadRow):
            continue
        for message in public_messages(row, key, 0):
            pipe.hset(keys.queues("test", row.org), row.object_id, b"%d %b" % (row.version, message.value))
    checked = await asyncio.to_thread(check, partition)
    for lead_id, facts in checked.journal_facts.leads.items():
        for queue_id, sort_key in facts.sort_keys().items():
            member = keys.member(sort_key, lead_id)
            pipe.zadd(keys.order("test", "default", queue_id), {member: 0})
            pipe.hset(
                keys.names("test", "default", queue_id), keys.name_field(b'{"name":"x"}', lead_id), sort_key
            )
            pipe.hset(
                keys.rows("test", "default", queue_id),
                lead_id,
                keys.row(facts.seq, sort_key, b'{"name":"x"}'),
            )
    await pipe.execute()
    return Settings.read(redis_url=f"{valkey_url.rsplit('/', 1)[0]}/{DATABASE}")


async def board_findings(partition: Partition, settings: Settings) -> dict[str, int]:
    """Return the findings of a comparison with the board."""
    checked: Checked = await asyncio.to_thread(check, partition)
    positions = await check_board(settings, checked.journal_facts, checked.findings)
    assert positions > 0
    return checked.codes


async def test_q7_a_board_that_shows_the_rows_agrees(partition: Partition, settings_of: Settings) -> None:
    assert await board_findings(partition, settings_of) == {}


async def test_q9_a_lead_that_is_still_listed_is_found(
    partition: Partition, settings_of: Settings, client: Any
) -> None:
    await client.zadd(keys.order("test", "default", "fresh"), {keys.member("1", "stranger"): 0})
    assert await board_findings(partition, settings_of) == {"board_unasked": 1}


async def test_q9_a_lead_that_is_not_listed_is_found(
    partition: Partition, settings_of: Settings, client: Any
) -> None:
    key = keys.order("test", "default", "fresh")
    (member,) = await client.zrange(key, 0, 0)
    lead_id = member.rpartition(b"\0")[2]
    await client.zrem(key, member)
    await client.hdel(keys.rows("test", "default", "fresh"), lead_id.decode())
    await client.hdel(
        keys.names("test", "default", "fresh"), keys.name_field(b'{"name":"x"}', lead_id.decode())
    )
    assert await board_findings(partition, settings_of) == {"board_missing": 1}


async def test_q7_a_lead_in_another_place_is_found(
    partition: Partition, settings_of: Settings, client: Any
) -> None:
    key = keys.order("test", "default", "fresh")
    (member,) = await client.zrange(key, 0, 0)
    lead_id = member.rpartition(b"\0")[2].decode()
    await client.zrem(key, member)
    await client.zadd(key, {keys.member("9", lead_id): 0})
    assert await board_findings(partition, settings_of) == {"board_differs": 1}


async def test_q12_a_lead_a_search_would_not_find_is_found(
    partition: Partition, settings_of: Settings, client: Any
) -> None:
    key = keys.names("test", "default", "fresh")
    (indexed_name, *_) = await client.hkeys(key)
    await client.hdel(key, indexed_name)
    assert await board_findings(partition, settings_of) == {"board_differs": 1}


async def test_q6_an_older_definition_is_found(
    partition: Partition, settings_of: Settings, client: Any
) -> None:
    key = keys.queues("test", "default")
    value: Any = await client.hget(key, "fresh")
    version, _, definition = value.partition(b" ")
    older = msgspec.json.encode({**msgspec.json.decode(definition), "version": int(version) - 1})
    await client.hset(key, "fresh", b"%d %b" % (int(version) - 1, older))
    assert await board_findings(partition, settings_of) == {"board_differs": 1}


async def test_r3_s5_an_offer_that_is_over_and_still_listed_is_found(client: Any, valkey_url: str) -> None:
    partition, lead_id = partition_with_offer()
    settings = await fill_board(partition, client, valkey_url)
    assert await board_findings(partition, settings) == {}
    partition.pass_deadline(lead_id)
    assert await board_findings(partition, settings) == {"board_unasked": 1, "board_missing": 1}


async def test_a_board_that_is_not_there_is_found(partition: Partition, client: Any) -> None:
    url = str(client.connection_pool.connection_kwargs["port"])
    checked = await asyncio.to_thread(check, partition)
    settings = Settings.read(redis_url=f"redis://127.0.0.1:{url}/{DATABASE}")
    assert await check_board(settings, checked.journal_facts, checked.findings) == 0
    assert checked.codes == {"unreachable": 1}
