"""Replays or skips dead letters in bulk. Each letter is handled separately, so one failure stops no other."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from application.dead_letter_marks import Mark, Marker, MarkKind, read_marks
from application.dead_letters import find_letters, send_and_mark
from application.replay import NotReplayable, Replayer, ReplayObstacle, target_of
from models.errors import RetryableError
from streams.dead_letter_reading import StoredDeadLetter, read_letter
from streams.dead_letter_senders import org_of
from streams.settings import Settings
from streams.topic_reader import read_topic
from streams.topics import DEAD_LETTERS

MAX_FAILURES: Final = 100
"""How many failures are named. The rest is only counted."""
_FOR_GOOD: Final = frozenset(
    {
        ReplayObstacle.TOPIC_NOT_REPLAYABLE,
        ReplayObstacle.SOURCE_UNKNOWN,
        ReplayObstacle.CUT,
        ReplayObstacle.SUPERSEDED,
    }
)
"""Obstacles that no fix removes. A bulk run leaves such letters out and does not fail."""
_LEFT_OUT: Final = {
    ReplayObstacle.TOPIC_NOT_REPLAYABLE: "only firstclaim itself writes to the topic they came from",
    ReplayObstacle.SOURCE_UNKNOWN: "they do not say where they came from",
    ReplayObstacle.CUT: "only a part of the message was kept",
    ReplayObstacle.SUPERSEDED: "something newer has replaced them",
}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Selects letters. `positions`: only these; each other field that is set must match as well.

    `since` (inclusive) and `until` (exclusive) bound the time of the failure.
    """

    positions: tuple[str, ...] = ()
    error_class: str | None = None
    topic: str | None = None
    org: str | None = None
    vendor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, letter: StoredDeadLetter) -> bool:
        """Return whether the selection takes a letter."""
        failed_at = _failed_at(letter)
        return (
            self.topic in (None, letter.source_topic)
            and self.error_class in (None, letter.error_class)
            and (self.since is None or failed_at >= self.since)
            and (self.until is None or failed_at < self.until)
            and (self.org is None or org_of(letter) == self.org)
            and (self.vendor is None or _vendor(letter) == self.vendor)
        )


def _failed_at(letter: StoredDeadLetter) -> datetime:
    """Return when a message was refused, or when its letter was written if that is unknown."""
    try:
        failed_at = datetime.fromisoformat(letter.failed_at)
    except ValueError:
        return letter.at
    return failed_at if failed_at.tzinfo else failed_at.replace(tzinfo=UTC)


