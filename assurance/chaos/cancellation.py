"""Cancels the tasks of a chaos run, and waits until they have ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

CANCEL_SECONDS = 60.0
"""How long a task of the load may take to end after its cancellation. After that the run fails."""
CANCEL_AGAIN_SECONDS = 1.0


async def cancel(*tasks: asyncio.Task[Any], seconds: float = CANCEL_SECONDS) -> None:
    """Cancel tasks until they end, again if they took the cancellation for another one's.

    Raises TimeoutError with the names of tasks that have not ended after `seconds`.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        running = {task for task in running if not task.done()}
        if running and loop.time() > give_up:
            names = ", ".join(sorted(task.get_name() for task in running))
            raise TimeoutError(f"not ended {seconds:g} s after they were cancelled: {names}")
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def cancelled_at_the_end() -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """Yield a dictionary for tasks. They are cancelled before the resources they use are closed."""
    tasks: dict[str, asyncio.Task[None]] = {}
    try:
        yield tasks
    finally:
        await cancel(*tasks.values())
