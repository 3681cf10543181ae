"""Checks a cluster at rest: the result equals that of one reader who read each log once, from first event to last."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.published_watermark import PUBLIC
from models.codec import decode_event, encode_row
from models.erasure import ERASED
from models.events import ActionRequested, DirectoryPublished, ErasureFound, ErasureOrdered, LeadArrived
from models.lead import DirectoryRow, LeadRow, Phase, Row
from models.public import ASSIGNMENTS, LEAD_DECISIONS, NOTIFICATIONS
from rules.lead.lead_partition import LeadPartition
from rules.lead.waiting import is_to_be_asked
from rules.outbound.public_messages import public_messages
from streams.stage_table import LeadRows
from streams.topics import DEAD_LETTERS, DO_NOT_CONTACT, LEAD_JOURNAL, LEAD_LOG, ORG_LOG
from tests.rules.lead import reference_queues
from tests.rules.lead.invariants import check_step
from tests.simulation import org_outcome
from tests.simulation.broker import PARTITIONS, Broker, Record, partition_of
from tests.simulation.cluster import ORG, Cluster
from tests.simulation.processes import datetime_of


@dataclass
class ExpectedState:
    """The result of one reader of one partition's log: the record of each event, and the last row of each key."""

    leads: LeadPartition
    records: dict[int, tuple[bytes, Row]] = field(default_factory=dict)
    action_ids: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)


def check(cluster: Cluster) -> list[ExpectedState]:
    """Raise AssertionError with the problem; return the state of each partition, which is the expected one."""
    truths = [read_lead_log(cluster.broker, partition) for partition in range(PARTITIONS)]
    for partition, truth in enumerate(truths):
        _check_journal(cluster.broker, partition, truth)
        _check_public(cluster, partition, truth)
        _check_answers(cluster.broker, partition, truth)
        _check_end(cluster, partition, truth)
    org_outcome.check(cluster, [truth.records for truth in truths])
    return truths


def read_lead_log(broker: Broker, partition: int) -> ExpectedState:
    """Read one log once, in order, and check every step against the machine's invariants."""
    truth = ExpectedState(LeadPartition(partition, partition_of=partition_of))
    leads = truth.leads
    for record in broker.logs[LEAD_LOG, partition]:
        try:
            event = decode_event(record.value or b"")
        except msgspec.MsgspecError:
            truth.unreadable.add(record.offset)
            continue
        before = leads.rows.get(record.key)
        outcome = leads.decide(record.key, event, off=record.offset, at=datetime_of(record.timestamp))
        assert outcome is not None
        assert outcome.failure is None, outcome.failure
        assert outcome.row is not None
        truth.records[record.offset] = (outcome.key, outcome.row)
        if not isinstance(event, DirectoryPublished):
            assert not isinstance(before, DirectoryRow)
            assert isinstance(outcome.row, LeadRow)
            check_step(before, event, outcome.row, leads.rule_book.org(ORG))
            if isinstance(event, ActionRequested | ErasureOrdered | ErasureFound):
                truth.action_ids.add(event.cause)
            elif isinstance(event, LeadArrived):
                truth.arrived.add(event.lead_id)
        leads.accept(outcome)
    return truth


def _check_journal(broker: Broker, partition: int, truth: ExpectedState) -> None:
    """Check that no record is lost or invented. A repeat is identical to the byte, and recovery gives the truth."""
    journal = broker.logs[LEAD_JOURNAL, partition]
    written: dict[int, Record] = {}
    recovered = LeadRows()
    for record in journal:
        recovered.apply(partition, record.key, record.value)
        off = msgspec.json.decode(record.value or b"")["off"]
        key, row = truth.records[off]
        assert (record.key, record.value) == (key, encode_row(row)), f"{off} was decided in two ways"
        if off not in written:
            assert off > max(written, default=-1), f"{off} was written first after later ones"
            written[off] = record
    assert written.keys() == truth.records.keys(), "every event has its record"
    assert recovered.unreadable == 0
    rows = recovered.of(partition).rows
    assert rows.keys() == truth.leads.rows.keys()
    for key, row in truth.leads.rows.items():
        assert encode_row(rows[key]) == encode_row(row)
    buried = {int(dict(record.headers)["source-offset"]) for record in broker.logs[DEAD_LETTERS, partition]}
    assert buried == truth.unreadable, "what cannot be read is a dead letter, and nothing else is"


def _check_public(cluster: Cluster, partition: int, truth: ExpectedState) -> None:
    """Check that only messages that follow from the rows are public, each once; a lead's versions only grow."""
    expected: dict[str, dict[bytes, tuple[bytes, bytes]]] = {topic: {} for topic in PUBLIC}
    listed: dict[bytes, tuple[bytes, bytes | None]] = {}
    for key, row in truth.records.values():
        for message in public_messages(row, key, partition):
            if message.topic == ORG_LOG:
                continue  # `org_outcome` compares those with what the org has read
            if message.topic == DO_NOT_CONTACT:
                listed[dict(message.headers)["ce_id"]] = (message.key, message.payload)
                continue
            expected[message.topic][dict(message.headers)["ce_id"]] = (message.key, message.value)
    _check_listings(cluster.broker, partition, listed)
    for topic, messages in expected.items():
        log = cluster.broker.logs[topic, partition]
        published: dict[bytes, tuple[bytes, bytes]] = {}
        for record in log:
            identity = dict(record.headers)["ce_id"]
            published[identity] = (record.key, record.value or b"")
        assert published == messages, f"{topic}: all that was decided is told, and nothing else"
        assert len(published) == len(log), (
            f"{topic}: what was public when the relay died is made public again"
        )
        _check_growth(topic, log)


