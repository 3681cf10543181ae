"""Runs the local stack: servers given from outside, and local servers for the rest, with settings that name them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from models.errors import ConfigError
from runtime import kafka_users
from runtime.kafka import KafkaBroker
from runtime.kafka_cluster import BROKERS, KafkaCluster
from runtime.postgres import PostgresServer
from runtime.postgres_pair import PostgresPair
from runtime.valkey import ValkeyServer
from runtime.valkey_group import ValkeyGroup
from streams.file_permissions import close_state_folder
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from runtime.jars import Progress
    from runtime.kafka_users import Users
    from runtime.server import LocalServer

log = structlog.get_logger(__name__)


class LocalStack:
    """Kafka, Valkey and optionally Postgres in `state_dir`, each only if `settings` name none already.

    As a context manager it starts them in parallel, yields the settings that point at them, and stops them at the end.
    Their data stays in `state_dir`, which is made private; what other users could read is reported to `say` (by default
    it is logged).

    `secure`: the local Kafka has a user for each process and one for people (`operator`), each with exactly the ACLs of
    `application.kafka_access`. An existing folder keeps its users. The settings are then the operator's.

    `brokers`: 1, or 3 for a cluster, which has no users. `failover`: Valkey has a replica and sentinels, and Postgres
    has a standby.

    Raises ConfigError if the settings need what a local server cannot do, and StartFailed, StateInUse, RuntimeFailure.
    """

    def __init__(
        self,
        state_dir: Path | str | None = None,
        *,
        settings: Settings | None = None,
        kafka: bool = True,
        valkey: bool = True,
        postgres: bool = False,
        secure: bool = False,
        brokers: int = 1,
        failover: bool = False,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._say = say or log.warning
        base = Settings.read() if settings is None else settings
        self._given_settings = base
        self.state_dir = Path(base.state_dir if state_dir is None else state_dir).absolute()
        self.kafka: KafkaBroker | None = None
        self.cluster: KafkaCluster | None = None
        self.valkey: ValkeyServer | None = None
        self.postgres: PostgresServer | None = None
        self.valkey_group: ValkeyGroup | None = None
        self.postgres_pair: PostgresPair | None = None
        if kafka and not base.given("kafka_bootstrap_servers"):
            _refuse_what_local_kafka_is_not(base, brokers, secure=secure)
            cache, mirror = base.cache_dir / "jars", base.maven_repository
            folder = self.state_dir / "kafka"
            if brokers > 1:
                self.cluster = KafkaCluster(folder, cache=cache, repository=mirror, progress=progress)
            else:
                users = _user_names() if secure else None
                self.kafka = KafkaBroker(
                    folder, cache=cache, repository=mirror, progress=progress, users=users
                )
        elif secure:
            reason = "is given; --secure is about a Kafka that is started here"
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
        if valkey and not base.given("redis_url"):
            if failover:
                self.valkey_group = ValkeyGroup(self.state_dir / "valkey")
            else:
                self.valkey = ValkeyServer(self.state_dir / "valkey")
        if postgres and not base.given("database_url"):
            if failover:
                self.postgres_pair = PostgresPair(self.state_dir / "postgres")
            else:
                self.postgres = PostgresServer(self.state_dir / "postgres")

    @property
    def servers(self) -> list[LocalServer]:
        """The servers that this stack starts and stops."""
        servers: list[LocalServer] = []
        for part in self._parts:
            if isinstance(part, ValkeyGroup):
                servers += [*part.servers, *part.sentinels]
            elif isinstance(part, PostgresPair):
                servers += [part.primary, part.standby]
            else:
                servers.append(part)
        return servers

    @property
    def _parts(self) -> list[LocalServer | ValkeyGroup | PostgresPair]:
        """What is started and stopped as a whole."""
        brokers = [] if self.cluster is None else self.cluster.brokers
        parts = (self.kafka, *brokers, self.valkey, self.postgres, self.valkey_group, self.postgres_pair)
        return [part for part in parts if part is not None]

    def start(self) -> Settings:
        """Start all in parallel; return when all answer. On a failure stop them all and raise the first error."""
        # Postgres drops root, and its user must reach its folder.
        passable = any(server.uid() is not None for server in self.servers)
        for remark in close_state_folder(self.state_dir, passable=passable):
            self._say(remark)
        if self.cluster is not None:
            self.cluster.prepare()
        for server in self.servers:
            server.say = self._say
        pool = ThreadPoolExecutor(max(1, len(self._parts)), thread_name_prefix="stack")
        try:
            for started in [pool.submit(part.start) for part in self._parts]:
                started.result()
            if self.users is not None:
                # In a separate thread, because the caller may have a running loop.
                pool.submit(_give_access, self.as_user(self.settings, kafka_users.ADMIN)).result()
        except BaseException:
            self.stop()  # interrupts the servers that are still starting
            pool.shutdown(cancel_futures=True)
            self.stop()  # stops the servers launched in the meantime
            raise
        pool.shutdown()
        return self.settings

    def stop(self) -> None:
        """Stop them in parallel."""
        with ThreadPoolExecutor(max(1, len(self._parts)), thread_name_prefix="stack") as pool:
            list(pool.map(lambda part: part.stop(), self._parts))

    @property
    def settings(self) -> Settings:
        """The given settings with the addresses of our servers. Valid only after `start`."""
        addresses: dict[str, object] = {"state_dir": self.state_dir}
        if self.kafka is not None:
            addresses["kafka_bootstrap_servers"] = self.kafka.bootstrap
            if self.users is not None:
                addresses |= kafka_users.client_settings(self.users, _user_of("operator"))
        if self.cluster is not None:
            addresses["kafka_bootstrap_servers"] = self.cluster.bootstrap
        if self.valkey is not None:
            addresses["redis_url"] = self.valkey.url
        if self.valkey_group is not None:
            addresses["redis_url"] = self.valkey_group.url
        if self.postgres is not None:
            addresses["database_url"] = self.postgres.url
        elif self.postgres_pair is not None:
            addresses["database_url"] = self.postgres_pair.url
        elif not self._given_settings.given("database_url"):
            addresses["database_url"] = Settings.read(state_dir=self.state_dir).database_url
        return self._given_settings.model_copy(update=addresses)

    @property
    def users(self) -> Users | None:
        """The users of the local Kafka; None if it has none or is not ours."""
        return None if self.kafka is None else self.kafka.users

    def as_user(self, settings: Settings, user: str) -> Settings:
        """Return settings that sign in as a user of the local Kafka; unchanged if it has no users."""
        if self.users is None:
            return settings
        return settings.model_copy(update=kafka_users.client_settings(self.users, user))

    def as_process(self, settings: Settings, process: str) -> Settings:
        """Return the settings for one of our processes (`worker`, `relay` and so on), which signs in as itself."""
        return settings if self.users is None else self.as_user(settings, _user_of(process))

    def __enter__(self) -> Settings:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def find_running(settings: Settings) -> Settings:
    """Return the settings with the addresses of a stack that another process runs in their state folder.

    With it, a command in a second terminal finds the servers of `firstclaim up`. Addresses given from outside stay.
    """
    # The programs of a local Postgres come with an extra. Without its data there is none to find.
    postgres = (settings.state_dir / "postgres").is_dir()
    running = LocalStack(settings=settings, postgres=postgres)
    addresses: dict[str, object] = {}
    for field, server in (
        ("kafka_bootstrap_servers", running.kafka),
        ("redis_url", running.valkey),
        ("database_url", running.postgres),
    ):
        if server is not None and server.find_running():
            addresses[field] = server.address
    if "kafka_bootstrap_servers" in addresses and running.users is not None:
        addresses |= kafka_users.client_settings(running.users, _user_of("operator"))
    return settings.model_copy(update=addresses)


def _refuse_what_local_kafka_is_not(settings: Settings, brokers: int, *, secure: bool) -> None:
    """Refuse settings for another kind of cluster than the local one."""
    if settings.kafka_security_protocol != "PLAINTEXT":
        reason = f"is missing; {settings.kafka_security_protocol} does not fit the local Kafka"
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
    if brokers not in (1, BROKERS):
        raise ConfigError("--brokers", f"is {brokers}, and must be 1 or {BROKERS}")
    if brokers > 1 and secure:
        raise ConfigError("--brokers", "a cluster has no users; leave out --secure")
    if settings.replication_factor > brokers:
        has = "is one broker" if brokers == 1 else f"has {brokers} brokers"
        reason = f"is {settings.replication_factor}, but the local Kafka {has}"
        raise ConfigError("FIRSTCLAIM_REPLICATION_FACTOR", reason)


def _user_names() -> list[str]:
    from application.kafka_access.access_table import processes  # noqa: PLC0415  # only a secured Kafka needs it

    return [principal.name for principal in processes()]


def _user_of(process: str) -> str:
    from application.kafka_access.access_table import principal_of  # noqa: PLC0415  # as above

    return principal_of("process", process).name


def _give_access(settings: Settings) -> None:
    """Create the topics and our processes' ACLs as the superuser; existing ones stay."""
    from application.kafka_access.access_table import processes  # noqa: PLC0415  # as above
    from application.kafka_access.acl_admin import allow  # noqa: PLC0415  # as above
    from streams.topics import provision  # noqa: PLC0415  # as above

    async def give() -> None:
        await provision(settings)
        await allow(settings, processes())

    asyncio.run(give())
