"""Reads the sink's positions in the journal, again and again, with one engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from sqlalchemy.engine import make_url

from sink.database_engine import connect
from sink.db_errors import translated_errors
from sink.queries import offsets
from sink.schema import schema_of
from streams.topics import LEAD_JOURNAL

if TYPE_CHECKING:
    from sqlalchemy import Engine


class SinkPositions:
    """The CRM database's positions in the journal. Blocking: call it from a thread, one call at a time.

    The tables are looked for until a sink has made them, and again after an error. Each reading has a connection of its
    own, so that a file or a server that took the place of the former one is read.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        url = make_url(database_url)
        self._file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self._engine: Engine | None = None

    def read(self) -> dict[TopicPartition, int]:
        """Return partition -> the next offset to handle. Empty if no sink has run on it. Raises `RetryableError`."""
        if self._file is not None and not self._file.exists():
            self.close()
            return {}
        if self._engine is None:
            if not schema_of(self._url).is_made:
                return {}
            self._engine = connect(self._url, pooled=False)
        try:
            with translated_errors("CRM database"), self._engine.connect() as connection:
                return {
                    TopicPartition(topic, partition): position.next_offset
                    for (topic, partition), position in offsets(connection).items()
                    if topic == LEAD_JOURNAL
                }
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Forget the engine. The next reading makes a new one."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
