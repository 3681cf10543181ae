"""The processes that may die: the production code of the leads and relay stages, without Faust, event loop or network.

A stage's `handle` is synchronous, and pure except for its writer. Here the writer is an `Outbox` and the log is the
simulated broker's. Everything else (rows, rule books, timers, ackers, watermarks) is the production code.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from agents.broker_time import BrokerTime
from agents.decision_metrics import DecisionMetrics, count_published
from agents.due_pace import DuePace
from agents.leads import LeadsStage
from agents.published_watermark import NOTHING, PUBLIC, PublishedWatermark, _number
from agents.relay import RelayStage
from agents.watermarks import NO_WATERMARK, Watermarks
from streams.receipts import Acker
from streams.stage_table import LeadRows
from streams.topics import DO_NOT_CONTACT, LEAD_JOURNAL, LEAD_LOG
from tests.simulation.broker import PARTITIONS, Broker, Delivery, Outbox
from tests.simulation.org_processes import ALL, Orgs


class SweepRequests:
    """Stands in for the sweeper. It keeps the requests, and the schedule decides when to sweep."""

    def __init__(self) -> None:
        self.requested: dict[tuple[int, str], frozenset[str] | None] = {}

    def request(self, partition: int, org: str, campaigns: Iterable[str] = ()) -> None:
        """Request a sweep of an org's leads in a partition, or of its waiting leads that name a campaign."""
        key = (partition, org)
        former = self.requested.get(key, frozenset())
        campaign_ids = frozenset(campaigns)
        self.requested[key] = None if former is None or not campaign_ids else former | campaign_ids

    def request_after_recovery(self, partition: int, org: str) -> None:
        """Request a sweep of all leads of an org in a partition."""
        self.request(partition, org)

    def decided(self, partition: int, key: bytes) -> None:
        """Record that the event of one lead has been decided. Here nothing waits for it."""


class Worker:
    """One worker for leads and orgs.

    `frozen`: it does nothing until it thaws. `owned`: the partitions it believes it owns.
    """

    def __init__(self, broker: Broker, clock_skew: float) -> None:
        self.broker = broker
        self.clock_skew = clock_skew
        self.frozen = False
        self.begin()

    def begin(self) -> None:
        """Start without any state."""
        self.outbox = Outbox(self.broker)
        self.owned: set[int] = set()
        self.positions: dict[int, int] = {}
        self.acks: dict[int, int] = {}
        self.sweeper = SweepRequests()
        stage: Any = LeadsStage.__new__(LeadsStage)
        stage.partitions = PARTITIONS
        stage.acker = Acker()
        stage.writer = self.outbox
        stage.sweeper = self.sweeper
        stage.due_pace = DuePace()
        stage.broker_time = BrokerTime()
        stage.table = SimpleNamespace(rows=LeadRows(PARTITIONS))
        self.stage: LeadsStage = stage
        self.orgs = Orgs(self.broker, self.outbox)

    @property
    def rows(self) -> LeadRows:
        """The rows in memory."""
        return self.stage.table.rows

    def take(self, partitions: set[int]) -> None:
        """Recover: read the rows from the current journal, then derive the rest (`LeadsStage.recovered`)."""
        rows = self.rows
        self.owned = partitions
        self.orgs.take(partitions)
        rows.keep_only(partitions)
        for partition in partitions:
            for record in self.broker.logs[LEAD_JOURNAL, partition]:
                rows.apply(partition, record.key, record.value)
            self.positions[partition] = self.broker.committed.get((LEAD_LOG, partition), (0, ""))[0]
        self.acks = {}
        self.sweeper.requested.clear()
        for leads in rows.partitions():
            leads.recovered()
            for org in leads.rule_book.orgs:
                self.sweeper.request(leads.partition, org)

    def let_go(self) -> None:
        """Give up all partitions after all decisions in them are durable (`LeadsStage.revoked`)."""
        self.outbox.land(ALL)
        self.stage.acker = Acker()
        self.owned = set()
        self.orgs.let_go()

    def poll(self, partition: int, most: int) -> int:
        """Handle the next events of a partition; return how many there were."""
        log = self.broker.logs[LEAD_LOG, partition]
        begin = self.positions[partition]
        records = log[begin : begin + most]
        for record in records:
            self.stage.decide(Delivery(record, self.acks))
        self.positions[partition] = begin + len(records)
        return len(records)

    def commit(self) -> None:
        """Commit the acknowledged offsets. The commit of a worker that is no longer in the group is refused."""
        for partition, offset in self.acks.items():
            if partition in self.owned:
                self.broker.committed[LEAD_LOG, partition] = (offset, "")
        self.orgs.commit()

    def fire(self) -> int:
        """Append to both logs what is due by this worker's own clock."""
        now = self.broker.now + self.clock_skew
        return self.stage.append_due(now) + self.orgs.stage.append_due(now)

    def next_due(self) -> float | None:
        """Return when something is due next, if anything is."""
        due = [leads.deadlines.next_due() for leads in self.rows.partitions()]
        return min((at for at in (*due, self.orgs.next_due()) if at is not None), default=None)

    def sweep(self) -> int:
        """Append an event for each lead that new rules would change (`Sweeper`); return how many there were."""
        count = 0
        now = datetime_of(self.broker.now + self.clock_skew)
        for (partition, org), campaigns in self.sweeper.requested.items():
            leads = self.rows.of(partition)
            for key in list(leads.rows) if campaigns is None else leads.waiting.keys(org, sorted(campaigns)):
                event = leads.stale(key, org, now)
                if event is not None:
                    self.stage.append(partition, event)
                    count += 1
        self.sweeper.requested.clear()
        return count

    def crash(self, landed: int) -> None:
        """Crash. The given number of records of each lane were on their way and land, without an acknowledgement."""
        self.outbox.land(landed, acknowledged=False)
        self.frozen = False
        self.begin()


