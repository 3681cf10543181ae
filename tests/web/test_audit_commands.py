"""Who did what, by commands: `audit export`, and the entries of commands that change something."""

from __future__ import annotations

import asyncio
import csv
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from application.kafka_access.access_table import PROCESSES, principal_of
from application.kafka_access.acls import label
from models.audit import AUDIT
from tests.cli.every_command import leaves
from tests.cli.in_process import firstclaim
from tests.web.audited import crew, entries, on_the_topic
from tests.web.signed_in import signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.in_process import CommandResult
    from tests.web.running_org import RunningOrg

pytestmark = pytest.mark.slow


def test_the_console_may_only_write_and_read_the_topic_and_no_operator_may_shorten_it() -> None:
    rights = {
        name: {label(acl.operation) for acl in principal_of("process", name).acls if acl.name == AUDIT}
        for name in PROCESSES
    }
    assert rights["console"] == {"Read", "Write"}  # Describe comes with them
    assert rights["operator"] == {"Read", "Write", "Create", "DescribeConfigs"}
    for name in ("worker", "relay", "sink", "board"):
        assert rights[name] <= {"Describe", "DescribeConfigs"}, name


async def test_the_command_exports_by_person_act_and_time_and_no_command_changes_an_entry(
    running_org: RunningOrg, tmp_path: Path
) -> None:
    await crew(running_org)
    async with signed_in(running_org, "ann-lee") as ann:
        await ann.delete("/api/v1/me/sessions")
    async with signed_in(running_org, "bob-ray"):
        pass
    await on_the_topic(running_org, "signed_in", "signed_in", "session_ended")

    def export(*arguments: str) -> CommandResult:
        return firstclaim(running_org.stack, "audit", "export", "--org", running_org.org, *arguments)

    printed = await asyncio.to_thread(export, "--act", "signed_in", "--json")
    assert printed.code == 0, printed.err
    *lines, summary = printed.out.splitlines()
    assert [json.loads(line)["actor"] for line in lines] == ["ann-lee", "bob-ray"]
    assert json.loads(summary) == {"written": 2, "unreadable": 0, "to": None}
    file = tmp_path / "audit.csv"
    printed = await asyncio.to_thread(
        export, "--actor", "ann-lee", "--since", "2026-01-01", "--format", "csv", "--to", str(file)
    )
    assert (printed.code, printed.out) == (0, ""), printed.err
    assert "entries written" in printed.err
    with file.open(newline="") as read:
        rows = list(csv.DictReader(read))
    assert [row["act"] for row in rows] == ["signed_in", "session_ended"]
    assert json.loads(rows[0]["difference"])[0] == {"path": "method", "old": None, "new": "password"}
    assert file.stat().st_mode & 0o077 == 0
    printed = await asyncio.to_thread(export, "--until", "2020-01-01")
    assert printed.out == ""
    printed = await asyncio.to_thread(export, "--act", "guessed")
    assert printed.code == 2
    exported = (await on_the_topic(running_org, "audit_exported"))[-1]
    assert exported["actor_kind"] == "process"
    assert {name for name, _ in leaves() if name.startswith("audit")} == {"audit export"}


async def test_commands_are_in_the_audit_too(running_org: RunningOrg, tmp_path: Path) -> None:
    await crew(running_org)
    file = tmp_path / "directory.yaml"
    file.write_text(
        f"org: {running_org.org}\ngroups:\n  west: {{name: West, method: round_robin, members: []}}\n"
    )

    def commands() -> list[int]:
        run = partial(firstclaim, running_org.stack)
        added = run(
            "token",
            "issue",
            "--org",
            running_org.org,
            "--rep",
            "bob-ray",
            "--name",
            "CRM",
            "--scope",
            "leads:read",
            "--json",
        )
        token = added.last_line["token_id"]
        listed = run("token", "list", "--org", running_org.org, "--json").last_line["tokens"]
        assert [
            (listed_token["token_id"], listed_token["used_at"])
            for listed_token in listed
            if listed_token["name"] == "CRM"
        ] == [(token, None)]
        return [
            added.code,
            run("token", "revoke", token, "--org", running_org.org).code,
            run("directory", "apply", file, "--yes").code,
            run("do-not-contact", "add", "4014194247", "--org", running_org.org).code,
            run("account", "disable", running_org.email("bob-ray")).code,
            run("token", "revoke", token, "--org", running_org.org).code,
        ]

    assert await asyncio.to_thread(commands) == [0, 0, 0, 0, 0, 1]
    acts = ("token_made", "token_revoked", "published", "do_not_contact_added", "account_disabled")
    records = await on_the_topic(running_org, *acts)
    assert sorted(record["act"] for record in records) == sorted(acts), (
        "a command that changed nothing is no entry"
    )
    assert {record["actor_kind"] for record in records} == {"process"}
    assert "4014194247" not in json.dumps(records)
    async with signed_in(running_org, "ann-lee") as ann:
        (entry,) = await entries(ann, "do_not_contact_added")
        assert entry["text"].endswith(", by a command, added 1 entries to the do-not-contact list.")
