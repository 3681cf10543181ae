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
        unknown_note = " (the table has no such principal)" if self.unknown else ""
        return [
            *(f"{self.principal} lacks {acl}" for acl in self.lacks),
            *(f"{self.principal} is denied {acl}" for acl in self.denied),
            *(
                f"{self.principal} has too much{unknown_note}: {_describe_acl(held_acl)}"
                for held_acl in self.too_much
            ),
        ]


def compare(held_acls: Iterable[HeldAcl], *, others: Iterable[Principal] = ()) -> list[AclDifference]:
    """Return the differences, by principal. The list is empty where the cluster matches the table.

    The processes, `others`, and every principal with ACLs whose user name follows our convention are compared in
    full. For other principals only their rights on our topics are reported. Superusers are in no ACL.
    """
    acls_of: dict[str, list[HeldAcl]] = {}
    for held_acl in held_acls:
        acls_of.setdefault(held_acl.principal, []).append(held_acl)
    principals = {f"{_USER}{principal.name}": principal for principal in (*processes(), *others)}
    for name in acls_of:
        if name not in principals and (principal := principal_of_user(name.removeprefix(_USER))) is not None:
            principals[name] = principal
    acls_of_all = acls_of.get(f"{_USER}{WILDCARD}", [])
    differences = [
        _of_ours(name, principal, acls_of.get(name, []), acls_of_all)
        for name, principal in principals.items()
    ]
    differences += [_of_strangers(name, acls) for name, acls in acls_of.items() if name not in principals]
    return [
        difference
        for difference in differences
        if difference.lacks or difference.denied or difference.too_much
    ]


def _of_ours(
    name: str, principal: Principal, held_acls: list[HeldAcl], acls_of_all: list[HeldAcl]
) -> AclDifference:
    needed = principal.acls
    allowed = [
        held_acl.acl
        for held_acl in held_acls
        if held_acl.permission is Permission.ALLOW and held_acl.host == ANY_HOST
    ]
    denials = [
        held_acl.acl for held_acl in (*held_acls, *acls_of_all) if held_acl.permission is Permission.DENY
    ]
    return AclDifference(
        principal=name,
        lacks=tuple(acl for acl in needed if not any(acl_allowed.allows(acl) for acl_allowed in allowed)),
        denied=tuple(acl for acl in needed if any(denial.denies(acl) for denial in denials)),
        too_much=tuple(
            held_acl
            for held_acl in sorted(held_acls)
            if held_acl.permission is Permission.ALLOW
            and held_acl.acl not in _HARMLESS
            and not any(acl.allows(held_acl.acl) for acl in needed)
        ),
    )


def _of_strangers(name: str, held_acls: list[HeldAcl]) -> AclDifference:
    topics = {topic.name for topic in TOPICS}
    return AclDifference(
        principal=name,
        unknown=True,
        too_much=tuple(
            held_acl
            for held_acl in sorted(held_acls)
            if held_acl.permission is Permission.ALLOW
            and held_acl.acl.resource is Resource.TOPIC
            and _concerns_resource(held_acl.acl, topics)
        ),
    )


def _concerns_resource(acl: Acl, topics: set[str]) -> bool:
    if acl.pattern is Pattern.PREFIXED:
        return any(topic.startswith(acl.name) for topic in topics)
    return acl.name == WILDCARD or acl.name in topics


def _describe_acl(held_acl: HeldAcl) -> str:
    host = "" if held_acl.host == ANY_HOST else f" from {held_acl.host}"
    return f"{held_acl.acl}{host}"
