"""Runs a Kafka with users and ACLs, every firstclaim process with its own user, and foreign clients."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from confluent_kafka import Consumer, KafkaException, Producer

from application.kafka_access.access_table import Principal, principal_of, processes
from application.kafka_access.acl_admin import AclAdmin, allow
from runtime import kafka_users
from runtime.kafka import KafkaBroker
from runtime.process import free_port
from runtime.up import child
from runtime.valkey import ValkeyServer
from streams.settings import Settings
from streams.topics import provision
from tests.cli.in_process import CommandResult, call
from tests.fixtures.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from application.kafka_access.acls import Acl
    from runtime.supervisor import ChildProcess

SECONDS = 180.0
"""The longest time for any step, even on a very busy machine."""
SPARE = tuple(f"spare-{n}" for n in range(1, 41))
"""Users for processes that lack a right."""
VENDORS = ("vendor-acme", "vendor-bolt")
CRM = "crm-sales"
KEYS = {
    "acme-1": "acme-secret-acme-secret-acme-secret-1",
    "bolt-1": "bolt-secret-bolt-secret-bolt-secret-1",
    "sales-1": "sales-secret-sales-secret-sales-secret",
    "console-1": "console-secret-console-secret-console",
}
RUNS = ("worker", "relay", "sink", "board", "courier", "console")


class PlainToo(KafkaBroker):
    """A broker that also accepts PLAIN. librdkafka before 2.6.1, like Debian's kcat, cannot use SCRAM with Kafka 4."""

    def configuration(self) -> dict[str, str | int]:
        """Return the properties, with the same passwords also for PLAIN."""
        properties = super().configuration()
        users = " ".join(f'user_{name}="{password}"' for name, password in (self.users or {}).items())
        plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        return {
            **properties,
            "sasl.enabled.mechanisms": f"{properties['sasl.enabled.mechanisms']},PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
        }


