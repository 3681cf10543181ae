"""Counts the messages of vendors that were refused, from `dead-letters`, with the position beside them (V6).

It is followed like a copied topic (`sink.copied_topics`), with the position in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, delete, select

from sink.copied_topics import CopiedTopic, CopiedTopicWriter
from sink.tables import RefusedArrivalTable, VendorCountTable
from sink.vendor_count_of_record import OTHERS, Count, hour_of, reason_detail
from sink.vendor_count_writer import MAX_DETAILS, VendorCountWriter
from streams.dead_letter_reading import StoredDeadLetter, read_letter
from streams.dead_letter_senders import org_of, vendor_in
from streams.topics import DEAD_LETTERS, LEAD_ARRIVALS

BATCH_ROWS: Final = 500
"""The most messages in one statement."""
RETENTION: Final = timedelta(days=400)
"""How long it is remembered that a message is counted. Dead letters are kept for a month."""


class RefusedArrival(NamedTuple):
    """A refused message. `source`: its topic, partition and offset."""

    source: str
    at: datetime
    counted: Count


class RefusedArrivalWriter(CopiedTopicWriter):
    """Counts refused messages. A message is counted once, whoever counts it first."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, CopiedTopic(DEAD_LETTERS, RefusedArrivalTable, lambda _: None))
        self._counting = VendorCountWriter(engine.dialect.name)

    def row_of(self, record: Any) -> Any:
        """Return what a record of `dead-letters` counts."""
        return refused_arrival(record)

    def store(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Remember and count the messages that are not counted yet."""
        new: list[RefusedArrival] = []
        for start in range(0, len(rows), BATCH_ROWS):
            new += self._remembered(connection, rows[start : start + BATCH_ROWS])
        self._counting.add(connection, _counts(connection, new))

    def _remembered(self, connection: Connection, arrivals: Sequence[RefusedArrival]) -> list[RefusedArrival]:
        """Return the messages that are not counted yet, and remember them."""
        new = {arrival.source: arrival for arrival in arrivals}
        table = RefusedArrivalTable
        for source in connection.scalars(select(table.source).where(table.source.in_(sorted(new)))):
            del new[source]
        if not new:
            return []
        connection.execute(
            self._insert, [{"source": arrival.source, "at": arrival.at} for arrival in new.values()]
        )
        connection.execute(
            delete(table).where(table.at < max(arrival.at for arrival in new.values()) - RETENTION)
        )
        return [*new.values()]


def _counts(connection: Connection, new: Sequence[RefusedArrival]) -> Counter[Count]:
    """Count messages by their reasons; the reasons beyond `MAX_DETAILS` of a vendor's hour are `others`."""
    counts: Counter[Count] = Counter()
    details: dict[Count, set[str]] = {}
    for arrival in new:
        count = arrival.counted._replace(detail="")
        if count not in details:
            details[count] = _details(connection, count)
        known_details = details[count]
        if arrival.counted.detail in known_details or len(known_details) < MAX_DETAILS:
            known_details.add(arrival.counted.detail)
            counts[arrival.counted] += 1
        else:
            counts[count._replace(detail=OTHERS)] += 1
    return counts


def _details(connection: Connection, count: Count) -> set[str]:
    table = VendorCountTable
    query = select(table.detail).where(
        table.org == count.org,
        table.vendor == count.vendor,
        table.begins_at == count.begins_at,
        table.kind == count.kind,
    )
    return set(connection.scalars(query))


def refused_arrival(record: Any) -> RefusedArrival | None:
    """Return what a record of `dead-letters` counts; None if it is no refused message of `lead-arrivals`.

    The org is empty if the message does not name a readable one, and so is the vendor.
    """
    letter = read_letter(record)
    if letter.source is None or letter.source.topic != LEAD_ARRIVALS:
        return None
    at = _failed_at(letter)
    org, vendor = ((name or "").replace("\0", "\ufffd") for name in (org_of(letter), vendor_in(letter)))
    detail = reason_detail(letter.reason.replace("\0", "\ufffd"))
    return RefusedArrival(str(letter.source), at, Count(org, vendor, hour_of(at), "refused", detail))


def _failed_at(letter: StoredDeadLetter) -> datetime:
    """Return when the message was refused: as its writer says, else when the letter was written."""
    try:
        at = datetime.fromisoformat(letter.failed_at)
    except ValueError:
        at = letter.at
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
