"""Gives an org its first admin: publishes one rep object, only where the org has no active admin."""

from typing import Any, Final

from application.directory.objects import normal
from application.directory.publish import publish, read_published
from models.errors import PublicationConflictError, RetryableError
from streams.settings import Settings

ATTEMPTS: Final = 5
"""How often the directory is read again because somebody else published for the org meanwhile."""


async def ensure_admin(settings: Settings, org: str, rep_id: str, *, name: str, email: str) -> bool:
    """Publish a rep as admin unless the org has an active admin. Return whether it was published.

    A rep who is in the directory already keeps everything but role and activity. Store the account first: a crash in
    between leaves the org unchanged, and the same call completes it. Raises `RetryableError` where Kafka is
    unreachable, `PublicationErrors` for an invalid rep id.
    """
    for _ in range(ATTEMPTS):
        before = await read_published(settings, org)
        reps = {object_id: value for (kind, object_id), value in before.present.items() if kind == "rep"}
        if any(rep.get("role") == "admin" and rep.get("active", True) for rep in reps.values()):
            return False
        new: dict[str, Any] = {"rep_id": rep_id, "name": name, "email": email}
        admin = normal(org, "rep", rep_id, {**new, **reps.get(rep_id, {}), "role": "admin", "active": True})
        try:
            await publish(settings, org, {("rep", rep_id): admin}, seen=before.end)
        except PublicationConflictError:
            continue
        return True
    raise RetryableError(
        "directory",
        f"others published {ATTEMPTS} times at the same time, so nothing was published; run it again",
    )
