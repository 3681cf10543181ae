"""The comparison names what a cluster's ACLs lack of the table, and what they allow beyond it."""

from __future__ import annotations

import pytest

from application.kafka_access.access_table import principal_of, principal_of_user, processes
from application.kafka_access.acls import Acl, AclOperation, HeldAcl, Pattern, Permission, Resource
from application.kafka_access.comparison import compare
from models.errors import ConfigError


def held_acl(acl: Acl, user: str, permission: Permission = Permission.ALLOW, host: str = "*") -> HeldAcl:
    """Return an ACL as a cluster has it."""
    return HeldAcl(f"User:{user}", host, permission, acl)


def topic(name: str, operation: AclOperation, pattern: Pattern = Pattern.LITERAL) -> Acl:
    """Return an ACL about a topic."""
    return Acl(Resource.TOPIC, name, pattern, operation)


AS_PRINTED = [held_acl(acl, principal.name) for principal in processes() for acl in principal.acls]


def test_a_cluster_with_the_printed_acls_does_not_differ() -> None:
    assert compare(AS_PRINTED) == []


@pytest.mark.parametrize(
    "missing", AS_PRINTED, ids=lambda missing_acl: f"{missing_acl.principal[5:]}-{missing_acl.acl}"
)
def test_taking_away_any_one_acl_is_noticed(missing: HeldAcl) -> None:
    (difference,) = compare([printed for printed in AS_PRINTED if printed != missing])
    assert (difference.principal, difference.lacks, difference.too_much) == (
        missing.principal,
        (missing.acl,),
        (),
    )


def test_an_acl_for_one_host_only_is_not_enough() -> None:
    first, *others = AS_PRINTED
    (difference,) = compare([*others, held_acl(first.acl, first.principal[5:], host="10.0.0.1")])
    assert difference.lacks == (first.acl,)


@pytest.mark.parametrize(
    "more",
    [
        held_acl(topic("lead-journal", AclOperation.WRITE), "firstclaim-sink"),
        held_acl(topic("*", AclOperation.READ), "firstclaim-board"),
        held_acl(topic("lead-", AclOperation.READ, Pattern.PREFIXED), "firstclaim-board"),
        held_acl(topic("queue-changes", AclOperation.ALL), "firstclaim-board"),
        held_acl(topic("lead-journal", AclOperation.READ), "vendor-acme"),
        held_acl(topic("lead-actions", AclOperation.WRITE), "vendor-acme"),
        held_acl(topic("notifications", AclOperation.READ), "crm-sales"),
        held_acl(Acl(Resource.GROUP, "firstclaim-", Pattern.PREFIXED, AclOperation.READ), "crm-sales"),
    ],
    ids=str,
)
def test_what_is_too_much_is_named(more: HeldAcl) -> None:
    other_acls = []
    user = more.principal.removeprefix("User:")
    if not user.startswith("firstclaim-"):
        principal = principal_of_user(user)
        assert principal is not None
        other_acls = [held_acl(acl, user) for acl in principal.acls]
    (difference,) = compare([*AS_PRINTED, *other_acls, more])
    assert (difference.lacks, difference.too_much) == ((), (more,))
    assert "has too much" in difference.lines()[0]


def test_what_is_implied_or_harmless_is_not_too_much() -> None:
    implied = held_acl(topic("lead-journal", AclOperation.DESCRIBE), "firstclaim-board")
    old = held_acl(
        Acl(Resource.CLUSTER, "kafka-cluster", Pattern.LITERAL, AclOperation.IDEMPOTENT_WRITE),
        "firstclaim-sink",
    )
    assert compare([*AS_PRINTED, implied, old]) == []


def test_a_denial_is_named_also_one_of_everybody() -> None:
    printed = AS_PRINTED[0]
    for user in (printed.principal[5:], "*"):
        differences = compare([*AS_PRINTED, held_acl(printed.acl, user, Permission.DENY)])
        assert (
            printed.acl
            in next(
                difference for difference in differences if difference.principal == printed.principal
            ).denied
        )


def test_a_stranger_with_access_to_our_topics_is_named_and_one_without_is_not() -> None:
    reads = held_acl(topic("lead-journal", AclOperation.READ), "bob")
    (difference,) = compare([*AS_PRINTED, reads, held_acl(topic("their-topic", AclOperation.READ), "bob")])
    assert (difference.principal, difference.unknown, difference.too_much) == ("User:bob", True, (reads,))


def test_a_crm_is_let_into_no_group_of_another_crm() -> None:
    groups = [acl for acl in principal_of("crm", "a").acls if acl.resource is Resource.GROUP]
    for group, may in (("crm-a", True), ("crm-a.reader", True), ("crm-ab", False), ("crm-a-b", False)):
        read_acl = Acl(Resource.GROUP, group, Pattern.LITERAL, AclOperation.READ)
        assert any(acl.allows(read_acl) for acl in groups) is may, group


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("vendor", ""),
        ("vendor", "a b"),
        ("crm", "a.b"),
        ("vendor", "x" * 65),
        ("process", "rep"),
        ("rep", "x"),
    ],
)
def test_no_acls_are_printed_for_who_cannot_be(kind: str, name: str) -> None:
    with pytest.raises(ConfigError):
        principal_of(kind, name)
