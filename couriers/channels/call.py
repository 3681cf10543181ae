"""The telephone channel: rings reps and connects them with leads (N4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from couriers.directory import Directory
from couriers.port import Channel, Kind, Report
from couriers.telephone.ari import Ari
from couriers.telephone.calls import CallChannel
from couriers.telephone.inbound import Callers
from couriers.telephone.lead_guard import LeadGuard
from couriers.telephone.live import Tools
from couriers.telephone.records import CallWriter
from couriers.telephone.recovery import recover
from couriers.telephone.settings import TelephoneSettings
from couriers.telephone.speech import Speech
from models.errors import ConfigError
from streams.clients import producer as make_producer
from streams.engine_client import EngineClient
from streams.settings import Settings

KIND: Final[Kind] = "call"


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the telephone. Raises ConfigError without a telephone system or without a voice."""
    telephone = TelephoneSettings.read()
    if telephone.ari_url is None:
        raise ConfigError(
            "FIRSTCLAIM_TELEPHONE_ARI_URL", "is missing; the telephone courier needs an Asterisk"
        )
    _ = telephone.secret
    speech = Speech(telephone.sounds or settings.state_dir / "sounds", telephone.espeak, telephone.voice)
    await speech.prepare()
    channel = CallChannel(telephone, report)
    ari = Ari(telephone, channel.on_event)
    engine = EngineClient(settings)
    producer = make_producer(settings, idempotent=False)
    directory = Directory(settings)
    guard = LeadGuard()
    ari.on_change = channel.provider_changed
    channel.is_stale = guard.is_stale
    channel.provider_changed("Asterisk is not connected yet")
    work = (ari.run(), engine.run(), directory.follow(), guard.follow(settings))
    running = [asyncio.create_task(one) for one in work]
    try:
        await producer.start()
        system = telephone.system or telephone.ari_url
        writer = CallWriter(producer, system)
        callers = Callers(
            ari, directory, engine.arrive, writer.write, speech.sounds, telephone.inbound_seconds
        )
        channel.tools = Tools(
            ari, engine, speech.sounds, writer.write, callers.take, channel.report, guard.refusal
        )
        channel.callers = callers
        running.append(asyncio.create_task(_recover(settings, system, directory, writer, channel, ari)))
        yield channel
    finally:
        await channel.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await producer.stop()


async def _recover(
    settings: Settings,
    system: str,
    directory: Directory,
    writer: CallWriter,
    channel: CallChannel,
    ari: Ari,
) -> None:
    """End what a dead courier left. Asterisk has hung up its channels when it is connected."""
    await ari.connected.wait()
    await recover(settings, system, directory, writer.write, channel.send, channel.knows)
