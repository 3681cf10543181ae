"""The base of the stores in the console's database: reading, writing, and their errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from sink.db_errors import translated

_WHAT: Final = "console database"


class Store:
    """A part of the console's database; `insert` makes one that can say what to do about a conflict.

    Blocking; the web asks from a thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection. Raises `RetryableError` where it is away, `PermanentError` for a refused value."""
        with translated(_WHAT), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that may write, committed at the end. Raises as `reading`."""
        with translated(_WHAT), self._engine.execution_options(writes=True).begin() as connection:
            yield connection
