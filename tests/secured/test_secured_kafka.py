"""Everything runs on a Kafka with users, with exactly the printed ACLs. Nobody can act as somebody else."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from contextlib import aclosing
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from application.kafka_access.access_table import PROCESSES, principal_of, processes
from application.kafka_access.acls import Pattern
from application.lag import Lags
from assurance.load.client import LoadClient
from streams.engine_client import EngineClient, ask_once
from streams.topic_reader import read_topic
from tests.fixtures.waiting import until
from tests.secured.leads import lead, letter_of, letter_seen, row, sign, until_in_database
from tests.secured.stack import CRM, SECONDS, Secured
from web.services.operations.lag_sampler import READABLE

STRICT: dict[str, Any] = {
    "signed_arrivals": "required",
    "signed_actions": "required",
    "key_ids": ["console-1", "sales-1"],
    "vendors": {
        "acme": {"key_ids": ["acme-1"], "campaigns": ["west"]},
        "bolt": {"key_ids": ["bolt-1"]},
    },
}
DENIED = re.compile(
    r"Principal = User:(\S+) is Denied operation = (\S+) .*? on resource = (\S+?) for request = (\S+)"
)
ALLOWED = re.compile(
    r"Principal = User:(\S+) is Allowed operation = (\S+) .*? on resource = (\w+):(\w+):(\S+) for request = (\S+)"
)


@pytest.fixture(scope="module")
def strict(secured: Secured) -> str:
    """Return an org that requires signatures, once every worker knows."""

    async def publish() -> None:
        async with LoadClient(secured.user("firstclaim-operator"), org="strict") as client:
            await client.publish("settings", "org", STRICT)

    asyncio.run(publish())

    def asked_for() -> bool:
        external_id, value = lead(org="strict")
        assert secured.send("vendor-acme", "lead-arrivals", value) == ""
        return until(
            lambda: letter_seen(secured, value) or row(secured, external_id) is not None, SECONDS
        ) and (row(secured, external_id) is None)

    assert until(asked_for, SECONDS)
    return "strict"


# -- with the printed ACLs and nothing more ------------------------------------------------------------------------


def test_a_lead_goes_from_its_vendor_to_the_crm_row_and_its_owner(secured: Secured) -> None:
    """Kcat sends it, aiokafka asks for it, confluent-kafka reads the answer: each as a principal of its own."""
    external_id, value = lead()
    assert secured.kcat("vendor-acme", "lead-arrivals", value) == ""
    lead_id = until_in_database(secured, external_id)

    async def assign() -> dict[str, Any]:
        options = secured.user(CRM).aiokafka_options()
        action = {"action_id": str(uuid.uuid4()), "type": "assign", "lead_id": lead_id}
        action |= {"rep_id": "boss", "to_rep_id": "rep-1"}
        producer = AIOKafkaProducer(**options, enable_idempotence=True)
        consumer = AIOKafkaConsumer(
            "lead-decisions", **options, group_id=f"{CRM}.reader", auto_offset_reset="earliest"
        )
        await producer.start()
        await consumer.start()
        try:
            await producer.send_and_wait("lead-actions", json.dumps(action).encode())
            async with asyncio.timeout(SECONDS):
                async for record in consumer:
                    answer: dict[str, Any] = json.loads(record.value)
                    if answer["action_id"] == action["action_id"]:
                        return answer
        finally:
            await producer.stop()
            await consumer.stop()
        raise AssertionError

    assert asyncio.run(assign())["result"] in ("done", "won")
    assert until(lambda: (row(secured, external_id) or ("", None))[1] == "rep-1", SECONDS)
    assert secured.read(CRM, "assignments", f"{CRM}.owners") == ""


def test_the_operators_commands_run(secured: Secured) -> None:
    for arguments in (
        ("topics",),
        ("status",),
        ("directory", "export"),
        ("dead-letters", "list"),
        ("doctor",),
    ):
        result = secured.command(*arguments)
        assert result.code == 0, (arguments, result.out, result.err)
    checked = secured.command("verify", "--json")
    assert checked.code == 0, checked.out + checked.err


def test_the_operator_publishes_and_sends_a_dead_letter_again(secured: Secured) -> None:
    file = secured.folder / "directory.yaml"
    file.write_text("org: default\nreps:\n  boss: {name: Boss, role: admin}\n  rep-1: {name: One}\n")
    result = secured.command("directory", "apply", str(file))
    assert result.code == 0, result.out + result.err
    value = b"{no lead at all " + uuid.uuid4().hex.encode()
    assert secured.send("vendor-acme", "lead-arrivals", value) == ""
    letter_of(secured, value)
    result = secured.command("dead-letters", "replay", "--all")
    assert result.code in (0, 1), result.out + result.err
    assert "not allowed" not in result.out + result.err


def test_the_operator_erases_a_person_and_deletes_the_past_of_the_logs(secured: Secured) -> None:
    external_id, value = lead(phone="+14014194247")
    assert secured.send("vendor-acme", "lead-arrivals", value) == ""
    lead_id = until_in_database(secured, external_id)
    result = secured.command("erase", "--lead", lead_id, "--by", "boss", "--now")
    assert result.code == 0, result.out + result.err
    assert "Erased: 1 leads of 1 persons." in result.out
    listed = secured.command("erasures")
    assert (listed.code, "1 receipts" in listed.out) == (0, True), listed.out + listed.err


def test_the_operator_passes_over_a_message_while_no_worker_runs(secured: Secured) -> None:
    worker = secured.children["worker"]
    worker.stop()
    try:
        external_id, value = lead()
        assert secured.send("vendor-acme", "lead-arrivals", value) == ""
        position = asyncio.run(position_of(secured, value))
        assert asyncio.run(lag_for_the_console(secured)) > 0

        def passed_over() -> bool:
            # A stopped worker with an instance id stays in its group for the seconds of its session.
            result = secured.command("dead-letters", "pass-over", position, "--why", "it ends every worker")
            assert result.code == 0 or "are all workers stopped?" in result.err, result.out + result.err
            return result.code == 0

        assert until(passed_over, SECONDS)
    finally:
        worker.launch()
    assert until(worker.ready, SECONDS), worker.log_tail()
    assert letter_of(secured, value) == ("fatal_error", "passed over: it ends every worker")
    later, after = lead()
    assert secured.send("vendor-acme", "lead-arrivals", after) == ""
    until_in_database(secured, later)
    assert row(secured, external_id) is None
    result = secured.command("dead-letters", "replay", "--all", "--class", "fatal_error")
    assert result.code == 0, result.out + result.err
    until_in_database(secured, external_id)


async def lag_for_the_console(secured: Secured) -> int:
    """Return intake's lag as the console measures it. It may not read leads, so it must not try to."""
    lags = Lags(secured.user("firstclaim-console"), readable=READABLE)
    await lags.start()
    try:
        await lags.of_stages()
        return (await lags.of_stages())["intake"]  # an unmoved lag would be looked into now
    finally:
        await lags.close()


