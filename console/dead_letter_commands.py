"""Dead letters dealt with in bulk: sent again or skipped, each for itself, so that one failure stops no other."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RequestTimedOutError,
)

from console.dead_letter_marks import Dealt, Mark, read_marks, send_mark
from console.letters import OURS, REPLAYABLE, find_letters, letter_of, org_of, source_topic
from models.errors import Later
from streams.reading import read_topic
from streams.settings import Settings
from streams.topics import DEAD_LETTERS

MOST_RECORDS: Final = 500
"""Letters on their way at once."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of letters on their way at once."""
MOST_FAILURES: Final = 100
"""Failures that are named; the rest is counted."""
LARGEST_REQUEST_BYTES: Final = 16 * 1024 * 1024
"""What a topic takes is the broker's to say."""
CUT: Final = "value-cut-from"
"""Header of a letter whose original was too large to be kept whole."""
_AWAY: Final = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError)


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters. `places`: those and no others; every other field that is given must fit as well.

    `since`, `until`: when they failed, the first included and the last not.
    """

    places: tuple[str, ...] = ()
    error_class: str | None = None
    topic: str | None = None
    org: str | None = None
    vendor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, record: Any) -> bool:
        """Say whether a record of `dead-letters` is one of those."""
        said = letter_of(record)
        failed_at = _instant(said["failed_at"], record)
        return (
            (self.topic is None or source_topic(record) == self.topic)
            and (self.error_class is None or said["error_class"] == self.error_class)
            and (self.since is None or failed_at >= self.since)
            and (self.until is None or failed_at < self.until)
            and (self.org is None or org_of(record) == self.org)
            and (self.vendor is None or _vendor(record) == self.vendor)
        )


def _instant(failed_at: str, record: Any) -> datetime:
    try:
        found = datetime.fromisoformat(failed_at)
    except ValueError:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _vendor(record: Any) -> str | None:
    """Return whom a letter came from, as its message says: itself, or within a CloudEvents envelope."""
    try:
        value = msgspec.json.decode(record.value or b"")
    except (msgspec.MsgspecError, RecursionError):
        return None
    if isinstance(value, dict) and "vendor" not in value and isinstance(value.get("data"), dict):
        value = value["data"]
    vendor = value.get("vendor") if isinstance(value, dict) else None
    return vendor if isinstance(vendor, str) else None


class Outcome(msgspec.Struct, kw_only=True):
    """What became of a selection. `left_out`: reason -> how many; `failures`: the first, with place and reason.

    `replayed`, `skipped`: how many were dealt with so, or with `dry_run` would be. `again`: of those, how many had been
    dealt with before. `stopped`: why the rest was not tried.
    """

    selected: int = 0
    replayed: int = 0
    skipped: int = 0
    again: int = 0
    failed: int = 0
    left_out: dict[str, int] = {}
    failures: list[dict[str, str]] = []
    dry_run: bool = False
    stopped: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything selected was dealt with."""
        return self.failed == 0 and self.stopped is None

    def fail(self, place: str, reason: str) -> None:
        """Count a failure, and keep it while there is room."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures = [*self.failures, {"place": place, "reason": reason}]

    def leave(self, reason: str) -> None:
        """Count a letter that is left out."""
        self.left_out = dict(Counter(self.left_out) + Counter([reason]))

    def lines(self, verb: str) -> list[str]:
        """Return what to print."""
        done = self.replayed + self.skipped
        told = [f"{place['place']:>10}  {place['reason']}" for place in self.failures]
        if self.failed > len(self.failures):
            told.append(f"            and {self.failed - len(self.failures):,} more")
        told += [f"{count:,} left out: {reason}" for reason, count in sorted(self.left_out.items())]
        again = f", {self.again:,} of them not for the first time (what is known changes nothing)" if self.again else ""
        told.append(f"{done:,} {'would be ' if self.dry_run else ''}{verb}{again}")
        if self.failed:
            told.append(f"{self.failed:,} failed")
        if self.stopped:
            told.append(f"stopped: {self.stopped}")
        return told


async def replay_letters(
    settings: Settings, chosen: Selection, *, again: bool = False, dry_run: bool = False
) -> Outcome:
    """Send letters to the topics they came from, byte for byte, and mark them; sent twice they change nothing (X4).

    `again`: also those that are dealt with. Who names places means them, dealt with or not.
    """
    return await _Bulk(settings, chosen, Dealt.REPLAYED, again=again, dry_run=dry_run).run()


async def skip_letters(
    settings: Settings, chosen: Selection, *, why: str = "", again: bool = False, dry_run: bool = False
) -> Outcome:
    """Mark letters as dealt with; they stay where they are, and can still be replayed by their places."""
    return await _Bulk(settings, chosen, Dealt.SKIPPED, why=why, again=again, dry_run=dry_run).run()


class _Bulk:
    """One run over a selection."""

    def __init__(
        self, settings: Settings, chosen: Selection, how: Dealt, *, again: bool, dry_run: bool, why: str = ""
    ) -> None:
        self._settings = settings
        self._chosen = chosen
        self._how = how
        self._again = again or bool(chosen.places)
        self._why = why
        self._outcome = Outcome(dry_run=dry_run)
        self._marks: dict[str, Mark] = {}

    async def run(self) -> Outcome:
        """Deal with each letter of the selection."""
        self._marks = await read_marks(self._settings)
        producer = AIOKafkaProducer(
            **self._settings.aiokafka_options(),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST_BYTES,
        )
        try:
            await producer.start()
            async with aclosing(self._selected()) as letters:
                async for bulk in letters:
                    await self._deal(producer, bulk)
                    if self._outcome.stopped:
                        break
        except KafkaError as error:
            raise Later("Kafka", repr(error)) from error
        finally:
            await producer.stop()
        return self._outcome

    async def _selected(self) -> AsyncIterator[list[Any]]:
        """Yield the letters to deal with, as many at once as may be on their way."""
        bulk, size = list[Any](), 0
        if self._chosen.places:
            records: Any = _each(await find_letters(self._settings, list(self._chosen.places)))
        else:
            records = read_topic(self._settings, DEAD_LETTERS)
        async with aclosing(records):
            async for record in records:
                if not self._chosen.takes(record) or not self._is_open(record):
                    continue
                bulk.append(record)
                size += len(record.value or b"")
                if len(bulk) == MOST_RECORDS or size >= MOST_BYTES:
                    yield bulk
                    bulk, size = [], 0
        if bulk:
            yield bulk

    def _is_open(self, record: Any) -> bool:
        """Count a letter of the selection, and say whether it is to be dealt with."""
        self._outcome.selected += 1
        mark = self._marks.get(_place(record))
        if mark is not None and not self._again:
            self._outcome.leave(f"{mark.what} before; --again takes them, too")
            return False
        if self._how is Dealt.REPLAYED and (reason := not_replayable(record)):
            if self._chosen.places:
                self._outcome.fail(_place(record), reason)
            else:
                self._outcome.leave(reason)
            return False
        self._outcome.again += mark is not None
        return True

    async def _deal(self, producer: AIOKafkaProducer, letters: Collection[Any]) -> None:
        """Send letters, and mark those that arrived."""
        if not self._outcome.dry_run and self._how is Dealt.REPLAYED:
            letters = await self._send(producer, letters)
        if not self._outcome.dry_run:
            mark = Mark(what=self._how, at=datetime.now(UTC), why=self._why)
            for written in [await send_mark(producer, _place(letter), mark) for letter in letters]:
                await written
        if self._how is Dealt.REPLAYED:
            self._outcome.replayed += len(letters)
        else:
            self._outcome.skipped += len(letters)

    async def _send(self, producer: AIOKafkaProducer, letters: Collection[Any]) -> list[Any]:
        """Send letters to where they came from; return those that are there now."""
        sent, arrived = [], []
        for letter in letters:
            kept = [(name, value) for name, value in letter.headers if name not in OURS]
            try:
                receipt = await producer.send(source_topic(letter), letter.value, letter.key, headers=kept)
            except Exception as error:  # noqa: BLE001  # whatever one letter does to the client, the others must go on
                self._failed(letter, error)
            else:
                sent.append((letter, receipt))
        for letter, receipt in sent:
            try:
                await receipt
            except Exception as error:  # noqa: BLE001  # likewise
                self._failed(letter, error)
            else:
                arrived.append(letter)
        return arrived

    def _failed(self, letter: Any, error: Exception) -> None:
        if isinstance(error, MessageSizeTooLargeError):
            size = len(letter.value or b"")
            reason = f"its {size:,} bytes are more than {source_topic(letter)} takes (max.message.bytes)"
        else:
            reason = f"{type(error).__name__}: {error}"
        if isinstance(error, _AWAY):
            self._outcome.stopped = f"Kafka is away ({reason})"
        self._outcome.fail(_place(letter), reason)


def not_replayable(record: Any) -> str | None:
    """Say why a letter cannot be sent again, None where it can."""
    topic = source_topic(record)
    if topic not in REPLAYABLE:
        return f"from {topic or 'an unknown topic'}, where only firstclaim itself writes"
    if any(name == CUT for name, _ in record.headers):
        return "only the beginning of the message was kept"
    return None


def _place(record: Any) -> str:
    return f"{record.partition}:{record.offset}"


async def _each(records: list[Any]) -> AsyncIterator[Any]:
    for record in records:
        yield record
