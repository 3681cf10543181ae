"""Compares a cluster's ACLs with the table: what is missing, and what is allowed beyond it."""

from collections.abc import Iterable

import msgspec

from application.kafka_access.access_table import Principal, principal_of_user, processes
from application.kafka_access.acls import (
    ANY_HOST,
    CLUSTER_NAME,
    WILDCARD,
    Acl,
    AclOperation,
    HeldAcl,
    Pattern,
    Permission,
    Resource,
)
from streams.topics import TOPICS

_USER = "User:"
_HARMLESS = frozenset({Acl(Resource.CLUSTER, CLUSTER_NAME, Pattern.LITERAL, AclOperation.IDEMPOTENT_WRITE)})
"""Brokers before Kafka 3.0 require it for an idempotent producer. Later ones only require `Write` on a topic."""


class AclDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How one principal's ACLs differ from the table. `unknown`: the table has no such principal."""

    principal: str
    lacks: tuple[Acl, ...] = ()
    denied: tuple[Acl, ...] = ()
    too_much: tuple[HeldAcl, ...] = ()
    unknown: bool = False

    def lines(self) -> list[str]:
        """Return the difference in sentences."""
        strange = " (the table has no such principal)" if self.unknown else ""
        return [
            *(f"{self.principal} lacks {acl}" for acl in self.lacks),
            *(f"{self.principal} is denied {acl}" for acl in self.denied),
            *(f"{self.principal} has too much{strange}: {_describe_acl(held)}" for held in self.too_much),
        ]


def compare(held: Iterable[HeldAcl], *, others: Iterable[Principal] = ()) -> list[AclDifference]:
    """Return the differences, by principal. The list is empty where the cluster matches the table.

    The processes, `others`, and every principal with ACLs whose user name follows our convention are compared in
    full. For other principals only their rights on our topics are reported. Superusers are in no ACL.
    """
    of: dict[str, list[HeldAcl]] = {}
    for one in held:
        of.setdefault(one.principal, []).append(one)
    wanted = {f"{_USER}{principal.name}": principal for principal in (*processes(), *others)}
    for name in of:
        if name not in wanted and (principal := principal_of_user(name.removeprefix(_USER))) is not None:
            wanted[name] = principal
    everybody = of.get(f"{_USER}{WILDCARD}", [])
    found = [_of_ours(name, principal, of.get(name, []), everybody) for name, principal in wanted.items()]
    found += [_of_strangers(name, theirs) for name, theirs in of.items() if name not in wanted]
    return [one for one in found if one.lacks or one.denied or one.too_much]


def _of_ours(
    name: str, principal: Principal, theirs: list[HeldAcl], everybody: list[HeldAcl]
) -> AclDifference:
    needed = principal.acls
    allowed = [one.acl for one in theirs if one.permission is Permission.ALLOW and one.host == ANY_HOST]
    denials = [one.acl for one in (*theirs, *everybody) if one.permission is Permission.DENY]
    return AclDifference(
        principal=name,
        lacks=tuple(acl for acl in needed if not any(one.allows(acl) for one in allowed)),
        denied=tuple(acl for acl in needed if any(denial.denies(acl) for denial in denials)),
        too_much=tuple(
            one
            for one in sorted(theirs)
            if one.permission is Permission.ALLOW
            and one.acl not in _HARMLESS
            and not any(acl.allows(one.acl) for acl in needed)
        ),
    )


def _of_strangers(name: str, theirs: list[HeldAcl]) -> AclDifference:
    ours = {topic.name for topic in TOPICS}
    return AclDifference(
        principal=name,
        unknown=True,
        too_much=tuple(
            one
            for one in sorted(theirs)
            if one.permission is Permission.ALLOW
            and one.acl.resource is Resource.TOPIC
            and _concerns_resource(one.acl, ours)
        ),
    )


def _concerns_resource(acl: Acl, topics: set[str]) -> bool:
    if acl.pattern is Pattern.PREFIXED:
        return any(topic.startswith(acl.name) for topic in topics)
    return acl.name == WILDCARD or acl.name in topics


def _describe_acl(held: HeldAcl) -> str:
    host = "" if held.host == ANY_HOST else f" from {held.host}"
    return f"{held.acl}{host}"
