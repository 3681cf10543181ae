"""Messages on their way between leads and their org in a test."""

from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar


class Lane:
    """Messages in order, each with its number, and how many of them have arrived."""

    order: ClassVar = count()

    def __init__(self) -> None:
        self.sent: list[tuple[Any, int, int]] = []
        self.done = 0

    @property
    def waiting(self) -> int:
        """The number of messages on their way."""
        return len(self.sent) - self.done

    def send(self, event: Any, mark: int = -1) -> None:
        """Send a message."""
        self.sent.append((event, mark, next(Lane.order)))

    def next(self, most: int) -> Iterator[tuple[Any, int]]:
        """Return the next messages, each as it arrives."""
        for _ in range(min(most, self.waiting)):
            self.done += 1
            yield self.sent[self.done - 1][:2]

    def rewind(self, steps: int) -> None:
        """Go back by the given number of messages, as after a relay that died before its commit."""
        self.done = max(0, self.done - steps)
