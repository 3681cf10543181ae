"""Defines an ACL of Kafka: a principal may do one operation on one resource. The codes are those of its protocol."""

from enum import IntEnum
from typing import Final

import msgspec

CLUSTER_NAME: Final = "kafka-cluster"
"""Kafka's name for the resource `Cluster`."""
ANY_HOST: Final = "*"
WILDCARD: Final = "*"
"""The name that stands for every resource of a type, or for every user."""


class Resource(IntEnum):
    """The type of resource that an ACL is about."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class Pattern(IntEnum):
    """Whether an ACL's name is a resource's whole name or its prefix."""

    LITERAL = 3
    PREFIXED = 4


class AclOperation(IntEnum):
    """What a principal may do."""

    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12


class Permission(IntEnum):
    """Whether an ACL allows or denies. A denial always wins."""

    DENY = 2
    ALLOW = 3


IMPLIED_BY: Final = {
    AclOperation.DESCRIBE: frozenset(
        {AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER}
    ),
    AclOperation.DESCRIBE_CONFIGS: frozenset({AclOperation.ALTER_CONFIGS}),
}
"""Operation -> the operations that Kafka accepts in its place."""


class Acl(msgspec.Struct, frozen=True, order=True):
    """One operation on one resource. `pattern` PREFIXED: on each resource whose name begins with `name`."""

    resource: Resource
    name: str
    pattern: Pattern
    operation: AclOperation

    def __str__(self) -> str:
        begins = "names that begin with " if self.pattern is Pattern.PREFIXED else ""
        return f"{label(self.operation)} on {label(self.resource)} {begins}{self.name}"

    def allows(self, needed: "Acl") -> bool:
        """Tell whether this ACL covers everything that another one would allow."""
        return (
            self.resource is needed.resource
            and self._covers(needed)
            and (
                self.operation in (needed.operation, AclOperation.ALL)
                or self.operation in IMPLIED_BY.get(needed.operation, ())
            )
        )

    def denies(self, needed: "Acl") -> bool:
        """Tell whether this ACL, as a denial, takes away a part of what another one allows."""
        touches = self._covers(needed) or (
            needed.pattern is Pattern.PREFIXED and self.name.startswith(needed.name)
        )
        # A denial of an operation does not deny the operations that it implies.
        return (
            self.resource is needed.resource
            and touches
            and self.operation in (needed.operation, AclOperation.ALL)
        )

    def _covers(self, needed: "Acl") -> bool:
        if self.pattern is Pattern.PREFIXED:
            return needed.name.startswith(self.name)
        if self.name == WILDCARD:
            return True
        return needed.pattern is Pattern.LITERAL and self.name == needed.name


class HeldAcl(msgspec.Struct, frozen=True, order=True):
    """An ACL that a cluster has. `principal` includes its type, like `User:firstclaim-worker`."""

    principal: str
    host: str
    permission: Permission
    acl: Acl


def label(value: Resource | AclOperation | Pattern) -> str:
    """Return Kafka's name for a code, like `DescribeConfigs`."""
    return "".join(part.capitalize() for part in value.name.split("_"))
