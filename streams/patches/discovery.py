"""Patches how Faust notes what an app declares for a search of modules, which no app of ours asks for."""

from typing import Any

from faust.utils import venusian


def declare_without_search() -> None:
    """Note no agent and no task for Faust's autodiscovery (docs/faust.md 34).

    For each note, Python searches all modules and reads source files for the line of the declaration. Our apps are made
    of functions that attach their stages (`agents.worker`).
    """

    def attach(*_: Any, **__: Any) -> None:
        """Do nothing."""

    venusian.attach = attach
