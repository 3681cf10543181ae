"""P11: no publication overtakes another one unnoticed, whoever publishes, from any program, at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from application.directory import publish as publishing
from application.directory.apply import compare
from application.directory.directory_file import read_directory
from application.directory.publish import publish, read_published, until_readable
from models.errors import PublicationConflictError, RetryableError
from sink.database_engine import connect
from streams import clients
from streams.topics import DIRECTORY, provision
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually
from web.errors import HttpProblem
from web.services.directory_edits.editor import Editor
from web.services.directory_follower import DirectoryFollower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.settings import Settings

pytestmark = pytest.mark.kafka

REPO = Path(__file__).parents[3]
KEY = ("rep", "n4")
N4: dict[str, Any] = {"rep_id": "n4", "name": "Nora Four", "teams": ["west"], "licensed_states": ["RI"]}


@pytest.fixture
async def settings_with_topics(settings: Settings) -> Settings:
    """Return the settings, with topics."""
    return await provision(settings)


@pytest.fixture
def org() -> str:
    """Return an org of one test."""
    return unique("org")


def from_outside(settings: Settings, key: str, value: bytes | None) -> None:
    """Publish with a foreign client (librdkafka)."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    producer.produce(DIRECTORY, key=key.encode(), value=value)
    assert producer.flush(PATIENCE_SECONDS) == 0


async def published_rep(settings: Settings, org: str) -> Any:
    """Return the rep as published."""
    return (await read_published(settings, org)).present.get(KEY)


