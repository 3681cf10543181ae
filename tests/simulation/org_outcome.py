"""Checks an org at rest beside its leads: each message was decided once, and org and leads agree.

The reader here recognises a repeat by its id and not by a number. So it notices if a watermark is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from models.codec import OrgRecord, decode_event, decode_org_event, decode_org_record, encode_org_record
from models.lead import LeadRow, Row
from models.org_decisions import OrgEventIgnored, OrgStep
from models.org_events import DoNotContactPublished, LeadTaken, OrgEvent
from models.org_rows import OrgRow
from rules.org.org_partition import DO_NOT_CONTACT_SOURCE, OrgPartition
from rules.org.stuck_waiting import stuck_waiting
from rules.outbound.lead_org_messages import LeadNews, org_event_identity, to_leads
from rules.outbound.public_messages import public_messages
from streams.stage_table import OrgRows
from streams.topics import LEAD_LOG, ORG_JOURNAL, ORG_LOG
from tests.rules.distribution.agreement import expected_in_org
from tests.simulation.broker import PARTITIONS, Broker, Record
from tests.simulation.cluster import ORG, ORG_PARTITION, Cluster
from tests.simulation.processes import datetime_of
from tests.simulation.schedule_data import LISTED as LISTED_HANDLES

Records = dict[int, tuple[bytes, Row]]
"""Offset in `lead-log` -> key and row of its record."""
Batch = tuple[tuple[bytes, bytes], ...]


@dataclass
class ExpectedOrgState:
    """The result of one reader of the org's log: each event's batch, the final org, and the messages asked and told."""

    orgs: OrgPartition = field(default_factory=lambda: OrgPartition(ORG_PARTITION))
    batches: dict[int, Batch] = field(default_factory=dict)
    org_messages: dict[bytes, bytes] = field(default_factory=dict)
    to_leads_messages: dict[str, LeadNews] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    highest: dict[str, int] = field(default_factory=dict)


def check(cluster: Cluster, leads: Sequence[Records]) -> None:
    """Raise AssertionError with the problem. `leads`: the expected records of each partition's leads."""
    truth = read_org_log(cluster.broker)
    _check_org_messages(truth, leads)
    _check_journal(cluster.broker, truth)
    _check_messages_to_leads(cluster.broker, truth)
    _check_agreement(truth, leads, cluster.arrived)
    assert not list(stuck_waiting(truth.orgs)), "M5: a lead waits although a rep may have it"
    for worker in cluster.workers:
        if ORG_PARTITION in worker.owned:
            rows_of_worker = worker.orgs.stage.table.rows.of(ORG_PARTITION)
            assert _rows(rows_of_worker) == _rows(truth.orgs), "a worker remembers another org"
            assert rows_of_worker.state(ORG).persons == truth.orgs.state(ORG).persons, "or other people"


def read_org_log(broker: Broker) -> ExpectedOrgState:
    """Read the org's log once, in order. A message that was read before is a repeat and decides nothing."""
    truth = ExpectedOrgState()
    open_leads: dict[str, int] = {}
    for record in broker.logs[ORG_LOG, ORG_PARTITION]:
        event = decode_org_event(record.value or b"")
        by_event = dict(record.headers).get("ce_id")
        source, number = _number(by_event)
        is_repeated = by_event is not None and by_event in truth.org_messages
        if isinstance(event, DoNotContactPublished):
            source, number, is_repeated = DO_NOT_CONTACT_SOURCE, event.version, event.version in truth.listed
            truth.listed.add(event.version)
        mark = truth.highest[source] = max(number, truth.highest.get(source, -1))
        at = datetime_of(record.timestamp)
        if is_repeated:
            assert by_event is None or truth.org_messages[by_event] == record.value, (
                "a relay repeats itself word for word"
            )
            why = f"number {number} was told before"
            ignored = OrgEventIgnored(object_id=source, why=why)
            head = OrgStep(
                off=record.offset,
                org=ORG,
                at=max(at, truth.orgs.at),
                cause=event.cause,
                source=source,
                source_number=mark,
                decisions=(ignored,),
            )
            records: list[tuple[bytes, OrgRecord | None]] = [(f"{ORG}/step/{source}".encode(), head)]
        else:
            if by_event is not None:
                truth.org_messages[by_event] = record.value or b""
            decided = truth.orgs.decide(event, off=record.offset, at=at, source=source)
            assert decided.failure is None, decided.failure
            open_leads = _open_leads(truth)
            records = [
                (key, replace(value, source_number=mark) if isinstance(value, OrgStep) else value)
                for key, value in decided.records
            ]
        for key, value in records:
            truth.orgs.apply_or_remove(
                key, replace(value, source_number=-1) if isinstance(value, OrgStep) else value
            )
            if isinstance(value, OrgStep):
                truth.to_leads_messages |= {org_event_identity(news) or "": news for news in to_leads(value)}
        if not is_repeated:
            _check_caps(truth, event, open_leads)
        truth.batches[record.offset] = tuple(
            (key, b"" if value is None else encode_org_record(value)) for key, value in records
        )
    return truth


