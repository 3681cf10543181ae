"""The same for orgs: the real hearts of the orgs stage and of the relay that carries its answers back to the leads."""

from types import SimpleNamespace
from typing import Any

from agents.org_relay import OrgRelayStage
from agents.orgs import OrgsStage
from agents.watermarks import NO_WATERMARK, Watermarks
from streams.journal import Acker
from streams.table import OrgRows
from streams.topics import ORG_JOURNAL, ORG_LOG
from tests.simulation.broker import PARTITIONS, Broker, Delivery, Outbox

ALL = 1_000_000


class Orgs:
    """The orgs of one worker, which lives and dies with it; its records go out by the worker's own outbox."""

    def __init__(self, broker: Broker, outbox: Outbox) -> None:
        self.broker = broker
        self.owned: set[int] = set()
        self.positions: dict[int, int] = {}
        self.acks: dict[int, int] = {}
        stage: Any = OrgsStage.__new__(OrgsStage)
        stage.partitions = PARTITIONS
        stage.acker = Acker()
        stage.writer = outbox
        stage.table = SimpleNamespace(rows=OrgRows())
        self.stage: OrgsStage = stage

    def take(self, partitions: set[int]) -> None:
        """Recover: orgs from the journal as it is now, then what follows from them (`OrgsStage.recovered`)."""
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
        """Lose all partitions; what was decided in them is durable by now (`OrgsStage.revoked`)."""
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
        """Commit what is acked; whoever was put out of the group is refused."""
        for partition, offset in self.acks.items():
            if partition in self.owned:
                self.broker.committed[ORG_LOG, partition] = (offset, "")

    def next_due(self) -> float | None:
        """Return when the next row is to be woken, if any."""
        due = [orgs.deadlines.next_due() for orgs in self.stage.table.rows.partitions()]
        return min((at for at in due if at is not None), default=None)


class OrgRelay:
    """The relay that carries answers to leads, owner of all partitions. `ghost`: what its predecessor has in hand."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.ghost = Outbox(broker)
        self.begin()

    def begin(self) -> None:
        """Start where the committed offsets say, with the marks beside them."""
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
        """Carry the answers of the next records of a partition; return how many records there were."""
        begin = self.positions[partition]
        records = self.broker.logs[ORG_JOURNAL, partition][begin : begin + most]
        for record in records:
            self.stage.forward(Delivery(record, self.acks))
        self.positions[partition] = begin + len(records)
        return len(records)

    def commit(self) -> None:
        """Commit what is acked, each offset with its mark."""
        for partition, offset in self.acks.items():
            mark = str(self.stage.watermarks.at(partition, offset))
            self.broker.committed[ORG_JOURNAL, partition] = (offset, mark)

    def crash(self, landed: int) -> None:
        """Die; so many messages of each lane land, and nobody hears of it."""
        self.outbox.land(landed, acknowledged=False)
        self.begin()

    def succeed(self) -> None:
        """Be taken for dead: another begins where it committed, and what it has in hand lands later."""
        self.ghost.land(ALL, acknowledged=False)
        self.ghost = self.outbox
        self.begin()