def _check_listings(
    broker: Broker, partition: int, expected: dict[bytes, tuple[bytes, bytes | None]]
) -> None:
    """Check that what outcomes and consent put on the do-not-contact list is there once, in order (M8)."""
    prefix = f"lead-log-{partition}-".encode()
    published = [
        (identity, (record.key, record.value))
        for record in broker.logs[DO_NOT_CONTACT, 0]
        if (identity := dict(record.headers).get("ce_id", b"")).startswith(prefix)
    ]
    assert published == list(expected.items())


def _versions(topic: str, log: list[Record]) -> list[tuple[tuple[Any, ...], int, bytes]]:
    """Return each message's subject, version and content. Answers and notifications have no successors."""
    versions = []
    for record in log:
        if record.value is None:
            continue  # a tombstone: the lead was erased
        value = msgspec.json.decode(record.value)
        if topic not in (LEAD_DECISIONS, NOTIFICATIONS):
            versions.append(((record.key, value.get("queue_id")), value["version"], record.value))
    return versions


def _check_growth(topic: str, log: list[Record]) -> None:
    """Check that each message is newer than the previous one about the same subject, or equal to it."""
    newest: dict[tuple[Any, ...], tuple[int, bytes]] = {}
    for about, version, value in _versions(topic, log):
        former, count = newest.get(about, (-1, b""))
        assert version > former or (version == former and value == count), (
            f"{topic}: {value!r} after {count!r}"
        )
        newest[about] = version, value


def _check_answers(broker: Broker, partition: int, truth: ExpectedState) -> None:
    """Check that every action is answered, always with the same content. No version of a lead has two owners.

    After an erasure, an earlier answer is repeated without its words.
    """
    answers: dict[str, bytes] = {}
    for record in broker.logs[LEAD_DECISIONS, partition]:
        value = record.value or b""
        answer = msgspec.json.decode(value)
        action_id = answer["action_id"]
        before = msgspec.json.decode(answers.setdefault(action_id, value))
        erased = {**before, "why": ERASED} if before.get("why") else before
        assert answer in (before, erased), f"{action_id} was answered in two ways"
    assert answers.keys() == truth.action_ids
    owners: dict[tuple[bytes, int], Any] = {}
    current: dict[bytes, tuple[int, Any]] = {}
    for record in broker.logs[ASSIGNMENTS, partition]:
        if record.value is None:
            current.pop(record.key, None)  # a tombstone: the lead was erased
            continue
        value = msgspec.json.decode(record.value)
        about = (record.key, value["version"])
        assert owners.setdefault(about, value["rep_id"]) == value["rep_id"], "two owners of one version"
        current[record.key] = max(current.get(record.key, (-1, None)), (value["version"], value["rep_id"]))
    for key, row in truth.leads.rows.items():
        if isinstance(row, LeadRow) and row.lead is not None and row.lead.erased_at is None:
            assert current.get(key, (-1, None))[1] == row.lead.owner, "the CRM knows another owner"
    for action_id, answer in answers.items():
        decoded = msgspec.json.decode(answer)
        if decoded["result"] == "won":
            assert decoded["owner"] == decoded["rep_id"], action_id


def _check_end(cluster: Cluster, partition: int, truth: ExpectedState) -> None:
    """Every deadline was handled, and every lead is in one phase and in the queues it belongs to (X7, Q2)."""
    rules = truth.leads.rule_book.org(ORG)
    leads = [
        row.lead for row in truth.leads.rows.values() if isinstance(row, LeadRow) and row.lead is not None
    ]
    assert {lead.lead_id for lead in leads} == truth.arrived
    for row in truth.leads.rows.values():
        assert not (isinstance(row, LeadRow) and row.merged_into) or row.lead is None, "R6: one or the other"
    now = datetime_of(cluster.broker.now)
    for lead in leads:
        assert not lead.deadlines, f"{lead.lead_id}: a deadline was never acted on"
        assert lead.lock is None
        assert not is_to_be_asked(lead, rules), f"{lead.lead_id}: its group is not asked (M5)"
        assert lead.phase in Phase
        assert lead.phase is not Phase.OFFERED, f"{lead.lead_id}: an offer is open past its deadline"
        assert set(lead.placements) == reference_queues.placements(lead, rules, now), (
            f"{lead.lead_id} is in the wrong queues"
        )
    for worker in cluster.workers:
        for key, row in worker.rows.of(partition).rows.items() if partition in worker.owned else ():
            assert encode_row(truth.leads.rows[key]) == encode_row(row)
