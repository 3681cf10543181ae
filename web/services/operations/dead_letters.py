"""Follows the newest dead letters of each org and their marks. It reads the letters' bytes only on request.

The marks say which letters were sent again or skipped, by this console, another one or the command line
(`application.dead_letter_marks`). They may be read before their letters.

An erasure deletes dead letters and writes the others anew (`application.erasure.letters`), and then writes a receipt.
So after each receipt the letters that are no longer in the topic are forgotten.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

import msgspec

from application.dead_letter_marks import Mark, MarkKind, read_mark
from application.dead_letters import letter_as_json
from application.replay import is_replayable
from models.errors import RetryableError
from streams.clients import follow
from streams.dead_letter_reading import read_letter
from streams.dead_letter_senders import org_of, vendor_in
from streams.settings import Settings
from streams.topic_reader import extent
from streams.topics import DEAD_LETTER_MARKS, DEAD_LETTERS, ERASURES

KEPT: Final = 500
"""How many dead letters are kept for each org."""
BEHIND: Final = 2_000
"""How many of the newest dead letters of each partition are read at the start."""
MAX_MARKS: Final = 20_000
"""How many of the newest marks are read at the start and kept. A letter whose mark is older is shown as open."""
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
    skipped_at: datetime | None = None
    skipped_why: str = ""

    @property
    def is_handled(self) -> bool:
        """Whether it was sent again or skipped."""
        return self.replayed_at is not None or self.skipped_at is not None

    def take_mark(self, mark: Mark | None) -> None:
        """Say what was done with the letter; None if nothing was."""
        replayed = mark if mark is not None and mark.what is MarkKind.REPLAYED else None
        skipped = mark if mark is not None and mark.what is MarkKind.SKIPPED else None
        self.replayed_at = replayed.at if replayed else None
        self.replayed_by = (replayed.by or None) if replayed else None
        self.skipped_at = skipped.at if skipped else None
        self.skipped_why = skipped.why if skipped else ""


class DeadLetterFollower:
    """Follows `dead-letters` and `dead-letter-marks`. Run `follow`.

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
        self._letters: defaultdict[str | None, deque[ShownLetter]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._by_position: dict[str, tuple[str | None, ShownLetter]] = {}  # each kept letter with its org
        self._marks: dict[str, Mark] = {}

    def of(self, org: str) -> list[ShownLetter]:
        """Return an org's newest dead letters, newest first."""
        return list(reversed(self._of_org(org)))

    def find(self, org: str, position: str) -> ShownLetter | None:
        """Return one of an org's dead letters, None if the org does not have it."""
        owner, letter = self._by_position.get(position, (None, None))
        return letter if (owner or self._only_org()) == org else None

    def _of_org(self, org: str) -> list[ShownLetter]:
        letters = list(self._letters.get(org, ()))
        if self._only_org() == org:
            letters = sorted([*letters, *self._letters.get(None, ())], key=lambda letter: letter.failed_at)
        return letters

    def note_mark(self, position: str, mark: Mark) -> None:
        """Record what was done with a letter, without waiting for the topic. A known newer mark stays."""
        former = self._marks.get(position)
        if former is None or mark.at >= former.at:
            self._tell(self._take_mark(position, mark))

    async def follow(self) -> None:
        """Follow the topics until cancelled. While Kafka is unavailable, the last state stays in use."""
        newest = {DEAD_LETTERS: BEHIND, ERASURES: BEHIND, DEAD_LETTER_MARKS: MAX_MARKS}
        async with aclosing(follow(self._settings, *newest, newest=newest, poll_ms=POLL_MS)) as batches:
            async for batch in batches:
                changed = {self._take(record) for record in batch.records if record.topic == DEAD_LETTERS}
                for record in batch.records:
                    if record.topic == DEAD_LETTER_MARKS:
                        changed |= self._take_mark(*read_mark(record))
                if any(record.topic == ERASURES for record in batch.records):
                    await self._forget_deleted()
                    changed |= set(self._letters)
                self._tell(changed)

    def _tell(self, changed: set[str | None]) -> None:
        """Tell whoever follows these orgs. None: letters that name no org have changed."""
        for org in {org or self._only_org() for org in changed}:
            if org is not None:
                self._on_change(org)

    def _take_mark(self, position: str, mark: Mark | None) -> set[str | None]:
        """Keep a mark; return the org that has its letter, if any: None for a letter that names none."""
        self._marks.pop(position, None)
        if mark is not None:
            self._marks[position] = mark
        while len(self._marks) > MAX_MARKS:
            del self._marks[next(iter(self._marks))]
        if position not in self._by_position:
            return set()
        org, letter = self._by_position[position]
        letter.take_mark(mark)
        return {org}

    def _take(self, record: Any) -> str | None:
        """Keep a letter; return its org, None if the message names none."""
        letter = read_letter(record)
        org = org_of(letter)
        if letter.position not in self._by_position:
            shown_letter = ShownLetter(
                **letter_as_json(letter), replayable=is_replayable(letter), vendor=vendor_in(letter)
            )
            shown_letter.take_mark(self._marks.get(shown_letter.place))
            letters = self._letters[org]
            if len(letters) == letters.maxlen:
                del self._by_position[letters[0].place]  # `append` removes it
            letters.append(shown_letter)
            self._by_position[shown_letter.place] = org, shown_letter
        return org

    async def _forget_deleted(self) -> None:
        """Forget the letters that are no longer in the topic. While Kafka is away, they stay until the next receipt."""
        try:
            bounds = await extent(self._settings, DEAD_LETTERS)
        except RetryableError:
            return
        begins = {partition: begin for partition, (begin, _) in bounds.items()}
        for letters in self._letters.values():
            present = [letter for letter in letters if _is_there(letter.place, begins)]
            letters.clear()
            letters.extend(present)
        for position in [position for position in self._by_position if not _is_there(position, begins)]:
            del self._by_position[position]


def _is_there(position: str, begins: dict[int, int]) -> bool:
    partition, _, offset = position.partition(":")
    return int(offset) >= begins.get(int(partition), 0)
