"""Declares the metrics of stages, relay and sink, with unit and meaning. Dashboards and alerts query these names."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Increment:
    """What one counter with its labels is to grow by when the metrics are read next."""

    __slots__ = ("by",)

    def __init__(self) -> None:
        self.by = 0

    def once(self) -> None:
        """Count one more."""
        self.by += 1


class Tally(Collector):
    """Keeps increments of counters until the metrics are read. Prometheus' own `inc` takes a lock each time.

    It has at most one number for each set of labels, so the bound on the counters' labels bounds it.
    """

    def __init__(self) -> None:
        self._increments: dict[tuple[Counter, tuple[str, ...]], Increment] = {}

    def of(self, counter: Counter, *labels: str) -> Increment:
        """Return the increment of what these labels name. It is the same one each time."""
        increment = self._increments.get((counter, labels))
        if increment is None:
            increment = self._increments[counter, labels] = Increment()
        return increment

    def describe(self) -> list[Metric]:
        """Return no metric: the counters describe themselves."""
        return []

    def collect(self) -> list[Metric]:
        """Add what was kept to the counters. The registry asks this collector before them."""
        for (counter, labels), increment in self._increments.items():
            if increment.by:
                counter.labels(*labels).inc(increment.by)
                increment.by = 0
        return []


REGISTRY = CollectorRegistry()
TALLY = Tally()
REGISTRY.register(TALLY)
ProcessCollector(registry=REGISTRY)

EVENTS = Counter("firstclaim_events", "Events handled, by stage (events).", ["stage"], registry=REGISTRY)
DEAD_LETTERS_TOTAL = Counter(
    "firstclaim_dead_letters",
    "Messages that could not be accepted, by source topic and error class.",
    ["topic", "error_class"],
    registry=REGISTRY,
)
STAGE_LAG = Gauge(
    "firstclaim_stage_lag_records",
    "Records of a topic's partition that the stage which owns it has not handled yet, by stage, topic and partition.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
STAGE_OLDEST_SECONDS = Gauge(
    "firstclaim_stage_oldest_seconds",
    "Age of the oldest record that the stage has begun and not made durable yet, in seconds; 0 where there is none.",
    ["stage"],
    registry=REGISTRY,
)
UNREADABLE = Counter(
    "firstclaim_unreadable",
    "Batches and records whose bytes could not be read, by topic and error class. They become dead letters.",
    ["topic", "error_class"],
    registry=REGISTRY,
)
REPEATS_SKIPPED = Counter(
    "firstclaim_repeats_skipped",
    "Journal records skipped as repeats of a zombie or an overlapping rebalance, by reader.",
    ["reader"],
    registry=REGISTRY,
)
COMPILED_MODULES = Gauge(
    "firstclaim_compiled_modules",
    "Modules of the compiled core that this worker or relay runs; 0 if it runs the sources alone.",
    registry=REGISTRY,
)
ROWS = Gauge("firstclaim_rows", "Rows of the partitions this worker owns.", registry=REGISTRY)
OPEN_TIMERS = Gauge(
    "firstclaim_open_timers", "Deadlines pointed at by this worker's heap.", registry=REGISTRY
)
SINK_RECORDS = Counter(
    "firstclaim_sink_records",
    "Journal records the sink read, by outcome: leads (stored), repeats (of a zombie), stale (stored "
    "before), passed (nothing to store), buried (dead letters now).",
    ["outcome"],
    registry=REGISTRY,
)
SINK_ROWS = Counter(
    "firstclaim_sink_rows", "Rows sent to the CRM database, by table.", ["table"], registry=REGISTRY
)
SINK_BATCH_SECONDS = Histogram(
    "firstclaim_sink_batch_seconds",
    "How long one batch took to be stored, in seconds.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SINK_BATCH_RECORDS = Histogram(
    "firstclaim_sink_batch_records",
    "How many journal records one batch held.",
    registry=REGISTRY,
    buckets=(1, 10, 50, 100, 250, 500, 1000, 2000),
)
SINK_LAG = Gauge(
    "firstclaim_sink_lag_records",
    "Journal records not in the CRM database yet, by partition.",
    ["partition"],
    registry=REGISTRY,
)
SINK_RETRIES = Counter(
    "firstclaim_sink_retries",
    "How often the sink had to retry, by cause.",
    ["what"],
    registry=REGISTRY,
)
ARRIVALS = Counter(
    "firstclaim_arrivals",
    "Vendors' messages that were accepted, by vendor and by what they became: lead, inquiry or resend (messages).",
    ["vendor", "became"],
    registry=REGISTRY,
)
ANSWERS = Counter(
    "firstclaim_answers",
    "Answers to actions, by action, result (won, lost, done, refused) and reason (answers).",
    ["action", "result", "reason"],
    registry=REGISTRY,
)
OWNER_CHANGES = Counter(
    "firstclaim_owner_changes", "Changes of owner, by how it came (changes).", ["how"], registry=REGISTRY
)
OFFERS = Counter(
    "firstclaim_offers",
    "Offers and rings that were started, by method (offers).",
    ["method"],
    registry=REGISTRY,
)
OFFERS_ENDED = Counter(
    "firstclaim_offers_ended",
    "Offers and rings that ended, by method and outcome: claimed, timeout, declined, voided (offers).",
    ["method", "outcome"],
    registry=REGISTRY,
)
EXCEPTIONS = Counter(
    "firstclaim_exceptions",
    "Changes of exceptions: raised, resolved, ignored, by reason (changes).",
    ["change", "reason"],
    registry=REGISTRY,
)
SPEED_TO_LEAD = Histogram(
    "firstclaim_speed_to_lead_seconds",
    "Time from a lead's arrival until a rep owns it that nobody owned before, in seconds.",
    registry=REGISTRY,
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400, 604800),
)
PUBLISHED = Counter(
    "firstclaim_published", "Messages the relay wrote, by topic (messages).", ["topic"], registry=REGISTRY
)


def render() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
