"""Converts an org's directory objects to the form of the API and the directory page."""

import asyncio
from typing import Any, Literal

from application.directory.objects import ordered
from rules.queues.rule_book import Key, NewestPublication
from web.auth import Person
from web.console_services import Services
from web.schemas import Model
from web.services.directory_edits.editor import KINDS
from web.store.account import Account

Kind = Literal["rep", "group", "campaign", "settings"]


class DirectoryObject(Model):
    """One published object. `version` only grows; `etag` is for If-Match."""

    kind: Kind
    id: str
    version: int
    etag: str
    value: dict[str, Any]


class Directory(Model):
    """All reps, groups, campaigns and the settings of an org."""

    org: str
    objects: list[DirectoryObject]


def all_objects(parts: Services, person: Person) -> Directory:
    """Return every published object of the org, in the order of a directory file."""
    objects = parts.directory.org(person.org).objects
    keys = ordered(
        key for key, published in objects.items() if key[0] in KINDS and published.value is not None
    )
    shown = [object_as_shown(parts, person, key, objects[key]) for key in keys]
    return Directory(org=person.org, objects=shown)


async def accounts_of(parts: Services, person: Person) -> list[Account]:
    """Return the accounts that may sign in."""
    return await asyncio.to_thread(parts.accounts.accounts, person.org)


def object_as_shown(
    parts: Services, person: Person, key: Key, published: NewestPublication
) -> DirectoryObject:
    """Return an object in the API's form, and remember that this version was shown."""
    value = published.value or {}
    parts.editor.shown_versions.note(person.org, key, published.version, value)
    return DirectoryObject.model_validate(
        {
            "kind": key[0],
            "id": key[1],
            "version": published.version,
            "etag": etag(published.version),
            "value": value,
        }
    )


def etag(version: int) -> str:
    """Return a version as an ETag."""
    return f'"v{version}"'
