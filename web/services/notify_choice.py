"""A rep's own choice of how to be told of news, as a change of the rep's object in the directory (N8)."""

from http import HTTPStatus
from typing import Any, Final

from web.auth import Person
from web.errors import Problem, not_found
from web.parts import Services
from web.services.directory_edits.editor import Edit, published

ATTEMPTS: Final = 5
"""How often the choice is tried again after somebody else published the rep."""


def notify_choice(parts: Services, person: Person) -> dict[str, Any] | None:
    """Return what a person chose, as it is published; None if the person is in no directory."""
    found = published(parts.directory.org(person.org), ("rep", person.rep_id))
    if found is None or found.value is None:
        return None
    chosen: dict[str, Any] = found.value.get("notify") or {}
    return chosen


async def choose_notify(parts: Services, person: Person, notify: dict[str, Any]) -> None:
    """Publish a person's choice. All else that is published of the person stays.

    Raises 404 if the person is in no directory, `PublicationErrors` with paths that begin with `notify`, and 412 if
    others keep publishing the person.
    """
    key = ("rep", person.rep_id)
    async with parts.audit.act(person.as_actor, "published", "/".join(key)) as entry:
        done = await _publish(parts, person, key, notify)
        entry.replace(done.changes)
        entry.is_void = not done.changes


async def _publish(parts: Services, person: Person, key: tuple[str, str], notify: dict[str, Any]) -> Edit:
    for left in reversed(range(ATTEMPTS)):
        found = published(parts.directory.org(person.org), key)
        if found is None or found.value is None:
            raise not_found(f"rep {person.rep_id} in the directory")
        try:
            return await parts.editor.edit(
                person.org, key, {**found.value, "notify": notify}, base=found.version, publish=True
            )
        except Problem as problem:
            if problem.status != HTTPStatus.PRECONDITION_FAILED or not left:
                raise
    raise AssertionError  # the last attempt returned or raised
