"""Tells for the console's `/ready` whether a database answers."""

import asyncio
import threading
from contextlib import suppress
from typing import Final

from sqlalchemy import Engine, select

PROBE_SECONDS: Final = 2.0
"""How long a server may take for the smallest question. A suspended one keeps its connections and answers nothing."""


class DatabaseProbe:
    """Asks one database. At most one question is under way, however often `/ready` is requested."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asking: asyncio.Future[bool] | None = None

    async def answers(self) -> bool:
        """Tell whether the database answers within `PROBE_SECONDS`."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_future()
            # The end of the process waits for the threads of an executor, and this one may never get its answer.
            threading.Thread(
                target=self._ask, args=(self._asking,), name="database probe", daemon=True
            ).start()
        asking = self._asking
        done, _ = await asyncio.wait([asking], timeout=PROBE_SECONDS)
        if not done:
            return False
        self._asking = None
        return asking.result()

    def _ask(self, asking: asyncio.Future[bool]) -> None:
        try:
            with self._engine.connect() as connection:
                is_available = connection.scalar(select(1)) == 1
        except Exception:  # noqa: BLE001  # after any error there was no answer
            is_available = False
        with suppress(RuntimeError):  # the loop has ended meanwhile
            asking.get_loop().call_soon_threadsafe(_answered, asking, is_available)


def _answered(asking: asyncio.Future[bool], is_available: bool) -> None:  # called by the loop
    if not asking.done():
        asking.set_result(is_available)
