"""Converts a queue's draft and published version to the API's form, for the queue builder (Q6)."""

from datetime import datetime
from typing import Any

from pydantic import Field

from web.schemas import Model
from web.services.queue_editing import QueueState


class QueueProblem(Model):
    """A problem that prevents a queue from being published: path and reason."""

    path: str
    reason: str


class ChangedPath(Model):
    """One path at which the draft differs from the published version; null if there is no value."""

    path: str
    old: Any = None
    new: Any = None


class DraftState(Model):
    """A queue as its builders see it. `version` null: it is not published."""

    queue_id: str
    etag: str
    version: int | None
    value: dict[str, Any]
    published: dict[str, Any] | None
    unpublished_changes: list[ChangedPath]
    unpublished_words: list[str] = Field(description="The same changes, each in words")
    problems: list[QueueProblem]
    overtaken: bool = Field(description="Another version was published since the draft was begun")
    updated_by: str | None
    updated_at: datetime | None


def draft_as_shown(state: QueueState) -> DraftState:
    """Return a state in the API's form."""
    return DraftState(
        queue_id=state.queue_id,
        etag=state.tag,
        version=state.version,
        value=state.value,
        published=state.published,
        unpublished_changes=[
            ChangedPath(path=change.path, old=change.old, new=change.new) for change in state.unpublished
        ],
        unpublished_words=list(state.unpublished_words),
        problems=[QueueProblem(path=problem.path, reason=problem.reason) for problem in state.problems],
        overtaken=state.overtaken,
        updated_by=state.draft.updated_by if state.draft else None,
        updated_at=state.draft.updated_at if state.draft else None,
    )
