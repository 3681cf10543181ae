"""Reads and writes directory files, whole or in part.

The format is `{org, settings, reps: {id: …}, groups, campaigns, queues}`.
"""

from typing import Any

import msgspec

from application.directory.objects import (
    SECTION_OF,
    SECTIONS,
    SETTINGS,
    Objects,
    Value,
    normal,
    ordered,
    path_of,
)
from application.directory.yaml_text import dump, load
from models import normalize
from models.errors import Problem, PublicationErrors
from models.publication import KINDS
from rules.queues.rule_book import Key


def read_directory(
    content: bytes, name: str, *, org: str | None = None
) -> tuple[str, dict[Key, Value | None]]:
    """Read a file's org and objects, in the order they are published. An object that is null is to be removed.

    `name`: the file's name, for errors of the file as a whole. `org`: the only org that the file may name, and that of
    a file that names none; None: any, and the default org. Raises `PublicationErrors` with every problem of every
    object, each under its path in the file.
    """
    try:
        document = load(content)
    except ValueError as error:
        raise PublicationErrors((Problem(path=name, reason=f"cannot be read: {error}"),)) from error
    if not isinstance(document, dict):
        raise PublicationErrors((Problem(path=name, reason="must be an object of sections"),))
    reader = _Reader()
    file_org = reader.org(document, org)
    for section in SECTIONS:
        reader.section(file_org, section, document.get(section))
    if reader.problems:
        raise PublicationErrors(tuple(reader.problems))
    return file_org, reader.objects


class _Reader:
    """Reads the sections and collects every problem instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.objects: dict[Key, Value | None] = {}

    def org(self, document: dict[Any, Any], only: str | None) -> str:
        for name in document:
            if name not in SECTIONS and name != "org":
                self._problem(str(name), f"is not a section; the sections are org, {', '.join(SECTIONS)}")
        org_text = document.get("org")
        try:
            file_org = normalize.org(org_text)
        except ValueError as error:
            self._problem("org", str(error))
            return only or normalize.org(None)
        if only is None or file_org == only:
            return file_org
        if org_text is not None:
            self._problem("org", f"is {file_org}; only a file of {only} can be read here")
        return only

    def section(self, org: str, section: str, definitions: Any) -> None:
        if definitions is None:
            return
        if not isinstance(definitions, dict):
            self._problem(section, "must be an object that maps ids to definitions")
        elif section == SETTINGS[0]:
            self._object(org, SETTINGS, definitions)
        else:
            for object_id, value in definitions.items():
                if isinstance(object_id, bool) or not isinstance(object_id, str | int):
                    self._problem(f"{section}.{object_id}", "the id must be text")
                    continue
                self._object(org, (SECTIONS[section], str(object_id)), value)

    def _object(self, org: str, key: Key, value: Any) -> None:
        self.objects[key] = None
        try:
            self.objects[key] = normal(org, *key, value)
        except PublicationErrors as error:
            self.problems += [
                msgspec.structs.replace(problem, path=path_of(key, problem.path))
                for problem in error.problems
            ]

    def _problem(self, path: str, reason: str) -> None:
        self.problems.append(Problem(path=path, reason=reason))


def as_document(org: str, objects: Objects) -> dict[str, Any]:
    """Return the document that `read_directory` reads, in a fixed order: sections, ids, fields of the contract."""
    document: dict[str, Any] = {"org": org}
    for key in ordered(objects):
        fields = _fields(key, objects[key])
        if key == SETTINGS:
            document[SETTINGS[0]] = fields
        else:
            document.setdefault(SECTION_OF[key[0]], {})[key[1]] = fields
    return document


def write_directory(org: str, objects: Objects) -> str:
    """Return the text of a file with these objects. Applying it to the same org changes nothing."""
    return dump(as_document(org, objects))


def _fields(key: Key, value: Value) -> Value:
    """Return the object without its id, which its key in the file gives."""
    model, id_field = KINDS[key[0]]
    names = [name for name in model.model_fields if name in value]
    names += sorted(name for name in value if name not in model.model_fields)
    return {name: value[name] for name in names if name != id_field}
