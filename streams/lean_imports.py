"""Imports libraries without what they import and we never use: a third of the imports of a process.

A library that can do without a package imports it in a `try`. Here it finds that package missing. Where a library
needs only a name, it finds a stand-in, which refuses to be used. Afterwards, everybody can import the real package.

Call these functions before the library is imported elsewhere. If it was imported before, they change nothing.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final


class UnusedError(RuntimeError):
    """A stand-in was used: a library has changed, or is used in a new way."""


class _Unused:
    """Stands for a class that a library imports and does not use as we use the library."""

    def __init__(self, *_: object, **__: object) -> None:
        raise UnusedError(f"{type(self).__name__} stands in for a class that nobody should use")


def _stand_in(module: str, name: str) -> ModuleType:
    stand_in = ModuleType(module)
    setattr(stand_in, name, type(name, (_Unused,), {}))
    return stand_in


@contextmanager
def _finding(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Let imports find these modules; None: it is missing. A module that was imported before stays."""
    absent: dict[str, Any] = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def import_structlog() -> None:
    """Import structlog without rich, which would colour tracebacks. Our log has them as text."""
    if "structlog" not in sys.modules:
        with _finding({"rich": None}):
            import structlog  # noqa: F401, PLC0415  # see the module


def import_redis() -> None:
    """Import the client of Valkey without OpenTelemetry's SDK, to which it could report. Our spans are our own."""
    if "redis" not in sys.modules:
        with _finding({"opentelemetry.sdk.metrics": None}):
            import redis.asyncio  # noqa: F401, PLC0415  # see the module


def import_faust() -> None:
    """Import Faust without its HTTP client, YAML and cron. We use none of them (docs/faust.md 34)."""
    if "faust" in sys.modules or "mode" in sys.modules:
        return
    missing: Final = {
        "aiohttp.client": _stand_in("aiohttp.client", "ClientSession"),
        "croniter.croniter": _stand_in("croniter.croniter", "croniter"),
        "yaml": None,
    }
    with _finding(missing):
        import faust.app  # noqa: PLC0415  # see the module
        import faust.serializers.codecs  # noqa: F401, PLC0415  # it looks for YAML
