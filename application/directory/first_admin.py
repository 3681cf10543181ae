"""An org gets its first admin: one rep object, published only where the org has no admin who may act."""

from typing import Any, Final

from application.directory.objects import normal
from application.directory.publish import publish, read_published
from models.errors import PublishedMeanwhile, RetryableError
from streams.settings import Settings

ATTEMPTS: Final = 5
"""So often the directory is read anew because somebody published for the org meanwhile."""


async def ensure_admin(settings: Settings, org: str, rep_id: str, *, name: str, email: str) -> bool:
    """Publish a rep as admin unless the org has an active admin; return whether it was published.

    A rep who is in the directory already keeps all but role and activity. The account must be stored before: a crash
    in between leaves the org as it was, and the same call completes it. Raises `RetryableError` where Kafka is away,
    `PublicationErrors` for an id that no rep can have.
    """
    for _ in range(ATTEMPTS):
        before = await read_published(settings, org)
        reps = {object_id: value for (kind, object_id), value in before.present.items() if kind == "rep"}
        if any(rep.get("role") == "admin" and rep.get("active", True) for rep in reps.values()):
            return False
        new: dict[str, Any] = {"rep_id": rep_id, "name": name, "email": email}
        wanted = normal(org, "rep", rep_id, {**new, **reps.get(rep_id, {}), "role": "admin", "active": True})
        try:
            await publish(settings, org, {("rep", rep_id): wanted}, seen=before.end)
        except PublishedMeanwhile:
            continue
        return True
    raise RetryableError("directory", f"others published {ATTEMPTS} times meanwhile; do it again")
