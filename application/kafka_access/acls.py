"""One ACL as Kafka has it: a principal may do one operation on one resource. Codes are those of Kafka's protocol."""

from enum import IntEnum
from typing import Final

import msgspec

CLUSTER_NAME: Final = "kafka-cluster"
"""The name that Kafka gives to the resource `Cluster`."""
ANY_HOST: Final = "*"
WILDCARD: Final = "*"
"""The name of every resource of a type, and the name of every user."""


class Resource(IntEnum):
    """What an ACL is about."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class Pattern(IntEnum):
    """Whether a resource's name is the whole name or its beginning."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
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
    """Whether an ACL allows or denies; what is denied is denied, whatever else allows it."""

    DENY = 2
    ALLOW = 3


IMPLIED_BY: Final = {
    Operation.DESCRIBE: frozenset({Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER}),
    Operation.DESCRIBE_CONFIGS: frozenset({Operation.ALTER_CONFIGS}),
}
"""An operation -> those that Kafka takes for it as well."""


class Acl(msgspec.Struct, frozen=True, order=True):
    """One operation on one resource. `pattern` PREFIXED: on each resource whose name begins with `name`."""

    resource: Resource
    name: str
    pattern: Pattern
    operation: Operation

    def __str__(self) -> str:
        begins = "names that begin with " if self.pattern is Pattern.PREFIXED else ""
        return f"{label(self.operation)} on {label(self.resource)} {begins}{self.name}"

    def allows(self, needed: "Acl") -> bool:
        """Say whether this ACL is enough for what another one would allow."""
        return (
            self.resource is needed.resource
            and self._covers(needed)
            and (
                self.operation in (needed.operation, Operation.ALL)
                or self.operation in IMPLIED_BY.get(needed.operation, ())
            )
        )

    def denies(self, needed: "Acl") -> bool:
        """Say whether this ACL, as one that denies, takes away some of what another one allows."""
        touches = self._covers(needed) or (
            needed.pattern is Pattern.PREFIXED and self.name.startswith(needed.name)
        )
        # A denial of an operation denies nothing that the operation implies.
        return (
            self.resource is needed.resource
            and touches
            and self.operation in (needed.operation, Operation.ALL)
        )

    def _covers(self, needed: "Acl") -> bool:
        if self.pattern is Pattern.PREFIXED:
            return needed.name.startswith(self.name)
        if self.name == WILDCARD:
            return True
        return needed.pattern is Pattern.LITERAL and self.name == needed.name


class Held(msgspec.Struct, frozen=True, order=True):
    """An ACL that a cluster has. `principal`: with its type, like `User:firstclaim-worker`."""

    principal: str
    host: str
    permission: Permission
    acl: Acl


def label(value: Resource | Operation | Pattern) -> str:
    """Return Kafka's word for a code, like `DescribeConfigs`."""
    return "".join(part.capitalize() for part in value.name.split("_"))
