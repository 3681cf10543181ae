"""Measurements beside peers, each started by its name; a name's module is loaded when it is asked for.

`BENCHES[name](say=print)` measures and returns what the last line of `firstclaim bench NAME` says (docs/design.md).
"""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from bench.tables import write_table
from models.errors import ConfigError

__all__ = ["BENCHES", "Bench", "loaded", "write_table"]

Bench = Callable[..., dict[str, Any]]
"""Takes `say`, called with a sentence now and then, and the sizes its module's `run` names."""


def loaded(module: str) -> Bench:
    """Return the measurement of a module, which is loaded when it is asked for.

    It raises ConfigError for a size that its `run` does not name.
    """

    def measure(*, say: Callable[[str], None] = lambda _: None, **sizes: Any) -> dict[str, Any]:
        run = import_module(module).run
        known = inspect.signature(run).parameters
        if unknown := sorted(sizes.keys() - known.keys()):
            has = ", ".join(name for name in known if name != "progress")
            raise ConfigError(unknown[0], f"is no size of this measurement, which has {has}")
        result: dict[str, Any] = run(progress=say, **sizes)
        return result

    return measure


BENCHES: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        name: loaded(f"bench.{name}")
        for name in ("allocate", "claims", "latency", "recovery", "restart", "rules")
    }
)
