"""Stores a rep's own choice of notifications as a change of the rep's object in the directory (N8)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request

from application.audit.entry import Actor
from rules.queues.rule_book import Key
from web.auth import Person, host_of
from web.console_services import Services
from web.errors import HttpProblem, not_found
from web.services.directory_edits.editor import Edit, current_publication
from web.services.limits import too_often
from web.store.attempts import AttemptLimit, network

ATTEMPTS: Final = 5
"""How often the choice is tried again after somebody else published the rep."""


def notify_choice(parts: Services, person: Person) -> dict[str, Any] | None:
    """Return what a person chose, as it is published; None if the person is in no directory."""
    published = current_publication(parts.directory.org(person.org), ("rep", person.rep_id))
    if published is None or published.value is None:
        return None
    chosen: dict[str, Any] = published.value.get("notify") or {}
    return chosen


async def choose_notify(parts: Services, person: Person, notify: dict[str, Any]) -> None:
    """Publish a person's choice. All else that is published of the person stays.

    Raises 404 if the person is in no directory, `PublicationErrors` with paths that begin with `notify`, and 412 if
    others keep publishing the person.
    """
    await publish_rep(parts, person.as_actor, person.rep_id, lambda value: {**value, "notify": notify})


async def end_digests(request: Request, parts: Services, org: str, rep_id: str) -> None:
    """Publish that a rep wants no digest any more. Raises 404, 412 and 429."""
    host = host_of(request)
    if wait := await asyncio.to_thread(
        parts.attempts.take, (AttemptLimit(f"unsubscribe {network(host)}", 50, 2.0),)
    ):
        raise too_often(wait)
    actor = Actor(org=org, actor=rep_id, kind="person", from_host=host)
    await publish_rep(
        parts,
        actor,
        rep_id,
        lambda value: {**value, "notify": {**(value.get("notify") or {}), "digests": []}},
    )


async def publish_rep(
    parts: Services, actor: Actor, rep_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Publish a rep with a change. Raises 404 if there is no such rep, and 412 if others keep publishing it."""
    key = ("rep", rep_id)
    async with parts.audit.act(actor, "published", "/".join(key)) as entry:
        result = await _edited(parts, actor.org, key, change)
        entry.replace(result.changes)
        entry.is_void = not result.changes


async def _edited(
    parts: Services, org: str, key: Key, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Edit:
    for attempts_left in reversed(range(ATTEMPTS)):
        published = current_publication(parts.directory.org(org), key)
        if published is None or published.value is None:
            raise not_found(f"rep {key[1]} in the directory")
        try:
            value = change(published.value)
            return await parts.editor.edit(org, key, value, base=published.version, publish=True)
        except HttpProblem as problem:
            if problem.status != HTTPStatus.PRECONDITION_FAILED or not attempts_left:
                raise
    raise AssertionError  # the last attempt returned or raised
