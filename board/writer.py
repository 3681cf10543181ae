"""Writes a batch of changes and the offsets after it to the board atomically, each change once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import redis.asyncio

from board import keys
from board.refusals import translated
from models.errors import RuntimeFailure

MOST_CONNECTIONS: Final = 1_000
"""A console holds one for each org whose pages are open, and one for each read that runs."""
_SOCKET_SECONDS: Final = 5.0
"""The socket timeout. A Valkey on the same network answers in milliseconds; after this the connection is dead."""


class BoardReplaced(RuntimeFailure):
    """Another generation is current, or none. Read which one and continue from it, or rebuild."""


class OffsetsMoved(RuntimeFailure):
    """The board has another offset than expected: Valkey lost its last second, or another board wrote."""


class BoardChange(msgspec.Struct, frozen=True, kw_only=True):
    """One record of `queue-changes`, for a lead (`QueueChange`) or for a queue (`QueueDefinition`)."""

    change: str
    org: str
    queue_id: str
    version: int
    lead_id: str = ""
    sort_key: str = ""
    columns: msgspec.Raw = msgspec.Raw(b"{}")
    whole: bytes = b""
    state: str | None = None

    @property
    def defines(self) -> bool:
        """Whether it is a queue's definition."""
        return self.change in ("defined", "removed")

    @property
    def payload(self) -> bytes:
        """What the board keeps: a lead's columns with its state, or a queue's whole definition."""
        return self.whole if self.defines else keys.with_state(bytes(self.columns), self.state)

    @property
    def name(self) -> str:
        """The lead's searchable name. A queue's definition has none."""
        return "" if self.defines else keys.name_in(self.payload)


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """The current generation: its id, the next offset by partition, and the floor by log partition."""

    id: str
    offsets: dict[int, int]
    floor: dict[int, int]


_CHANGES: Final = msgspec.json.Decoder(BoardChange)


def read_change(value: bytes) -> BoardChange:
    """Parse a record's value. Raises `msgspec.MsgspecError` with the reason."""
    change = _CHANGES.decode(value)
    if change.defines:
        return msgspec.structs.replace(change, whole=value)
    keys.name_in(change.payload)  # raises now, not when it is applied, if the columns are no object
    return change


def connect(url: str) -> redis.asyncio.Redis:
    """Return a client of Valkey. It connects when used, at most `MOST_CONNECTIONS` times at once."""
    return redis.asyncio.Redis.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        health_check_interval=0,
    )


def script(name: str) -> str:
    """Return the source of one of the Lua scripts beside this file."""
    return (Path(__file__).parent / name).read_text()


class BoardWriter:
    """Writes the board through one client. Several writers may run at once: each change is applied once."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the type stubs say `bytes | str` for any decoding
        self._apply = client.register_script(script("apply.lua"))

    async def generation(self) -> Generation | None:
        """Return the current generation, or None if there is no board. Raises `RetryableError`."""
        async with translated():
            current = await self._client.get(keys.CURRENT)
            if current is None:
                return None
            name = current.decode()
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys.offsets(name))
                pipe.hgetall(keys.floor(name))
                offsets, floor = await pipe.execute()
        return Generation(id=name, offsets=_numbers(offsets), floor=_numbers(floor))

    async def apply(
        self, generation: str, changes: Sequence[BoardChange], offsets: Mapping[int, tuple[int, int]]
    ) -> int:
        """Apply changes in order and advance the offsets. Return how many changed anything (Q7, Q9).

        `offsets`: partition -> (the offset that the board must have now, the next offset after this batch). Raises
        `BoardReplaced` or `OffsetsMoved` with nothing changed. Raises `RetryableError` when it is unknown whether the
        batch was applied; applying the same batch again then either succeeds or raises `OffsetsMoved`.
        """
        arguments: list[Any] = [generation, keys.FEED_LENGTH, keys.TOMBSTONE_SECONDS, len(offsets)]
        for partition, (expected, following) in offsets.items():
            arguments += (partition, expected, following)
        for change in changes:
            arguments += (
                change.change,
                change.org,
                change.queue_id,
                change.lead_id,
                change.version,
                change.sort_key,
                change.name,
                change.payload,
            )
        async with translated():
            answer = await self._apply(args=arguments)
        match answer[0]:
            case b"ok":
                return int(answer[1])
            case b"generation":
                raise BoardReplaced("board", f"generation {generation} is not the current one")
            case _:
                raise OffsetsMoved("board", "its offset is not the one at which this batch begins")


def _numbers(found: Mapping[bytes, bytes]) -> dict[int, int]:
    return {int(key): int(value) for key, value in found.items()}