async def test_p11_a_publication_is_waited_for_until_it_can_be_read(
    settings_with_topics: Settings, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka confirms a commit before it has written it to the partition."""
    monkeypatch.setattr(publishing, "OTHERS_SECONDS", PATIENCE_SECONDS)
    producer = clients.producer(settings_with_topics, transactional_id=unique("open"))
    async with clients.started_client(producer):
        async with producer.transaction():
            sent = await producer.send_and_wait(DIRECTORY, json.dumps(N4).encode(), f"{org}/rep/n4".encode())
            waiting = asyncio.create_task(until_readable(settings_with_topics, org, sent.offset))
            assert await published_rep(settings_with_topics, org) is None
            assert not waiting.done()
        await waiting
    assert await published_rep(settings_with_topics, org) == N4


async def test_p11_what_was_published_after_one_looked_is_not_overtaken(
    settings_with_topics: Settings, org: str
) -> None:
    await publish(settings_with_topics, org, {KEY: N4})
    end = (await read_published(settings_with_topics, org)).end
    from_outside(settings_with_topics, f"{org}/rep/n4", json.dumps({**N4, "max_open": 7}).encode())
    with pytest.raises(PublicationConflictError) as error:
        await publish(settings_with_topics, org, {KEY: {**N4, "teams": ["east"]}}, seen=end)
    assert error.value.offset >= end
    assert await published_rep(settings_with_topics, org) == {**N4, "max_open": 7}
    end = (await read_published(settings_with_topics, org)).end
    (version,) = await publish(
        settings_with_topics, org, {KEY: {**N4, "max_open": 7, "teams": ["east"]}}, seen=end
    )
    directory = await read_published(settings_with_topics, org)
    assert directory.objects[KEY].version == version
    assert directory.present[KEY] == {**N4, "max_open": 7, "teams": ["east"]}


async def test_p11_another_orgs_publication_is_nobodys_business(
    settings_with_topics: Settings, org: str
) -> None:
    end = (await read_published(settings_with_topics, org)).end
    from_outside(settings_with_topics, f"{org}-other/rep/n4", json.dumps(N4).encode())
    assert len(await publish(settings_with_topics, org, {KEY: N4}, seen=end)) == 1


async def test_p11_of_many_who_saw_the_same_one_wins_and_the_others_know(
    settings_with_topics: Settings, org: str
) -> None:
    """They publish at the same instant. The topic's order decides, and no reader sees what lost."""
    await publish(settings_with_topics, org, {KEY: N4})
    end = (await read_published(settings_with_topics, org)).end
    admins = range(6)
    results = await asyncio.gather(
        *(publish(settings_with_topics, org, {KEY: {**N4, "max_open": n}}, seen=end) for n in admins),
        return_exceptions=True,
    )
    won = [n for n, result in zip(admins, results, strict=True) if isinstance(result, list)]
    lost = [result for result in results if isinstance(result, PublicationConflictError)]
    assert (len(won), len(lost)) == (1, 5), results
    directory = await read_published(settings_with_topics, org)
    assert directory.present[KEY] == {**N4, "max_open": won[0]}
    assert [directory.objects[KEY].version] == results[won[0]]


async def test_p11_an_earlier_publication_that_is_still_open_is_waited_for(
    settings_with_topics: Settings, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another producer's open transaction may still commit before our record.

    Wait until it ends, so that the check covers its record.
    """
    end = (await read_published(settings_with_topics, org)).end
    async with clients.producer(settings_with_topics, transactional_id=unique("other")) as other_producer:
        await other_producer.begin_transaction()
        await other_producer.send_and_wait(DIRECTORY, json.dumps(N4).encode(), f"{org}/rep/n4".encode())
        later = asyncio.create_task(
            publish(settings_with_topics, org, {KEY: {**N4, "max_open": 1}}, seen=end)
        )

        async def stands_behind() -> bool:
            async with clients.producer(settings_with_topics) as probe:
                return int((await probe.send_and_wait(DIRECTORY, None, b"-")).offset) > end + 2

        await eventually(stands_behind, "the later one is in the topic")
        assert not later.done()
        await other_producer.commit_transaction()
        with pytest.raises(PublicationConflictError):
            await later
    assert await published_rep(settings_with_topics, org) == N4
    monkeypatch.setattr(publishing, "OTHERS_SECONDS", 0.5)
    end = (await read_published(settings_with_topics, org)).end
    async with clients.producer(settings_with_topics, transactional_id=unique("other")) as other_producer:
        await other_producer.begin_transaction()
        await other_producer.send_and_wait(DIRECTORY, None, f"{org}-x/rep/n4".encode())
        with pytest.raises(RetryableError, match="publish again"):
            await publish(settings_with_topics, org, {KEY: {**N4, "max_open": 2}}, seen=end)
        await other_producer.abort_transaction()
    assert await published_rep(settings_with_topics, org) == N4


def at_a_terminal(settings: Settings, file: Path) -> tuple[subprocess.Popen[str], int]:
    """Start `directory apply` as a person does; return it and its keyboard."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "cli", "directory", "apply", str(file), "--json"],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "FIRSTCLAIM_STATE_DIR": str(settings.state_dir),
        },
        cwd=REPO,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(terminal)
    return process, keyboard


def read_until(process: subprocess.Popen[str], piece: str) -> str:
    """Return the output up to the given text, which does not end a line."""
    assert process.stdout is not None
    output = ""
    while piece not in output:
        character = process.stdout.read(1)
        assert character, output
        output += character
    return output


@pytest.mark.parametrize("answer", ["y", "n"])
def test_p11_the_first_admin_is_shown_what_the_second_published(
    settings: Settings, org: str, tmp_path: Path, answer: str
) -> None:
    """P11 exactly: look, the other one publishes, answer y.

    Changes of objects that the file does not name are shown too.
    """
    provisioned = asyncio.run(provision(settings))
    asyncio.run(publish(provisioned, org, {KEY: N4}))
    file = tmp_path / "directory.yaml"
    file.write_text(f"org: {org}\nreps: {{n4: {{name: Nora Five, teams: [west], licensed_states: [RI]}}}}\n")
    process, keyboard = at_a_terminal(provisioned, file)
    try:
        first_question = read_until(process, "[y/N]:")
        assert "name: Nora Four → Nora Five" in first_question
        assert "max_open" not in first_question
        asyncio.run(publish(provisioned, org, {KEY: {**N4, "max_open": 7}}))
        os.write(keyboard, b"y\n")
        second_question = read_until(process, "[y/N]:")
        assert "Somebody published meanwhile. This is what the file would change now:" in second_question
        assert "max_open: 7 → nothing" in second_question
        assert asyncio.run(published_rep(provisioned, org)) == {**N4, "max_open": 7}
        os.write(keyboard, f"{answer}\n".encode())
        assert process.stdout is not None
        last = json.loads(process.stdout.read().strip().splitlines()[-1])
        assert process.wait(PATIENCE_SECONDS) == (0 if answer == "y" else 1)
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)
    assert last["published"] == (1 if answer == "y" else 0)
    after = {**N4, "name": "Nora Five"} if answer == "y" else {**N4, "max_open": 7}
    assert asyncio.run(published_rep(provisioned, org)) == after


