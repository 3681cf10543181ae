"""Calls reps and connects them with leads, as the telephone channel (N4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaError

from couriers.directory import CourierDirectory
from couriers.port import Channel, Kind, Report
from couriers.telephone.call_channel import CallChannel
from couriers.telephone.call_records import CallRecordProducer
from couriers.telephone.call_recovery import recover
from couriers.telephone.inbound_calls import Callers
from couriers.telephone.lead_guard import LeadGuard
from couriers.telephone.live_call import CallTools
from couriers.telephone.settings import TelephoneSettings
from couriers.telephone.systems import open_system
from streams.clients import producer as make_producer
from streams.clients import stop_producer
from streams.engine_client import EngineClient
from streams.retries import CONNECT_PRODUCER
from streams.settings import Settings

KIND: Final[Kind] = "call"


def check_settings() -> None:
    """Raise ConfigError without a telephone system.

    One process works at a time: Asterisk sends its events to one, and which rep is connected with which caller is known
    to the one that has the caller (N5).
    """
    TelephoneSettings.read().check()


@asynccontextmanager
async def open_channel(settings: Settings, report: Report) -> AsyncIterator[Channel]:
    """Open the telephone. Raises ConfigError without a telephone system or without a voice.

    If a part of it fails, the caller is cancelled and gets the part's error: a telephone without one of its parts would
    call leads that must not be called, or leave reps on the line.
    """
    telephone = TelephoneSettings.read()
    channel = CallChannel(telephone, report)
    async with open_system(telephone, settings.state_dir, channel.on_event) as (provider, sounds):
        engine, directory, guard = EngineClient(settings), CourierDirectory(settings), LeadGuard()
        producer = make_producer(settings, idempotent=False)
        provider.on_change = channel.provider_changed
        channel.is_stale = guard.is_stale
        channel.provider_changed(f"{provider.name} is not connected yet")
        try:
            async with asyncio.TaskGroup() as parts:
                work = (engine.run(), directory.follow(), guard.follow(settings))
                running = [parts.create_task(coroutine) for coroutine in work]

                async def connect() -> None:
                    """Connect with Kafka, and then with the telephone system. Then end what a dead courier left."""
                    await CONNECT_PRODUCER.run((KafkaError, OSError), "connect to Kafka", producer.start)
                    write = CallRecordProducer(producer, telephone.system_name).write
                    callers = Callers(
                        provider, directory, engine.arrive, write, sounds, telephone.inbound_seconds
                    )
                    channel.tools = CallTools(
                        provider, engine, sounds, write, callers.take, channel.report, guard.refusal
                    )
                    channel.callers = callers
                    running.append(parts.create_task(provider.run()))
                    await provider.connected.wait()  # it has ended its legs then
                    system = telephone.system_name
                    await recover(settings, system, directory, write, channel.send, channel.knows)

                running.append(parts.create_task(connect()))
                try:
                    yield channel
                finally:
                    await channel.close()
                    for task in running:
                        task.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            await stop_producer(producer)
