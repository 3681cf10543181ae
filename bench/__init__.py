"""Measures firstclaim and its peers. Each measurement is started by its name, and its module is loaded on demand.

`BENCHES[name](say=print)` measures and returns the content of the last line of `firstclaim bench NAME`
(docs/design.md).
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from bench.result_tables import write_table
from models.errors import ConfigError

__all__ = ["BENCHES", "Bench", "write_table"]

Bench = Callable[..., dict[str, Any]]
"""Takes `say`, which gets a progress sentence now and then, and the sizes that its module's `run` names."""


def _loaded(load: Callable[[], Bench]) -> Bench:
    """Return a measurement that is loaded when it is called.

    It raises ConfigError for a size that its `run` does not name.
    """

    def measure(*, say: Callable[[str], None] = lambda _: None, **sizes: Any) -> dict[str, Any]:
        run = load()
        parameters = inspect.signature(run).parameters
        if unknown := sorted(sizes.keys() - parameters.keys()):
            has = ", ".join(name for name in parameters if name != "progress")
            raise ConfigError(unknown[0], f"is no size of this measurement, which has {has}")
        return run(progress=say, **sizes)

    return measure


def _allocate() -> Bench:
    from bench.allocate import run

    return run


def _board() -> Bench:
    from bench.board import run

    return run


def _claims() -> Bench:
    from bench.claims import run

    return run


def _latency() -> Bench:
    from bench.latency import run

    return run


def _listeners() -> Bench:
    from bench.listeners import run

    return run


def _live() -> Bench:
    from bench.live import run

    return run


def _live_browser() -> Bench:
    from bench.live_browser import run

    return run


def _offer() -> Bench:
    from bench.offer import run

    return run


def _pages() -> Bench:
    from bench.pages import run

    return run


def _reach() -> Bench:
    from bench.reach import run

    return run


def _reading() -> Bench:
    from bench.reading import run

    return run


def _recovery() -> Bench:
    from bench.recovery import run

    return run


def _restart() -> Bench:
    from bench.restart import run

    return run


def _rules() -> Bench:
    from bench.rules import run

    return run


def _scale() -> Bench:
    from bench.scale import run

    return run


def _scale_offers() -> Bench:
    from bench.scale_offers import run

    return run


def _sink() -> Bench:
    from bench.sink import run

    return run


def _timers() -> Bench:
    from bench.timers import run

    return run


BENCHES: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        "allocate": _loaded(_allocate),
        "board": _loaded(_board),
        "claims": _loaded(_claims),
        "latency": _loaded(_latency),
        "listeners": _loaded(_listeners),
        "live": _loaded(_live),
        "live-browser": _loaded(_live_browser),
        "offer": _loaded(_offer),
        "pages": _loaded(_pages),
        "reach": _loaded(_reach),
        "reading": _loaded(_reading),
        "recovery": _loaded(_recovery),
        "restart": _loaded(_restart),
        "rules": _loaded(_rules),
        "scale": _loaded(_scale),
        "scale-offers": _loaded(_scale_offers),
        "sink": _loaded(_sink),
        "timers": _loaded(_timers),
    }
)
"""Every NAME of `firstclaim bench NAME`; `live-browser` is `live --browser`, and `scale-offers` is `scale --offers`."""