def test_p11_what_changes_nothing_of_what_was_shown_is_not_asked_again(
    settings: Settings, org: str, tmp_path: Path
) -> None:
    provisioned = asyncio.run(provision(settings))
    asyncio.run(publish(provisioned, org, {KEY: N4}))
    file = tmp_path / "directory.yaml"
    file.write_text(f"org: {org}\nreps: {{n4: {{name: Nora Five, teams: [west], licensed_states: [RI]}}}}\n")
    process, keyboard = at_a_terminal(provisioned, file)
    try:
        read_until(process, "[y/N]:")
        from_outside(provisioned, f"{org}/rep/n4", json.dumps(N4).encode())  # the same object once more
        os.write(keyboard, b"y\n")
        assert process.stdout is not None
        output = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)
    assert json.loads(output.strip().splitlines()[-1])["published"] == 1
    assert "meanwhile" not in output


@pytest.fixture
async def consoles(settings_with_topics: Settings) -> AsyncIterator[tuple[Editor, Editor]]:
    """Yield the editors of two consoles, each with its own connections."""
    crm = connect(settings_with_topics.database_url)
    followers = [DirectoryFollower(settings_with_topics) for _ in range(2)]
    following = [asyncio.create_task(follower.follow()) for follower in followers]

    async def read() -> bool:
        return all(follower.caught_up for follower in followers)

    await eventually(read, "both consoles have read the directory")
    first_editor, second_editor = (Editor(follower, settings_with_topics, crm) for follower in followers)
    yield first_editor, second_editor
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    crm.dispose()


GROUP: dict[str, Any] = {"name": "West", "method": "round_robin"}


async def test_p11_two_consoles_edit_one_object_at_once_and_one_of_them_is_told(
    consoles: tuple[Editor, Editor], settings_with_topics: Settings, org: str
) -> None:
    """Both saw the same version and publish within one round trip. The later one gets 412 with the other's value."""
    first, _ = consoles
    base = (await first.edit(org, ("group", "west"), GROUP, base=None, publish=True)).version
    for round_ in range(3):
        results = await asyncio.gather(
            *(
                editor.edit(
                    org,
                    ("group", "west"),
                    {**GROUP, "claim_window_seconds": 60 * (round_ + 1) + n},
                    base=base,
                    publish=True,
                )
                for n, editor in enumerate(consoles)
            ),
            return_exceptions=True,
        )
        (won,) = [result for result in results if not isinstance(result, BaseException)]
        (lost,) = [result for result in results if isinstance(result, BaseException)]
        assert isinstance(lost, HttpProblem), lost
        assert (lost.status, lost.more["current"]) == (412, won.value)
        published = (await read_published(settings_with_topics, org)).objects["group", "west"]
        assert (published.value, published.version) == (won.value, won.version)
        base = won.version


async def test_p11_two_consoles_edit_two_objects_at_once_and_both_hold(
    consoles: tuple[Editor, Editor], settings_with_topics: Settings, org: str
) -> None:
    results = await asyncio.gather(
        *(
            editor.edit(org, ("group", f"g-{n}"), {**GROUP, "name": f"Group {n}"}, base=None, publish=True)
            for n, editor in enumerate(consoles)
        )
    )
    directory = await read_published(settings_with_topics, org)
    assert [directory.present["group", f"g-{n}"] for n in range(2)] == [result.value for result in results]


async def test_p11_a_console_and_a_command_do_not_overtake_each_other(
    consoles: tuple[Editor, Editor], settings_with_topics: Settings, org: str
) -> None:
    editor, _ = consoles
    base = (await editor.edit(org, ("group", "west"), GROUP, base=None, publish=True)).version
    _, objects = read_directory(f"org: {org}\ngroups: {{west: {{method: queue}}}}\n".encode(), "file")
    plan = await compare(settings_with_topics, org, objects)
    edited = await editor.edit(org, ("group", "west"), {**GROUP, "name": "Far west"}, base=base, publish=True)
    with pytest.raises(PublicationConflictError):
        await publish(settings_with_topics, org, plan.objects, seen=plan.read_end)
    plan = await compare(settings_with_topics, org, objects)
    await publish(settings_with_topics, org, plan.objects, seen=plan.read_end)
    with pytest.raises(HttpProblem) as refused:
        await editor.edit(org, ("group", "west"), GROUP, base=edited.version, publish=True)
    assert refused.value.status == 412
