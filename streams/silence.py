"""Notices that no broker answers a consumer. aiokafka then returns no records and no error, for as long as it lasts.

A broker that lives answers a fetch after `IDLE_FETCH_WAIT_MS` at the latest, also if there is no record. One that is
suspended, or whose host is gone, keeps the connection open and answers nothing.
"""

from typing import Final

from streams.patches.consumer_access import heard_at

UNHEARD_SECONDS: Final = 10.0
"""After so long without any answer Kafka counts as away. It is longer than a pause of a broker's garbage collection."""


class Silence:
    """How long no broker has answered a consumer that fetches."""

    def __init__(self, consumer: object) -> None:
        self._consumer = consumer
        self._last_answer = heard_at(consumer)
        self._seconds = 0.0

    def lasts(self, seconds: float) -> bool:
        """Tell whether no broker has answered for `UNHEARD_SECONDS`. Call it after each wait that gave no record.

        `seconds`: what the caller meant to wait since the last call. If our own process was suspended, it has waited
        longer, and this says nothing about the brokers.
        """
        last_answer = heard_at(self._consumer)
        # The time of the newest answer falls when a connection is removed.
        self._seconds = 0.0 if last_answer > self._last_answer else self._seconds + seconds
        self._last_answer = max(last_answer, self._last_answer)
        return self._seconds >= UNHEARD_SECONDS


SILENT: Final = f"no broker has answered for {UNHEARD_SECONDS:.0f} s"
"""The reason to give."""
