"""Checks a directory file or a table of people as a whole, plans what it changes, and publishes the plan (Q6, R1)."""

import asyncio
import contextlib
import hashlib
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec

from application.audit.entry import Actor, AuditedAct
from application.audit.write import audited_all
from application.directory.apply import plan_changes
from application.directory.changes import ChangePlan, differences
from application.directory.directory_file import read_directory
from application.directory.objects import SECTION_OF, Objects, Value, WantedAction, normal
from application.directory.people_table import PeopleErrors, is_table, read_people
from application.directory.publish import PublishedObjects, publish, read_published
from application.directory.references import directory_after
from application.directory.yaml_lines import line_of_error, lines_of
from models.errors import Problem as FieldProblem
from models.errors import PublicationConflictError, PublicationErrors, RetryableError
from rules.queues.rule_book import Key, OrgRules
from web.auth import Person
from web.console_services import Services
from web.errors import HttpProblem
from web.services.directory_edits.editor import NO_ADMIN, READ_BACK_SECONDS, has_admin
from web.services.directory_edits.effects import effects
from web.services.directory_import.sentences import NOUNS, Sentence, object_in_words, sentences
from web.services.field_labels import field_label

MAX_BYTES: Final = 2 * 1024 * 1024
"""The largest file: a directory of about 10,000 reps. `firstclaim directory apply` reads larger ones."""
MAX_EFFECTS: Final = 50
"""The most objects of whose change the further effects are said."""
MAX_PROBLEMS: Final = 200
_KINDS: Final = {section: kind for kind, section in SECTION_OF.items()}


class ImportRequest(NamedTuple):
    """What a file asks for. `unread`: columns of a table that are not known."""

    objects: WantedAction
    unread: tuple[str, ...] = ()


class ImportPlan(NamedTuple):
    """What a file would change. `effects`: what happens beyond the objects. `tag`: identifies the plan.

    `left`: how many published objects the file does not name, and that stay.
    """

    plan: ChangePlan
    sentences: list[Sentence]
    effects: list[str]
    unread: tuple[str, ...]
    tag: str

    @property
    def left(self) -> int:
        """How many published objects stay as they are."""
        return len(self.plan.unlisted)


async def plan_import(
    parts: Services, person: Person, content: bytes, name: str, *, prune: bool
) -> ImportPlan:
    """Return what importing a file would change. Nothing is published.

    `name`: the file's name; `.csv`, `.tsv` and `.txt` are tables of people. `prune`: also remove what the file does
    not name; a table never removes anybody. Raises 422 with every problem by line and field, 413 for a file that is too
    large, and `RetryableError` where Kafka is away.
    """
    if len(content) > MAX_BYTES:
        raise HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "the file has more than 2 MB")
    before = await read_published(parts.settings, person.org)
    table = is_table(name)
    try:
        parsed = await asyncio.to_thread(_read, person.org, content, name, before.present)
        asker = _asker(person, before, parsed.objects)
        plan = plan_changes(before, {**parsed.objects, **asker}, prune=prune and not table)
        _keeps_an_admin(before, plan)
    except PublicationErrors as error:
        raise await asyncio.to_thread(_refusal, error, content, table=table) from error
    rules = parts.directory.org(person.org)
    effect_sentences = await asyncio.to_thread(_effects, parts, rules, plan, before.present)
    effect_sentences += [f"You are published as {key[1]}, an admin, in the same step." for key in asker]
    return ImportPlan(plan, sentences(plan, before.present), effect_sentences, parsed.unread, _tag(plan))


async def publish_import(parts: Services, person: Person, import_plan: ImportPlan) -> None:
    """Publish a plan, all of it or nothing, with an entry of the audit for each object.

    Raises 412 if somebody published for the org since the plan was made.
    """
    plan = import_plan.plan
    if not plan.objects:
        return
    try:
        async with audited_all(parts.settings, _entries(person.as_actor, plan)):
            versions = await publish(parts.settings, person.org, plan.objects, seen=plan.read_end)
    except PublicationConflictError as error:
        raise changed_meanwhile() from error
    with contextlib.suppress(RetryableError):  # it is published; this console reads it a little later
        await parts.directory.until_read(max(versions), READ_BACK_SECONDS)


