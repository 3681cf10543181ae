"""Passes the trace headers of W3C from each record to the records that it causes (docs/operating.md, traces).

A record whose header cannot be read, or that has none, begins a trace. All ids are derived from the record's own
position, so a replay gives the same ids. A span's id says which record was handled: topic, partition and offset.
`firstclaim trace` reads the way of a lead from these headers alone; no collector is needed.
"""

import re
from collections.abc import Callable, Iterable
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
    VENDOR_REPORTS,
)

Header = tuple[str, bytes]

TRACEPARENT: Final = "traceparent"
"""The header's name. Its value has 55 bytes: `00-{trace id}-{span id}-{flags}`."""
TRACEPARENT_BYTES: Final = 55
TRACESTATE: Final = "tracestate"
"""The header with what tracing systems note for each other. It is passed on unchanged with a valid `traceparent`."""
MAX_STATE_BYTES: Final = 512
MAX_STATE_MEMBERS: Final = 32
"""The bounds of W3C Trace Context. Beyond them the members at the end, which are the oldest, are left out."""

_SPAN_TOPICS: Final = (
    *(LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT, ORG_LOG, ORG_JOURNAL, LEAD_LOG, LEAD_JOURNAL),
    *(ASSIGNMENTS, LEAD_EXCEPTIONS, LEAD_DECISIONS, QUEUE_CHANGES, NOTIFICATIONS, DELIVERIES, CALLS),
    *(DEAD_LETTERS, VENDOR_REPORTS),
)
"""The topics by their number in a span's id, from 1 on. New topics go to the end."""
_NUMBERS: Final = {topic: number for number, topic in enumerate(_SPAN_TOPICS, 1)}
_OTHER_TOPIC: Final = 0xFF
_OUR_LOGS: Final = frozenset({ORG_LOG, ORG_JOURNAL, LEAD_LOG, LEAD_JOURNAL})
_SPAN_AT: Final = 36
_SPAN_END: Final = 52
_MAX_PARTITION: Final = 0xFFFF
_MAX_OFFSET: Final = 0xFF_FFFF_FFFF
_LOW_BITS: Final = 0xFFFF_FFFF_FFFF_FFFF
_TRACE_STEP: Final = 0x9E37_79B9_7F4A_7C15
"""How far the lower halves of two traces that begin one after the other lie apart: 2^64 by the golden ratio. It is odd,
so no two are the same, and they are spread evenly, as a sampler by ratio expects."""
_VALUE: Final = re.compile(
    rb"((?!ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
"""A later version may have more fields at the end; version 00 has none."""
_FIRST_VERSION: Final = b"00"

_MEMBER: Final = re.compile(
    rb"[a-z0-9][a-z0-9_*/-]{0,255}(?:@[a-z][a-z0-9_*/-]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
"""One member of a `tracestate`: a key, perhaps with its system, and a value without commas and equals signs."""

incoming: ContextVar[tuple[Header, ...]] = ContextVar("incoming", default=())
"""The trace headers of the HTTP request that is being handled. The messages that it sends to Kafka continue them."""


class TraceContext(NamedTuple):
    """The parts of a `traceparent`, in lower-case hex."""

    trace_id: bytes
    span_id: bytes
    flags: bytes


class RecordPosition(NamedTuple):
    """The record that a span handled."""

    topic: str
    partition: int
    offset: int


def read_traceparent(value: bytes | None) -> TraceContext | None:
    """Return the parts of a header's value; None if it is not valid (W3C Trace Context, level 1)."""
    match = _VALUE.fullmatch(value or b"")
    if match is None or (match[1] == _FIRST_VERSION and match[5]):
        return None
    return TraceContext(*match.group(2, 3, 4))


def context_of(message: Any) -> TraceContext | None:
    """Return the context that a record's header gives; None if it begins a trace."""
    for name, value in message.headers or ():
        if name == TRACEPARENT:
            return read_traceparent(value)
    return None


def read_tracestate(values: Iterable[bytes | None]) -> bytes:
    """Return the valid value of these headers together, within the bounds; empty if a member is not valid."""
    members = [member.strip(b" \t") for value in values for member in (value or b"").split(b",")]
    members = [member for member in members if member]
    if not all(map(_MEMBER.fullmatch, members)):
        return b""
    bounded, size = members[:MAX_STATE_MEMBERS], 0
    for number, member in enumerate(bounded):
        size += len(member) + (number > 0)
        if size > MAX_STATE_BYTES:
            return b",".join(bounded[:number])
    return b",".join(bounded)


def continued_headers(headers: Iterable[tuple[str, bytes | None]]) -> tuple[Header, ...]:
    """Return the trace headers among these as they are sent on; none if `traceparent` is missing or not valid."""
    headers = list(headers)
    parent = next((value for name, value in headers if name == TRACEPARENT), None)
    if parent is None or read_traceparent(parent) is None:
        return ()
    state = read_tracestate(value for name, value in headers if name == TRACESTATE)
    return ((TRACEPARENT, parent), (TRACESTATE, state)) if state else ((TRACEPARENT, parent),)


def state_of(message: Any) -> bytes:
    """Return the `tracestate` of the trace that a record continues; empty if there is none."""
    for name, _ in message.headers or ():
        if name == TRACESTATE:
            break
    else:
        return b""
    return next((value for name, value in continued_headers(message.headers) if name == TRACESTATE), b"")


def begun_trace(message: Any) -> bytes:
    """Return the trace id of a record that begins a trace. A replay of the record gives the same id."""
    start, first = _trace_start(message.topic, message.partition)
    offset = message.offset or 0  # a dead letter is also written of what has no offset
    return b"%b%016x" % (start, (first + offset * _TRACE_STEP) & _LOW_BITS)


@lru_cache(maxsize=4_096)
def _trace_start(topic: str, partition: int) -> tuple[bytes, int]:
    """Return what the trace ids of a partition begin with, and the number in the other half of its first one."""
    digest = blake2b(f"{topic}/{partition}".encode(), digest_size=16).digest()
    return digest[:8].hex().encode(), int.from_bytes(digest[8:])


def trace_of(message: Any) -> bytes:
    """Return the id of the trace that a record belongs to."""
    context = context_of(message)
    return begun_trace(message) if context is None else context.trace_id


def span_of(topic: str, partition: int, offset: int) -> bytes:
    """Return the id of the span that handles a record, in hex."""
    return b"%b%010x" % (_span_start(topic, partition), offset & _MAX_OFFSET)


@lru_cache(maxsize=4_096)
def _span_start(topic: str, partition: int) -> bytes:
    return b"%02x%04x" % (_NUMBERS.get(topic, _OTHER_TOPIC), partition & _MAX_PARTITION)


def position_of(span_id: bytes) -> RecordPosition | None:
    """Return the record that a span handled; None if the id is not one of ours."""
    number, partition, offset = int(span_id[:2], 16), int(span_id[2:6], 16), int(span_id[6:], 16)
    if not 1 <= number <= len(_SPAN_TOPICS):
        return None
    return RecordPosition(_SPAN_TOPICS[number - 1], partition, offset)


def headers_of_caused(message: Any) -> tuple[Header, ...]:
    """Return the trace headers of every record that a record causes."""
    headers = message.headers
    if not headers:
        return ((TRACEPARENT, _parent_of_begun(message.topic, message.partition, message.offset)),)
    parent = caused_by(message)
    if len(headers) <= 1:  # the one header is `traceparent`, or no trace is continued
        return ((TRACEPARENT, parent),)
    state = state_of(message)
    return ((TRACEPARENT, parent), (TRACESTATE, state)) if state else ((TRACEPARENT, parent),)


def caused_by(message: Any) -> bytes:
    """Return the `traceparent` of every record that a record causes. The record's own span is their parent."""
    topic = message.topic
    if topic in _OUR_LOGS:
        # Only our own stages write there, so the header's form is known. This is the hot path.
        for name, value in message.headers or ():
            if name == TRACEPARENT and value is not None and len(value) == TRACEPARENT_BYTES:
                start, offset = _span_start(topic, message.partition), message.offset & _MAX_OFFSET
                return b"%b%b%010x%b" % (value[:_SPAN_AT], start, offset, value[_SPAN_END:])
    context = context_of(message) if message.headers else None
    if context is None:
        return _parent_of_begun(topic, message.partition, message.offset)
    span = span_of(topic, message.partition, message.offset)
    return b"00-%b-%b-%b" % (context.trace_id, span, context.flags)


def _parent_of_begun(topic: str, partition: int, offset: int) -> bytes:
    """Return the `traceparent` of what a record causes that begins a trace."""
    start, first, span = _parent_start(topic, partition)
    trace_end = (first + offset * _TRACE_STEP) & _LOW_BITS
    parent = b"%b%016x%b%010x-01" % (start, trace_end, span, offset & _MAX_OFFSET)
    return parent if is_sampled is always or is_sampled(parent[3:35]) else parent[:-2] + b"00"


@lru_cache(maxsize=4_096)
def _parent_start(topic: str, partition: int) -> tuple[bytes, int, bytes]:
    """Return what is the same in the `traceparent` of each trace that begins in a partition, and its first number."""
    start, first = _trace_start(topic, partition)
    return b"00-" + start, first, b"-" + _span_start(topic, partition)


def always(_: bytes) -> bool:
    """Sample every trace that begins here."""
    return True


is_sampled: Callable[[bytes], bool] = always
"""Whether a trace with this id, which begins here, is sampled. An exporter replaces it (`streams.trace_export`)."""