def _open_leads(truth: ExpectedOrgState) -> dict[str, int]:
    return {rep_id: row.open_leads for rep_id, row in truth.orgs.state(ORG).reps.items()}


def _check_caps(truth: ExpectedOrgState, event: OrgEvent, before: dict[str, int]) -> None:
    """Check that no event lifts a rep over the cap, unless a lead got its owner without a place (R9, M6)."""
    directory = truth.orgs.directory(ORG)
    for rep_id, has in _open_leads(truth).items():
        plan = directory.rep(rep_id)
        most = plan.max_open if plan is not None else None
        if most is not None and has > max(most, before.get(rep_id, 0)):
            assert isinstance(event, LeadTaken), f"{rep_id} has {has} of at most {most} open leads"
            assert event.place is None, f"{rep_id} has {has} of at most {most} open leads"


def _check_org_messages(truth: ExpectedOrgState, leads: Sequence[Records]) -> None:
    """Check that all requests of the leads reached their org, in order, and that nothing else did."""
    expected: dict[bytes, bytes] = {}
    for partition, records in enumerate(leads):
        sent_messages = [
            (dict(message.headers)["ce_id"], message.value)
            for key, row in records.values()
            for message in public_messages(row, key, partition)
            if message.topic == ORG_LOG
        ]
        expected |= dict(sent_messages)
        prefix = f"lead-log-{partition}-".encode()
        received_messages = [identity for identity in truth.org_messages if identity.startswith(prefix)]
        assert received_messages == [identity for identity, _ in sent_messages], (
            "org messages come in the order of their log"
        )
    assert truth.org_messages == expected


def _check_journal(broker: Broker, truth: ExpectedOrgState) -> None:
    """Check that each event has its complete batch, and that recovery from them, compacted or not, gives the truth."""
    journal = broker.logs[ORG_JOURNAL, ORG_PARTITION]
    first: list[int] = []
    for off, batch in _batches(journal):
        assert batch == truth.batches[off], f"{off} was decided in two ways, or not as a whole"
        if off not in first:
            assert off > max(first, default=-1), f"{off} was written first after later ones"
            first.append(off)
    assert first == list(truth.batches), "every event has its batch"
    recovered = OrgRows()
    for record in journal:
        recovered.apply(ORG_PARTITION, record.key, record.value)
    assert recovered.unreadable == 0
    assert _rows(recovered.of(ORG_PARTITION)) == _rows(truth.orgs)
    assert recovered.of(ORG_PARTITION).state(ORG).persons == truth.orgs.state(ORG).persons
    assert recovered.of(ORG_PARTITION).directory(ORG).versions == truth.orgs.directory(ORG).versions


def _check_messages_to_leads(broker: Broker, truth: ExpectedOrgState) -> None:
    """Check that every answer reached its lead, in order, and that no answer was invented."""
    news_by_message: dict[str, LeadNews] = {}
    for partition in range(PARTITIONS):
        accepted_leads: list[str] = []
        for record in broker.logs[LEAD_LOG, partition]:
            news = _lead_news(record)
            to_leads_messages = None if news is None else org_event_identity(news)
            if (
                news is not None
                and to_leads_messages is not None
                and to_leads_messages not in news_by_message
            ):
                news_by_message[to_leads_messages] = news
                accepted_leads.append(to_leads_messages)
        assert accepted_leads == [
            cause for cause in truth.to_leads_messages if cause in set(accepted_leads)
        ], "answers come in order"
    assert news_by_message == truth.to_leads_messages


