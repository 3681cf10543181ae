"""Defines the couriers' metrics, each with unit and meaning, in the registry that every process exposes."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from streams.metrics import REGISTRY

FATES: Final = Counter(
    "firstclaim_courier_deliveries",
    "Fates of requests, by channel and status (sent, delivered, bounced, withdrawn, failed).",
    ["channel", "status"],
    registry=REGISTRY,
)
RETRIES: Final = Counter(
    "firstclaim_courier_retries",
    "Attempts to deliver that failed and are repeated.",
    ["channel"],
    registry=REGISTRY,
)
PENDING: Final = Gauge(
    "firstclaim_courier_pending",
    "Requests that wait or are being delivered (requests).",
    ["channel"],
    registry=REGISTRY,
)
LAG: Final = Gauge(
    "firstclaim_courier_lag_records",
    "Records of notifications that have no fate yet and are not committed, by partition.",
    ["channel", "partition"],
    registry=REGISTRY,
)
PROVIDER_UP: Final = Gauge(
    "firstclaim_courier_provider_up",
    "1 while the channel's provider answers, else 0.",
    ["channel"],
    registry=REGISTRY,
)
BROWSERS: Final = Gauge(
    "firstclaim_push_browsers",
    "Browsers of all reps to which the push courier sends messages.",
    registry=REGISTRY,
)
SECONDS: Final = Histogram(
    "firstclaim_courier_seconds",
    "Time from the request on Kafka until the provider took it, in seconds.",
    ["channel"],
    registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
