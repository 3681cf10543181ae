"""Builds the audit record of one act: who acts, and what the act did."""

import getpass
import socket
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from application.directory.changes import Difference
from models.audit import Act, ActorKind, AuditDifference, AuditRecord, Outcome, bounded_differences


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, and from where. The fields are those of `models.audit.AuditRecord`."""

    org: str
    actor: str
    kind: ActorKind
    from_host: str | None = None
    token_id: str | None = None


class AuditedAct:
    """An act that is under way. `add` what only the act itself finds out, such as the number of exported rows."""

    def __init__(
        self,
        actor: Actor,
        act: Act,
        object_name: str,
        differences: Iterable[Difference | AuditDifference] = (),
    ) -> None:
        self.audit_id = str(uuid.uuid4())
        self.is_void = False
        """Whether the act turned out to change nothing, so that no record of it is kept."""
        self._at = datetime.now(UTC)
        self._actor, self._act = actor, act
        self.object = object_name
        """Kind and id. What is created gets its id while the act runs."""
        self._differences = [
            AuditDifference(difference.path, difference.old, difference.new, difference.rule)
            for difference in differences
        ]

    def add(self, path: str, new: Any, old: Any = None) -> None:
        """Add one difference to the record."""
        self._differences.append(AuditDifference(path, old, new))

    def replace(self, differences: Iterable[Difference]) -> None:
        """Replace the differences by those that the act made."""
        self._differences = [
            AuditDifference(difference.path, difference.old, difference.new, difference.rule)
            for difference in differences
        ]

    def record(self, outcome: Outcome = "done") -> AuditRecord:
        """Return the record."""
        return AuditRecord(
            audit_id=self.audit_id,
            at=self._at,
            org=self._actor.org,
            actor=self._actor.actor,
            actor_kind=self._actor.kind,
            act=self._act,
            object=self.object,
            difference=bounded_differences(tuple(self._differences)),
            from_host=self._actor.from_host,
            token_id=self._actor.token_id,
            outcome=outcome,
        )


def operator(org: str, by: str | None = None) -> Actor:
    """Return the actor of a command on this machine. `by`: the rep for whom it acts; otherwise the system's user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        user = "unknown"
    return Actor(org=org, actor=by or user, kind="process", from_host=socket.gethostname())
