"""Checks at many moments of a chaos run that no lead is missing (X7). It reads log and journal."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from assurance.verify.cross_state import CONSERVED
from assurance.verify.records import key_text
from models.lead import OWNED_PHASES, Phase
from streams.clients import Consumer, stop_consumer
from streams.clients import consumer as make_consumer
from streams.retries import PROBE_CONSERVATION
from streams.settings import Settings
from streams.topics import LEAD_JOURNAL, LEAD_LOG, partitions_of

MOMENTS: Final = 20
POLL_MS: Final = 100
ENDED: Final = frozenset({Phase.CLOSED, Phase.IGNORED})
"""Phases in which a lead may have an owner or not."""

Say = Callable[[str], None]


class _Lead(msgspec.Struct, gc=False):
    phase: Phase
    owner: str | None = None


class _Row(msgspec.Struct, gc=False):
    off: int
    row: str
    lead: _Lead | None = None


class _Event(msgspec.Struct, gc=False):
    type: str


_ROWS: Final = msgspec.json.Decoder(_Row)
_EVENTS: Final = msgspec.json.Decoder(_Event)


class Ledger:
    """One partition, read up to a given moment: what has arrived, and where each lead is.

    `watermark`: the newest event that has a row in the journal. Every event has one, in order, so the rows and events
    up to the watermark describe the same instant.
    """

    def __init__(self) -> None:
        self.watermark = -1
        self.leads: dict[str, _Lead] = {}
        self._arrived: set[str] = set()
        self._ahead: deque[tuple[int, str]] = deque()

    def row(self, record: Any) -> None:
        """Read a record of the journal. One that is not newer is a repeat by a worker that had lost the partition."""
        try:
            row = _ROWS.decode(record.value or b"")
        except msgspec.MsgspecError:
            return  # its lead is then missing
        if row.off <= self.watermark:
            return
        self.watermark = row.off
        if row.row == "lead" and row.lead is not None:
            self.leads[key_text(record.key)] = row.lead

    def event(self, record: Any) -> None:
        """Read a record of the log."""
        try:
            event = _EVENTS.decode(record.value or b"")
        except msgspec.MsgspecError:
            return  # a dead letter
        if event.type == "lead_arrived":
            self._ahead.append((record.offset, key_text(record.key)))

    def look(self) -> str | None:
        """Return what is inconsistent at the watermark, or None."""
        while self._ahead and self._ahead[0][0] <= self.watermark:
            self._arrived.add(self._ahead.popleft()[1])
        if missing := self._arrived - self.leads.keys():
            return f"{len(missing)} arrived and have no row, as {min(missing)}"
        if strange := self.leads.keys() - self._arrived:
            return f"{len(strange)} never arrived, as {min(strange)}"
        for lead_id, lead in self.leads.items():
            if lead.phase not in ENDED and (lead.phase in OWNED_PHASES) is (lead.owner is None):
                return f"{lead_id} is {lead.phase} and its owner is {lead.owner}"
        return None

    def sums(self) -> Counter[str]:
        """Return the number of leads in each category of X7."""
        return Counter(CONSERVED[lead.phase] for lead in self.leads.values())


class ConservationProbe:
    """Checks a run at several moments. `conserved`: how many moments were consistent. `findings`: the others."""

    def __init__(self, settings: Settings, seconds: float, say: Say, *, moments: int = MOMENTS) -> None:
        self._settings = settings
        self._every = seconds / (moments + 1)
        self._moments = moments
        self._say = say
        self._ledgers = [Ledger() for _ in range(partitions_of(LEAD_LOG, settings))]
        self._at: dict[TopicPartition, int] = {}
        self.conserved = 0
        self.findings: list[str] = []

    async def watch(self) -> None:
        """Check at each moment. If the broker is down then, check as soon as it is back."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for moment in range(1, self._moments + 1):
            await asyncio.sleep(max(0.0, began + moment * self._every - loop.time()))
            await self._read()
            self._judge(moment)

    def _judge(self, moment: int) -> None:
        findings = [
            f"partition {n}: {problem}"
            for n, ledger in enumerate(self._ledgers)
            if (problem := ledger.look())
        ]
        self.conserved += not findings
        self.findings += findings
        sums = sum((ledger.sums() for ledger in self._ledgers), Counter[str]())
        parts = " + ".join(f"{count} {kind}" for kind, count in sorted(sums.items()))
        self._say(
            f"moment {moment}: {sums.total()} leads in = {parts}{''.join(f'; {finding}' for finding in findings)}"
        )

    async def _read(self) -> None:
        """Read on: the journal to its current end, then the log, which has every event the journal has rows of.

        Waits for a broker that is unreachable. Keeps what was read.
        """
        await PROBE_CONSERVATION.run((KafkaError, OSError), "read log and journal", self._read_once)

    async def _read_once(self) -> None:
        consumer = make_consumer(self._settings, reset="none")
        try:
            await consumer.start()
            for topic in (LEAD_JOURNAL, LEAD_LOG):
                await self._read_on(consumer, topic)
        finally:
            await stop_consumer(consumer)

    async def _read_on(self, consumer: Consumer, topic: str) -> None:
        topic_partitions = [TopicPartition(topic, n) for n in range(len(self._ledgers))]
        consumer.assign(topic_partitions)
        ends = await consumer.end_offsets(topic_partitions)
        for tp in topic_partitions:
            consumer.seek(tp, self._at.setdefault(tp, 0))
        while any(self._at[tp] < ends[tp] for tp in topic_partitions):
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                ledger = self._ledgers[tp.partition]
                for record in records:
                    (ledger.row if topic == LEAD_JOURNAL else ledger.event)(record)
                    self._at[tp] = record.offset + 1
            for tp in topic_partitions:
                # The last record may be followed by a transaction's end marker, which is not a record.
                self._at[tp] = await consumer.position(tp)
