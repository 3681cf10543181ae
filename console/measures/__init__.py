"""Measurements of what people see, the board and the live lists, beside those of `bench`, which knows no console."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bench import BENCHES, Bench, loaded

MEASUREMENTS: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        **BENCHES,
        **{name: loaded(f"console.measures.{name}") for name in ("board", "live", "listeners", "pages")},
        "live-browser": loaded("console.measures.rows"),
    }
)
"""All that `firstclaim bench NAME` knows; `live-browser` is `live --browser`."""