class Relay:
    """The relay. It owns all partitions."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.begin()

    def begin(self) -> None:
        """Start at the committed offsets, with their watermarks, and read how far the public topics are."""
        self.outbox = Outbox(self.broker)
        self.outbox.durable = count_published
        self.acks: dict[int, int] = {}
        stage: Any = RelayStage.__new__(RelayStage)
        stage.metrics = DecisionMetrics()
        stage.partitions = PARTITIONS
        stage.acker = Acker()
        stage.writer = self.outbox
        stage.watermarks = Watermarks()
        stage.published = published = PublishedWatermark()
        for topic in PUBLIC:
            for partition in range(PARTITIONS):
                if log := self.broker.logs[topic, partition]:
                    published.note(topic, partition, _number(log[-1], partition))
        for partition in range(PARTITIONS):
            for record in self.broker.logs[DO_NOT_CONTACT, 0]:
                if (number := _number(record, partition)) != NOTHING:
                    published.note(DO_NOT_CONTACT, partition, number)
        self.stage: RelayStage = stage
        self.positions: dict[int, int] = {}
        for partition in range(PARTITIONS):
            offset, mark = self.broker.committed.get((LEAD_JOURNAL, partition), (0, str(NO_WATERMARK)))
            self.positions[partition] = offset
            self.stage.watermarks.restore(partition, int(mark))

    def poll(self, partition: int, most: int) -> int:
        """Relay the next records of a partition; return how many there were."""
        begin = self.positions[partition]
        records = self.broker.logs[LEAD_JOURNAL, partition][begin : begin + most]
        for record in records:
            self.stage.publish(Delivery(record, self.acks))
        self.positions[partition] = begin + len(records)
        return len(records)

    def commit(self) -> None:
        """Commit the acknowledged offsets, each with its watermark."""
        for partition, offset in self.acks.items():
            mark = str(self.stage.watermarks.at(partition, offset))
            self.broker.committed[LEAD_JOURNAL, partition] = (offset, mark)

    def crash(self, landed: int) -> None:
        """Crash. The given number of messages of each lane land, without an acknowledgement."""
        self.outbox.land(landed, acknowledged=False)
        self.begin()


def datetime_of(posix: float) -> datetime:
    """Return POSIX seconds as an instant."""
    return datetime.fromtimestamp(posix, UTC)
