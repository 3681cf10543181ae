"""Computes what the lists should be, from the newest row of each lead in the journal alone."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from board import keys
from models.codec import decode_row
from models.directory import Queue
from models.lead import DirectoryRow, LeadRow
from models.public import QUEUE_CHANGES
from rules.outbound.public_messages import public_messages, published_queue
from rules.queues.columns import shown_columns
from rules.queues.personal_queues import own_columns, own_queues, own_sort_key
from streams.settings import Settings
from streams.topic_reader import Progress, read_topic
from streams.topics import LEAD_JOURNAL

_encode = msgspec.json.Encoder().encode


class BoardTopics(msgspec.Struct, frozen=True):
    """The topics that a board is built from. Tests use their own."""

    journal: str = LEAD_JOURNAL
    changes: str = QUEUE_CHANGES


SOURCES = BoardTopics()


class BoardEntry(msgspec.Struct, frozen=True, gc=False):
    """One lead in one list. `columns` is JSON."""

    org: str
    queue_id: str
    lead_id: str
    version: int
    sort_key: str
    columns: bytes


class BoardQueue(msgspec.Struct, frozen=True, gc=False):
    """One queue's definition, as `queue-changes` carries it. `value` is JSON."""

    org: str
    queue_id: str
    version: int
    value: bytes


class Partition(msgspec.Struct):
    """One partition of the journal. `rows`: the newest record by key. `off`: the newest log offset, or -1."""

    number: int
    off: int = -1
    rows: dict[bytes, bytes] = {}
    offs: dict[bytes, int] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Read the next record. One that is not newer than the key's is a repeat (docs/design.md, the journal)."""
        if value is None:
            self.rows.pop(key, None)
            return
        off = _ROW_HEADERS.decode(value).off
        if off >= self.offs.get(key, -1):
            self.rows[key], self.offs[key] = value, off
        self.off = max(self.off, off)

    def entries(self) -> "ExpectedLists":
        """Return this partition's part of the lists: its leads' entries; for partition 0 also the definitions."""
        lists = ExpectedLists()
        queues: dict[tuple[str, str], Queue] = {}
        leads: list[LeadRow] = []
        for key, value in self.rows.items():
            row = decode_row(value)
            if isinstance(row, LeadRow):
                leads.append(row)
            else:
                lists.definitions += _definition(row, key, self.number)
                if queue := published_queue(row):
                    queues[row.org, row.object_id] = queue
        for row in leads:
            lists.entries += _of_lead(row, queues)
        return lists


class ExpectedLists(msgspec.Struct):
    """Entries and definitions of one partition."""

    entries: list[BoardEntry] = []
    definitions: list[BoardQueue] = []


class _RowHeader(msgspec.Struct, gc=False):
    off: int


_ROW_HEADERS = msgspec.json.Decoder(_RowHeader)


async def partitions(
    settings: Settings, journal: str, count: int, *, progress: Progress | None = None
) -> AsyncIterator[Partition]:
    """Yield the journal's partitions one by one, each read to the end it had when its reading began.

    Only one partition's newest rows are in memory at a time. Raises `RetryableError` where Kafka is unreachable.
    """
    for number in range(count):
        partition = Partition(number)
        reading = read_topic(settings, journal, partitions=[number], progress=progress)
        async with aclosing(reading) as records:
            async for record in records:
                partition.take(record.key, record.value)
        yield partition


def _of_lead(row: LeadRow, queues: dict[tuple[str, str], Queue]) -> list[BoardEntry]:
    lead = row.lead
    if lead is None:
        return []
    org = lead.facts.org
    entries = []
    for queue_id, placement in lead.placements.items():
        # Without a definition in this partition, the list shows what a blind queue shows (Q3).
        queue = queues.get((org, queue_id)) or Queue(queue_id=queue_id)
        columns = keys.with_state(_encode(shown_columns(lead, queue)), lead.facts.state)
        entries.append(BoardEntry(org, queue_id, lead.lead_id, row.seq, placement.sort_key, columns))
    if queue_ids := own_queues(lead):
        sort_key, columns = own_sort_key(lead, row.at), _encode(own_columns(lead))
        entries += [
            BoardEntry(org, queue_id, lead.lead_id, row.seq, sort_key, columns) for queue_id in queue_ids
        ]
    return entries


def _definition(row: DirectoryRow, key: bytes, partition: int) -> list[BoardQueue]:
    return [
        BoardQueue(row.org, row.object_id, row.version, public_message.value)
        for public_message in public_messages(row, key, partition)
        if public_message.topic == QUEUE_CHANGES
    ]


def value_of(entry: BoardEntry) -> bytes:
    """Return the entry as the board stores it."""
    return keys.row(entry.version, entry.sort_key, entry.columns)