class Secured:
    """The servers, the processes, and clients of any user. `admin`: the settings of the superuser."""

    broker_class: ClassVar[type[PlainToo]] = PlainToo

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = [*(process.name for process in processes()), *VENDORS, CRM, *SPARE]
        self.broker = self.broker_class(
            folder / "kafka", cache=Settings.read().cache_dir / "jars", users=names, log_allowed=True
        )
        self.valkey = ValkeyServer(folder / "valkey")
        self.children: dict[str, ChildProcess] = {}
        self._spare = iter(SPARE)
        self.keys = folder / "signing-keys"
        self.admin = Settings.read()

    def start(self) -> None:
        """Start the servers, and give each principal the ACLs of the table."""
        self.broker.start()
        self.valkey.start()
        self.keys.write_text("".join(f"{key} {secret}\n" for key, secret in KEYS.items()))
        self.keys.chmod(0o600)
        base = Settings.read(
            state_dir=self.folder,
            kafka_bootstrap_servers=self.broker.bootstrap,
            redis_url=self.valkey.url,
            database_url=f"sqlite:///{self.folder / 'crm.sqlite'}",
            partitions=2,
            signing_keys=self.keys,
        )
        self.admin = self.as_user(base, kafka_users.ADMIN)
        clients = [
            principal_of("vendor", "acme"),
            principal_of("vendor", "bolt"),
            principal_of("crm", "sales"),
        ]

        async def prepare() -> None:
            await provision(self.admin)
            await allow(self.admin, [*processes(), *clients])

        asyncio.run(prepare())

    def launch(self) -> None:
        """Start every process with its own user, and wait until all are ready."""
        for name in RUNS:
            process_child = self.child(name, self.user(f"firstclaim-{name}"))
            process_child.launch()
            self.children[name] = process_child
        for name, process_child in self.children.items():
            assert until(process_child.ready, SECONDS), (
                f"{name} is not ready: {process_child.why_not()}{process_child.log_tail()}"
            )

    def restart(self, *names: str) -> None:
        """Stop processes and start them again."""
        for name in names:
            self.children[name].stop()
            self.children[name].launch()
        for name in names:
            assert until(self.children[name].ready, SECONDS), self.children[name].log_tail()

    def stop_processes(self) -> None:
        """Stop the processes; the servers keep running."""
        for process_child in self.children.values():
            process_child.stop()
        self.children.clear()

    def stop(self) -> None:
        """Stop everything."""
        self.stop_processes()
        self.valkey.stop()
        self.broker.stop()

    def child(self, process: str, settings: Settings, name: str | None = None) -> ChildProcess:
        """Return a process with these settings, not started."""
        if process == "console":
            settings = settings.model_copy(update={"signing_key": "console-1"})
        command, more = [process], {}
        if process == "courier":
            # Nothing listens there: the courier waits, and does everything else.
            command = ["courier", "--channel", "mail"]
            more = {"FIRSTCLAIM_SMTP_HOST": "127.0.0.1", "FIRSTCLAIM_SMTP_PORT": str(free_port())}
        process_child = child(process, command, settings, free_port(), more)
        if name is not None:
            process_child.name, process_child.log_file = name, self.folder / "log" / f"{name}.log"
        return process_child

    def user(self, name: str, password: str | None = None) -> Settings:
        """Return the settings of a user."""
        settings = self.as_user(self.admin, name)
        if password is not None:
            settings = settings.model_copy(
                update={"kafka_sasl_password": type(settings.kafka_sasl_password)(password)}  # type: ignore[misc]
            )
        return settings

    def lacking(self, process: str, *acls: Acl) -> Settings:
        """Return the settings of a new user with the ACLs of a process, except for some."""
        principal = principal_of("process", process, user=next(self._spare))
        assert set(acls) <= set(principal.acls)
        self.change(principal, take=acls)
        return self.user(principal.name)

    def change(self, principal: Principal, *, take: tuple[Acl, ...] = ()) -> None:
        """Give a principal the ACLs of the table, and remove some of them."""

        async def change() -> None:
            admin = AclAdmin(**self.admin.aiokafka_options())
            await admin.start()
            try:
                await admin.allow([principal])
                await admin.take(principal, take)
            finally:
                await admin.close()

        asyncio.run(change())

    def command(self, *arguments: str, settings: Settings | None = None) -> CommandResult:
        """Run a command as the operator, or with other settings. No other setting of the environment is left."""
        operator_child = child("command", list(arguments), settings or self.user("firstclaim-operator"), 0)
        with mock.patch.dict(os.environ, dict(operator_child.environment or {}), clear=True):
            return call(arguments[0], arguments)

    def librdkafka(self, user: str, **more: Any) -> dict[str, Any]:
        """Return the options with which librdkafka signs in as a user."""
        return {
            "bootstrap.servers": self.broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": (self.broker.users or {})[user],
            **{
                name.replace("_", ".") if name != "log_level" else name: value for name, value in more.items()
            },
        }

    def kcat(self, user: str, topic: str, value: bytes, headers: dict[str, bytes] | None = None) -> str:
        """Send a record with kcat; return its standard error."""
        signs_in = {**self.librdkafka(user), "sasl.mechanism": "PLAIN"}  # see `PlainToo`
        options = [part for name, value in signs_in.items() for part in ("-X", f"{name}={value}")]
        options += [
            part for name, value in (headers or {}).items() for part in ("-H", f"{name}={value.decode()}")
        ]
        file = self.folder / "kcat.value"
        file.write_bytes(value)
        completed = subprocess.run(
            ["kcat", "-P", "-t", topic, *options, "-X", "message.timeout.ms=20000", str(file)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return completed.stderr

    def send(self, user: str, topic: str, value: bytes, headers: dict[str, bytes] | None = None) -> str:
        """Send a record with confluent-kafka; return the error's name, empty if the record is durable."""
        messages: list[str] = []

        def delivered(error: Any, _: Any) -> None:
            messages.append(error.name() if error else "")

        producer = Producer(self.librdkafka(user, message_timeout_ms=60_000, log_level=0))
        try:
            producer.produce(
                topic, key=b"k", value=value, headers=list((headers or {}).items()), on_delivery=delivered
            )
        except KafkaException as error:
            return str(error.args[0].name())
        producer.flush(SECONDS)
        return messages[0]

    def read(self, user: str, topic: str, group: str) -> str:
        """Read a record with confluent-kafka in a group; return the error's name, empty if a record came."""
        consumer = Consumer(self.librdkafka(user, group_id=group, auto_offset_reset="earliest", log_level=0))
        consumer.subscribe([topic])
        error_names: list[str] = []

        def came() -> bool:
            message = consumer.poll(1.0)
            if message is None or (message.error() and message.error().retriable()):
                return False
            error_names.append(message.error().name() if message.error() else "")
            return True

        try:
            assert until(came, SECONDS), f"nothing came of {topic}"
        finally:
            consumer.close()
        return error_names[0]

    def as_user(self, base: Settings, name: str) -> Settings:
        """Return the settings of a user, made from others."""
        users = self.broker.users
        assert users is not None
        return base.model_copy(update=kafka_users.client_settings(users, name))
