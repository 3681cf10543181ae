"""Runs the board as a process with health pages, and rebuilds it on request."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import uvloop

from board.connection import connect
from board.rebuild import rebuild as rebuild_board
from board.refusals import AccessRefusedError
from board.service import Board
from models.errors import ConfigError
from streams import trace_export
from streams.garbage import keep_imports
from streams.http import serve
from streams.metrics import render
from streams.settings import Settings
from streams.stop_signals import stop_event


def run(settings: Settings, *, port: int = 0) -> None:
    """Run the board until SIGTERM or SIGINT. `port` 0 takes any free one."""
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    keep_imports()
    with trace_export.reporting("board"):
        uvloop.run(_serve(settings, port))


async def _serve(settings: Settings, port: int) -> None:
    stop = stop_event("board")
    client = connect(settings.redis_url)
    board = Board(settings, client)
    server = await serve(port, _alive, board.state.ready, render, host=settings.status_host)
    following = asyncio.create_task(board.follow())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        following.result()  # it ends only with an exception
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await server.stop()
    await client.aclose()


def _alive() -> tuple[bool, dict[str, Any]]:
    return True, {}


async def rebuild(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Rebuild the lists from the journal. The current lists stay in use until the new ones are complete."""
    try:
        report = await rebuild_board(
            settings, progress=lambda read, total: say(f"journal partitions read: {read} of {total}")
        )
    except AccessRefusedError as refused:
        raise ConfigError("REDIS_URL", refused.reason) from refused
    say(f"board rebuilt: {report.entries} entries in {report.queues} queues, {report.seconds} s")
