"""Provides the base of the stores in the console's database: reading, writing, and their errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from sink.db_errors import translated_errors

_WHAT: Final = "console database"


class Store:
    """One store in the console's database. `insert` builds a statement that can handle conflicts in either dialect.

    Blocking: call it from a thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection. Raises `RetryableError` if it is unavailable, `PermanentError` for a rejected value."""
        with translated_errors(_WHAT), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a write transaction, committed at the end. Raises the same errors as `reading`."""
        with translated_errors(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            yield connection
