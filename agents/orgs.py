"""The orgs stage: one ordered log in, one record batch out for each event: its decisions and the rows it changed."""

import heapq
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import MsgspecError

from agents.stage import Stage
from models.codec import decode_org_event, encode_org_event, encode_org_record
from models.errors import PermanentError
from models.org import OrgEvent, OrgLead, OrgRep, OrgWoken, WakeKind
from models.org_decisions import OrgKept
from rules.org.org_partition import Decided
from rules.outbound.public_messages import origin
from streams.app import StageApp, raw_topic
from streams.dead_letter_reading import is_sent_again
from streams.dead_letters import verdict
from streams.process_exit import Exit, leave
from streams.table import OrgTable
from streams.topics import ORG_JOURNAL, ORG_LOG

_log = structlog.get_logger(__name__)

WAKE_SECONDS: Final = 0.05
"""How often rows that are to be woken are looked for."""
RETRY_SECONDS: Final = 5.0
"""After so long a row that was woken and still waits for that instant is woken again."""
MOST_AT_ONCE: Final = 500

_Wake = tuple[float, int, str, str, str]
"""When (POSIX seconds), partition, org, kind, id."""


class OrgsStage(Stage):
    """Owns the orgs of this worker's partitions of `org-log`."""

    def __init__(self, app: StageApp) -> None:
        super().__init__(app, "orgs")
        self.wakes: list[_Wake] = []
        journal = raw_topic(app, ORG_JOURNAL, partitions=self.partitions)
        self.table = OrgTable(
            app, name="orgs", partitions=self.partitions, key_type=bytes, changelog_topic=journal
        )
        app.tables.add(self.table)
        self.table.on_recover(self.recovered)
        self.read(ORG_LOG, self.handle)
        app.timer(WAKE_SECONDS, name="wakes")(self.fire)

    # -- events -----------------------------------------------------------------------------------------------------

    def handle(self, event: Any) -> None:
        """Decode, decide, write. Nothing is awaited: the event is acked when its batch is durable."""
        message = event.message
        receipt = self.acker.take(event)
        try:
            happened = decode_org_event(message.value or b"")
            self.decide(happened, message, receipt)
        except MsgspecError as error:
            self.bury(message, "unreadable_event", str(error), receipt)
        except PermanentError as never:
            self.bury(message, *verdict(never), receipt)
        receipt.settle()

    def decide(self, event: OrgEvent, message: Any, receipt: Any) -> None:
        """Apply one event to its org."""
        partition = message.partition
        offices = self.table.rows.of(partition)
        if message.offset <= offices.highest:
            return  # durable already
        self.check_place(event, message)
        source, mark = origin(message)
        again = is_sent_again(message)
        at = datetime.fromtimestamp(message.timestamp, UTC)
        decided = offices.decide(event, off=message.offset, at=at, source=source, mark=mark, again=again)
        try:
            self.write(decided, partition, receipt)
        except PermanentError as never:
            decided = offices.refuse(event, never, off=message.offset, at=at, source=source, mark=mark)
            self.write(decided, partition, receipt)
        if decided.failure is not None:
            self.bury(message, *verdict(decided.failure), receipt)
        for _, record in decided.records:
            offices.apply(record)
            if isinstance(record, OrgKept) and isinstance(record.value, OrgRep | OrgLead):
                self.arm(partition, record.org, record.value)

    def write(self, decided: Decided, partition: int, receipt: Any) -> None:
        """Append an event's batch; raises `PermanentError` where it does not fit, and then has appended nothing."""
        written = [(key, encode_org_record(record)) for key, record in decided.records]
        self.writer.add_together(ORG_JOURNAL, partition, written, receipt=receipt)

    def check_place(self, event: OrgEvent, message: Any) -> None:
        """Refuse an event that is not in its org's log."""
        key = event.org.encode()
        place = self.place(key)
        if message.key != key or place != message.partition:
            reason = (
                f"key {message.key!r} in partition {message.partition}; org {event.org} belongs to {place}"
            )
            raise PermanentError("misplaced_event", reason)

    # -- time -------------------------------------------------------------------------------------------------------

    def arm(self, partition: int, org: str, row: OrgRep | OrgLead) -> None:
        """Point at a row that is to be woken."""
        if row.wake is not None:
            kind, object_id = _named(row)
            heapq.heappush(self.wakes, (row.wake.timestamp() + 0.001, partition, org, kind, object_id))

    async def fire(self) -> None:
        """Tell the log which rows are to be woken now."""
        if self.app.rebalancing or self.app.in_recovery or not self.app.lease.fresh:
            return
        self.wake(datetime.now(UTC).timestamp())

    def wake(self, now: float) -> int:
        """Wake what is due; a heap entry that its row does not confirm is dropped. Return how many were woken."""
        woken = 0
        while self.wakes and self.wakes[0][0] <= now and woken < MOST_AT_ONCE:
            _, partition, org, kind, object_id = heapq.heappop(self.wakes)
            state = self.table.rows.of(partition).state(org)
            row = (state.reps if kind == WakeKind.REP else state.leads).get(object_id)
            if row is None or row.wake is None:
                continue
            if row.wake.timestamp() + 0.001 > now:
                continue  # it waits for another instant now, and another entry points at that
            event = OrgWoken(
                cause=f"wake/{kind}/{object_id}/{row.wake.isoformat()}",
                org=org,
                kind=WakeKind(kind),
                object_id=object_id,
                due=row.wake,
            )
            self.writer.add(ORG_LOG, partition, key=org.encode(), value=encode_org_event(event))
            woken += 1
            heapq.heappush(self.wakes, (now + RETRY_SECONDS, partition, org, kind, object_id))
        return woken

    # -- partitions come and go ---------------------------------------------------------------------------------------

    async def recovered(self) -> None:
        """Orgs are back: file them anew and point at what is to be woken. What fails here ends the process."""
        try:
            owned = {tp.partition for tp in self.app.assignor.assigned_actives() if tp.topic == ORG_LOG}
            self.table.rows.keep_only(owned)
            self.derive()
        except Exception as error:  # noqa: BLE001  # Faust takes no notice of it, and we would go on without timers
            leave(Exit.SOFTWARE, "recovery", repr(error))

    def derive(self) -> None:
        """Derive indexes and timers from the rows of the partitions we own."""
        self.wakes.clear()
        for partition, offices in self.table.rows.partitions():
            offices.recovered()
            for org, row in offices.wakes():
                self.arm(partition, org, row)
        _log.info("orgs recovered", rows=len(self.table.rows), wakes=len(self.wakes))


def _named(row: OrgRep | OrgLead) -> tuple[str, str]:
    return (WakeKind.REP, row.rep_id) if isinstance(row, OrgRep) else (WakeKind.LEAD, row.lead_id)
