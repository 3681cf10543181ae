"""The commands as people and programs use them, on a running stack.

They run before other files' tests use the stack (`tests.fixtures.shared_stacks`), because some count everything that it
has.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from board.reader import Reader
from cli import app
from models.ids import lead_id
from runtime.up import RunningStack
from streams import clients
from streams.topics import DIRECTORY as DIRECTORY_TOPIC
from streams.topics import LEAD_ARRIVALS
from tests.cli.in_process import firstclaim
from tests.fixtures.waiting import PATIENCE_SECONDS, eventually, until

REPO = Path(__file__).parents[2]
MAPPING = """\
external_id: id
first_name: first
last_name: last
state: state
"""
CSV = "id,first,last,state\n1,Jeremy,Jones,RI\n2,Ana,Silva,MA\n,,,RI\n"
DIRECTORY = """\
settings: {lock_minutes: 30}
queues:
  new:
    name: New leads
    claimable: true
    columns: [state]
    inclusion: {combinator: and, rules: [{field: owned, operator: "=", value: false}]}
"""


async def until_size(stack: RunningStack, queue_id: str, size: int) -> None:
    """Wait until a queue has the given number of leads."""
    reader = Reader.at(stack.settings.redis_url)

    async def has_size() -> bool:
        return any(
            queue.queue_id == queue_id and queue.size == size for queue in await reader.queues("default")
        )

    try:
        await eventually(has_size, f"queue {queue_id} has {size} leads")
    finally:
        await reader.close()


@pytest.fixture(scope="module")
def stack_with_leads(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """Publish a queue, and send a file with two leads and one line that identifies nobody."""
    folder = tmp_path_factory.mktemp("files")
    for name, text in (("leads.csv", CSV), ("mapping.yaml", MAPPING), ("directory.yaml", DIRECTORY)):
        (folder / name).write_text(text)
    applied = firstclaim(stack, "directory", "apply", folder / "directory.yaml", "--json")
    assert applied.code == 0, applied.err
    assert applied.last_line["published"] == 2
    mapping = folder / "mapping.yaml"
    sent = firstclaim(
        stack,
        "send",
        folder / "leads.csv",
        "--mapping",
        mapping,
        "--vendor",
        "v",
        "--campaign",
        "c",
        "--json",
    )
    assert sent.code == 0, sent.err
    result = sent.last_line
    assert (result["accepted"], result["refused"]) == (2, 1)
    assert sum(result["refusals"].values()) == 1
    assert "line 4" in sent.err
    asyncio.run(until_size(stack, "new", 2))
    return stack


def test_v1_a_file_of_which_no_row_is_accepted_is_no_success(stack: RunningStack, tmp_path: Path) -> None:
    """The JSON line still has the counts, and the exit code says that nothing came in (A7)."""
    file = tmp_path / "leads.json"
    file.write_text("{}")
    sent = firstclaim(stack, "send", file, "--vendor", "v", "--campaign", "c", "--json")
    assert sent.code == 1
    assert (sent.last_line["accepted"], sent.last_line["refused"]) == (0, 1)


def test_q8_claim_says_who_won_and_exits_by_it(stack_with_leads: RunningStack) -> None:
    """Q8: the winner reads that they have a new lead.

    The loser reads who has it; a program sees it in the exit code.
    """
    lead = lead_id("default", "v", "1", {})
    won = firstclaim(stack_with_leads, "claim", lead, "--rep", "rep-1", "--queue", "new", "--json")
    lost = firstclaim(stack_with_leads, "claim", lead, "--rep", "rep-2", "--json")
    assert won.code == 0
    assert won.out.startswith("Congratulations! You have a new lead")
    assert won.last_line["result"] == "won"
    assert lost.code == 1
    assert lost.out.startswith("Lead already claimed: rep-1 has it")
    assert lost.last_line["reason"] == "already_claimed"


def test_x1_why_tells_the_whole_story(stack_with_leads: RunningStack) -> None:
    """X1: every event of a lead, its decisions and their reasons, including the rule's version."""
    lead = lead_id("default", "v", "2", {})
    firstclaim(stack_with_leads, "claim", lead, "--rep", "rep-3", "--queue", "new")
    why_result = firstclaim(stack_with_leads, "why", lead, "--json")
    history = why_result.last_line
    assert [event["event"]["type"] for event in history["events"]] == ["lead_arrived", "action_requested"]
    assert history["state"]["owner"] == "rep-3"
    entered = history["events"][0]["decisions"][1]
    assert entered["type"] == "queue_entered"
    assert "rules of version" in entered["why"]
    assert "Owner: rep-3" in why_result.out
    unknown = firstclaim(stack_with_leads, "why", "00000000-0000-4000-8000-000000000000")
    assert unknown.code == 1


