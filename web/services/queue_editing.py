"""Compares, checks and publishes a queue's draft (Q5, Q6)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from application.directory.changes import Difference, differences
from application.directory.objects import normal
from models import normalize
from models.audit import AuditDifference
from models.errors import InvalidInput, Problem, PublicationErrors
from rules.inbound.envelope import storable
from rules.inbound.publication import check
from rules.queues.rule_book import OrgRules
from web.services.audit.change_text import change_texts
from web.services.names import Names
from web.store.drafts import Draft

MAX_BYTES = 256 * 1024
"""The most bytes of one draft."""


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as its builders see it.

    `value`: the draft, or the published value if there is no draft. `version`, `published`: the current publication,
    None if the queue is not published. `unpublished`: the differences between draft and publication, empty if there are
    none; `unpublished_words`: each of them in words. `problems`: what prevents publication. `tag`: identifies this
    state; an edit of it must name the tag.
    """

    queue_id: str
    value: dict[str, Any]
    version: int | None
    published: dict[str, Any] | None
    unpublished: tuple[Difference, ...]
    unpublished_words: tuple[str, ...]
    problems: tuple[Problem, ...]
    tag: str
    draft: Draft | None

    @property
    def overtaken(self) -> bool:
        """Whether another version was published since the draft was started."""
        return self.draft is not None and self.draft.based_on != self.version


def state_of(rules: OrgRules, queue_id: str, draft: Draft | None) -> QueueState | None:
    """Return a queue's state, None if it is neither published nor drafted."""
    publication = rules.objects.get(("queue", queue_id))
    published = None if publication is None else publication.value
    version = None if publication is None or published is None else publication.version
    if draft is None:
        if published is None:
            return None
        return QueueState(
            queue_id=queue_id,
            value=published,
            version=version,
            published=published,
            unpublished=(),
            unpublished_words=(),
            problems=(),
            tag=f"v{version}",
            draft=None,
        )
    unpublished = tuple(differences(published or {}, draft.value))
    return QueueState(
        queue_id=queue_id,
        value=draft.value,
        version=version,
        published=published,
        unpublished=unpublished,
        unpublished_words=_in_words(rules, unpublished, is_new=published is None),
        problems=check("queue", queue_id, draft.value),
        tag=draft.revision,
        draft=draft,
    )


def _in_words(rules: OrgRules, unpublished: tuple[Difference, ...], *, is_new: bool) -> tuple[str, ...]:
    changes = [
        AuditDifference(difference.path, difference.old, difference.new, difference.rule)
        for difference in unpublished
    ]
    texts = change_texts(changes, is_new=is_new, names=Names(rules))
    return tuple(text[:1].upper() + text[1:] for text in texts)


def drafted_value(queue_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value to store for an edit. Rules may be unfinished; a claimable queue gets empty outcomes (Q5).

    Raises `InvalidInput` for values that a draft cannot hold.
    """
    if reason := queue_id_problem(queue_id):
        raise _refused("queue_id", reason)
    try:
        written = msgspec.json.encode(storable({**fields, "queue_id": queue_id}))
        value: dict[str, Any] = msgspec.json.decode(written)  # drops what JSON cannot represent
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused("value", f"cannot be written as JSON: {error}") from error
    if len(written) > MAX_BYTES:
        raise _refused("value", f"is longer than {MAX_BYTES} bytes")
    if value.get("claimable") is True:
        value["outcomes"] = []
    return {name: item for name, item in value.items() if item is not None}


def queue_id_problem(queue_id: str) -> str | None:
    """Return why this cannot be a queue's id, None if it can."""
    try:
        return None if normalize.identifier(queue_id) else "is empty"
    except ValueError as error:
        return str(error)


def publishable(org: str, queue_id: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft in the engine's normal form. Raises `PublicationErrors` with every problem (Q6)."""
    normalised = normal(org, "queue", queue_id, dict(value))
    if normalised is None:
        raise PublicationErrors((Problem(path="", reason="there is nothing to publish"),))
    return normalised


def _refused(path: str, reason: str) -> InvalidInput:
    return InvalidInput((Problem(path=path, reason=reason),))
