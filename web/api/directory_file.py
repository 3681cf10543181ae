"""Admins import a directory file or a table of people: see what it would change, then publish it. Managers save one.

The format is that of `firstclaim directory apply`. A file is published as a whole or not at all.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Form, Response, UploadFile

from application.directory.directory_file import write_directory
from application.directory.publish import read_published
from web.auth import ADMINS, MANAGERS, Access, PartsOf, Person
from web.errors import DOCUMENTED
from web.schemas import Model
from web.services.directory_import.importing import (
    MAX_BYTES,
    ImportPlan,
    changed_meanwhile,
    plan_import,
    publish_import,
)

router = APIRouter(prefix="/api/v1/directory/file", tags=["directory"], responses=DOCUMENTED)

Reads = Annotated[Person, Depends(Access("directory:read", MANAGERS))]
Writes = Annotated[Person, Depends(Access("directory:write", ADMINS))]
YAML: Final = "application/yaml"
_Prune = Annotated[
    bool,
    Form(description="Also remove what a directory file does not name; a table of people removes nobody"),
]


class ImportChange(Model):
    """What happens to one object, and the same as a sentence."""

    change: Literal["added", "changed", "removed"]
    kind: str
    id: str
    text: str


class ImportResult(Model):
    """What a file changes. `published` false: nothing is published, it is only shown.

    `changes`: the first of `count`; `effects`: what happens beyond them; `unchanged`: objects that are published so
    already; `left`: published objects that the file does not name. `unread`: columns of a table that are not known.
    `tag`: name it to publish exactly this.
    """

    published: bool
    tag: str
    count: int
    changes: list[ImportChange]
    effects: list[str]
    unchanged: int
    left: int
    unread: list[str]


@router.get("", response_class=Response, responses={200: {"content": {YAML: {"schema": {"type": "object"}}}}})
async def directory_file(person: Reads, parts: PartsOf) -> Response:
    """Return the published directory as a file. Importing it changes nothing."""
    published = await read_published(parts.settings, person.org)
    headers = {"Content-Disposition": 'attachment; filename="directory.yaml"'}
    return Response(write_directory(person.org, published.present), media_type=YAML, headers=headers)


@router.post("/trial")
async def try_file(person: Writes, parts: PartsOf, file: UploadFile, prune: _Prune = False) -> ImportResult:
    """Say what a file would change. Nothing is published or kept. 422 names every problem by line and field."""
    plan = await _planned(person, parts, file, prune=prune)
    return _result(plan, published=False)


@router.post("")
async def import_file(
    person: Writes,
    parts: PartsOf,
    file: UploadFile,
    tag: Annotated[str, Form(max_length=100, description="The `tag` of the trial that was looked at")],
    prune: _Prune = False,
) -> ImportResult:
    """Publish what a file changes, all of it or nothing. 412 if that is not what was shown any more."""
    plan = await _planned(person, parts, file, prune=prune)
    if plan.tag != tag:
        raise changed_meanwhile()
    await publish_import(parts, person, plan)
    return _result(plan, published=True)


async def _planned(person: Person, parts: PartsOf, file: UploadFile, *, prune: bool) -> ImportPlan:
    with parts.uploading.one((person.org, person.rep_id)):
        content = await file.read(MAX_BYTES + 1)
        return await plan_import(parts, person, content, file.filename or "", prune=prune)


def _result(plan: ImportPlan, *, published: bool) -> ImportResult:
    return ImportResult(
        published=published,
        tag=plan.tag,
        count=len(plan.plan.changes),
        changes=[
            ImportChange(change=sentence.change, kind=sentence.kind, id=sentence.id, text=sentence.text)
            for sentence in plan.sentences
        ],
        effects=plan.effects,
        unchanged=plan.plan.unchanged,
        left=plan.left,
        unread=list(plan.unread),
    )