async def position_of(secured: Secured, value: bytes) -> str:
    """Return the position of a message on `lead-arrivals`, as commands take it."""
    async with aclosing(read_topic(secured.admin, "lead-arrivals")) as records:
        async for record in records:
            if record.value == value:
                return f"lead-arrivals:{record.partition}:{record.offset}"
    raise AssertionError(value)


def test_nothing_that_runs_was_denied_anything(secured: Secured) -> None:
    principals = {principal.name for principal in processes()} | {"vendor-acme", CRM}
    output = secured.broker.log_file.read_text(errors="replace")
    assert {match.groups() for match in DENIED.finditer(output) if match[1] in principals} == set()


ENGINE = ("worker", "relay", "sink", "board", "courier")
UNUSED_HERE = {
    # Only unreadable or failing records become dead letters, and only a replay of a stage's own letter writes to its
    # topic.
    ("relay", "WRITE", "dead-letters"),
    ("sink", "WRITE", "dead-letters"),
    ("courier", "WRITE", "dead-letters"),
    # Nobody asks for a mail here.
    ("courier", "WRITE", "deliveries"),
    ("courier", "READ", "deliveries"),
    # No telephone rings here.
    ("courier", "WRITE", "calls"),
    ("courier", "READ", "calls"),
    ("courier", "READ", "do-not-contact"),
    ("courier", "WRITE", "lead-actions"),
    ("courier", "WRITE", "lead-arrivals"),
    ("courier", "READ", "lead-decisions"),
    ("courier", "READ", "firstclaim-courier-call"),
    ("courier", "READ", "firstclaim-courier-call-turn"),
    # No push message, chat or digest is sent here.
    ("courier", "READ", "firstclaim-courier-push"),
    ("courier", "READ", "firstclaim-courier-chat"),
    ("courier", "READ", "push-subscriptions"),
    ("courier", "WRITE", "push-subscriptions"),
    ("courier", "READ", "lead-exceptions"),
    ("courier", "WRITE", "notifications"),
    ("relay", "WRITE", "queue-changes"),
    ("relay", "WRITE", "notifications"),
    ("relay", "WRITE", "lead-exceptions"),
    # No outcome here puts anybody on the list.
    ("relay", "READ", "do-not-contact"),
    ("relay", "WRITE", "do-not-contact"),
}


