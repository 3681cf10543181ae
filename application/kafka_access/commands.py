"""Formats the table for people and as commands of Kafka's own tool."""

from collections.abc import Iterable
from typing import Any, Final

from application.kafka_access.access_table import Principal
from application.kafka_access.acls import Acl, AclOperation, Pattern, Resource, label

_OPTION: Final = {
    Resource.TOPIC: "--topic",
    Resource.GROUP: "--group",
    Resource.CLUSTER: "--cluster",
    Resource.TRANSACTIONAL_ID: "--transactional-id",
}
_Grouped = dict[tuple[Resource, Pattern, tuple[AclOperation, ...]], list[str]]


def lines(principal: Principal) -> list[str]:
    """Return the ACLs that a principal needs, as lines for people."""
    text_lines = [f"User:{principal.name}  {principal.rights.says}"]
    for (resource, pattern, operations), names in _grouped(principal.acls).items():
        begins = "names that begin with " if pattern is Pattern.PREFIXED else ""
        operation_names = ", ".join(map(label, operations))
        text_lines.append(f"  {operation_names} on {label(resource)} {begins}{', '.join(names)}")
    return text_lines


def shell(principal: Principal, *, bootstrap: str, remove: bool = False) -> list[str]:
    """Return the `kafka-acls.sh` commands that add the ACLs a principal needs, or remove them."""
    act = "--remove --force" if remove else "--add"
    head = f"kafka-acls.sh --bootstrap-server {bootstrap} --command-config admin.properties {act}"
    commands = []
    for (resource, pattern, operations), names in _grouped(principal.acls).items():
        option = _OPTION[resource]
        on = option if resource is Resource.CLUSTER else " ".join(f"{option} '{name}'" for name in names)
        prefixed = " --resource-pattern-type prefixed" if pattern is Pattern.PREFIXED else ""
        operation_options = " ".join(f"--operation {label(operation)}" for operation in operations)
        commands.append(
            f"{head} --allow-principal 'User:{principal.name}' {operation_options} {on}{prefixed}"
        )
    return commands


def principal_as_json(principal: Principal) -> dict[str, Any]:
    """Return a principal and its ACLs as a JSON object."""
    return {
        "principal": f"User:{principal.name}",
        "kind": principal.kind,
        "says": principal.rights.says,
        "acls": [
            {
                "resource": label(acl.resource),
                "name": acl.name,
                "pattern": label(acl.pattern),
                "operation": label(acl.operation),
            }
            for acl in principal.acls
        ],
    }


def _grouped(acls: Iterable[Acl]) -> _Grouped:
    """Return resource, pattern and operations -> the names for which exactly those operations are needed."""
    operations: dict[tuple[Resource, Pattern, str], list[AclOperation]] = {}
    for acl in acls:
        operations.setdefault((acl.resource, acl.pattern, acl.name), []).append(acl.operation)
    grouped: _Grouped = {}
    for (resource, pattern, name), allowed in operations.items():
        grouped.setdefault((resource, pattern, tuple(allowed)), []).append(name)
    return grouped
