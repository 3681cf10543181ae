"""Defines the console's metrics, with unit and meaning."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from streams.metrics import REGISTRY

REQUESTS: Final = Histogram(
    "firstclaim_console_request_seconds",
    "Seconds until the console began to answer, by route and status",
    ["route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
PAGES: Final = Gauge("firstclaim_console_open_pages", "Pages that listen for changes now", registry=REGISTRY)
FEED_FAILURES: Final = Counter(
    "firstclaim_console_feed_failures",
    "Reads of an org's feed that failed and are tried again (reads).",
    registry=REGISTRY,
)
TAIL_FAILURES: Final = Counter(
    "firstclaim_console_tail_failures",
    "Failures of the follower of assignments and exceptions. It restarts after each.",
    registry=REGISTRY,
)
DIRECTORY_END: Final = Gauge(
    "firstclaim_console_directory_end",
    "The offset after the newest record of the directory that the console has read.",
    registry=REGISTRY,
)
AUDIT_WAITING: Final = Gauge(
    "firstclaim_console_audit_waiting",
    "Acts in the console's database whose record Kafka does not have yet (acts).",
    registry=REGISTRY,
)
AUDIT_DROPPED: Final = Counter(
    "firstclaim_console_audit_dropped",
    "Failed sign-ins and opened leads that are not in the audit, because it could not be written (entries).",
    registry=REGISTRY,
)
