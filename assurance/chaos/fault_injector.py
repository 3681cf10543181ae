"""Carries out the faults of a chaos run: on the processes, the brokers and the database."""

import asyncio
import contextlib
import signal
import sqlite3
from collections import Counter
from typing import Any, Final

import psycopg
from sqlalchemy.engine import make_url

from assurance.chaos.broker_faults import BrokerFaults
from assurance.chaos.broker_isolation import BrokerIsolation
from assurance.chaos.fault_plan import STORE_ACTS, Fault, FaultKind
from assurance.chaos.store_faults import StoreFaults
from assurance.chaos.supervised_processes import Say, SupervisedProcesses
from models.errors import RuntimeFailure
from runtime import KafkaBroker
from runtime.kafka_cluster import KafkaCluster
from sink.tables import SinkOffsetTable

LOCK_TRIES: Final = 30
LOCK_AGAIN_SECONDS: Final = 1.0


class FaultInjector:
    """Carries out a plan."""

    def __init__(
        self,
        victims: SupervisedProcesses,
        kafka: KafkaBroker | KafkaCluster,
        database_url: str,
        say: Say,
        isolation: BrokerIsolation | None = None,
        stores: StoreFaults | None = None,
    ) -> None:
        self._victims = victims
        self._brokers = BrokerFaults(kafka, say, isolation)
        self._stores = stores
        self._database_url = database_url
        self._say = say
        self.done: Counter[str] = Counter()

    async def inject(self, faults: list[Fault]) -> None:
        """Carry out every fault at its time, concurrently, and return when all are over."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._kill_and_wait(fault, began + fault.at))

    async def _kill_and_wait(self, fault: Fault, at: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, at - loop.time()))
        self._say(f"{fault.at:6.1f} s  {fault}")
        victims = self._victims
        match fault.act:
            case FaultKind.KILL:
                count = victims.signal(fault.who, signal.SIGKILL)
            case FaultKind.TERM:
                count = victims.signal(fault.who, signal.SIGTERM)
            case FaultKind.STOP:
                count = victims.signal(fault.who, signal.SIGSTOP)
                await asyncio.sleep(fault.seconds)
                victims.signal(fault.who, signal.SIGCONT)
            case FaultKind.JUMP_CLOCK:
                count = victims.jump_clock(fault.who, fault.shift)
                await asyncio.sleep(fault.seconds)
                victims.jump_clock(fault.who, 0)
            case FaultKind.LOCK_DATABASE:
                await self._lock_again(fault.seconds)
                count = 1
            case _ if self._stores is not None and fault.act in STORE_ACTS:
                count = await self._stores.inject(fault)
            case _:
                count = await self._brokers.inject(fault)
        self.done[str(fault.act)] += count

    async def _lock_again(self, seconds: float) -> None:
        """Lock the database, again if it is away at first."""
        for attempt in range(LOCK_TRIES):
            try:
                await self._lock(seconds)
            except psycopg.OperationalError as away:
                if attempt + 1 == LOCK_TRIES:
                    raise RuntimeFailure("postgres", f"could not be locked: {away}") from away
                await asyncio.sleep(LOCK_AGAIN_SECONDS)
            else:
                return

    async def _lock(self, seconds: float) -> None:
        """Keep every writer out of the database. A Postgres that is killed meanwhile ends the lock, and that is all."""
        url = make_url(self._database_url)
        if url.get_backend_name() == "sqlite":
            connection: Any = await asyncio.to_thread(
                sqlite3.connect,
                str(url.database),
                isolation_level=None,
                check_same_thread=False,
                timeout=30.0,
            )
            statement = "BEGIN EXCLUSIVE"
        else:
            plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = await asyncio.to_thread(psycopg.connect, plain)
            statement = f"LOCK TABLE {SinkOffsetTable.__tablename__}"
        try:
            await asyncio.to_thread(connection.execute, statement)
            await asyncio.sleep(seconds)
            with contextlib.suppress(psycopg.OperationalError):
                await asyncio.to_thread(connection.execute, "ROLLBACK")
        finally:
            connection.close()
