"""Finds the channels, one file each. A file here with `KIND` and `open_channel` is the channel of its name (N1).

`KIND` is the kind of its requests on `notifications`. `FATE_NAME` is its name on `deliveries`, if that is not `KIND`. A
channel of which one process works at a time has a function `check_settings` beside it, which raises ConfigError.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Final

from couriers.port import Open
from models.errors import ConfigError

NAMES: Final = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""The names that `--channel` accepts."""


def opener(name: str) -> Open:
    """Return the function that opens a channel. Only its own file is imported. Raises ConfigError for another name."""
    if name not in NAMES:
        raise ConfigError(
            "--channel", f"{name!r} is not a channel; the channels are {', '.join(NAMES) or 'none'}"
        )
    open_channel: Open = import_module(f"{__name__}.{name}").open_channel
    return open_channel


def kind_of(name: str) -> str:
    """Return the kind of a channel's requests."""
    kind: str = import_module(f"{__name__}.{name}").KIND
    return kind


def fate_name_of(name: str) -> str:
    """Return the name of a channel on `deliveries`: its kind, unless several channels carry that kind."""
    channel: str = getattr(import_module(f"{__name__}.{name}"), "FATE_NAME", kind_of(name))
    return channel


def group_of(name: str) -> str:
    """Return the consumer group of a channel's couriers."""
    return f"{GROUP_PREFIX}{name}"


def check_of_single_process(name: str) -> Callable[[], None] | None:
    """Return the check of the settings of a channel of which one process works at a time; None for other channels."""
    check: Callable[[], None] | None = getattr(import_module(f"{__name__}.{name}"), "check_settings", None)
    return check


def turn_group_of(name: str) -> str:
    """Return the consumer group in which the processes of a channel wait for their turn (`couriers.single_active`)."""
    return f"{group_of(name)}-turn"


GROUP_PREFIX: Final = "firstclaim-courier-"
"""The prefix of the consumer groups of all couriers."""
