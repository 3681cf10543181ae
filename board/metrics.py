"""Declares the board's metrics, each with unit and meaning, in the registry that every process exposes."""

from typing import Final

from prometheus_client import Counter, Gauge

from streams.metrics import REGISTRY

APPLIED: Final = Counter(
    "firstclaim_board_changes_applied", "Queue changes that changed a list (changes).", registry=REGISTRY
)
SKIPPED: Final = Counter(
    "firstclaim_board_changes_skipped",
    "Queue changes older than what the list had already (changes).",
    registry=REGISTRY,
)
UNREADABLE: Final = Counter(
    "firstclaim_board_changes_unreadable",
    "Records of queue-changes that are no queue change (records).",
    registry=REGISTRY,
)
REBUILDS: Final = Counter(
    "firstclaim_board_rebuilds", "Rebuilds of the board from the journal (rebuilds).", registry=REGISTRY
)
RESUMED: Final = Counter(
    "firstclaim_board_resumed",
    "Times the board went on with a Valkey that was started or promoted since it last wrote (times).",
    registry=REGISTRY,
)
LAG: Final = Gauge(
    "firstclaim_board_lag_records", "Queue changes not yet on the board (records).", registry=REGISTRY
)
UP: Final = Gauge(
    "firstclaim_board_up", "1 while Kafka and Valkey answer and the board follows, else 0.", registry=REGISTRY
)
