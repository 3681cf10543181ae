"""Indexes the dead letters: which records they hold, and which of those were sent again since."""

from collections import Counter
from typing import Any

import msgspec

from assurance.verify.catch_up import INBOUND
from assurance.verify.findings import Findings
from assurance.verify.records import position_of
from rules.inbound import signatures
from streams.dead_letter_reading import REPLAY_OF, StoredDeadLetter, number, read_letter, text
from streams.topics import LEAD_JOURNAL, ORG_JOURNAL

Where = tuple[str, int, int]
"""(topic, partition, offset) of a message."""


class DeadLetterIndex(Counter[Where]):
    """How often each message is among the dead letters. Repeats are harmless.

    `fatal`: messages that our own code could not decide when they came. `sent_again`: messages that were sent again
    since and then decided as any other. `unauthorised`: messages that intake refused because of their sender; verify
    cannot check that, because it would need the secrets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fatal: set[Where] = set()
        self.unauthorised: set[Where] = set()
        self.sent_again: set[Where] = set()
        self._ours: dict[Where, tuple[str, StoredDeadLetter]] = {}

    def take(self, record: Any, findings: Findings) -> None:
        """Add one dead letter."""
        letter = read_letter(record)
        if letter.source is None:
            findings.add(
                "internal_dead_letter",
                "",
                "a dead letter does not say where it comes from",
                at=position_of(record),
            )
            return
        position = msgspec.structs.astuple(letter.source)
        self[position] += 1
        if letter.is_fatal:
            self.fatal.add(position)
        if letter.error_class in signatures.CLASSES:
            self.unauthorised.add(position)
        if letter.source.topic not in INBOUND:
            self._ours[position] = position_of(record), letter

    def note_replay(self, record: Any) -> None:
        """Note a message that was sent again from the dead letters."""
        for name, value in record.headers or ():
            if name == REPLAY_OF and (position := _position_in(text(value))):
                self.sent_again.add(position)

    def is_fatal(self, record: Any) -> bool:
        """Tell whether our own code could not decide a record."""
        return (record.topic, record.partition, record.offset) in self.fatal

    def is_unauthorised(self, record: Any) -> bool:
        """Tell whether a record was refused because of its sender."""
        return (record.topic, record.partition, record.offset) in self.unauthorised

    def replayed_since(self, position: Where) -> bool:
        """Tell whether our code failed on a message that was sent again since."""
        return position in self.fatal and position in self.sent_again

    def end(self, findings: Findings) -> None:
        """Report dead letters of our own records that were not sent again."""
        for position, (at, letter) in self._ours.items():
            if position in self.fatal and position[0] in (LEAD_JOURNAL, ORG_JOURNAL):
                continue  # dead letters of relay and sink are found by comparing their output
            if not self.replayed_since(position):
                findings.add(
                    "internal_dead_letter",
                    "",
                    at=at,
                    source="{}-{}@{}".format(*position),
                    **{"error-class": letter.error_class, "reason": letter.reason},
                )


def _position_in(header: str) -> Where | None:
    topic, *numbers = header.rsplit(":", 2)
    numbers = numbers if len(numbers) == 2 else ["", ""]  # noqa: PLR2004  # partition and offset
    partition, offset = (number(text.encode()) for text in numbers)
    return None if partition is None or offset is None else (topic, partition, offset)
