"""Writes a batch of changes and the offsets after it to the board atomically, each change once."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import redis.asyncio

from board import keys
from board.refusals import AccessRefusedError, translated_errors
from models.errors import RuntimeFailure

_ANY_KEY: Final = "allkeys-"
"""How the policies begin by which keys without an expiry are evicted, as ours are."""
_NONCES: Final = 2**32
"""How many nonces there are. Two batches that begin at the same entry have the same id once in so many times."""


class BoardReplaced(RuntimeFailure):
    """Another generation is current, or none. Read which one and continue from it, or rebuild."""


class OffsetsMoved(RuntimeFailure):
    """The board has another offset than expected: Valkey lost its last second, or another board wrote."""


class ServerChanged(RuntimeFailure):
    """The server was started or promoted since. Call `resume`, and continue from the generation that it returns."""


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


def script(name: str) -> str:
    """Return the source of one of the Lua scripts beside this file, with what adds an entry to a feed before it."""
    folder = Path(__file__).parent
    source = (folder / name).read_text()
    return (folder / "add_entry.lua").read_text() + source if "add_entry(" in source else source


def nonce() -> int:
    """Return a number by which the ids of a script's entries differ from those of every other script."""
    return 1 + secrets.randbelow(_NONCES)


class BoardWriter:
    """Writes the board through one client. Several writers may run at once: each change is applied once."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client: Any = client  # the type stubs say `bytes | str` for any decoding
        self._apply = client.register_script(script("apply.lua"))
        self._life = b""
        self._resume = client.register_script(script("resume.lua"))

    async def generation(self) -> Generation | None:
        """Return the current generation, or None if there is no board. Raises `RetryableError`."""
        async with translated_errors():
            current = await self._client.get(keys.CURRENT)
            if current is None:
                return None
            name = current.decode()
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(keys.offsets(name))
                pipe.hgetall(keys.floor(name))
                offsets, floor = await pipe.execute()
        return Generation(id=name, offsets=_numbers(offsets), floor=_numbers(floor))

    async def evicts(self) -> str | None:
        """Return the policy by which Valkey may drop rows of the lists without an error; None: it does not.

        A user who may not ask (`INFO`) is not told either; `firstclaim doctor` says so.
        """
        try:
            async with translated_errors():
                memory = await self._client.info("memory")
        except AccessRefusedError:
            return None
        policy = str(memory.get("maxmemory_policy", ""))
        return policy if policy.startswith(_ANY_KEY) and int(memory.get("maxmemory", 0)) else None

    async def resume(self, generation: str) -> tuple[Generation, bool]:
        """Begin to write to a generation. Return it as it is in the server that the next changes must be applied to.

        The second value says whether the server was started or promoted since a board last wrote. Every reader of a
        feed is then told to read its lists again, because it may have seen what the server lost. Raises `BoardReplaced`
        and `RetryableError`.
        """
        async with translated_errors():
            orgs = await orgs_with_feed(self._client)
            answer = await self._resume(args=[generation, keys.FEED_LENGTH, nonce(), *orgs])
        if answer is None:
            raise BoardReplaced("board", f"generation {generation} is not the current one")
        is_new, self._life, offsets, floor = answer
        current = Generation(id=generation, offsets=_numbers(_pairs(offsets)), floor=_numbers(_pairs(floor)))
        return current, bool(is_new)

    async def apply(
        self, generation: str, changes: Sequence[BoardChange], offsets: Mapping[int, tuple[int, int]]
    ) -> int:
        """Apply changes in order and advance the offsets. Return how many changed anything (Q7, Q9).

        `offsets`: partition -> (the offset that the board must have now, the next offset after this batch). Raises
        `BoardReplaced`, `ServerChanged` or `OffsetsMoved` with nothing changed. Raises `RetryableError` when it is
        unknown whether the batch was applied; applying the same batch again then either succeeds or raises one of the
        others.
        """
        if not self._life:
            await self.resume(generation)
        limits = (keys.FEED_LENGTH, keys.TOMBSTONE_SECONDS)
        arguments: list[Any] = [generation, *limits, nonce(), self._life, len(offsets)]
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
        async with translated_errors():
            answer = await self._apply(args=arguments)
        match answer[0]:
            case b"ok":
                return int(answer[1])
            case b"generation":
                raise BoardReplaced("board", f"generation {generation} is not the current one")
            case b"life":
                raise ServerChanged("Valkey", "it was started or promoted, and may lack its last writes")
            case _:
                raise OffsetsMoved("board", "its offset is not the one at which this batch begins")


async def orgs_with_feed(client: Any) -> list[str]:
    """Return the orgs that have a feed, sorted."""
    prefix = keys.feed_key("")
    orgs = {
        key.decode().removeprefix(prefix) async for key in client.scan_iter(match=f"{prefix}*", count=1000)
    }
    return sorted(orgs)


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _numbers(pairs: Mapping[bytes, bytes]) -> dict[int, int]:
    return {int(key): int(value) for key, value in pairs.items()}
