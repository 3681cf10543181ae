"""What Faust does when partitions come and go."""

from typing import Any

from faust.transport.consumer import Consumer


def commit_before_forgetting() -> None:
    """Commit what was acked of revoked partitions before the book of it is dropped (docs/faust.md 5)."""

    async def on_partitions_revoked(self: Any, revoked: set[Any]) -> None:
        """1. nothing more is fetched; 2. what is under way becomes durable and is committed; 3. only then forget."""
        if self._active_partitions is not None:
            self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        await self._on_partitions_revoked(revoked)
        books = [
            self._gap,
            self._acked,
            self._acked_index,
            self._read_offset,
            self._committed_offset,
            getattr(self, "_delivered", {}),
        ]
        for tp in revoked:
            for book in books:
                book.pop(tp, None)

    Consumer.on_partitions_revoked = on_partitions_revoked


def pause_what_is_assigned() -> None:
    """Fetch nothing before agents and tables know their partitions (docs/faust.md 20)."""
    on_partitions_assigned = Consumer.on_partitions_assigned

    async def paused_first(self: Any, assigned: set[Any], generation_id: int = 0) -> None:
        """Fetch nothing until `Recovery` resumes it: a worker that had no partition has its flow still open."""
        self._paused_partitions.update(assigned)
        await on_partitions_assigned(self, assigned, generation_id)

    Consumer.on_partitions_assigned = paused_first
