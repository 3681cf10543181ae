"""Passes W3C `traceparent` headers from each record to the records that it causes (docs/operating.md, traces).

A record whose header cannot be read, or that has none, begins a trace. All ids are derived from the record's own place,
so a replay gives the same ids. A span's id says which record was handled: topic, partition and offset.
`firstclaim trace` reads the way of a lead from these headers alone; no collector is needed.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from streams.topics import (
    ASSIGNMENTS,
    CALLS,
    DEAD_LETTERS,
    DELIVERIES,
    DIRECTORY,
    DO_NOT_CONTACT,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_JOURNAL,
    ORG_LOG,
    QUEUE_CHANGES,
)

TRACEPARENT: Final = "traceparent"
"""The header's name. Its value has 55 bytes: `00-{trace id}-{span id}-{flags}`."""
TRACEPARENT_BYTES: Final = 55

_SPAN_TOPICS: Final = (
    *(LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT, ORG_LOG, ORG_JOURNAL, LEAD_LOG, LEAD_JOURNAL),
    *(ASSIGNMENTS, LEAD_EXCEPTIONS, LEAD_DECISIONS, QUEUE_CHANGES, NOTIFICATIONS, DELIVERIES, CALLS),
    DEAD_LETTERS,
)
"""The topics by their number in a span's id, from 1 on. New topics go to the end."""
_NUMBERS: Final = {topic: number for number, topic in enumerate(_SPAN_TOPICS, 1)}
_OTHER_TOPIC: Final = 0xFF
_OUR_LOGS: Final = frozenset({ORG_LOG, ORG_JOURNAL, LEAD_LOG, LEAD_JOURNAL})
_SPAN_AT: Final = 36
_SPAN_END: Final = 52
_MOST_PARTITION: Final = 0xFFFF
_MOST_OFFSET: Final = 0xFF_FFFF_FFFF
_VALUE: Final = re.compile(
    rb"((?!ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
"""A later version may have more fields at the end; version 00 has none."""
_FIRST_VERSION: Final = b"00"
_SAMPLED: Final = b"01"

incoming: ContextVar[bytes | None] = ContextVar("incoming", default=None)
"""The `traceparent` of the HTTP request that is being handled. The messages that it sends to Kafka continue it."""


class TraceContext(NamedTuple):
    """The parts of a `traceparent`, in lower-case hex."""

    trace_id: bytes
    span_id: bytes
    flags: bytes


class SpanPlace(NamedTuple):
    """The record that a span handled."""

    topic: str
    partition: int
    offset: int


def read_traceparent(value: bytes | None) -> TraceContext | None:
    """Return the parts of a header's value; None if it is not valid (W3C Trace Context, level 1)."""
    found = _VALUE.fullmatch(value or b"")
    if found is None or (found[1] == _FIRST_VERSION and found[5]):
        return None
    return TraceContext(*found.group(2, 3, 4))


def context_of(message: Any) -> TraceContext | None:
    """Return the context that a record's header gives; None if it begins a trace."""
    for name, value in message.headers or ():
        if name == TRACEPARENT:
            return read_traceparent(value)
    return None


def begun_trace(message: Any) -> bytes:
    """Return the trace id of a record that begins a trace. A replay of the record gives the same id."""
    place = f"{message.topic}/{message.partition}/{message.offset}"
    return blake2b(place.encode(), digest_size=16).hexdigest().encode()


def trace_of(message: Any) -> bytes:
    """Return the id of the trace that a record belongs to."""
    context = context_of(message)
    return begun_trace(message) if context is None else context.trace_id


def span_of(topic: str, partition: int, offset: int) -> bytes:
    """Return the id of the span that handles a record, in hex."""
    return b"%b%010x" % (_span_start(topic, partition), offset & _MOST_OFFSET)


@lru_cache(maxsize=4_096)
def _span_start(topic: str, partition: int) -> bytes:
    return b"%02x%04x" % (_NUMBERS.get(topic, _OTHER_TOPIC), partition & _MOST_PARTITION)


def place_of(span_id: bytes) -> SpanPlace | None:
    """Return the record that a span handled; None if the id is not one of ours."""
    number, partition, offset = int(span_id[:2], 16), int(span_id[2:6], 16), int(span_id[6:], 16)
    if not 1 <= number <= len(_SPAN_TOPICS):
        return None
    return SpanPlace(_SPAN_TOPICS[number - 1], partition, offset)


def caused_by(message: Any) -> bytes:
    """Return the `traceparent` of every record that a record causes. The record's own span is their parent."""
    topic = message.topic
    if topic in _OUR_LOGS:
        # Only our own stages write there, so the header's form is known. This is the hot path.
        for name, value in message.headers or ():
            if name == TRACEPARENT and value is not None and len(value) == TRACEPARENT_BYTES:
                span = span_of(topic, message.partition, message.offset)
                return b"".join((value[:_SPAN_AT], span, value[_SPAN_END:]))
    span = span_of(topic, message.partition, message.offset)
    context = context_of(message)
    if context is None:
        trace = begun_trace(message)
        return b"00-%b-%b-%b" % (trace, span, _SAMPLED if is_sampled(trace) else b"00")
    return b"00-%b-%b-%b" % (context.trace_id, span, context.flags)


def always(_: bytes) -> bool:
    """Sample every trace that begins here."""
    return True


is_sampled: Callable[[bytes], bool] = always
"""Whether a trace with this id, which begins here, is sampled. An exporter replaces it (`streams.trace_export`)."""
