"""A directory in a file becomes publications: checked whole first, so that nothing of a wrong file is published."""

from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from aiokafka import AIOKafkaProducer

from models.errors import Problem, PublicationErrors
from rules.publication import check
from streams.settings import Settings
from streams.topics import DIRECTORY

SECTIONS: Final = {
    "settings": "settings",
    "reps": "rep",
    "groups": "group",
    "campaigns": "campaign",
    "queues": "queue",
}
"""The file's sections and the kinds of their objects, in the order they are published."""

Objects = list[tuple[str, str, dict[str, Any] | None]]
"""kind, id, value."""


def read_directory(path: Path) -> tuple[str, Objects]:
    """Read `{org, settings, reps: {id: …}, queues: {id: …}}`; a null object is to be removed.

    Raises `PublicationErrors` with every problem of every object, each under its path in the file.
    """
    try:
        given = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PublicationErrors((Problem(path=path.name, reason=f"is not YAML: {error}"),)) from error
    if not isinstance(given, dict):
        raise PublicationErrors((Problem(path=path.name, reason="must be an object of sections"),))
    problems = [
        Problem(path=str(name), reason=f"is no section; there are org, {', '.join(SECTIONS)}")
        for name in given
        if name not in SECTIONS and name != "org"
    ]
    objects: Objects = []
    for section, kind in SECTIONS.items():
        found = given.get(section) or {}
        if kind == "settings":
            found = {"settings": found} if found else {}
        if not isinstance(found, dict):
            problems.append(Problem(path=section, reason="must be an object: id to what it is"))
            continue
        for object_id, value in found.items():
            under = section if kind == "settings" else f"{section}.{object_id}"
            problems += [
                msgspec.structs.replace(problem, path=f"{under}.{problem.path}" if problem.path else under)
                for problem in check(kind, str(object_id), value)
            ]
            objects.append((kind, str(object_id), value))
    if problems:
        raise PublicationErrors(tuple(problems))
    return str(given.get("org") or "default"), objects


async def publish(settings: Settings, org: str, objects: Objects) -> int:
    """Publish objects in their order; return how many. It takes effect within moments, on existing leads too (Q6)."""
    producer = AIOKafkaProducer(**settings.aiokafka_options(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for kind, object_id, value in objects:
            body = None if value is None else msgspec.json.encode(value)
            await producer.send_and_wait(DIRECTORY, body, f"{org}/{kind}/{object_id}".encode())
    finally:
        await producer.stop()
    return len(objects)