def _check_agreement(truth: ExpectedOrgState, leads: Sequence[Records], arrived: set[str]) -> None:
    """X7: org and leads agree on every lead, and the org has no other lead.

    R6: each arrival belongs to exactly one lead.
    """
    rows = {key: row for records in leads for key, row in records.values()}
    expected = {
        row.lead.lead_id: stand
        for row in rows.values()
        if isinstance(row, LeadRow)
        and row.lead is not None
        and (stand := expected_in_org(row.lead)) is not None
    }
    actual = {
        row.lead_id: (row.stage, row.epoch, tuple(sorted(hold.rep_id for hold in row.holds)))
        for row in truth.orgs.state(ORG).leads.values()
    }
    assert actual == expected, "leads and org are not of one mind"
    found_leads = {
        row.lead.lead_id: row.lead for row in rows.values() if isinstance(row, LeadRow) and row.lead
    }
    persons = truth.orgs.state(ORG).persons
    counting = {lead_id: lead for lead_id, lead in found_leads.items() if lead.merged is None}
    assert persons.arrivals() == {lead_id: lead.inquiries for lead_id, lead in counting.items()}
    for arrival_id in arrived:
        lead_id = persons.lead_of(arrival_id)
        assert lead_id in found_leads, f"{arrival_id} is nobody's"
        assert _counting_lead(rows, arrival_id) == lead_id, "ids lead to the lead that counts (K5)"
    forbidden = {
        handle for lead in found_leads.values() for handle in lead.suppressed
    }  # also by outcomes (M8)
    forbidden = {
        handle for handle in forbidden.union(LISTED_HANDLES) if persons.forbidden_reason(handle) is not None
    }
    for lead_id, counting_lead in counting.items():
        assert counting_lead.suppressed.keys() == {h for h in forbidden if lead_id in persons.all_with(h)}, (
            "X6"
        )
    for lead in truth.orgs.state(ORG).leads.values():
        assert lead.wake is None, f"{lead.lead_id} waits for an instant that is over"
    for rep in truth.orgs.state(ORG).reps.values():
        assert rep.offered == 0, f"{rep.rep_id} has an offer that nobody knows of"
        assert rep.ring is None
        assert not rep.places, f"{rep.rep_id} has a place that nobody uses"
        assert rep.held == sum(reps == (rep.rep_id,) for _, _, reps in expected.values())
        assert rep.wake is None, f"{rep.rep_id} was never woken"


def _counting_lead(rows: dict[bytes, Row], lead_id: str) -> str:
    """Return the lead that counts for an id, as the leads say themselves."""
    for _ in rows:
        row = rows[lead_id.encode()]
        assert isinstance(row, LeadRow)
        merged = row.lead.merged if row.lead else None
        into = merged.into if merged else row.merged_into
        if into is None:
            return lead_id
        lead_id = into
    raise AssertionError("the ids go in a circle")


def _batches(journal: list[Record]) -> list[tuple[int, Batch]]:
    """Return the journal's records grouped by event, as they were written together."""
    batches: list[tuple[int, list[tuple[bytes, bytes]]]] = []
    for record in journal:
        if record.value is None:  # a tombstone follows the step of its event
            batches[-1][1].append((record.key, b""))
            continue
        value = decode_org_record(record.value)
        if isinstance(value, OrgStep):
            batches.append((value.off, []))
        assert batches[-1][0] == value.off, "rows follow their step"
        batches[-1][1].append((record.key, record.value or b""))
    return [(off, tuple(batch)) for off, batch in batches]


def _lead_news(record: Record) -> LeadNews | None:
    try:
        event = decode_event(record.value or b"")
    except msgspec.MsgspecError:
        return None  # poison
    return event if isinstance(event, LeadNews) else None


def _number(identity: bytes | None) -> tuple[str, int]:
    if identity is None:
        return "", -1
    partition, off, n = map(int, identity.decode().removeprefix("lead-log-").split("-"))
    return str(partition), off << 20 | n


def _rows(orgs: OrgPartition) -> list[OrgRow]:
    return sorted(orgs.state(ORG).rows(), key=repr)
