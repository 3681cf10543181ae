"""Records exports: who, which filter, how many rows. The record is complete when the file is."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, Final

import msgspec
from fastapi import Request
from starlette.concurrency import iterate_in_threadpool

from application.audit.entry import Entry
from models.audit import AuditDifference
from rules.language.catalogue import FIELDS
from rules.language.operators import FieldType
from sink.lists.columns import Kind, Listing
from web.auth import Person
from web.parts import Services

HIDDEN: Final = "(a text)"
"""Stands for a text that was searched for. It may be a person's name, and entries outlive the person's erasure."""
_NO_FILTER: Final = frozenset({"cursor", "limit"})
_FREE: Final = frozenset({FieldType.TEXT, FieldType.ATTRIBUTE})


class RecordedExport:
    """An export that has begun. `count` each row; `stream` ends the record with the number of rows."""

    def __init__(self, stack: AsyncExitStack, entry: Entry) -> None:
        self._stack, self._entry, self._rows = stack, entry, 0

    def count(self) -> None:
        """Count one row."""
        self._rows += 1

    async def stream(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces. If the client leaves before the end, the record has the rows so far."""
        async with self._stack:
            try:
                async for piece in iterate_in_threadpool(pieces):
                    yield piece
            finally:
                self._entry.add("rows", self._rows)


async def begin_export(
    parts: Services, person: Person, of: str, request: Request, listing: Listing
) -> RecordedExport:
    """Begin the record of an export, before the first byte is sent. Raises `RetryableError`."""
    async with AsyncExitStack() as stack:
        recording = parts.audit.act(person.as_actor, "exported", of, used_filter(request, listing))
        entry = await stack.enter_async_context(recording)
        return RecordedExport(stack.pop_all(), entry)
    raise AssertionError  # the stack swallows no error


def used_filter(request: Request, listing: Listing) -> list[AuditDifference]:
    """Return the parameters of an export, without texts that may name a lead."""
    found = []
    for name in dict.fromkeys(request.query_params.keys()):
        values = [value for value in request.query_params.getlist(name) if value]
        if name in _NO_FILTER or not values:
            continue
        column = listing.by_name.get(name)
        if name == "search" or (column is not None and column.kind is Kind.TEXT):
            values = [HIDDEN]
        elif name == "segment":
            values = [_without_texts(values[-1])]
        found.append(AuditDifference(name, None, values[0] if len(values) == 1 else values))
    return found


def _without_texts(segment: str) -> Any:
    try:
        return _hidden(msgspec.json.decode(segment))
    except (msgspec.DecodeError, RecursionError):
        return HIDDEN


def _hidden(node: Any) -> Any:
    """Return a rule tree in which the values of texts are hidden."""
    if isinstance(node, list):
        return [_hidden(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "field" not in node:
        return {name: _hidden(one) for name, one in node.items()}
    field = FIELDS.get(str(node["field"]))
    return {**node, "value": HIDDEN} if field is None or field.type in _FREE else node
