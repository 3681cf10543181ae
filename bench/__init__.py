"""Measurements beside peers, each started by its name; a name's module is loaded when it is asked for.

`BENCHES[name](say=print)` measures and returns what the last line of `firstclaim bench NAME` says (docs/design.md).
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from bench.tables import write_table

__all__ = ["BENCHES", "Bench", "loaded", "write_table"]

Bench = Callable[..., dict[str, Any]]
"""Takes `say`, called with a sentence now and then, and the sizes its module's `run` names."""


def loaded(module: str) -> Bench:
    """Return the measurement of a module, which is loaded when it is asked for."""

    def measure(*, say: Callable[[str], None] = lambda _: None, **sizes: Any) -> dict[str, Any]:
        result: dict[str, Any] = import_module(module).run(progress=say, **sizes)
        return result

    return measure


BENCHES: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        name: loaded(f"bench.{name}")
        for name in ("allocate", "claims", "latency", "recovery", "restart", "rules")
    }
)
