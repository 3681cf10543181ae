"""Classifies Valkey's errors: wait and try again, correct a setting, or a defect of ours.

redis-py removes the code from the front of most errors ("OOM", "READONLY") and raises a class for it instead. An
error without a class keeps its code. Inside a transaction the code of the first refused command is in the middle of
the text.
"""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

from redis.asyncio.sentinel import MasterNotFoundError
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models.errors import RetryableError, RuntimeFailure

_SETTINGS: Final = (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    NoPermissionError,
    MovedError,
    ClusterCrossSlotError,
)
"""The server refuses our user, password or address. Waiting does not help."""
_SETTING_CODES: Final = ("NOAUTH", "WRONGPASS", "NOPERM", "MOVED", "CROSSSLOT", "DENIED", "PROTECTED")
_SETTING_TEXTS: Final = (
    "DB index is out of range",
    "unknown command",
    "SELECT is not allowed",
    "ACL failure in script",
)
_UNANSWERED: Final = (RedisConnectionError, RedisTimeoutError)
_WAITS: Final = {
    OutOfMemoryError: "is at its memory limit (maxmemory); the same is tried again until there is room",
    ReadOnlyError: "is a read-only replica now",
    BusyLoadingError: "loads its data",
    MasterDownError: "is a replica without its primary",
    ClusterDownError: "is down as a cluster",
    TryAgainError: "asks to try again",
}
_WAIT_CODES: Final = {
    "OOM": _WAITS[OutOfMemoryError],
    "READONLY": _WAITS[ReadOnlyError],
    "UNBLOCKED": "became a replica during a wait",
    "LOADING": _WAITS[BusyLoadingError],
    "MASTERDOWN": _WAITS[MasterDownError],
    "MISCONF": "cannot save to its disk",
    "BUSY": "runs a script that takes long",
    "UNKILLABLE": "runs a script that takes long",
    "NOREPLICAS": "has too few replicas",
    "FAILOVER": "fails over",
    "CLUSTERDOWN": _WAITS[ClusterDownError],
    "TRYAGAIN": _WAITS[TryAgainError],
}


class AccessRefusedError(RetryableError):
    """Valkey refuses access or does not know a command. Correct `REDIS_URL` or the server's users.

    Readers treat it as an unreachable board. The board's own process exits with it.
    """


@contextlib.asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Raise `RetryableError` if Valkey is unreachable or temporarily unable.

    Raises `AccessRefusedError` if a setting is wrong, and otherwise `RuntimeFailure`.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise error_of(error) from error


def error_of(error: RedisError | OSError) -> RuntimeFailure:
    """Return our error for an error of Valkey's client."""
    message = str(error)
    if (
        isinstance(error, _SETTINGS)
        or _has_code(message, _SETTING_CODES)
        or _refusal_text(message, _SETTING_TEXTS)
    ):
        return AccessRefusedError("Valkey", f"the server refuses this URL: {message}")
    if isinstance(error, MasterNotFoundError):
        return RetryableError(
            "Valkey", f"the sentinels name no primary that is up: {message.partition(' : ')[0]}"
        )
    for kind, reason in _WAITS.items():
        if isinstance(error, kind):
            return RetryableError("Valkey", f"{reason}: {message}")
    if isinstance(error, OSError) or type(error) in _UNANSWERED:
        return RetryableError("Valkey", f"does not answer: {message}")
    if not isinstance(error, ResponseError):
        return RetryableError("Valkey", f"{type(error).__name__}: {message}")
    for code, reason in _WAIT_CODES.items():
        if _has_code(message, (code,)):
            return RetryableError("Valkey", f"{reason}: {message}")
    return RuntimeFailure("Valkey", message)


def _has_code(message: str, codes: tuple[str, ...]) -> bool:
    """Tell whether a text begins with one of the codes, or names it as the cause of a failed pipeline."""
    return any(re.search(rf"(?:^|: |\(['\"]){code}\b", message) for code in codes)


def _refusal_text(message: str, texts: tuple[str, ...]) -> bool:
    return any(text in message for text in texts)
