"""Shares code of the test programs: starting a worker without some of the patches, and talking to the test.

Environment: `GROUP`, `INSTANCE` (a static member, which is back at once after a kill), `WITHOUT` (names of patches to
leave out, separated by spaces), `COMMIT_SECONDS`, and the settings.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import agents.worker
import streams.app
from streams import patches
from streams.app import StageApp
from streams.journal import JournalWriter
from streams.patches.registry import PATCHES
from streams.settings import Settings


def send_report(**fields: object) -> None:
    """Send a message to the test."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def commands() -> AsyncIterator[dict[str, Any]]:
    """Yield the commands of the test."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    while line := await reader.readline():
        yield json.loads(line)


def leave_patches_out() -> None:
    """Make `make_app` apply all patches but those in `WITHOUT`."""
    left_out = set(os.environ.get("WITHOUT", "").split())
    assert left_out <= set(PATCHES), left_out
    vars(patches).update(apply=partial(patches.apply, only=frozenset(set(PATCHES) - left_out)))


async def _as_it_is(settings: Settings) -> Settings:
    return settings


def run(stages: Callable[[StageApp], list[JournalWriter]]) -> None:
    """Run as a worker does, on topics that the test has created."""
    leave_patches_out()
    vars(agents.worker).update(provision=_as_it_is)
    vars(streams.app).update(COMMIT_SECONDS=float(os.environ.get("COMMIT_SECONDS", "0.2")))
    agents.worker.run(
        Settings.read(), group=os.environ["GROUP"], stages=stages, instance_id=os.environ.get("INSTANCE")
    )