def _vendor(letter: StoredDeadLetter) -> str | None:
    """Return the vendor named in the message, or in the data of its CloudEvents envelope."""
    try:
        value = msgspec.json.decode(letter.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(value, dict) and "vendor" not in value and isinstance(value.get("data"), dict):
        value = value["data"]
    vendor = value.get("vendor") if isinstance(value, dict) else None
    return vendor if isinstance(vendor, str) else None


class RunResult(msgspec.Struct, kw_only=True):
    """The result of a run.

    `left_out`: reason -> number of letters. `failures`: the first ones, with position and reason. `replayed` and
    `skipped` count the letters handled so, or that would be with `dry_run`. `again` counts those of them that had been
    handled before. `stopped` says why the rest was not tried.
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
        """Whether every selected letter was handled."""
        return self.failed == 0 and self.stopped is None

    def fail(self, letter: StoredDeadLetter, reason: str) -> None:
        """Count a failure, and keep it while there is room."""
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append({"place": letter.position, "reason": reason})

    def leave(self, reason: str) -> None:
        """Count a letter that is not handled, by reason."""
        self.left_out = dict(Counter(self.left_out) + Counter([reason]))

    def problems(self) -> list[str]:
        """Return what went wrong, one line each."""
        lines = [f"dead letter {failure['place']}: {failure['reason']}" for failure in self.failures]
        if self.failed > len(self.failures):
            lines.append(f"and {self.failed - len(self.failures):,} more")
        return [*lines, *([f"stopped: {self.stopped}"] if self.stopped else [])]

    def summary(self, verb: str) -> list[str]:
        """Return lines with the numbers of letters handled and not handled. `verb`: the verb to print."""
        lines = [f"{count:,} left out: {reason}" for reason, count in sorted(self.left_out.items())]
        repeats_text = (
            f", {self.again:,} of them again; a repeat of a known message changes nothing"
            if self.again
            else ""
        )
        conditional = "would be " if self.dry_run else ""
        lines.append(f"{self.replayed + self.skipped:,} {conditional}{verb}{repeats_text}")
        return [*lines, *([f"{self.failed:,} failed"] if self.failed else [])]


async def replay_letters(
    settings: Settings, chosen: Selection, *, again: bool = False, dry_run: bool = False
) -> RunResult:
    """Send letters byte for byte to their original topics, and mark them. A second time changes nothing (X4).

    `again`: include letters that were handled before. Letters selected by position are always included. If several
    letters hold the same message, it is sent once. Raises `RetryableError` where Kafka is unreachable from the start.
    """
    bulk = _Bulk(settings, chosen, MarkKind.REPLAYED, again=again, dry_run=dry_run)
    return await bulk.run()


async def skip_letters(
    settings: Settings, chosen: Selection, *, why: str = "", again: bool = False, dry_run: bool = False
) -> RunResult:
    """Mark letters as skipped. They stay in the topic and can still be replayed by their positions."""
    bulk = _Bulk(settings, chosen, MarkKind.SKIPPED, why=why, again=again, dry_run=dry_run)
    return await bulk.run()


class _Bulk:
    """One run over a selection."""

    def __init__(
        self,
        settings: Settings,
        chosen: Selection,
        kind: MarkKind,
        *,
        again: bool,
        dry_run: bool,
        why: str = "",
    ) -> None:
        self._settings = settings
        self._chosen = chosen
        self._kind = kind
        self._again = again or bool(chosen.positions)
        self._why = why
        self._outcome = RunResult(dry_run=dry_run)
        self._marks: dict[str, Mark] = {}
        self._sent: set[Any] = set()

    async def run(self) -> RunResult:
        """Handle each letter of the selection."""
        self._marks = await read_marks(self._settings)
        async with AsyncExitStack() as stack:
            replayer = await stack.enter_async_context(Replayer(self._settings))
            marker = await stack.enter_async_context(Marker(self._settings))
            letters = await stack.enter_async_context(aclosing(self._letters()))
            async for letter in letters:
                if not self._chosen.takes(letter):
                    continue
                self._outcome.selected += 1
                try:
                    await self._process_letter(letter, replayer, marker)
                except NotReplayable as error:
                    self._not_sent(letter, error)
                except RetryableError as error:
                    self._outcome.stopped = str(error)
                    break
        return self._outcome

    async def _letters(self) -> AsyncGenerator[StoredDeadLetter, None]:
        if self._chosen.positions:
            for letter in await find_letters(self._settings, list(self._chosen.positions)):
                yield letter
            return
        async with aclosing(read_topic(self._settings, DEAD_LETTERS)) as records:
            async for record in records:
                yield read_letter(record)

    async def _process_letter(self, letter: StoredDeadLetter, replayer: Replayer, marker: Marker) -> None:
        """Handle one letter. Raises `NotReplayable` and `RetryableError`."""
        mark, same = self._marks.get(letter.position), letter.source or letter.position
        if mark is not None and not self._again:
            self._outcome.leave(f"{mark.what} before; --again takes them, too")
            return
        if self._kind is MarkKind.REPLAYED:
            if same in self._sent:
                self._outcome.leave("the same message as another letter")
                return
            target_of(letter)
            if not self._outcome.dry_run:
                await send_and_mark(letter, replayer, marker)
            self._sent.add(same)
            self._outcome.replayed += 1
        else:
            if not self._outcome.dry_run:
                await marker.mark(letter.position, Mark(what=self._kind, at=datetime.now(UTC), why=self._why))
            self._outcome.skipped += 1
        self._outcome.again += mark is not None

    def _not_sent(self, letter: StoredDeadLetter, error: NotReplayable) -> None:
        if error.obstacle in _FOR_GOOD and not self._chosen.positions:
            self._outcome.leave(_LEFT_OUT[error.obstacle])
        else:
            self._outcome.fail(letter, error.reason)
