"""Reports each handled record: as a span to OpenTelemetry's exporter, as a line of the log, or not at all.

Off by default, and then it costs nothing. `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) turns
the exporter on; it needs `pip install firstclaim[otel]`. `FIRSTCLAIM_LOG_EVENTS=1` turns the lines on.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import structlog

from models.errors import ConfigError
from streams import tracing
from streams.tracing import TraceContext, begun_trace, context_of, span_of, state_of, trace_of

_log = structlog.get_logger("events")

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
LOG_EVENTS: Final = "FIRSTCLAIM_LOG_EVENTS"
_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"", "0", "false", "no", "off"})
_SECOND_READERS: Final = {"sink": 0x80, "board": 0x81}
"""Processes that read a topic which a stage reads too. Their spans begin with these numbers."""

watching: bool = False
"""Whether anybody wants to know of handled records."""
_reports: list[Callable[[Any, int, str], None]] = []


class _Ids(msgspec.Struct):
    """What events, actions and rows have in common, as far as they have it."""

    cause: str | None = None
    lead_id: str | None = None
    action_id: str | None = None
    type: str | None = None
    action: str | None = None


_IDS: Final = msgspec.json.Decoder(_Ids)


@contextmanager
def reporting(process: str) -> Iterator[None]:
    """Report what this process handles while the context lasts, as the environment says.

    `process`: the service's name is `firstclaim-{process}`, unless `OTEL_SERVICE_NAME` gives another one. Raises
    `ConfigError` for a variable that cannot be read, and for an endpoint without the exporter's packages.
    """
    global watching  # noqa: PLW0603  # the hot path asks one name
    stop: Callable[[], None] = _nothing
    if _is_enabled(LOG_EVENTS):
        _reports.append(_log_event)
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true" and (
        endpoint := next((name for name in ENDPOINTS if os.environ.get(name)), None)
    ):
        report, stop = _exporter(process, endpoint)
        _reports.append(report)
    watching = bool(_reports)
    try:
        yield
    finally:
        watching = False
        _reports.clear()
        tracing.is_sampled = tracing.always
        stop()


def report_handled(message: Any, began: int, reader: str = "") -> None:
    """Report that a record was handled and everything it caused is durable.

    `began`: in nanoseconds since the epoch. `reader`: `sink` or `board`, for the records that they read.
    """
    for report in _reports:
        report(message, began, reader)


def ids_of(message: Any) -> dict[str, str]:
    """Return the ids of a record, for a line of the log: trace, lead, event and action, as far as they are known."""
    identifiers = {"trace_id": trace_of(message).decode()}
    try:
        ids = _IDS.decode(message.value or b"")
    except (
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        TypeError,
    ):  # also of bytes that are no message
        ids = _Ids()
    action = ids.action_id or (ids.cause if ids.type == "action_requested" else None)
    further = {
        "lead_id": ids.lead_id or _text(message.key),
        "event_id": ids.cause,
        "action_id": action,
        "type": ids.action or ids.type,
    }
    return identifiers | {name: value for name, value in further.items() if value}


def _log_event(message: Any, began: int, reader: str) -> None:
    position = f"{message.topic}:{message.partition}:{message.offset}"
    milliseconds = (time.time_ns() - began) / 1e6
    reader_field = {"reader": reader} if reader else {}
    _log.info("handled", record=position, **ids_of(message), **reader_field, took_ms=round(milliseconds, 3))


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="replace")[:200]


def _is_enabled(name: str) -> bool:
    setting = os.environ.get(name, "").lower()
    if setting not in _ON | _OFF:
        raise ConfigError(name, f"is {setting!r}; it must be 1 or 0")
    return setting in _ON


def _nothing() -> None:
    """End nothing."""


def _exporter(process: str, endpoint: str) -> tuple[Callable[[Any, int, str], None], Callable[[], None]]:
    """Return the function that exports a span, and the one that sends what is left and ends the exporter."""
    from opentelemetry import trace  # noqa: PLC0415  # only a process with an exporter loads it

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # likewise
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415  # likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # likewise
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # likewise
        from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415  # likewise
        from opentelemetry.sdk.trace.sampling import Decision  # noqa: PLC0415  # likewise
    except ImportError as error:
        reason = f"is set, and {error.name} is missing: pip install 'firstclaim[otel]'"
        raise ConfigError(endpoint, reason) from error

    class GivenIds(IdGenerator):
        """Hands out the ids that `export` has set."""

        trace_id = span_id = 0

        def generate_trace_id(self) -> int:
            return self.trace_id

        def generate_span_id(self) -> int:
            return self.span_id

    ids, lock = GivenIds(), threading.Lock()
    service_attributes = (
        {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: f"firstclaim-{process}"}
    )
    provider = TracerProvider(resource=Resource.create(service_attributes), id_generator=ids)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer, sampler = provider.get_tracer("firstclaim"), provider.sampler

    def is_sampled(trace_id: bytes) -> bool:
        decision = sampler.should_sample(None, int(trace_id, 16), "begin").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def export(message: Any, began: int, reader: str) -> None:
        context = context_of(message)
        with lock:
            ids.trace_id = int(begun_trace(message), 16)
            ids.span_id = int(_span(message, reader), 16)
            span = tracer.start_span(
                f"{message.topic} {reader or 'process'}",
                None if context is None else _remote(trace, context, state_of(message)),
                trace.SpanKind.CONSUMER,
                {
                    "messaging.system": "kafka",
                    "messaging.destination.name": message.topic,
                    "messaging.destination.partition.id": str(message.partition),
                    "messaging.kafka.offset": message.offset,
                    **{f"firstclaim.{name}": value for name, value in ids_of(message).items()},
                },
                start_time=began,
            )
        span.end()

    tracing.is_sampled = is_sampled
    return export, provider.shutdown


def _span(message: Any, reader: str) -> bytes:
    span = span_of(message.topic, message.partition, message.offset)
    return b"%02x" % _SECOND_READERS[reader] + span[2:] if reader else span


def _remote(trace: Any, context: TraceContext, state: bytes) -> Any:
    """Return OpenTelemetry's context of a parent span in another process."""
    parent = trace.SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        True,
        trace.TraceFlags(int(context.flags, 16)),
        trace.TraceState.from_header([state.decode()]),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))
