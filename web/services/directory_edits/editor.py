"""Makes one edit of an org's directory: its changes, its effects, its problems, and its publication.

An edit is not published if the engine would reject it, if it refers to a missing object, or if it leaves the org
without an admin.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from sqlalchemy import Engine

from application.directory.changes import Difference, differences
from application.directory.objects import Objects, Value, normal, path_of
from application.directory.publish import open_without_reps, publish_one
from application.directory.references import directory_after, missing_references
from models.errors import Problem as FieldProblem
from models.errors import PublicationConflictError, PublicationErrors, RetryableError
from rules.queues.rule_book import Key, NewestPublication, OrgRules
from streams.settings import Settings
from web.errors import HttpProblem
from web.services.directory_edits.effects import effects
from web.services.directory_edits.shown_versions import ShownVersions
from web.services.directory_follower import DirectoryFollower

READ_BACK_SECONDS: Final = 10.0
ATTEMPTS: Final = 5
ANY_VERSION: Final = -1
"""Stands for the current version of an object, whichever that is."""
"""How often an edit is tried again after somebody else published another object."""
NO_ADMIN: Final = "the org would have no active admin, so nobody could change its directory"
KINDS: Final = ("rep", "group", "campaign", "settings")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit changes, path by path, and its further effects as sentences."""

    value: Value | None
    version: int | None
    changes: list[Difference]
    effects: list[str]


class Editor:
    """The edits of all orgs. Edits of one org run one at a time. `crm`: the database for the effects of an edit."""

    def __init__(self, directory: DirectoryFollower, settings: Settings, crm: Engine) -> None:
        self._directory, self._settings, self._crm = directory, settings, crm
        self.shown_versions = ShownVersions()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def edit(
        self,
        org: str,
        key: Key,
        value: Value | None,
        *,
        base: int | None,
        publish: bool,
        by: Value | None = None,
    ) -> Edit:
        """Check an edit of an object at version `base` (None: it did not exist), and publish it if asked.

        `base` `ANY_VERSION`: of whatever version it has then. If it does not exist, that is refused with 412.
        `value` None removes the object. `by`: the caller as a rep with the role admin. If the edit adds the first rep
        of an open org, `by` is published in the same transaction: otherwise the caller would be locked out. Raises
        `PublicationErrors` with every reason by its path in the object, and 412 with what changed if somebody published
        meanwhile.
        """
        if base is not None and base >= self._directory.end:
            # Another console may have shown a version that is not read here yet. A nonexistent one is rejected below.
            with contextlib.suppress(RetryableError):
                await self._directory.until_read(base, READ_BACK_SECONDS)
        async with self._turns[org]:
            for _ in range(ATTEMPTS):
                try:
                    return await self._edit(org, key, value, base, publish=publish, by=by)
                except (
                    PublicationConflictError
                ) as error:  # by another console or a command: check everything again
                    await self._directory.until_read(error.offset, READ_BACK_SECONDS)
        raise RetryableError("directory", "others keep publishing, so nothing was published; try again")

    async def _edit(
        self, org: str, key: Key, value: Value | None, base: int | None, *, publish: bool, by: Value | None
    ) -> Edit:
        end, rules = self._directory.end, self._directory.org(org)
        before = present(rules)
        if base == ANY_VERSION:
            if (now := current_publication(rules, key)) is None:
                detail = f"If-Match: there is no {key[0]} {key[1]}, in any version"
                raise HttpProblem(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", detail)
            base = now.version
        self._is_newest(rules, key, base)
        new = None if value is None else normal(org, *key, value)
        asker = _first_admin(rules, key, new, by)
        check({**before, **asker}, key, new, is_open=open_without_reps(rules.objects))
        old = before.get(key)
        if old is None and new is None:
            raise HttpProblem(HTTPStatus.NOT_FOUND, "not-found", f"there is no {key[0]} {key[1]}")
        changes = list(differences(old or {}, new or {}))
        sentences = await asyncio.to_thread(effects, self._crm, rules, key, old, new)
        sentences += [f"You are published as {rep_id}, an admin, in the same step." for _, rep_id in asker]
        version = base
        if publish and (changes or new is None):
            version = await publish_one(self._settings, org, key, new, seen=end, first=asker)
            await self._directory.until(org, *key, version, READ_BACK_SECONDS)
            if new is not None:
                self.shown_versions.note(org, key, version, new)
        return Edit(value=new, version=version, changes=changes, effects=sentences)

    def _is_newest(self, rules: OrgRules, key: Key, base: int | None) -> None:
        now = current_publication(rules, key)
        if (now.version if now else None) == base:
            return
        changed = (
            None
            if base is None
            else self.shown_versions.since(rules.org, key, base, now.value if now else None)
        )
        verb = "removed" if now is None else "published"
        raise HttpProblem(
            HTTPStatus.PRECONDITION_FAILED,
            "changed-meanwhile",
            f"somebody {verb} while you edited {key[0]} {key[1]}",
            current=now.value if now else None,
            version=now.version if now else None,
            changes=None if changed is None else [msgspec.to_builtins(difference) for difference in changed],
        )


def _first_admin(rules: OrgRules, key: Key, new: Value | None, by: Value | None) -> dict[Key, Value]:
    """Return the caller as a rep if an edit closes an open org and names somebody else."""
    if by is None or not rules.is_open or key[0] != "rep" or new is None:
        return {}
    own: Key = ("rep", by["rep_id"])
    if key == own:
        return {}
    normalised = normal(rules.org, *own, by)
    return {} if normalised is None else {own: normalised}


def current_publication(rules: OrgRules, key: Key) -> NewestPublication | None:
    """Return an object's current publication, None if the object does not exist."""
    published = rules.objects.get(key)
    return published if published is not None and published.value is not None else None


def present(rules: OrgRules) -> Objects:
    """Return the current objects of an org."""
    return {key: published.value for key, published in rules.objects.items() if published.value is not None}


def check(before: Objects, key: Key, new: Value | None, *, is_open: bool) -> None:
    """Reject an edit that refers to a missing object or leaves nobody who may change the org's directory."""
    prefix = path_of(key)
    problems = [
        msgspec.structs.replace(problem, path=problem.path.removeprefix(prefix).lstrip("."))
        for problem in missing_references(before, {key: new}, is_open=is_open)
    ]
    had_admin = is_open or has_admin(before)  # else nothing is lost, and a rep's own choice needs no admin
    if key[0] == "rep" and had_admin and not has_admin(directory_after(before, {key: new})):
        field = "" if new is None else "active" if new.get("role") == "admin" else "role"
        problems.append(FieldProblem(path=field, reason=NO_ADMIN))
    if problems:
        raise PublicationErrors(tuple(problems))


def has_admin(objects: Mapping[Key, Any]) -> bool:
    """Say whether somebody may change the directory."""
    return any(
        kind == "rep" and value.get("role") == "admin" and value.get("active", True)
        for (kind, _), value in objects.items()
    )
