"""Carries out the faults of Valkey and Postgres in a chaos run whose stores fail over."""

import asyncio

from assurance.chaos.fault_plan import Fault, FaultKind
from assurance.chaos.supervised_processes import Say
from runtime.postgres_pair import PostgresPair
from runtime.valkey_group import ValkeyGroup


class StoreFaults:
    """Carries out one fault of each store at a time, and waits after each until the store is whole again."""

    def __init__(self, valkey: ValkeyGroup, postgres: PostgresPair, say: Say) -> None:
        self._valkey = valkey
        self._postgres = postgres
        self._say = say
        self._turns = {"valkey": asyncio.Lock(), "postgres": asyncio.Lock()}

    async def inject(self, fault: Fault) -> int:
        """Carry out a fault; return 1. Raises StartFailed if a server does not come back or is not promoted."""
        store = "valkey" if fault.act in (FaultKind.KILL_VALKEY, FaultKind.PAUSE_VALKEY) else "postgres"
        async with self._turns[store]:
            if store == "valkey":
                await self._fail_over_valkey(fault)
            else:
                await self._hurt_postgres(fault)
        return 1

    async def _fail_over_valkey(self, fault: Fault) -> None:
        group = self._valkey
        former = await asyncio.to_thread(group.primary)
        is_killed = fault.act is FaultKind.KILL_VALKEY
        if is_killed:
            await asyncio.to_thread(former.kill9)
        else:
            former.suspend()
        try:
            promoted = await asyncio.to_thread(group.until_promoted, former)
            self._say(
                f"Valkey: server {promoted.node_id} was promoted; server {former.node_id} was the primary"
            )
            await asyncio.sleep(fault.seconds)
        finally:
            if is_killed:
                await asyncio.to_thread(former.start)
            else:
                former.resume()
        await asyncio.to_thread(group.until_whole)
        self._say(f"Valkey: server {former.node_id} is the replica now")

    async def _hurt_postgres(self, fault: Fault) -> None:
        pair = self._postgres
        match fault.act:
            case FaultKind.FAIL_OVER_POSTGRES:
                await asyncio.to_thread(pair.move)
                self._say("Postgres: the standby has the address, and is read-only")
                await asyncio.sleep(fault.seconds)
                await asyncio.to_thread(pair.promote)
                self._say("Postgres: the standby was promoted, and there is a new standby")
                return
            case FaultKind.KILL_POSTGRES:
                await asyncio.to_thread(pair.primary.kill9)
            case FaultKind.STOP_POSTGRES:
                await asyncio.to_thread(pair.stop_immediately)
            case _:
                raise AssertionError(fault.act)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(pair.restart)
        self._say("Postgres: it is back, and its standby copies it")
