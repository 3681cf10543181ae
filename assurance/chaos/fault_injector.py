"""Carries out the faults of a chaos run: on the processes, the brokers and the database."""

import asyncio
import signal
import sqlite3
from collections import Counter
from pathlib import Path

from assurance.chaos.broker_faults import BrokerFaults
from assurance.chaos.broker_isolation import BrokerIsolation
from assurance.chaos.fault_plan import Fault, FaultKind
from assurance.chaos.supervised_processes import Say, SupervisedProcesses
from runtime import KafkaBroker
from runtime.kafka_cluster import KafkaCluster


class FaultInjector:
    """Carries out a plan."""

    def __init__(
        self,
        victims: SupervisedProcesses,
        kafka: KafkaBroker | KafkaCluster,
        database: Path,
        say: Say,
        isolation: BrokerIsolation | None = None,
    ) -> None:
        self._victims = victims
        self._brokers = BrokerFaults(kafka, say, isolation)
        self._database = database
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
                await self._lock(fault.seconds)
                count = 1
            case _:
                count = await self._brokers.inject(fault)
        self.done[str(fault.act)] += count

    async def _lock(self, seconds: float) -> None:
        connection = await asyncio.to_thread(
            sqlite3.connect, self._database, isolation_level=None, check_same_thread=False, timeout=30.0
        )
        try:
            await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")
            await asyncio.sleep(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()
