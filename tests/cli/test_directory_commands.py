"""`directory apply` and `export` on a real topic: a diff first, only differences are published, all or nothing."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from cli import app
from streams import clients
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DIRECTORY, provision
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka

REPO = Path(__file__).parents[2]
LENDER = REPO / "docs" / "examples" / "lender.yaml"
SMALL = """\
settings: {lock_minutes: 30}
reps:
  rep-2: {name: Maria Alvarez, teams: [west]}
  rep-10: {name: Ben Novak, teams: [west], max_open: 40}
groups:
  west: {method: round_robin, members: [{rep_id: rep-2}, {rep_id: rep-10, weight: 2}]}
campaigns:
  purchase-west: {vendor: acme, group_id: west}
queues:
  new: {claimable: true, columns: [state], inclusion: {rules: [{field: owned, operator: "=", value: false}]}}
"""


class Directory:
    """The directory of one test's org, through the commands."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.org = unique("org")
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "FIRSTCLAIM_STATE_DIR": str(settings.state_dir),
        }

    def run(self, *arguments: str, text: str = "") -> Result:
        """Run a command; `text` is its stdin."""
        result = CliRunner().invoke(app, ["directory", *arguments], input=text, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def apply(self, text: str, *options: str, ok: bool = True) -> dict[str, Any]:
        """Apply a file and return the last line."""
        result = self.run("apply", "-", "--json", *options, text=f"org: {self.org}\n{text}")
        assert result.exit_code == (0 if ok else 1), result.output
        return last_line(result)

    def export(self) -> str:
        """Return the org's directory as a file."""
        result = self.run("export", "--org", self.org)
        assert result.exit_code == 0, result.output
        return result.stdout

    def records(self) -> list[tuple[str, Any]]:
        """Return every record of the org in the topic: kind/id and its value."""

        async def read() -> list[tuple[str, Any]]:
            async with aclosing(read_topic(self.settings, DIRECTORY)) as records:
                return [
                    (
                        record.key.decode().removeprefix(f"{self.org}/"),
                        record.value and json.loads(record.value),
                    )
                    async for record in records
                    if record.key and record.key.startswith(f"{self.org}/".encode())
                ]

        return asyncio.run(read())

    def publish(self, key: str, value: bytes | None) -> None:
        """Publish any value, as another program would."""

        async def send() -> None:
            producer = clients.producer(self.settings)
            await producer.start()
            try:
                await producer.send_and_wait(DIRECTORY, value, f"{self.org}/{key}".encode())
            finally:
                await producer.stop()

        asyncio.run(send())


@pytest.fixture
def directory(settings: Settings) -> Directory:
    """Return an empty directory."""
    return Directory(asyncio.run(provision(settings)))


def last_line(result: Result) -> dict[str, Any]:
    """Return the JSON object on the last line."""
    summary: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return summary


def test_apply_publishes_every_kind_and_again_nothing(directory: Directory) -> None:
    """The first time all objects, in their sections' order and normal form; the second time nothing."""
    first_result = directory.apply(SMALL)
    assert (first_result["published"], first_result["unchanged"], first_result["removed"]) == (6, 0, 0)
    assert [(change["change"], change["kind"], change["id"]) for change in first_result["changes"]] == [
        ("added", "settings", "settings"),
        ("added", "rep", "rep-2"),
        ("added", "rep", "rep-10"),
        ("added", "group", "west"),
        ("added", "campaign", "purchase-west"),
        ("added", "queue", "new"),
    ]
    records = directory.records()
    assert [key for key, _ in records] == [
        f"{change['kind']}/{change['id']}" for change in first_result["changes"]
    ]
    assert records[1][1] == {"rep_id": "rep-2", "name": "Maria Alvarez", "teams": ["west"]}
    again = directory.apply(SMALL)
    assert (again["published"], again["unchanged"], again["changes"]) == (0, 6, [])
    assert len(directory.records()) == 6


def test_a_change_is_shown_by_its_paths_and_published_alone(directory: Directory) -> None:
    """A person sees the old and the new value before it happens, and what stays unchanged."""
    directory.apply(SMALL)
    edited = SMALL.replace("weight: 2", "weight: 3").replace("max_open: 40", "max_open: 20")
    edited += "  large: {columns: []}\n"
    shown = directory.run("apply", "-", "--dry-run", text=f"org: {directory.org}\n{edited}")
    assert shown.stdout.splitlines() == [
        "~ rep/rep-10",
        "    max_open: 40 → 20",
        "~ group/west",
        "    members[1].weight: 2 → 3",
        "+ queue/large",
        "4 unchanged",
        f"0 published, 0 removed for {directory.org}",
    ]
    assert len(directory.records()) == 6
    assert directory.apply(edited)["published"] == 3
    assert [key for key, _ in directory.records()[6:]] == ["rep/rep-10", "group/west", "queue/large"]


def test_what_the_file_does_not_name_is_left_unless_pruned(directory: Directory) -> None:
    """Removal must be requested: by null, or for all the rest at once. Another org's objects are never touched."""
    directory.apply(SMALL)
    other_org = Directory(directory.settings)
    other_org.apply(SMALL)
    part = "reps: {rep-2: {name: Maria Alvarez, teams: [west]}}\nqueues: {new: null}\n"
    unpruned = directory.apply(part)
    assert (unpruned["published"], unpruned["unchanged"], unpruned["removed"], unpruned["left"]) == (
        0,
        1,
        1,
        4,
    )
    assert directory.records()[6:] == [("queue/new", None)]
    refused = directory.run("apply", "-", "--prune", text=f"org: {directory.org}\n{part}")
    assert (refused.exit_code, len(directory.records())) == (1, 7), "nobody agreed to the removal"
    pruned = directory.apply(part, "--prune", "--yes")
    assert (pruned["published"], pruned["unchanged"], pruned["removed"], pruned["left"]) == (0, 2, 4, 0)
    assert [record for record in directory.records()[7:] if record[1] is None] == [
        ("campaign/purchase-west", None),
        ("group/west", None),
        ("rep/rep-10", None),
        ("settings/settings", None),
    ]
    assert directory.apply(part, "--prune")["changes"] == []
    assert other_org.apply(SMALL)["unchanged"] == 6


def test_export_is_what_apply_reads(directory: Directory) -> None:
    """The example lender is exported as it was applied: everything is unchanged, pruned or not, twice or not."""
    text = LENDER.read_text("utf-8").replace("org: default\n", "")
    assert directory.apply(text)["published"] == 43
    exported = directory.export()
    for options in ((), ("--prune",)):
        again = directory.run("apply", "-", "--json", *options, text=exported)
        assert again.exit_code == 0, again.output
        assert (last_line(again)["unchanged"], last_line(again)["changes"]) == (43, [])
    assert directory.export() == exported
    as_json = directory.run("export", "--org", directory.org, "--json")
    assert directory.run("apply", "-", text=as_json.stdout).stdout.startswith("43 unchanged")
    reps = list(last_line(as_json)["reps"])
    assert (reps.index("rep-2"), reps.index("rep-10")) < (reps.index("rep-10"), reps.index("rep-24"))


def test_q6_a_wrong_file_publishes_nothing(directory: Directory) -> None:
    """Q6: if one object is invalid or has a broken reference, no other object is published either."""
    directory.apply(SMALL)
    wrong = "reps: {rep-3: {}}\ngroups: {east: {method: roster, members: [{rep_id: rep-2, weight: 0}]}}\n"
    refused = directory.apply(wrong, ok=False)
    assert refused["problems"] == ["groups.east.members[0].weight: must be greater than or equal to 1"]
    stranger = "reps: {rep-2: null}\ngroups: {east: {method: roster, members: [{rep_id: rep-99}]}}\n"
    result = directory.run("apply", "-", text=f"org: {directory.org}\n{stranger}")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "reps.rep-2: cannot be removed: groups.west.members[0].rep_id needs it",
        "groups.east.members[0].rep_id: there is no rep rep-99, neither in the file nor published",
    ]
    assert len(directory.records()) == 6


