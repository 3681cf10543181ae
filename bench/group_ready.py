"""Waits until a consumer group has all its processes, so that a measurement begins after the rebalance."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import KafkaError

from bench.testbed import READY_SECONDS
from models.errors import StartFailed
from runtime import ChildProcess
from streams import clients
from streams.settings import Settings

LOOK_SECONDS: Final = 0.2
_STABLE: Final = "Stable"


async def group_ready(settings: Settings, group: str, children: Sequence[ChildProcess]) -> None:
    """Wait until all processes are members of the group, it is stable, and those that say so are ready."""
    until = time.monotonic() + READY_SECONDS
    admin = clients.admin(settings)
    await admin.start()
    try:
        while time.monotonic() < until:
            with contextlib.suppress(KafkaError):  # the group's coordinator may be unknown at first
                (response,) = await admin.describe_consumer_groups([group])
                (_, _, state, _, _, members, *_), *_ = response.groups
                if (state, len(members)) == (_STABLE, len(children)) and _all_ready(children):
                    return
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        await admin.close()
    raise StartFailed(group, f"has not group_ready after {READY_SECONDS:.0f} s{children[0].log_tail()}")


def _all_ready(children: Sequence[ChildProcess]) -> bool:
    return all(child.ready() for child in children if child.ready_url is not None)
