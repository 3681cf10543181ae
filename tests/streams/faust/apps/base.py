"""What the programs of these tests share: one way to start, without some of the patches, and one to speak.

Environment: `GROUP`, `INSTANCE` (a static member, back at once after it was killed), `WITHOUT` (names of patches to
leave out, by spaces), `COMMIT_SECONDS`, and the settings.
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


def say(**what: object) -> None:
    """Tell the test something."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def commands() -> AsyncIterator[dict[str, Any]]:
    """Yield what the test tells us."""
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
    """Run as a worker does, on the topics the test has made."""
    leave_patches_out()
    vars(agents.worker).update(provision=_as_it_is)
    vars(streams.app).update(COMMIT_SECONDS=float(os.environ.get("COMMIT_SECONDS", "0.2")))
    agents.worker.run(
        Settings.read(), group=os.environ["GROUP"], stages=stages, instance_id=os.environ.get("INSTANCE")
    )
