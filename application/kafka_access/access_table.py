"""Defines the table of principals, with exactly the rights that each of them needs.

If a process gets another topic, group or transaction, add it here. A test runs every process with these ACLs and no
others on a broker that denies by default, and compares the table with the requests that the broker's authorizer saw.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from application.directory.publish import TRANSACTIONS
from application.kafka_access.acls import CLUSTER_NAME, Acl, AclOperation, Pattern, Resource
from couriers.channels import NAMES as CHANNELS
from couriers.channels import group_of, turn_group_of
from couriers.mail.digest_requests import GROUP as DIGEST_GROUP
from models.errors import ConfigError
from sink.consumer import GROUP as SINK_GROUP
from streams.topics import (
    ASSIGNMENTS,
    AUDIT,
    CALLS,
    DEAD_LETTER_MARKS,
    DEAD_LETTERS,
    DELIVERIES,
    DIRECTORY,
    DO_NOT_CONTACT,
    ERASURES,
    LEAD_ACTIONS,
    LEAD_ARRIVALS,
    LEAD_DECISIONS,
    LEAD_EXCEPTIONS,
    LEAD_JOURNAL,
    LEAD_LOG,
    NOTIFICATIONS,
    ORG_JOURNAL,
    ORG_LOG,
    PUSH_SUBSCRIPTIONS,
    QUEUE_CHANGES,
    RELAY_GROUP,
    TOPICS,
    VENDOR_REPORTS,
    WORKER_GROUP,
)

_INBOUND: Final = (LEAD_ARRIVALS, LEAD_ACTIONS, DIRECTORY, DO_NOT_CONTACT)
_LOGS: Final = (LEAD_LOG, ORG_LOG)
_JOURNALS: Final = (LEAD_JOURNAL, ORG_JOURNAL)
_PUBLIC: Final = (LEAD_DECISIONS, ASSIGNMENTS, LEAD_EXCEPTIONS, QUEUE_CHANGES, NOTIFICATIONS)
_COURIER_GROUPS: Final = tuple(map(group_of, CHANNELS))
_ALL: Final = tuple(topic.name for topic in TOPICS)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class PrincipalRights(msgspec.Struct, frozen=True, kw_only=True):
    """What a principal does on Kafka.

    `reads`, `writes`, `sees`: topics; of those in `sees` it only reads the partitions and end offsets. `deletes`:
    topics whose oldest records it deletes. `checks`: it reads the settings of every topic when it starts. `groups`:
    consumer groups that it joins. `watches`: groups whose offsets and members it reads; `watched_prefixes`: the same,
    by the beginning of their names. `group_name`: its group ids are this name, or begin with this name and a dot.
    `transactions`: the prefix of its transactional ids. `makes_topics`: it creates topics and sets their configs.
    `reads_acls`: it reads the cluster's ACLs.
    """

    says: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    watched_prefixes: tuple[str, ...] = ()
    group_name: str = ""
    transactions: str = ""
    checks: bool = False
    makes_topics: bool = False
    reads_acls: bool = False

    def acls(self) -> list[Acl]:
        """Return the ACLs that these rights need, sorted. None of them is implied by another one."""
        needed = {
            *_on(Resource.TOPIC, self.reads, AclOperation.READ),
            *_on(Resource.TOPIC, self.writes, AclOperation.WRITE),
            *_on(Resource.TOPIC, self.sees, AclOperation.DESCRIBE),
            *_on(Resource.TOPIC, self.deletes, AclOperation.DELETE),
            *_on(Resource.GROUP, self.groups, AclOperation.READ),
            *_on(Resource.GROUP, self.watches, AclOperation.DESCRIBE),
            *(
                Acl(Resource.GROUP, prefix, Pattern.PREFIXED, AclOperation.DESCRIBE)
                for prefix in self.watched_prefixes
            ),
        }
        if self.checks or self.makes_topics:
            needed |= {*_on(Resource.TOPIC, _ALL, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)}
        if self.makes_topics:
            needed |= {*_on(Resource.TOPIC, _ALL, AclOperation.CREATE)}
            # Whoever may change the retention of the audit topic can remove its entries: that takes a superuser.
            needed |= {
                *_on(Resource.TOPIC, (name for name in _ALL if name != AUDIT), AclOperation.ALTER_CONFIGS)
            }
        if self.group_name:
            # A bare prefix would allow the CRM `a` to use the groups of the CRM `ab`.
            needed.add(Acl(Resource.GROUP, self.group_name, Pattern.LITERAL, AclOperation.READ))
            needed.add(Acl(Resource.GROUP, f"{self.group_name}.", Pattern.PREFIXED, AclOperation.READ))
        if self.transactions:
            needed.add(
                Acl(Resource.TRANSACTIONAL_ID, self.transactions, Pattern.PREFIXED, AclOperation.WRITE)
            )
        if self.reads_acls:
            needed.add(Acl(Resource.CLUSTER, CLUSTER_NAME, Pattern.LITERAL, AclOperation.DESCRIBE))
        return sorted(
            acl for acl in needed if not any(other != acl and other.allows(acl) for other in needed)
        )


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """One principal that signs in to Kafka. `name`: the user name of its SASL account."""

    kind: str
    name: str
    rights: PrincipalRights

    @property
    def acls(self) -> list[Acl]:
        """The ACLs that it needs, and no others."""
        return self.rights.acls()


PROCESSES: Final[dict[str, PrincipalRights]] = {
    "worker": PrincipalRights(
        says="firstclaim worker: intake, leads and orgs",
        # It writes the logs, and the journals are its tables. In the dead letters it counts its own ones at its
        # start.
        reads=(*_INBOUND, *_LOGS, *_JOURNALS, DEAD_LETTERS),
        writes=(*_LOGS, *_JOURNALS, DEAD_LETTERS),
        groups=(WORKER_GROUP,),
        checks=True,
    ),
    "relay": PrincipalRights(
        says="firstclaim relay: publishes decisions",
        # It reads the last records of the topics that it writes, so that it publishes nothing twice. It puts on the
        # do-not-contact list, and takes off it, whom an outcome or a recorded consent names.
        reads=(*_JOURNALS, *_PUBLIC, DO_NOT_CONTACT, DEAD_LETTERS),
        writes=(*_LOGS, *_PUBLIC, DO_NOT_CONTACT, DEAD_LETTERS),
        groups=(RELAY_GROUP,),
        checks=True,
    ),
    "sink": PrincipalRights(
        says="firstclaim sink: journal, deliveries and calls become rows of the CRM database, and reports of vendors",
        reads=(LEAD_JOURNAL, DELIVERIES, CALLS, DEAD_LETTERS),
        writes=(DEAD_LETTERS, VENDOR_REPORTS),
        groups=(SINK_GROUP,),
        checks=True,
    ),
    "board": PrincipalRights(
        says="firstclaim board: the queue lists in Valkey",
        reads=(QUEUE_CHANGES, LEAD_JOURNAL),
    ),
    "courier": PrincipalRights(
        says="firstclaim courier: sends mail, push and calls, and records their fates",
        # At its start it reads which records have a fate already. A telephone asks the engine for what a rep presses.
        # Push removes browsers that take no messages any more. Mail requests the managers' digests of exceptions.
        reads=(
            NOTIFICATIONS,
            DELIVERIES,
            CALLS,
            DIRECTORY,
            DO_NOT_CONTACT,
            LEAD_DECISIONS,
            LEAD_EXCEPTIONS,
            PUSH_SUBSCRIPTIONS,
        ),
        writes=(
            DELIVERIES,
            DEAD_LETTERS,
            CALLS,
            LEAD_ACTIONS,
            LEAD_ARRIVALS,
            NOTIFICATIONS,
            PUSH_SUBSCRIPTIONS,
        ),
        groups=(*_COURIER_GROUPS, DIGEST_GROUP, turn_group_of("call")),
        checks=True,
    ),
    "console": PrincipalRights(
        says="firstclaim console: people act and look",
        reads=(
            DIRECTORY,
            LEAD_DECISIONS,
            ASSIGNMENTS,
            LEAD_EXCEPTIONS,
            QUEUE_CHANGES,
            DELIVERIES,
            CALLS,
            DO_NOT_CONTACT,
            DEAD_LETTERS,
            DEAD_LETTER_MARKS,
            ERASURES,
            ORG_JOURNAL,
            AUDIT,
        ),
        # It replays messages from outside. An operator replays what one of our stages could not decide. Nothing else
        # is allowed on the audit topic, so nobody can remove an entry through the console.
        # To erase a person it waits until the org has forgotten the person, and writes the other dead letters anew.
        writes=(*_INBOUND, DEAD_LETTERS, DEAD_LETTER_MARKS, ERASURES, AUDIT, PUSH_SUBSCRIPTIONS),
        deletes=(DEAD_LETTERS,),
        sees=_ALL,
        watches=(WORKER_GROUP, RELAY_GROUP),
        transactions=TRANSACTIONS,
    ),
    "operator": PrincipalRights(
        says="people who run firstclaim's commands: topics, doctor, verify, replay, directory",
        reads=_ALL,
        writes=(*_INBOUND, *_LOGS, *_PUBLIC, DEAD_LETTERS, DEAD_LETTER_MARKS, ERASURES, AUDIT),
        # A purge deletes what erased persons left in the logs, up to where every group has read.
        deletes=(*_INBOUND[:2], *_LOGS, LEAD_DECISIONS, QUEUE_CHANGES, NOTIFICATIONS, DEAD_LETTERS),
        # `dead-letters pass-over` sets the workers' position behind a message, while no worker runs.
        groups=(WORKER_GROUP,),
        watches=(WORKER_GROUP, RELAY_GROUP, SINK_GROUP, *_COURIER_GROUPS, DIGEST_GROUP),
        watched_prefixes=("crm-", "sender-"),
        transactions=TRANSACTIONS,
        makes_topics=True,
        reads_acls=True,
    ),
}
"""Process -> what it does on Kafka. Several workers, relays and so on may run with one principal."""

PREFIX: Final = "firstclaim-"
"""The prefix of the user names of our processes. Other user names begin with their kind and a hyphen."""


def _vendor(_: str) -> PrincipalRights:
    return PrincipalRights(says="a vendor: its leads go in, and nothing comes out", writes=(LEAD_ARRIVALS,))


def _crm(user: str) -> PrincipalRights:
    return PrincipalRights(
        says="a CRM: it reads owners, exceptions and answers, and asks for actions",
        reads=(ASSIGNMENTS, LEAD_EXCEPTIONS, LEAD_DECISIONS),
        writes=(LEAD_ACTIONS,),
        group_name=user,
    )


def _sender(user: str) -> PrincipalRights:
    return PrincipalRights(
        says="a program that sends mail, push and calls",
        reads=(NOTIFICATIONS,),
        group_name=user,
    )


OTHERS: Final = {"vendor": _vendor, "crm": _crm, "sender": _sender}
"""Kind -> what a principal of that kind does. Its user name is the kind, a hyphen and its name."""
KINDS: Final = (*OTHERS, "process")


def principal_of(kind: str, name: str, *, user: str | None = None) -> Principal:
    """Return the principal of a process, vendor, CRM or sender. `user`: its user name, if not the usual one.

    Raises `ConfigError` for an invalid kind, process or name.
    """
    if kind == "process":
        if name not in PROCESSES:
            raise ConfigError("NAME", f"{name!r} is not a process; the processes are {', '.join(PROCESSES)}")
        return Principal(kind=kind, name=user or f"{PREFIX}{name}", rights=PROCESSES[name])
    if kind not in OTHERS:
        raise ConfigError("--for", f"{kind!r} is not one of {', '.join(KINDS)}, {', '.join(PROCESSES)}")
    if not name:
        raise ConfigError(
            "NAME", f"is missing: --for {kind} needs the name of the {kind}, as in `--for {kind} acme`"
        )
    if not _NAME.fullmatch(name):
        reason = f"{name!r} must be 1 to 64 letters, digits, hyphens or underscores"
        raise ConfigError("NAME", f"{reason}, and begin with a letter or a digit")
    return Principal(kind=kind, name=user or f"{kind}-{name}", rights=OTHERS[kind](f"{kind}-{name}"))


def processes() -> list[Principal]:
    """Return the principals of all processes."""
    return [principal_of("process", name) for name in PROCESSES]


def principal_of_user(user: str) -> Principal | None:
    """Return the principal with this user name by our convention, or None if there is none."""
    if user.removeprefix(PREFIX) in PROCESSES and user.startswith(PREFIX):
        return principal_of("process", user.removeprefix(PREFIX))
    kind, _, name = user.partition("-")
    return principal_of(kind, name) if kind in OTHERS and _NAME.fullmatch(name) else None


def _on(resource: Resource, names: Iterable[str], *operations: AclOperation) -> set[Acl]:
    return {Acl(resource, name, Pattern.LITERAL, operation) for name in names for operation in operations}