def test_others_publications_are_compared_as_the_engine_has_them(directory: Directory) -> None:
    """Another spelling of the same object is equal. An object that the engine refused is published again."""
    directory.apply(SMALL)
    directory.publish(
        "rep/rep-2", b'{"teams": ["west"], "phone": null, "name": "Maria Alvarez", "rep_id": "rep-2"}'
    )
    directory.publish("rep/rep-10", b'{"role": "boss"}')
    directory.publish("settings", b"{}")
    assert directory.run("export", "--org", directory.org).stderr.startswith("rep/rep-10: its newest")
    again = directory.apply(SMALL)
    assert (again["published"], again["unchanged"]) == (1, 5)
    assert again["changes"][0]["remark"].startswith("its newest publication was refused")
    assert directory.apply(SMALL)["unchanged"] == 6


@pytest.mark.parametrize(
    ("typed", "options", "code", "published"), [("n", [], 1, 0), ("y", [], 0, 6), ("", ["-y"], 0, 6)]
)
def test_at_a_terminal_it_is_asked_first(
    directory: Directory, tmp_path: Path, typed: str, options: list[str], code: int, published: int
) -> None:
    """A person sees the diff and decides. A script, or a person who agreed before, is not asked."""
    file = tmp_path / "directory.yaml"
    file.write_text(f"org: {directory.org}\n{SMALL}")
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, f"{typed}\n".encode())
        completed = subprocess.run(
            [sys.executable, "-m", "cli", "directory", "apply", str(file), "--json", *options],
            env={**os.environ, **directory.environment},
            cwd=REPO,
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert completed.returncode == code, completed.stderr
    assert msgspec.json.decode(completed.stdout.splitlines()[-1])["published"] == published
    assert ("Publish this for" in completed.stdout) is not bool(options)
    assert len(directory.records()) == published
