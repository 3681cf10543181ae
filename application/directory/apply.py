"""Compares a directory file with the published directory: refuses the file as a whole, or returns a plan."""

from msgspec.structs import replace

from application.directory.changes import ChangePlan, plan
from application.directory.objects import WantedAction
from application.directory.publish import PublishedObjects, read_published
from application.directory.references import missing_references
from models.errors import PublicationErrors
from streams.settings import Settings


async def compare(settings: Settings, org: str, objects: WantedAction, *, prune: bool = False) -> ChangePlan:
    """Return what applying a file's objects would do (Q6). `prune`: also remove objects it does not name.

    Raises `PublicationErrors` with every reference to an object that would not exist, and `RetryableError` where
    Kafka is unreachable.
    """
    return plan_changes(await read_published(settings, org), objects, prune=prune)


def plan_changes(before: PublishedObjects, objects: WantedAction, *, prune: bool = False) -> ChangePlan:
    """Return what `compare` returns, against what was read. Raises `PublicationErrors` as it does."""
    if problems := missing_references(before.present, objects, is_open=before.is_open, prune=prune):
        raise PublicationErrors(problems)
    changes = plan(before.present, objects, refused=before.refused, prune=prune)
    return replace(changes, read_end=before.end)
