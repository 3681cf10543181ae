"""Follows the newest dead letters of each org from the topic. It reads their bytes only on request.

An erasure deletes dead letters and writes the others anew (`application.erasure.letters`), and then writes a receipt.
So after each receipt the letters that are no longer in the topic are forgotten.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from application.dead_letters import shown
from application.replay import is_replayable
from models.errors import RetryableError
from streams.clients import follow
from streams.dead_letter_reading import read_letter
from streams.dead_letter_senders import org_of, vendor_in
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import DEAD_LETTERS, ERASURES

KEPT: Final = 500
"""How many dead letters are kept for each org."""
BEHIND: Final = 2_000
"""How many of the newest dead letters of each partition are read at the start."""
POLL_MS: Final = 5_000
"""How long one request waits for records. It ends with the first record, so letters do not come later."""


class ShownLetter(msgspec.Struct, kw_only=True):
    """One dead letter. `place`: partition and offset in `dead-letters`; `source`: original topic, partition, offset.

    `vendor`: the one that its message names.
    """

    place: str
    error_class: str
    reason: str
    source: str
    failed_at: str
    replayable: bool
    vendor: str = ""
    replayed_at: datetime | None = None
    replayed_by: str | None = None


class DeadLetterFollower:
    """Follows `dead-letters`. Run `follow`.

    `only_org`: the org to which messages without an org belong, if there is only one. `on_change`: called with an org
    whose letters have changed.
    """

    def __init__(
        self,
        settings: Settings,
        only_org: Callable[[], str | None] = lambda: None,
        on_change: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._only_org = only_org
        self._on_change = on_change
        self._kept: defaultdict[str | None, deque[ShownLetter]] = defaultdict(lambda: deque(maxlen=KEPT))

    def of(self, org: str) -> list[ShownLetter]:
        """Return an org's newest dead letters, newest first."""
        return list(reversed(self._of(org)))

    def find(self, org: str, place: str) -> ShownLetter | None:
        """Return one of an org's dead letters, None if the org does not have it."""
        return next((letter for letter in self._of(org) if letter.place == place), None)

    def _of(self, org: str) -> list[ShownLetter]:
        kept = list(self._kept.get(org, ()))
        if self._only_org() == org:
            kept = sorted([*kept, *self._kept.get(None, ())], key=lambda letter: letter.failed_at)
        return kept

    def replayed(self, org: str, letter: ShownLetter, by: str) -> None:
        """Record that an org's dead letter was sent again. The record lasts as long as this process."""
        letter.replayed_at, letter.replayed_by = datetime.now(UTC), by
        self._on_change(org)

    async def follow(self) -> None:
        """Follow the topic until cancelled. While Kafka is unavailable, the last state stays in use."""
        async with aclosing(
            follow(self._settings, DEAD_LETTERS, ERASURES, newest=BEHIND, poll_ms=POLL_MS)
        ) as batches:
            async for batch in batches:
                changed = {self._take(record) for record in batch.records if record.topic == DEAD_LETTERS}
                if any(record.topic == ERASURES for record in batch.records):
                    await self._forget_deleted()
                    changed |= set(self._kept)
                for org in {org or self._only_org() for org in changed}:
                    if org is not None:
                        self._on_change(org)

    def _take(self, record: Any) -> str | None:
        """Keep a letter; return its org, None if the message names none."""
        letter = read_letter(record)
        org = org_of(letter)
        if all(known.place != letter.place for known in self._kept.get(org, ())):
            self._kept[org].append(
                ShownLetter(**shown(letter), replayable=is_replayable(letter), vendor=vendor_in(letter))
            )
        return org

    async def _forget_deleted(self) -> None:
        """Forget the letters that are no longer in the topic. While Kafka is away, they stay until the next receipt."""
        try:
            bounds = await extent(self._settings, DEAD_LETTERS)
        except RetryableError:
            return
        begins = {partition: begin for partition, (begin, _) in bounds.items()}
        for kept in self._kept.values():
            there = [letter for letter in kept if _is_there(letter.place, begins)]
            kept.clear()
            kept.extend(there)


def _is_there(place: str, begins: dict[int, int]) -> bool:
    partition, _, offset = place.partition(":")
    return int(offset) >= begins.get(int(partition), 0)
