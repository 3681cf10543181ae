"""Stores the views that people create. A save replaces only the revision that its writer saw (Q1)."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, select, update

from models.errors import FirstclaimError
from web.store.store import Store
from web.store.tables import CustomViewTable

MAX_VIEWS: Final = 100
"""The most views of one person."""


class CustomView(msgspec.Struct, frozen=True, kw_only=True):
    """A saved view. `revision`: identifies this save."""

    view_id: str
    value: dict[str, Any]
    revision: str
    updated_at: datetime


class TooManyViewsError(FirstclaimError):  # names the condition
    """Raised if the person already has `MAX_VIEWS` views."""


class CustomViews(Store):
    """The views of all people. Blocking: call it from a thread. Raises `RetryableError` if the database is away."""

    def all(self, org: str, rep_id: str) -> list[CustomView]:
        """Return a person's views by name."""
        query = select(*_COLUMNS).where(*_rows_of(org, rep_id))
        with self.reading() as connection:
            views = [CustomView(**row) for row in connection.execute(query).mappings()]
        return sorted(views, key=lambda view: (str(view.value["name"]).casefold(), view.view_id))

    def find(self, org: str, rep_id: str, view_id: str) -> CustomView | None:
        """Return one of a person's views, None if there is none with that id."""
        query = select(*_COLUMNS).where(*_rows_of(org, rep_id), CustomViewTable.view_id == view_id)
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else CustomView(**row)

    def add(self, org: str, rep_id: str, view_id: str, value: Mapping[str, Any]) -> CustomView:
        """Add a view and return it. A view whose id exists is returned unchanged. Raises `TooManyViewsError`."""
        view = _view_of_row(view_id, value)
        count = select(func.count()).select_from(CustomViewTable).where(*_rows_of(org, rep_id))
        values = {"org": org, "rep_id": rep_id, **msgspec.structs.asdict(view)}
        with self.writing() as connection:
            query = select(*_COLUMNS).where(*_rows_of(org, rep_id), CustomViewTable.view_id == view_id)
            if (row := connection.execute(query).mappings().first()) is not None:
                return CustomView(**row)
            if (connection.scalar(count) or 0) >= MAX_VIEWS:
                raise TooManyViewsError(f"you have {MAX_VIEWS} views already; delete one first")
            connection.execute(self.insert(CustomViewTable).values(values).on_conflict_do_nothing())
            return CustomView(**connection.execute(query).mappings().one())

    def save(
        self, org: str, rep_id: str, view_id: str, value: Mapping[str, Any], *, revision: str
    ) -> CustomView | None:
        """Save over `revision`. Return None if that is no longer the current revision."""
        view, table = _view_of_row(view_id, value), CustomViewTable
        query = update(table).where(
            *_rows_of(org, rep_id), table.view_id == view_id, table.revision == revision
        )
        with self.writing() as connection:
            updated = connection.execute(query.values(msgspec.structs.asdict(view)))
        return view if updated.rowcount else None

    def discard(self, org: str, rep_id: str, view_id: str, *, revision: str) -> bool:
        """Delete `revision`. Return False if that is no longer the current revision."""
        table = CustomViewTable
        query = delete(table).where(
            *_rows_of(org, rep_id), table.view_id == view_id, table.revision == revision
        )
        with self.writing() as connection:
            return connection.execute(query).rowcount > 0


_COLUMNS: Final[tuple[Any, ...]] = (
    CustomViewTable.view_id,
    CustomViewTable.value,
    CustomViewTable.revision,
    CustomViewTable.updated_at,
)


def _rows_of(org: str, rep_id: str) -> tuple[Any, ...]:
    return CustomViewTable.org == org, CustomViewTable.rep_id == rep_id


def _view_of_row(view_id: str, value: Mapping[str, Any]) -> CustomView:
    return CustomView(
        view_id=view_id, value=dict(value), revision=secrets.token_hex(8), updated_at=datetime.now(UTC)
    )
