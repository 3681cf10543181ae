"""Patches what Faust does when partitions are assigned or revoked."""

from typing import Any

from faust.transport.consumer import Consumer


def commit_before_forgetting() -> None:
    """Commit the acked offsets of revoked partitions before their state is dropped (docs/faust.md 5)."""

    async def on_partitions_revoked(self: Any, revoked: set[Any]) -> None:
        """1. Stop fetching. 2. Make pending work durable and commit it. 3. Only then drop the state."""
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
    """Fetch nothing until agents and tables know their partitions (docs/faust.md 20)."""
    on_partitions_assigned = Consumer.on_partitions_assigned

    async def paused_first(self: Any, assigned: set[Any], generation_id: int = 0) -> None:
        """Pause new partitions until `Recovery` resumes them: a worker that had no partition has an open flow."""
        self._paused_partitions.update(assigned)
        await on_partitions_assigned(self, assigned, generation_id)

    Consumer.on_partitions_assigned = paused_first