@pytest.fixture(scope="module")
def secured_after_inspection(secured: Secured) -> Secured:
    """Return the servers after the processes that inspect existing data have run."""
    secured.restart("worker", "relay", "sink")
    rebuilt = secured.command("board", "rebuild", settings=secured.user("firstclaim-board"))
    assert rebuilt.code == 0, rebuilt.err
    return secured


@pytest.mark.parametrize("process", ENGINE)
def test_every_printed_acl_of_a_process_was_asked_for(
    secured_after_inspection: Secured, process: str
) -> None:
    """Rights that a process does not need must not be printed. Each printed ACL allowed some request."""
    secured = secured_after_inspection
    output = secured.broker.log_file.read_text(errors="replace")
    used = {
        (match[2], match[3].upper(), match[5])
        for match in ALLOWED.finditer(output)
        if match[1] == f"firstclaim-{process}"
    }
    idle = []
    for acl in PROCESSES[process].acls():
        kind = acl.resource.name.replace("_", "")
        is_used = any(
            operation == acl.operation.name
            and resource == kind
            and (name.startswith(acl.name) if acl.pattern is Pattern.PREFIXED else name == acl.name)
            for operation, resource, name in used
        )
        if not is_used and (process, acl.operation.name, acl.name) not in UNUSED_HERE:
            idle.append(str(acl))
    assert idle == []


def test_doctor_names_an_acl_that_was_taken_away_and_one_that_is_too_much(secured: Secured) -> None:
    board = principal_of("process", "board")
    missing_acl = board.acls[0]
    secured.change(board, take=(missing_acl,))
    try:
        result = secured.command("doctor")
        assert result.code == 1
        assert f"User:firstclaim-board lacks {missing_acl}" in result.out
    finally:
        secured.change(board)
    more = principal_of("process", "sink", user="vendor-bolt")
    secured.change(more)
    try:
        result = secured.command("doctor")
        assert result.code == 1
        assert "User:vendor-bolt has too much: Read on Topic lead-journal" in result.out
    finally:
        bolt = principal_of("vendor", "bolt")
        secured.change(more, take=tuple(acl for acl in more.acls if acl not in bolt.acls))
    assert secured.command("doctor").code == 0


# -- nobody acts as somebody else ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic", ["lead-actions", "directory", "do-not-contact", "lead-log", "org-log", "lead-journal"]
)
def test_a_vendor_cannot_write_as_rep_admin_or_engine(secured: Secured, topic: str) -> None:
    assert secured.send("vendor-acme", topic, b"{}") in ("TOPIC_AUTHORIZATION_FAILED", "_MSG_TIMED_OUT")


@pytest.mark.parametrize(
    "topic", ["assignments", "lead-decisions", "lead-arrivals", "lead-journal", "dead-letters"]
)
def test_a_vendor_reads_nothing(secured: Secured, topic: str) -> None:
    assert secured.read("vendor-acme", topic, f"{CRM}.owners").endswith("AUTHORIZATION_FAILED")


