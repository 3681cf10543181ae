"""The org processes: the production code of the orgs stage, and of the relay that carries its answers to the leads."""

from types import SimpleNamespace
from typing import Any

from agents.broker_time import BrokerTime
from agents.due_pace import DuePace
from agents.org_relay import OrgRelayStage
from agents.orgs import OrgsStage
from agents.watermarks import NO_WATERMARK, Watermarks
from streams.receipts import Acker
from streams.stage_table import OrgRows
from streams.topics import ORG_JOURNAL, ORG_LOG
from tests.simulation.broker import PARTITIONS, Broker, Delivery, Outbox

ALL = 1_000_000


class Orgs:
    """The orgs of one worker. They live and die with it. Their records go out through the worker's outbox."""

    def __init__(self, broker: Broker, outbox: Outbox) -> None:
        self.broker = broker
        self.owned: set[int] = set()
        self.positions: dict[int, int] = {}
        self.acks: dict[int, int] = {}
        stage: Any = OrgsStage.__new__(OrgsStage)
        stage.partitions = PARTITIONS
        stage.acker = Acker()
        stage.writer = outbox
        stage.due_pace = DuePace()
        stage.broker_time = BrokerTime()
        stage.table = SimpleNamespace(rows=OrgRows())
        self.stage: OrgsStage = stage

    def take(self, partitions: set[int]) -> None:
        """Recover: read the orgs from the current journal, then derive the rest (`OrgsStage.recovered`)."""
        rows = self.stage.table.rows
        rows.keep_only(partitions)
        self.owned = partitions
        for partition in partitions:
            for record in self.broker.logs[ORG_JOURNAL, partition]:
                rows.apply(partition, record.key, record.value)
            self.positions[partition] = self.broker.committed.get((ORG_LOG, partition), (0, ""))[0]
        self.acks = {}
        for orgs in rows.partitions():
            orgs.recovered()

    def let_go(self) -> None:
        """Lose all partitions. All decisions in them are durable by now (`OrgsStage.revoked`)."""
        self.stage.acker = Acker()
        self.owned = set()

    def poll(self, partition: int, most: int) -> int:
        """Handle the next events of a partition; return how many there were."""
        begin = self.positions[partition]
        records = self.broker.logs[ORG_LOG, partition][begin : begin + most]
        for record in records:
            self.stage.decide(Delivery(record, self.acks))
        self.positions[partition] = begin + len(records)
        return len(records)

    def commit(self) -> None:
        """Commit the acknowledged offsets. The commit of a worker that is no longer in the group is refused."""
        for partition, offset in self.acks.items():
            if partition in self.owned:
                self.broker.committed[ORG_LOG, partition] = (offset, "")

    def next_due(self) -> float | None:
        """Return when the next row is due to be woken, if any."""
        due = [orgs.deadlines.next_due() for orgs in self.stage.table.rows.partitions()]
        return min((at for at in due if at is not None), default=None)


class OrgRelay:
    """The relay that carries answers to leads.

    It owns all partitions. `ghost`: the unsent messages of its predecessor.
    """

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.ghost = Outbox(broker)
        self.begin()

    def begin(self) -> None:
        """Start at the committed offsets, with the watermarks committed beside them."""
        self.outbox = Outbox(self.broker)
        self.acks: dict[int, int] = {}
        stage: Any = OrgRelayStage.__new__(OrgRelayStage)
        stage.partitions = PARTITIONS
        stage.acker = Acker()
        stage.writer = self.outbox
        stage.watermarks = Watermarks()
        self.stage: OrgRelayStage = stage
        self.positions: dict[int, int] = {}
        for partition in range(PARTITIONS):
            offset, mark = self.broker.committed.get((ORG_JOURNAL, partition), (0, str(NO_WATERMARK)))
            self.positions[partition] = offset
            stage.watermarks.restore(partition, int(mark))

    def poll(self, partition: int, most: int) -> int:
        """Forward the answers of the next records of a partition; return how many records there were."""
        begin = self.positions[partition]
        records = self.broker.logs[ORG_JOURNAL, partition][begin : begin + most]
        for record in records:
            self.stage.forward(Delivery(record, self.acks))
        self.positions[partition] = begin + len(records)
        return len(records)

    def commit(self) -> None:
        """Commit the acknowledged offsets, each with its watermark."""
        for partition, offset in self.acks.items():
            mark = str(self.stage.watermarks.at(partition, offset))
            self.broker.committed[ORG_JOURNAL, partition] = (offset, mark)

    def crash(self, landed: int) -> None:
        """Crash. The given number of messages of each lane land, without an acknowledgement."""
        self.outbox.land(landed, acknowledged=False)
        self.begin()

    def succeed(self) -> None:
        """Replace this relay as if it were dead.

        Another one starts at the commit, and the old one's messages land later.
        """
        self.ghost.land(ALL, acknowledged=False)
        self.ghost = self.outbox
        self.begin()
