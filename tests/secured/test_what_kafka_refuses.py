"""What Kafka refuses ends a process or a command with 78 and a sentence, and not with a loop.

These tests come last in this room, because they write nonsense to every topic.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import aclosing
from typing import Any

import pytest

from application.kafka_access.access_table import principal_of
from application.kafka_access.acls import Acl, AclOperation, Pattern, Resource
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTER_MARKS, DEAD_LETTERS, LEAD_ARRIVALS
from tests.fixtures.waiting import until
from tests.secured.leads import lead
from tests.secured.stack import RUNS, SECONDS, Secured


@pytest.fixture(autouse=True, scope="module")
def _alone(servers: Secured) -> None:
    """Stop the processes that other files' tests have used."""
    servers.stop_processes()


def refused_start(secured: Secured, process: str, settings: Any, name: str) -> str:
    """Start a process that must end by itself with 78; return what it said."""
    child = secured.child(process, settings, name)
    child.launch()
    try:
        assert until(lambda: child.process is not None and child.process.poll() is not None, SECONDS), (
            f"it goes on: {child.why_not()}{child.log_tail()}"
        )
        assert child.process is not None
        output = child.log_file.read_text()
        assert child.process.returncode == 78, output
        return output
    finally:
        child.stop()


@pytest.mark.parametrize("process", RUNS)
def test_a_wrong_password_ends_a_process_with_a_sentence(servers: Secured, process: str) -> None:
    user = f"firstclaim-{process}"
    output = refused_start(servers, process, servers.user(user, "wrong"), f"{process}-wrong-password")
    assert "KAFKA_SASL_PASSWORD" in output
    assert f"does not let user '{user}' in with SCRAM-SHA-512" in output


def test_a_wrong_password_ends_a_command_with_a_sentence(servers: Secured) -> None:
    result = servers.command("status", settings=servers.user("firstclaim-operator", "wrong"))
    assert "does not let user 'firstclaim-operator' in" in result.out + result.err
    result = servers.command("topics", settings=servers.user("firstclaim-operator", "wrong"))
    assert (result.code, result.err.count("\n")) == (78, 1)
    assert "KAFKA_SASL_PASSWORD" in result.err


def _topic(operation: AclOperation, name: str) -> Acl:
    return Acl(Resource.TOPIC, name, Pattern.LITERAL, operation)


def _group(name: str) -> Acl:
    return Acl(Resource.GROUP, name, Pattern.LITERAL, AclOperation.READ)


@pytest.mark.parametrize(
    ("process", "acl"),
    [
        ("worker", _group("firstclaim-worker")),
        ("worker", _topic(AclOperation.READ, "lead-arrivals")),
        ("worker", _topic(AclOperation.READ, "lead-log")),
        ("worker", _topic(AclOperation.READ, "dead-letters")),
        ("worker", _topic(AclOperation.DESCRIBE_CONFIGS, "lead-log")),
        ("relay", _group("firstclaim-relay")),
        ("relay", _topic(AclOperation.READ, "lead-journal")),
        ("relay", _topic(AclOperation.READ, "lead-decisions")),
        ("sink", _group("firstclaim-sink")),
        ("sink", _topic(AclOperation.READ, "lead-journal")),
        ("sink", _topic(AclOperation.READ, "deliveries")),
        ("courier", _group("firstclaim-courier-mail")),
        ("courier", _topic(AclOperation.READ, "notifications")),
        ("courier", _topic(AclOperation.READ, "deliveries")),
        ("courier", _topic(AclOperation.READ, "directory")),
        ("board", _topic(AclOperation.READ, "queue-changes")),
        ("console", _topic(AclOperation.READ, "lead-decisions")),
        ("console", _topic(AclOperation.READ, "directory")),
    ],
    ids=str,
)
def test_a_process_that_lacks_an_acl_ends_with_a_sentence(servers: Secured, process: str, acl: Acl) -> None:
    settings = servers.lacking(process, acl)
    if acl.operation is AclOperation.READ and acl.resource is Resource.TOPIC:
        # Where a topic has no record, a process that only looks at its end reads nothing, and is refused nothing.
        assert servers.send("admin", acl.name, b"{}") == ""
    output = refused_start(servers, process, settings, f"{process}-{acl.operation.name}-{acl.name}")
    assert "Kafka ACLs" in output
    assert "firstclaim acls" in output


@pytest.mark.parametrize(
    ("process", "acl", "stirs"),
    [
        ("worker", _topic(AclOperation.WRITE, "lead-log"), "lead-actions"),
        ("worker", _topic(AclOperation.WRITE, "org-log"), "lead-arrivals"),
        ("worker", _topic(AclOperation.WRITE, "dead-letters"), "directory"),
    ],
    ids=str,
)
def test_a_stage_that_may_not_write_ends_with_a_sentence(
    servers: Secured, process: str, acl: Acl, stirs: str
) -> None:
    value = {
        "lead-actions": json.dumps(
            {"action_id": uuid.uuid4().hex, "type": "note", "lead_id": str(uuid.uuid4()), "rep_id": "boss"}
        ).encode(),
        "lead-arrivals": lead()[1],
        "directory": b"nothing that is read",
    }[stirs]
    assert servers.send("admin", stirs, value) == ""
    output = refused_start(servers, process, servers.lacking(process, acl), f"{process}-{acl.name}-write")
    assert "Kafka ACLs" in output
    assert f"append to {acl.name}" in output


def test_a_publication_without_its_transactional_id_is_refused_with_a_sentence(servers: Secured) -> None:
    (transactions,) = [
        acl for acl in principal_of("process", "operator").acls if acl.resource is Resource.TRANSACTIONAL_ID
    ]
    file = servers.folder / "other.yaml"
    file.write_text("org: other\nreps:\n  boss: {name: Boss, role: admin}\n")
    result = servers.command(
        "directory", "apply", str(file), settings=servers.lacking("operator", transactions)
    )
    assert result.code == 78, result.out + result.err
    assert "TransactionalIdAuthorizationFailed" in result.err


async def positions_of(secured: Secured, topic: str, value: bytes) -> list[str]:
    """Return where a topic has a value, as PARTITION:OFFSET."""
    async with aclosing(read_topic(secured.admin, topic)) as records:
        return [f"{record.partition}:{record.offset}" async for record in records if record.value == value]


def test_a_dead_letter_that_could_not_be_marked_is_not_sent_again(servers: Secured) -> None:
    """Else each further attempt would send it once more."""
    value = b"{no lead at all " + uuid.uuid4().hex.encode()
    names = {"source-topic": b"lead-arrivals", "source-partition": b"0", "source-offset": b"0"}
    assert servers.send("admin", DEAD_LETTERS, value, names) == ""
    (position,) = asyncio.run(positions_of(servers, DEAD_LETTERS, value))
    marks = [acl for acl in principal_of("process", "console").acls if acl.name == DEAD_LETTER_MARKS]
    assert AclOperation.WRITE in {acl.operation for acl in marks}
    result = servers.command("dead-letters", "replay", position, settings=servers.lacking("console", *marks))
    assert result.code == 78, result.out + result.err
    assert f"topic {DEAD_LETTER_MARKS} does not exist or is not visible" in result.err
    assert asyncio.run(positions_of(servers, LEAD_ARRIVALS, value)) == []
    result = servers.command("dead-letters", "replay", position)
    assert result.code == 0, result.out + result.err
    assert len(asyncio.run(positions_of(servers, LEAD_ARRIVALS, value))) == 1