def test_a_crm_reads_no_journal_and_writes_no_directory(secured: Secured) -> None:
    assert secured.read(CRM, "lead-journal", f"{CRM}.x").endswith("AUTHORIZATION_FAILED")
    assert secured.read(CRM, "assignments", "firstclaim-sink").endswith("AUTHORIZATION_FAILED")
    assert secured.send(CRM, "directory", b"{}") in ("TOPIC_AUTHORIZATION_FAILED", "_MSG_TIMED_OUT")


def test_a_vendor_cannot_write_as_another_vendor(secured: Secured, strict: str) -> None:
    external_id, value = lead("bolt", org=strict)
    assert secured.send("vendor-acme", "lead-arrivals", value) == ""
    assert letter_of(secured, value)[0] == "unsigned"
    forged_id, forged = lead("bolt", org=strict)
    headers = sign(forged, "acme-1", "lead-arrivals", vendor="bolt")
    assert secured.kcat("vendor-acme", "lead-arrivals", forged, headers) == ""
    error_class, reason = letter_of(secured, forged)
    assert error_class == "foreign_key"
    assert reason == f"fc-key-id: names 'acme-1', which may not sign a lead of vendor bolt in org {strict}"
    assert row(secured, external_id) is row(secured, forged_id) is None


def test_a_vendors_own_signed_lead_arrives_and_a_repeat_is_the_same_lead(
    secured: Secured, strict: str
) -> None:
    external_id, value = lead(org=strict)
    headers = sign(value, "acme-1", "lead-arrivals", vendor="acme")
    assert secured.kcat("vendor-acme", "lead-arrivals", value, headers) == ""
    lead_id = until_in_database(secured, external_id)
    assert secured.send("vendor-acme", "lead-arrivals", value, headers) == ""
    later, after = lead("bolt", org=strict)
    assert (
        secured.send(
            "vendor-bolt", "lead-arrivals", after, sign(after, "bolt-1", "lead-arrivals", vendor="bolt")
        )
        == ""
    )
    until_in_database(secured, later)
    assert row(secured, external_id) == (lead_id, None)
    _, elsewhere = lead(org=strict, campaign="east")
    assert (
        secured.send(
            "vendor-acme",
            "lead-arrivals",
            elsewhere,
            sign(elsewhere, "acme-1", "lead-arrivals", vendor="acme"),
        )
        == ""
    )
    assert letter_of(secured, elsewhere) == (
        "foreign_campaign",
        "campaign: is 'east': vendor acme may send to west",
    )


def test_an_unsigned_action_is_refused_with_an_answer_and_those_of_crm_and_console_are_not(
    secured: Secured, strict: str
) -> None:
    external_id, value = lead(org=strict)
    headers = sign(value, "acme-1", "lead-arrivals", vendor="acme")
    assert secured.send("vendor-acme", "lead-arrivals", value, headers) == ""
    lead_id = until_in_database(secured, external_id)
    action = {"type": "assign", "lead_id": lead_id, "rep_id": "boss", "to_rep_id": "rep-1", "org": strict}
    operator = secured.user("firstclaim-operator")
    answer = asyncio.run(ask_once(operator, action, SECONDS))
    assert (answer.result, answer.reason) == ("refused", "invalid")
    assert answer.why == f"fc-key-id: is missing; an action in org {strict} must be signed"
    signed = {**action, "action_id": str(uuid.uuid4())}
    value = json.dumps(signed).encode()
    assert secured.send(CRM, "lead-actions", value, sign(value, "sales-1", "lead-actions")) == ""
    assert until(lambda: row(secured, external_id) == (lead_id, "rep-1"), SECONDS)

    async def by_console() -> str:
        settings = secured.user("firstclaim-console").model_copy(update={"signing_key": "console-1"})
        request = {**action, "type": "note", "note": "hello", "rep_id": "rep-1"}
        async with EngineClient(settings) as client:
            return str((await client.ask(request)).result)

    assert asyncio.run(by_console()) == "done"


def test_verify_agrees_that_what_was_refused_was_refused(secured: Secured, strict: str) -> None:
    assert strict
    checked = secured.command("verify", "--json")
    assert checked.code == 0, checked.out + checked.err
