"""Patches the buffers between Faust's consumer and an agent's stream."""

from typing import Any

from mode.utils.queues import FlowControlEvent


def keep_what_was_not_suspended() -> None:
    """Clear a buffer on resuming only if it was suspended (docs/faust.md 3)."""

    def resume(self: Any) -> None:
        was_suspended = self._suspend.is_set()
        self._suspend.clear()
        self._resume.set()
        if was_suspended:
            self.clear()

    FlowControlEvent.resume = resume