def changed_meanwhile() -> HttpProblem:
    """Return the error for a plan that is not what was shown, because somebody published."""
    detail = "somebody published meanwhile, so nothing was published; look at what the file would change now"
    return HttpProblem(HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile", detail)


def _read(org: str, content: bytes, name: str, before: Objects) -> ImportRequest:
    if is_table(name):
        people = read_people(org, content, before)
        return ImportRequest(people.objects, people.unread)
    _, objects = read_directory(content, name, org=org)
    return ImportRequest(objects)


def _asker(person: Person, before: PublishedObjects, objects: WantedAction) -> dict[Key, Value]:
    """Return the caller as an admin, if a file publishes the first reps of an open org without naming the caller."""
    own: Key = ("rep", person.rep_id)
    adds = any(kind == "rep" and value is not None for (kind, _), value in objects.items())
    closes = before.is_open and adds and not any(kind == "rep" for kind, _ in before.present)
    if not closes or own in objects:
        return {}
    value = {"rep_id": person.rep_id, "name": person.name, "role": "admin", "email": person.email}
    published = normal(person.org, *own, value)
    return {} if published is None else {own: published}


def _keeps_an_admin(before: PublishedObjects, plan: ChangePlan) -> None:
    had = has_admin(before.present) or before.is_open
    touches = any(kind == "rep" for kind, _ in plan.objects)
    if had and touches and not has_admin(directory_after(before.present, plan.objects)):
        raise PublicationErrors((FieldProblem(path="reps", reason=NO_ADMIN),))


def _effects(parts: Services, rules: OrgRules, plan: ChangePlan, before: Objects) -> list[str]:
    keys = list(plan.objects)[:MAX_EFFECTS]
    effect_sentences = [
        text for key in keys for text in effects(parts.crm, rules, key, before.get(key), plan.objects[key])
    ]
    return list(dict.fromkeys(effect_sentences))


def _tag(plan: ChangePlan) -> str:
    shown = [[*key, value] for key, value in plan.objects.items()]
    return hashlib.sha256(msgspec.json.encode([shown, plan.changes], order="sorted")).hexdigest()


def _entries(actor: Actor, plan: ChangePlan) -> list[AuditedAct]:
    return [
        AuditedAct(
            actor,
            "removed" if change.change == "removed" else "published",
            f"{change.kind}/{change.id}",
            change.paths or differences({}, plan.objects.get((change.kind, change.id)) or {}),
        )
        for change in plan.changes
    ]


def _refusal(error: PublicationErrors, content: bytes, *, table: bool) -> HttpProblem:
    """Return the problems of a file, each with its line, the object and the field in words, and the reason."""
    problems = error.problems[:MAX_PROBLEMS]
    if isinstance(error, PeopleErrors):
        shown = [
            _shown(problem, line, "", field_label(problem.path) if problem.path else "")
            for line, problem in zip(error.lines, problems, strict=False)
        ]
    elif (broken := line_of_error(error)) is not None:
        unread = FieldProblem(path="file", reason=f"cannot be read here: {broken[1]}")
        shown = [_shown(unread, broken[0], "file", "")]
    else:
        lines = {} if table else lines_of(content, [problem.path for problem in problems])
        shown = [
            _shown(problem, lines.get(problem.path), *_object_and_field(problem)) for problem in problems
        ]
    count = len(error.problems)
    detail = "1 thing is wrong in the file" if count == 1 else f"{count:,} things are wrong in the file"
    return HttpProblem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{detail}, so nothing was published", errors=shown
    )


def _shown(problem: FieldProblem, line: int | None, place: str, field: str) -> dict[str, Any]:
    return {"path": problem.path, "reason": problem.reason, "line": line, "where": place, "field": field}


def _object_and_field(problem: FieldProblem) -> tuple[str, str]:
    """Return the object and the field of a path in words: "rep rep-7" and "working hours 1 from"."""
    section, _, rest = problem.path.partition(".")
    kind = _KINDS.get(section)
    if kind is None or (kind not in NOUNS and not rest):
        return problem.path, ""
    if kind not in NOUNS:
        return "settings", _field(rest)
    object_id, _, inside = rest.partition(".")
    return object_in_words((kind, object_id), {}).removeprefix("the "), _field(inside)


def _field(path: str) -> str:
    return " ".join(
        f"{field_label(name)} {int(index.rstrip(']')) + 1}" if index else field_label(name)
        for name, _, index in (part.partition("[") for part in path.split(".") if part)
    )
