"""The telephone channel: rings reps and connects them with leads (N4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from couriers.directory import Directory
from couriers.port import Channel, Kind, Report
from couriers.telephone.calls import CallChannel
from couriers.telephone.inbound import Callers
from couriers.telephone.lead_guard import LeadGuard
from couriers.telephone.live import Tools
from couriers.telephone.provider import TelephoneProvider
from couriers.telephone.records import CallWriter
from couriers.telephone.recovery import recover
from couriers.telephone.settings import TelephoneSettings
from couriers.telephone.systems import open_system
from streams.clients import producer as make_producer
from streams.engine_client import EngineClient
from streams.settings import Settings

_log = structlog.get_logger(__name__)

KIND: Final[Kind] = "call"


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the telephone. Raises ConfigError without a telephone system or without a voice."""
    telephone = TelephoneSettings.read()
    channel = CallChannel(telephone, report)
    async with open_system(telephone, settings.state_dir, channel.on_event) as (provider, sounds):
        engine = EngineClient(settings)
        producer = make_producer(settings, idempotent=False)
        directory = Directory(settings)
        guard = LeadGuard()
        provider.on_change = channel.provider_changed
        channel.is_stale = guard.is_stale
        channel.provider_changed(f"{provider.name} is not connected yet")
        work = (provider.run(), engine.run(), directory.follow(), guard.follow(settings))
        running = [_watched(asyncio.create_task(one)) for one in work]
        try:
            await producer.start()
            writer = CallWriter(producer, telephone.system_name)
            callers = Callers(
                provider, directory, engine.arrive, writer.write, sounds, telephone.inbound_seconds
            )
            channel.tools = Tools(
                provider, engine, sounds, writer.write, callers.take, channel.report, guard.refusal
            )
            channel.callers = callers
            recovery = _recover(settings, telephone, directory, writer, channel, provider)
            running.append(_watched(asyncio.create_task(recovery)))
            yield channel
        finally:
            await channel.close()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await producer.stop()


def _watched(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Log why a task of the channel ended, if it failed."""

    def note(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.error("a part of the telephone failed", part=str(done.get_coro()), reason=repr(error))

    task.add_done_callback(note)
    return task


async def _recover(
    settings: Settings,
    telephone: TelephoneSettings,
    directory: Directory,
    writer: CallWriter,
    channel: CallChannel,
    provider: TelephoneProvider,
) -> None:
    """End what a dead courier left. The system has ended its legs when it is connected."""
    await provider.connected.wait()
    system = telephone.system_name
    await recover(settings, system, directory, writer.write, channel.send, channel.knows)
