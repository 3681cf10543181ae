"""The local stack. Its settings name servers that answer: those given from outside, and local ones for the rest."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from models.errors import ConfigError
from runtime import kafka_users
from runtime.kafka import KafkaBroker
from runtime.postgres import PostgresServer
from runtime.valkey import ValkeyServer
from streams.file_permissions import close_state_folder
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from runtime.jars import Progress
    from runtime.kafka_users import Users
    from runtime.server import Server

log = structlog.get_logger(__name__)


class LocalStack:
    """Kafka, Valkey and if asked for Postgres, in `state_dir`, each only where `settings` name none already.

    As a context manager it starts them side by side, yields the settings that point at them, and stops them
    at the end. Their data stays in `state_dir`, which is closed to other users; what was open to them is told to
    `say` (by default it is logged).

    `secure`: the local Kafka has a user for each process and one for people (`operator`), and each may do exactly what
    `application.kafka_access` says; a folder that has them keeps them. The settings are then the operator's.

    Raises ConfigError where the settings ask of a local server
    what it cannot do, and StartFailed, StateInUse, RuntimeFailure.
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
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._say = say or log.warning
        base = Settings.read() if settings is None else settings
        self._given = base
        self.state_dir = Path(base.state_dir if state_dir is None else state_dir).absolute()
        self.kafka: KafkaBroker | None = None
        self.valkey: ValkeyServer | None = None
        self.postgres: PostgresServer | None = None
        if kafka and not base.given("kafka_bootstrap_servers"):
            _refuse_more_than_one_plain_broker(base)
            cache, mirror = base.cache_dir / "jars", base.maven_repository
            folder = self.state_dir / "kafka"
            self.kafka = KafkaBroker(
                folder,
                cache=cache,
                repository=mirror,
                progress=progress,
                users=_user_names() if secure else None,
            )
        elif secure:
            reason = "is given; --secure is about a Kafka that is started here"
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
        if valkey and not base.given("redis_url"):
            self.valkey = ValkeyServer(self.state_dir / "valkey")
        if postgres and not base.given("database_url"):
            self.postgres = PostgresServer(self.state_dir / "postgres")

    @property
    def servers(self) -> list[Server]:
        """The servers that are ours to start and stop."""
        return [server for server in (self.kafka, self.valkey, self.postgres) if server is not None]

    def start(self) -> Settings:
        """Start all side by side; return when all answer, or stop them all and raise the first failure."""
        # Postgres gives up root, and must reach its folder.
        passable = self.postgres is not None and self.postgres.uid() is not None
        for remark in close_state_folder(self.state_dir, passable=passable):
            self._say(remark)
        for server in self.servers:
            server.say = self._say
        pool = ThreadPoolExecutor(max(1, len(self.servers)), thread_name_prefix="stack")
        try:
            for started in [pool.submit(server.start) for server in self.servers]:
                started.result()
            if self.users is not None:
                # In a thread of its own: the caller may have a running loop.
                pool.submit(_give_access, self.as_user(self.settings, kafka_users.ADMIN)).result()
        except BaseException:
            self.stop()  # cuts short the ones we would wait for
            pool.shutdown(cancel_futures=True)
            self.stop()  # and what was launched meanwhile
            raise
        pool.shutdown()
        return self.settings

    def stop(self) -> None:
        """Stop them side by side."""
        with ThreadPoolExecutor(max(1, len(self.servers)), thread_name_prefix="stack") as pool:
            list(pool.map(lambda server: server.stop(), self.servers))

    @property
    def settings(self) -> Settings:
        """The settings given, with the addresses of our servers. Only after `start`."""
        ours: dict[str, object] = {"state_dir": self.state_dir}
        if self.kafka is not None:
            ours["kafka_bootstrap_servers"] = self.kafka.bootstrap
            if self.users is not None:
                ours |= kafka_users.client_settings(self.users, _user_of("operator"))
        if self.valkey is not None:
            ours["redis_url"] = self.valkey.url
        if self.postgres is not None:
            ours["database_url"] = self.postgres.url
        elif not self._given.given("database_url"):
            ours["database_url"] = Settings.read(state_dir=self.state_dir).database_url
        return self._given.model_copy(update=ours)

    @property
    def users(self) -> Users | None:
        """The users of the local Kafka; None where it has none, or is not ours."""
        return None if self.kafka is None else self.kafka.users

    def as_user(self, settings: Settings, user: str) -> Settings:
        """Return settings with which a user of the local Kafka signs in; as they are where it has no users."""
        if self.users is None:
            return settings
        return settings.model_copy(update=kafka_users.client_settings(self.users, user))

    def as_process(self, settings: Settings, process: str) -> Settings:
        """Return the settings with which one of our processes (`worker`, `relay` and so on) signs in as itself."""
        return settings if self.users is None else self.as_user(settings, _user_of(process))

    def __enter__(self) -> Settings:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def find_running(settings: Settings) -> Settings:
    """Return the settings with the addresses of a stack another process runs in their state folder.

    So a command in a second terminal finds the servers of `firstclaim up`. What is given from outside stays.
    """
    running = LocalStack(settings=settings, postgres=True)
    ours: dict[str, object] = {}
    for field, server in (
        ("kafka_bootstrap_servers", running.kafka),
        ("redis_url", running.valkey),
        ("database_url", running.postgres),
    ):
        if server is not None and server.find_running():
            ours[field] = server.address
    if "kafka_bootstrap_servers" in ours and running.users is not None:
        ours |= kafka_users.client_settings(running.users, _user_of("operator"))
    return settings.model_copy(update=ours)


def _refuse_more_than_one_plain_broker(settings: Settings) -> None:
    """Refuse settings that mean another cluster: the local Kafka is one broker without security."""
    if settings.kafka_security_protocol != "PLAINTEXT":
        reason = f"is missing; {settings.kafka_security_protocol} does not fit the local Kafka"
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
    if settings.replication_factor > 1:
        reason = f"is {settings.replication_factor}, but the local Kafka is one broker"
        raise ConfigError("FIRSTCLAIM_REPLICATION_FACTOR", reason)


def _user_names() -> list[str]:
    from application.kafka_access.table import processes  # noqa: PLC0415  # only a secured Kafka needs it

    return [principal.name for principal in processes()]


def _user_of(process: str) -> str:
    from application.kafka_access.table import principal_of  # noqa: PLC0415  # likewise

    return principal_of("process", process).name


def _give_access(settings: Settings) -> None:
    """Make the topics and the ACLs of our processes, as the superuser; what is there stays."""
    from application.kafka_access.cluster import allow  # noqa: PLC0415  # likewise
    from application.kafka_access.table import processes  # noqa: PLC0415  # likewise
    from streams.topics import provision  # noqa: PLC0415  # likewise

    async def give() -> None:
        await provision(settings)
        await allow(settings, processes())

    asyncio.run(give())
