"""The telephone channel: rings reps and connects them with leads (N4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from couriers.directory import Directory
from couriers.port import Channel, Kind, Report
from couriers.telephone.ari import Ari
from couriers.telephone.calls import CallChannel
from couriers.telephone.inbound import Callers
from couriers.telephone.live import Tools
from couriers.telephone.records import CallWriter
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
    running = [asyncio.create_task(one) for one in (ari.run(), engine.run(), directory.follow())]
    try:
        await producer.start()
        writer = CallWriter(producer, lambda: datetime.now(UTC))
        callers = Callers(
            ari, directory, engine.arrive, writer.write, speech.sounds, telephone.inbound_seconds
        )
        channel.tools = Tools(ari, engine, speech.sounds, writer.write, callers.take, channel.report)
        channel.callers = callers
        yield channel
    finally:
        await channel.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await producer.stop()
