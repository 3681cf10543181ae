"""A record's `traceparent` goes to what it causes, and a replay gives the same ids. The exporter sends real OTLP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from models.errors import ConfigError
from streams import trace_export, tracing
from streams.dead_letters import LineBudget
from streams.topics import LEAD_ARRIVALS, LEAD_JOURNAL, LEAD_LOG, TOPICS
from streams.tracing import (
    RecordPosition,
    caused_by,
    headers_of_caused,
    position_of,
    read_traceparent,
    read_tracestate,
    span_of,
    trace_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GIVEN = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def record(
    topic: str = LEAD_ARRIVALS,
    *,
    traceparent: bytes | None = None,
    offset: int = 7,
    states: Iterable[bytes | None] = (),
) -> Any:
    headers: list[tuple[str, bytes | None]] = [("tracestate", state) for state in states]
    if traceparent is not None:
        headers.append(("traceparent", traceparent))
    return SimpleNamespace(
        topic=topic,
        partition=1,
        offset=offset,
        key=b"k",
        value=b'{"type":"action_requested","lead_id":"lead-1","cause":"action-1","action":"claim"}',
        headers=headers,
    )


@pytest.mark.parametrize("topic", [LEAD_ARRIVALS, LEAD_LOG])
def test_what_a_record_causes_continues_its_trace_and_names_it_as_the_cause(topic: str) -> None:
    context = read_traceparent(caused_by(record(topic, traceparent=GIVEN)))
    assert context is not None
    assert (context.trace_id, context.flags) == (b"4bf92f3577b34da6a3ce929d0e0e4736", b"01")
    assert position_of(context.span_id) == RecordPosition(topic, 1, 7)


@pytest.mark.parametrize("topic", [LEAD_ARRIVALS, LEAD_LOG])
def test_a_tracestate_goes_on_beside_the_trace_that_is_continued(topic: str) -> None:
    sent = record(topic, traceparent=GIVEN, states=[b"rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE", b"t@sys=x"])
    (_, parent), state = headers_of_caused(sent)
    assert parent == caused_by(sent)
    assert state == ("tracestate", b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,t@sys=x")
    caused = record(LEAD_JOURNAL, traceparent=parent, states=[state[1]])
    assert dict(headers_of_caused(caused))["tracestate"] == state[1]


@pytest.mark.parametrize(
    ("parent", "states"),
    [
        (None, [b"rojo=1"]),
        (b"nonsense", [b"rojo=1"]),
        (GIVEN, [b"rojo"]),
        (GIVEN, [b"Rojo=1"]),
        (GIVEN, [b"rojo=1", b"\xff=1"]),
        (GIVEN, [b"rojo=a=b"]),
        (GIVEN, [b"rojo=" + b"x" * 100_000]),
        (GIVEN, [b"", None, b" , "]),
    ],
)
def test_a_tracestate_that_is_not_valid_or_without_a_trace_is_left_out(
    parent: bytes | None, states: list[bytes | None]
) -> None:
    assert [name for name, _ in headers_of_caused(record(traceparent=parent, states=states))] == [
        "traceparent"
    ]


def test_a_long_tracestate_loses_its_oldest_members() -> None:
    many = b",".join(b"k%d=v" % number for number in range(40))
    assert read_tracestate([many]) == b",".join(many.split(b",")[:32])
    large = [b"k%d=%b" % (number, b"x" * 200) for number in range(4)]
    assert read_tracestate(large) == b",".join(large[:2])


def test_each_topic_that_carries_messages_has_a_number_of_its_own() -> None:
    for topic in (LEAD_ARRIVALS, LEAD_JOURNAL, "vendor-reports", "dead-letters"):
        assert position_of(span_of(topic, 3, 9)) == RecordPosition(topic, 3, 9)
    assert span_of("dead-letters", 0, 1)[:2] == b"10", "numbers never change: ids in old records name them"


@pytest.mark.parametrize("topic", [LEAD_ARRIVALS, LEAD_LOG])
def test_a_record_without_a_trace_begins_one_and_a_replay_gives_the_same(topic: str) -> None:
    new_trace = caused_by(record(topic))
    assert new_trace == caused_by(record(topic))
    assert new_trace != caused_by(record(topic, offset=8))
    context = read_traceparent(new_trace)
    assert context is not None
    assert context == (trace_of(record(topic)), span_of(topic, 1, 7), b"01")
    assert headers_of_caused(record(topic)) == (("traceparent", new_trace),)


def test_traces_that_begin_have_ids_of_their_own_and_a_sampler_by_ratio_takes_its_share() -> None:
    """Samplers by ratio compare the lower half of the id with their bound."""
    positions = [(topic, offset) for topic in (LEAD_ARRIVALS, LEAD_LOG) for offset in range(10_000)]
    traces = {trace_of(record(topic, offset=offset)) for topic, offset in positions}
    assert len(traces) == len(positions)
    sampler = TraceIdRatioBased(0.05)
    decisions = [sampler.should_sample(None, int(trace, 16), "begin").decision for trace in traces]
    assert decisions.count(Decision.RECORD_AND_SAMPLE) == pytest.approx(0.05 * len(positions), rel=0.02)


def test_a_trace_that_begins_has_a_valid_id_at_every_offset() -> None:
    for offset in (0, 1, 2**40, 2**63 - 1):
        assert read_traceparent(caused_by(record(LEAD_LOG, offset=offset))) is not None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        b"\xff\xfe",
        GIVEN.upper(),
        GIVEN[:-1],
        GIVEN + b"-00",
        GIVEN + b"0",
        b"ff" + GIVEN[2:],
        b"00-" + b"0" * 32 + GIVEN[35:],
        GIVEN[:36] + b"0" * 16 + GIVEN[52:],
        b"{" * 100_000,
    ],
)
def test_a_header_that_is_not_valid_begins_a_new_trace(value: bytes) -> None:
    assert read_traceparent(value) is None
    assert caused_by(record(traceparent=value)) == caused_by(record())


def test_a_later_version_with_more_fields_is_read() -> None:
    later = read_traceparent(b"01" + GIVEN[2:] + b"-what comes later")
    assert later is not None
    assert later.span_id == b"00f067aa0ba902b7"
    assert read_traceparent(b"01" + GIVEN[2:] + b"0") is None


@given(
    st.binary(max_size=60)
    | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True)
)
def test_the_header_is_read_as_open_telemetry_reads_it(value: bytes) -> None:
    from opentelemetry import trace  # noqa: PLC0415  # beside the only test that asks it

    carrier = {"traceparent": value.decode("latin-1")}
    theirs = trace.get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    ours = read_traceparent(value)
    assert (ours is not None) == theirs.is_valid
    if ours is not None:
        assert (int(ours.trace_id, 16), int(ours.span_id, 16)) == (theirs.trace_id, theirs.span_id)


@settings(deadline=None)
@given(st.sampled_from([topic.name for topic in TOPICS]), st.integers(0, 65_535), st.integers(0, 2**40 - 1))
def test_a_span_names_its_record(topic: str, partition: int, offset: int) -> None:
    span = span_of(topic, partition, offset)
    assert len(span) == 16
    assert position_of(span) in {RecordPosition(topic, partition, offset), None}


def test_a_topic_without_a_number_has_a_span_that_names_no_record() -> None:
    assert position_of(span_of("somebody-elses", 1, 2)) is None


class Collector:
    """An OTLP endpoint over HTTP. `spans`: what it got."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    collector.services |= {
                        attribute.value.string_value
                        for attribute in resource.resource.attributes
                        if attribute.key == "service.name"
                    }
                    collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Run a collector that the environment names."""
    running = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{running.server.server_port}")
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_the_exporter_sends_a_span_with_the_ids_of_the_header(collector: Collector) -> None:
    with trace_export.reporting("worker"):
        assert trace_export.watching
        trace_export.report_handled(record(LEAD_LOG, traceparent=GIVEN), 1_700_000_000_000_000_000)
        trace_export.report_handled(record(LEAD_JOURNAL), 1_700_000_000_000_000_000, "sink")
    assert not trace_export.watching
    continued, new_span = collector.spans
    assert continued.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert continued.parent_span_id.hex() == "00f067aa0ba902b7"
    assert continued.span_id.hex().encode() == span_of(LEAD_LOG, 1, 7)
    assert continued.start_time_unix_nano == 1_700_000_000_000_000_000
    attributes = {attribute.key: attribute.value.string_value for attribute in continued.attributes}
    assert attributes["firstclaim.lead_id"] == "lead-1"
    assert attributes["firstclaim.action_id"] == "action-1"
    assert new_span.trace_id.hex().encode() == trace_of(record(LEAD_JOURNAL))
    assert new_span.name == "lead-journal sink"
    assert new_span.span_id.hex()[:2] == "80"
    assert new_span.parent_span_id == b""
    assert collector.services == {"firstclaim-worker"}


def test_a_trace_that_is_not_sampled_is_not_sent(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with trace_export.reporting("worker"):
        assert caused_by(record()).endswith(b"-00")
        assert headers_of_caused(record()) == (("traceparent", caused_by(record())),)
        trace_export.report_handled(record(), 1)
        trace_export.report_handled(record(traceparent=GIVEN[:-2] + b"00"), 1)
        trace_export.report_handled(record(traceparent=GIVEN), 1)
    assert [span.trace_id.hex() for span in collector.spans] == ["4bf92f3577b34da6a3ce929d0e0e4736"]
    assert tracing.is_sampled(b"0" * 32)


def test_each_handled_record_is_a_line_of_the_log_with_its_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_LOG_EVENTS", "1")
    with structlog.testing.capture_logs() as lines, trace_export.reporting("worker"):
        trace_export.report_handled(record(LEAD_LOG, traceparent=GIVEN), 1)
        unreadable = record(LEAD_LOG)
        unreadable.value = b"\xff"
        trace_export.report_handled(unreadable, 1)
    assert {**lines[0], "took_ms": 0} == {
        "event": "handled",
        "log_level": "info",
        "record": "lead-log:1:7",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "lead_id": "lead-1",
        "event_id": "action-1",
        "action_id": "action-1",
        "type": "claim",
        "took_ms": 0,
    }
    assert lines[1]["lead_id"] == "k"
    assert len(lines) == 2


def test_a_variable_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTCLAIM_LOG_EVENTS", "perhaps")
    with pytest.raises(ConfigError, match="FIRSTCLAIM_LOG_EVENTS"), trace_export.reporting("worker"):
        pass


def test_a_flood_of_dead_letters_does_not_flood_the_log() -> None:
    lines = LineBudget(2)
    assert [lines.may_be_written(now) for now in (0, 1, 59, 60, 61, 62)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