def test_dead_letters_are_listed_shown_and_replayed(stack_with_leads: RunningStack) -> None:
    """A refused message is there with its bytes and its reason, and can be sent again."""

    async def send() -> None:
        producer = clients.producer(stack_with_leads.settings)
        await producer.start()
        await producer.send_and_wait(LEAD_ARRIVALS, b'{"vendor": 7', headers=[("x-vendor", b"acme")])
        await producer.stop()

    asyncio.run(send())
    letter = _letters(stack_with_leads, 1)[0]
    assert letter["error_class"] == "not_json"
    assert letter["source"].startswith("lead-arrivals:")
    shown = firstclaim(stack_with_leads, "dead-letters", "show", letter["place"], "--json").last_line
    assert shown["value"] == '{"vendor": 7'
    assert shown["headers"] == {"x-vendor": "acme"}
    again = firstclaim(stack_with_leads, "dead-letters", "replay", letter["place"], "--json")
    assert again.last_line["replayed"] == 1
    twice = firstclaim(stack_with_leads, "dead-letters", "replay", letter["place"], "--json")
    assert (twice.last_line["replayed"], twice.last_line["again"]) == (1, 1)
    assert "a repeat of a known message changes nothing" in twice.out
    assert len(_letters(stack_with_leads, 3)) == 3  # still not JSON, and not lost
    missing = firstclaim(stack_with_leads, "dead-letters", "show", "0:99999")
    assert missing.code == 70
    assert "there is no dead letter at 0:99999" in missing.err


def test_whatever_is_among_the_dead_letters_is_listed_and_what_must_not_be_replayed_says_why(
    stack_with_leads: RunningStack,
) -> None:
    """P2, P3, P5, P6: null headers, 5 MB from a few KB, bytes that are no text, an object that was published since."""

    async def send() -> None:
        producer = clients.producer(
            stack_with_leads.settings, max_request_size=10_000_000, compression_type="gzip"
        )
        async with producer:
            await producer.send_and_wait(LEAD_ARRIVALS, b"x", headers=[("h", None), ("error-class", b"mine")])
            await producer.send_and_wait(LEAD_ARRIVALS, b"x" * 5_000_000)
            await producer.send_and_wait(LEAD_ARRIVALS, b"x" * 1_048_500)
            await producer.send_and_wait(LEAD_ARRIVALS, b'{"vendor":"m","x":"\xff"}')
            for value in (b"7", b'{"rep_id": "ann", "name": "Ann", "role": "rep"}'):
                await producer.send_and_wait(DIRECTORY_TOPIC, value, key=b"other/rep/ann")

    asyncio.run(send())
    _letters(stack_with_leads, 7)  # three of the test before, and four of this one
    _letters(stack_with_leads, 1, topic=DIRECTORY_TOPIC)
    listed = firstclaim(stack_with_leads, "dead-letters", "list", "--json").last_line["letters"]
    whole = [
        firstclaim(stack_with_leads, "dead-letters", "show", letter["place"], "--json").last_line
        for letter in listed
    ]
    (null,) = [letter for letter in whole if letter["headers"].get("error-class") == "mine"]
    assert (null["error_class"], null["headers"]) == ("not_json", {"h": "", "error-class": "mine"})
    assert any("\\xff" in letter["value"] for letter in whole)
    (cut,) = [letter for letter in whole if letter["value_cut_from"]]
    assert (cut["value_cut_from"], cut["error_class"]) == (5_000_000, "too_large")
    (large,) = [letter for letter in whole if len(letter["value"]) == 1_048_500]
    (old,) = [letter for letter in whole if letter["source"].startswith("directory:")]
    for letter, why in (
        (cut, "only the first 262144 of its 5000000 bytes were kept"),
        (large, "lead-arrivals takes no record of its size"),
        (old, "a newer record of its key is in directory"),
    ):
        refused = firstclaim(stack_with_leads, "dead-letters", "replay", letter["place"])
        assert refused.code == 1
        assert f"dead letter {letter['place']}: " in refused.err
        assert why in refused.err
        assert "Traceback" not in refused.err
    too_large = firstclaim(
        stack_with_leads, "dead-letters", "replay", "--all", "--class", "too_large", "--json"
    )
    assert too_large.last_line["replayed"] == 0
    assert too_large.last_line["failed"] + sum(too_large.last_line["left_out"].values()) == 2


