"""Records exports: who, which filter, how many rows. The record is complete when the file is."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from fastapi import Request
from starlette.types import Message, Send

from application.audit.entry import AuditedAct
from models.audit import AuditDifference
from rules.language.catalogue import FIELDS
from rules.language.operators import FieldType
from sink.lists.list_columns import ColumnKind, ListDefinition
from web.services.exports import Export, Exports, Pieces, Who

HIDDEN: Final = "(a text)"
"""Stands for a text that was searched for. It may be a person's name, and entries outlive the person's erasure."""
_NO_FILTER: Final = frozenset({"cursor", "limit"})
_FREE: Final = frozenset({FieldType.TEXT, FieldType.ATTRIBUTE})


class RowCount:
    """Counts the rows of an export."""

    def __init__(self) -> None:
        self.rows = 0

    def add(self) -> None:
        """Count one row."""
        self.rows += 1


class RecordedExport(Export):
    """An export whose record is complete when the file is. `recording`: the act; `rows`: counts while it is sent.

    It begins when the export has its place among the running ones, so a refused export is not recorded. If the reader
    goes away, the record has the rows so far, and the outcome `unknown`.
    """

    def __init__(
        self,
        exports: Exports,
        exporter: Who,
        pieces: Pieces,
        *,
        recording: AbstractAsyncContextManager[AuditedAct],
        rows: RowCount,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(exports, exporter, pieces, media_type=media_type, headers=headers)
        self._recording, self._rows = recording, rows

    async def _send(self, send: Send) -> None:
        is_whole = False

        async def noted(message: Message) -> None:
            nonlocal is_whole
            await send(message)
            is_whole = message["type"] == "http.response.body" and not message["more_body"]

        async with self._recording as entry:
            try:
                await super()._send(noted)
            except asyncio.CancelledError:
                if not is_whole:  # a reader may leave as soon as it has the last byte
                    raise
            finally:
                entry.add("rows", self._rows.rows)


def used_filter(request: Request, listing: ListDefinition) -> list[AuditDifference]:
    """Return the parameters of an export, without texts that may name a lead."""
    differences = []
    for name in dict.fromkeys(request.query_params.keys()):
        values = [value for value in request.query_params.getlist(name) if value]
        if name in _NO_FILTER or not values:
            continue
        column = listing.by_name.get(name)
        if name == "search" or (column is not None and column.kind is ColumnKind.TEXT):
            values = [HIDDEN]
        elif name == "segment":
            values = [_without_texts(values[-1])]
        differences.append(AuditDifference(name, None, values[0] if len(values) == 1 else values))
    return differences


def _without_texts(segment: str) -> Any:
    try:
        return _hidden(msgspec.json.decode(segment))
    except (msgspec.DecodeError, RecursionError):
        return HIDDEN


def _hidden(node: Any) -> Any:
    """Return a rule tree in which the values of texts are hidden."""
    if isinstance(node, list):
        return [_hidden(child) for child in node]
    if not isinstance(node, dict):
        return node
    if "field" not in node:
        return {name: _hidden(child) for name, child in node.items()}
    field = FIELDS.get(str(node["field"]))
    return {**node, "value": HIDDEN} if field is None or field.type in _FREE else node