def _letters(stack: RunningStack, at_least: int, *, topic: str = LEAD_ARRIVALS) -> list[dict[str, Any]]:
    """Return the dead letters of a topic, once there are as many."""
    letters: list[dict[str, Any]] = []

    def enough() -> bool:
        listed = firstclaim(stack, "dead-letters", "list", "--topic", topic, "--json").last_line
        letters[:] = listed["letters"]
        return int(listed["total"]) >= at_least

    assert until(enough), f"no {at_least} dead letters came"
    return letters


def test_x7_status_and_verify_agree(stack_with_leads: RunningStack) -> None:
    """X7: leads by phase, queues and lag in one object; logs, journal, database and board agree."""
    verified = firstclaim(stack_with_leads, "verify", "--json")
    assert verified.code == 0, verified.out
    result = verified.last_line
    assert (result["ok"], result["leads"], result["findings"]) == (True, 2, [])
    status = firstclaim(stack_with_leads, "status", "--json").last_line
    assert status["leads"] == 2
    assert status["trouble"] == []
    assert set(status["lag"]) == {"intake", "leads", "orgs", "relay", "org_relay", "sink", "board"}
    assert status["queues"]["new"]["claimable"]
    assert status["processes"].keys() >= {"worker-1", "relay", "sink", "board"}
    for address in status["processes"].values():
        assert b"process_cpu_seconds_total" in httpx.get(f"http://{address}/metrics").content


def test_q6_a_wrong_directory_file_publishes_nothing(stack_with_leads: RunningStack, tmp_path: Path) -> None:
    """Q6: an invalid rule is refused with its path and the reason, and nothing of the file is published."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(DIRECTORY.replace("owned, operator", "ovned, operator") + "rep: {}\n")
    result = firstclaim(stack_with_leads, "directory", "apply", wrong, "--json")
    assert result.code == 1
    assert result.last_line["published"] == 0
    assert "queues.new.inclusion" in result.err
    assert "ovned" in result.err
    assert "rep: is not a section" in result.err


def test_x5_a_rule_and_a_published_queue_are_tried_on_the_leads_that_run(
    stack_with_leads: RunningStack,
) -> None:
    """X5: how many match now, and why not. It uses the engine's data, so verify finds nothing changed."""
    rule = {"rules": [{"field": "state", "operator": "=", "value": "RI"}]}
    other_id = lead_id("default", "v", "2", {})
    tried = firstclaim(
        stack_with_leads, "rules", "try", json.dumps(rule), "--lead", other_id, "--json"
    ).last_line
    assert (tried["matched"], tried["leads"]) == (1, 2)
    assert tried["examples"][0]["name"] == "Jeremy Jones"
    assert (tried["lead"]["matches"], tried["lead"]["why"]) == (False, "state is MA, not RI")
    queue = firstclaim(
        stack_with_leads, "rules", "try", "--queue", "new", "--lead", other_id, "--json"
    ).last_line
    assert queue["lead"]["matches"] is (other_id in [example["lead_id"] for example in queue["examples"]])
    assert "new by its rules of version" in queue["lead"]["why"]
    exported = firstclaim(stack_with_leads, "directory", "export")
    assert "    name: New leads\n" in exported.out


def test_a_board_is_rebuilt_while_it_is_used(stack_with_leads: RunningStack) -> None:
    """The lists are derived, so they are the same after a rebuild."""
    result = firstclaim(stack_with_leads, "board", "rebuild")
    assert result.code == 0, result.err
    assert "board rebuilt" in result.err
    assert firstclaim(stack_with_leads, "verify").code == 0


def test_every_command_has_help_with_an_example() -> None:
    """People learn how to use a command from the command itself."""
    runner = CliRunner()

    def walk(command: Any, path: list[str]) -> Iterator[list[str]]:
        if hasattr(command, "commands"):
            for name, sub in command.commands.items():
                yield from walk(sub, [*path, name])
        else:
            yield path

    from typer.main import get_command  # noqa: PLC0415  # only this test inspects it

    paths = list(walk(get_command(app), []))
    assert len(paths) > 15
    for path in paths:
        result = runner.invoke(app, [*path, "--help"])
        assert result.exit_code == 0, path
        assert "Example: firstclaim" in result.output or "firstclaim sink" in result.output, path


def test_a_command_without_kafka_says_so_in_one_line(tmp_path: Path) -> None:
    """A missing server causes no traceback."""
    completed = subprocess.run(
        [sys.executable, "-m", "cli", "verify"],
        env={
            **os.environ,
            "FIRSTCLAIM_STATE_DIR": str(tmp_path),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        },
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert completed.returncode == 70
    assert "Traceback" not in completed.stderr
    assert completed.stderr.count("\n") == 1
    assert (
        "firstclaim: Kafka: does not answer at 127.0.0.1:1; KAFKA_BOOTSTRAP_SERVERS says where it is"
        in completed.stderr
    )
